"""The kinds of problems that pricing's API answers with, besides those that any operation has."""

from __future__ import annotations

from http import HTTPStatus

from diamondhub.api.kinds import Kind, declare

_READ_AGAIN = "Read it again, decide anew, and repeat the request with what you have read."

declare(
    Kind(
        "conflict",
        HTTPStatus.CONFLICT,
        "The state of things does not allow it",
        "What was asked cannot be done now; `detail` says why. Nothing was changed.",
        "Read the thing again and decide by its state.",
    ),
    Kind(
        "not-a-draft",
        HTTPStatus.CONFLICT,
        "The rule set is no draft",
        "Rule sets that were published once never change again.",
        "Copy it into a new draft (`POST /api/v1/rule-sets` with `copy_of`) and change that.",
    ),
    Kind(
        "stale-revision",
        HTTPStatus.CONFLICT,
        "Somebody was faster",
        "The draft, or the version in force, is another by now than the `revision` or `replaces` that you sent.",
        _READ_AGAIN,
    ),
    Kind(
        "already-published",
        HTTPStatus.CONFLICT,
        "The rule set is in force already",
        "The rule set that was to be published is the one that prices are made by.",
        "There is nothing to do. To price all stones anew, start a repricing.",
    ),
    Kind(
        "draft-in-use",
        HTTPStatus.CONFLICT,
        "An experiment uses the draft",
        "A draft cannot be thrown away while an experiment prices by it, or is prepared to.",
        "Throw the prepared experiment away, or end the one that runs.",
    ),
    Kind(
        "experiment-under-way",
        HTTPStatus.CONFLICT,
        "Another experiment is running",
        "One experiment can run at a time.",
        "End the one that runs (`POST /api/v1/experiments/{slug}/end`), then start this one.",
    ),
    Kind(
        "experiment-not-prepared",
        HTTPStatus.CONFLICT,
        "The experiment is not just prepared",
        "Only an experiment that was never started can be started or thrown away.",
        "Read it to see its state; prepare another one to try again.",
    ),
    Kind(
        "experiment-not-running",
        HTTPStatus.CONFLICT,
        "The experiment is not running",
        "Only an experiment that runs can be ended.",
        "Read it to see its state.",
    ),
    Kind(
        "repricing-over",
        HTTPStatus.CONFLICT,
        "The repricing is over",
        "A repricing that was completed, cancelled or superseded cannot be cancelled.",
        "There is nothing to do; to go back to earlier prices, publish the earlier rule set.",
    ),
    Kind(
        "cannot-explain",
        HTTPStatus.CONFLICT,
        "The price cannot be explained",
        "What priced the stone is not known any more; `detail` says what is missing.",
        "Start a repricing: prices that it makes can be explained.",
    ),
    Kind(
        "history-not-kept",
        HTTPStatus.GONE,
        "The history does not reach back so far",
        "The stone was there on that day, but changes of prices are kept for a bounded time; `detail` says from when on.",
        "Ask for a later day. Nothing brings back what is forgotten.",
    ),
    Kind(
        "sells-below-cost",
        HTTPStatus.CONFLICT,
        "Stones would be sold for less than they cost",
        "By these rules some stones are priced below their cost; `detail` says how many.",
        "Change the rules or the floor margin, or send `confirm_below_cost: true` if that is what you want.",
    ),
)

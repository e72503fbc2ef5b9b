"""The kinds of problems that ingestion's API answers with, besides those that any operation has."""

from __future__ import annotations

from http import HTTPStatus

from diamondhub.api.kinds import Kind, declare

_LOOK_FIRST = (
    "If it was a hold or an order, look at the supplier's first whether it was done; else ask again in a while."
)
_LATER = "Wait for as many seconds as `Retry-After` says and ask again."

# Of the supplier proxy.
declare(
    Kind(
        "supplier-limit",
        HTTPStatus.TOO_MANY_REQUESTS,
        "The supplier's limit is used up",
        "All programs of the house share one limit of requests to the supplier, and it is used up. Nothing was asked.",
        _LATER,
    ),
    Kind(
        "supplier-limit-away",
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The supplier's limit cannot be kept now",
        "What keeps the limit is away, so nothing is asked.",
        _LATER,
    ),
    Kind(
        "supplier-paused",
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The supplier's account is paused",
        "Somebody has paused the account by which the supplier is asked. Nothing was asked.",
        "Wait for as many seconds as `Retry-After` says, or until somebody resumes it, and ask again.",
    ),
    Kind(
        "supplier-throttles",
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The supplier is asked too often",
        "The supplier itself turned the request away.",
        _LATER,
    ),
    Kind(
        "supplier-not-configured",
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The supplier's account is not set up",
        "The feed has no account by which the supplier could be asked.",
        "Tell the operator.",
    ),
    Kind(
        "supplier-failed",
        HTTPStatus.BAD_GATEWAY,
        "The supplier failed",
        "The supplier did not answer as it should, or refused our request.",
        _LOOK_FIRST,
    ),
    Kind(
        "answer-too-large",
        HTTPStatus.BAD_GATEWAY,
        "The supplier's answer is too long",
        "The supplier answered more than is relayed.",
        "Ask for fewer fields or smaller pages.",
    ),
    Kind(
        "supplier-too-slow",
        HTTPStatus.GATEWAY_TIMEOUT,
        "The supplier did not answer in time",
        "The supplier was asked, and its answer did not come in time.",
        _LOOK_FIRST,
    ),
)
# Of feeds, runs and dead letters.
declare(
    Kind(
        "live-run",
        HTTPStatus.CONFLICT,
        "The feed has a live run",
        "A feed can have one run at a time; `detail` names the one that it has.",
        "Wait until that run is over, or cancel it.",
    ),
    Kind(
        "feed-disabled",
        HTTPStatus.CONFLICT,
        "The feed is switched off",
        "A feed that is switched off starts no runs.",
        "Switch the feed on first.",
    ),
    Kind(
        "feed-paused",
        HTTPStatus.CONFLICT,
        "The feed is paused",
        "Somebody has paused the feed, or the supplier's account that it asks by: it starts no runs until that ends.",
        "Resume it, or wait until the pause ends by itself; `pauses` of the feed says when.",
    ),
    Kind(
        "not-paused",
        HTTPStatus.CONFLICT,
        "It is not paused",
        "There is no pause that could be ended: somebody has ended it already, or its time was over.",
        "Read the feed: `pauses` says what is paused.",
    ),
    Kind(
        "cannot-pause",
        HTTPStatus.CONFLICT,
        "It cannot be paused",
        "The feed asks its supplier by no account of its own, so there is none to be paused.",
        "Pause the feed itself.",
    ),
    Kind(
        "feed-not-set-up",
        HTTPStatus.CONFLICT,
        "The feed is not set up",
        "What the feed reads from, such as a supplier's account, is not set up here.",
        "Tell the operator; asking again does not help before that.",
    ),
    Kind(
        "no-watermark",
        HTTPStatus.CONFLICT,
        "The feed has no watermark yet",
        "An incremental run begins where a full one ended, and none has.",
        "Start a full run.",
    ),
    Kind(
        "wrong-state",
        HTTPStatus.CONFLICT,
        "The run's state does not allow it",
        "What was asked cannot be done with a run in this state. Nothing was changed.",
        "Read the run and decide by its `state`.",
    ),
    Kind(
        "held-otherwise",
        HTTPStatus.CONFLICT,
        "The run is held for another reason by now",
        "The run changed since you read it: what you approved is not what holds it now.",
        "Read the run again and decide anew.",
    ),
    Kind(
        "undecided",
        HTTPStatus.CONFLICT,
        "Say what the stones are",
        "A run that is held since stock numbers changed while certificates stayed asks what the stones are; others do not.",
        "Send `renumbered`: `same` or `new`; leave it out where nothing asks for it.",
    ),
    Kind(
        "nothing-waits",
        HTTPStatus.CONFLICT,
        "Nothing waits for that",
        "No dead letter that was named is open.",
        "List the dead letters again: somebody was faster.",
    ),
)
# Of problems of operations.
declare(
    Kind(
        "problem-resolved",
        HTTPStatus.CONFLICT,
        "The problem is resolved already",
        "What was asked is for problems that are open or acknowledged, and this one is over. Nothing was changed.",
        "Read the problem: `resolved_why` says why it is over. When it comes back it is open again.",
    ),
    Kind(
        "problem-not-acknowledged",
        HTTPStatus.CONFLICT,
        "Nobody takes care of the problem",
        "There is no acknowledgement that could be taken back: its time was over, the problem got worse or is resolved, or "
        "somebody was faster.",
        "Read the problem and decide by its `state`.",
    ),
    Kind(
        "problem-ends-by-itself",
        HTTPStatus.CONFLICT,
        "The problem is not resolved by hand",
        "It is looked at again and again, and ends when what it is about is right again. Nothing was changed.",
        "Mend what it is about; `ends_when` of the problem says when it ends. Acknowledge it until then.",
    ),
)

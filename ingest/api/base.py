"""The base of the views by which another system runs DiamondHub: scopes, errors of ingestion as problems, what is shown."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.urls import reverse

from diamondhub.access.scopes import Scope
from diamondhub.api.endpoint import Endpoint
from diamondhub.api.mistakes import FieldError, Wrong
from diamondhub.api.problems import InvalidBody, InvalidParameters, Problem, sentence
from ingest import pausing, replaying, runs
from ingest.dead_letters import without_values
from ingest.errors import IngestError
from ingest.models import Feed

#: A list's query that takes longer is given up (seconds).
LIST_SECONDS = 10


def _live_run(error: runs.LiveRunExists) -> Problem:
    if error.run is None:
        return Problem(HTTPStatus.CONFLICT, "live-run", sentence(str(error)))
    address = reverse("run", args=[error.run.pk])
    return Problem(
        HTTPStatus.CONFLICT,
        "live-run",
        f"Feed {error.run.feed.slug} has a live run already: run {error.run.pk}, {error.run.state}, at {address}.",
    )


def _wrong_settings(error: ValidationError) -> Problem:
    told = error.message_dict.items() if hasattr(error, "error_dict") else [("", error.messages)]
    return InvalidBody.of(Wrong(FieldError(name, message) for name, messages in told for message in messages))


def _not_set_up(error: IngestError) -> Problem:
    # In our own words: an adapter's may speak of the account.
    detail = "The feed cannot be pulled as it is set up here: its adapter, or the supplier's account, is missing."
    return Problem(HTTPStatus.CONFLICT, "feed-not-set-up", detail)


class IngestEndpoint(Endpoint):
    """A view of ingestion. Whoever keeps its answers asks whether they are still true."""

    tag = "runs"
    cache_control = "private, no-cache"
    problems_of = {
        IngestError: _not_set_up,
        runs.UnknownFeed: (HTTPStatus.NOT_FOUND, "not-found"),
        runs.NoSuchRun: (HTTPStatus.NOT_FOUND, "not-found"),
        runs.FeedDisabled: (HTTPStatus.CONFLICT, "feed-disabled"),
        runs.FeedPaused: (HTTPStatus.CONFLICT, "feed-paused"),
        pausing.NotPaused: (HTTPStatus.CONFLICT, "not-paused"),
        pausing.CannotPause: (HTTPStatus.CONFLICT, "cannot-pause"),
        runs.NoWatermark: (HTTPStatus.CONFLICT, "no-watermark"),
        runs.LiveRunExists: _live_run,
        runs.NothingToDo: (HTTPStatus.CONFLICT, "wrong-state"),
        runs.HeldOtherwise: (HTTPStatus.CONFLICT, "held-otherwise"),
        runs.Undecided: (HTTPStatus.CONFLICT, "undecided"),
        replaying.UnknownLetter: (HTTPStatus.NOT_FOUND, "not-found"),
        replaying.NoSuchLetters: (HTTPStatus.CONFLICT, "nothing-waits"),
        ValidationError: _wrong_settings,
    }

    @property
    def sees_costs(self) -> bool:
        """Whether the client may be shown what stones cost us, and suppliers' own words, which may say it."""
        return self.may(Scope.PRICING_READ)

    def words(self, reason: str) -> str:
        """A reason as the client may read it: values that it quotes are a supplier's, and may be what a stone costs."""
        return reason if self.sees_costs else without_values(reason)

    def of_feed(self, rows: QuerySet[Any], column: str = "feed") -> QuerySet[Any]:
        """The rows of the feed that the query names, if it does. Raises `InvalidParameters` if there is no such feed."""
        slug = self.query.get("feed")
        if slug is None:
            return rows
        feeds = dict(Feed.objects.values_list("slug", "pk"))
        if slug not in feeds:
            raise InvalidParameters([FieldError("feed", f"names no feed; there are {', '.join(sorted(feeds))}")])
        return rows.filter(**{column: feeds[slug]})


def within(rows: QuerySet[Any], query: Mapping[str, Any], column: str) -> QuerySet[Any]:
    """The rows whose moment in `column` is in the query's `from` and `to`, which is not included."""
    if query.get(f"{column}_from") is not None:
        rows = rows.filter(**{f"{column}__gte": query[f"{column}_from"]})
    if query.get(f"{column}_to") is not None:
        rows = rows.filter(**{f"{column}__lt": query[f"{column}_to"]})
    return rows

"""What rests now: the pauses in force, by the database's clock, and whom they stop. Everybody who works asks here.

A pause of a supplier's account stops every request by it, whoever makes it. One of a feed stops its runs wherever they are,
and none begins. One of consolidation stops what runs bring into the catalogue, of every feed. `ingest.pausing` orders them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from psycopg import sql

from diamondhub.database import release_connection
from ingest.errors import Paused
from ingest.feeds import registry
from ingest.models import Feed, Pause, Run
from ingest.models.run import LIVE_STATES

#: States in which a run asks its supplier, or is about to.
ASKING = frozenset((Run.State.PLANNING, Run.State.INGESTING, Run.State.SETTLING))

#: Conditions of claims, each with its parameters (`walking_of`, `consolidating_of`): nothing that the row needs rests. A
#: claim that was made before a pause was ordered is the one page, or the one batch, in hand.
NOT_PAUSED = sql.SQL(
    """NOT EXISTS (
        SELECT FROM ingest_pause AS pause
        WHERE pause.ended_at IS NULL
            AND pause.until > clock_timestamp()
            AND pause.what || ':' || pause.name = ANY(%(rests)s)
    )"""
)


def walking_of(feed: Feed) -> dict[str, Any]:
    """The parameters of `NOT_PAUSED` where a supplier is asked for a feed."""
    return {"rests": [f"{what}:{name}" for what, name in _asked_by(feed)]}


def consolidating_of(slug: str) -> dict[str, Any]:
    """The parameters of `NOT_PAUSED` where a feed's stones are brought into the catalogue."""
    return {"rests": [f"{Pause.What.FEED}:{slug}", f"{Pause.What.CONSOLIDATION}:"]}


@dataclass(frozen=True, slots=True)
class InForce:
    """The pauses that are in force, in the order in which they were begun."""

    pauses: list[Pause]

    def of(self, what: str, name: str = "") -> Pause | None:
        """The pause of this very thing."""
        return next((pause for pause in self.pauses if (pause.what, pause.name) == (what, name)), None)

    def asking(self, feed: Feed) -> Pause | None:
        """The pause by which no supplier is asked for a feed; the one that ends last."""
        return self._longest(_asked_by(feed))

    def consolidating(self, feed: Feed) -> Pause | None:
        """The pause by which a feed's stones are not brought into the catalogue; the one that ends last."""
        return self._longest([(Pause.What.FEED, feed.slug), (Pause.What.CONSOLIDATION, "")])

    def stopping(self, run: Run) -> Pause | None:
        """The pause by which a run does not go on, in the state that it is in; the one that ends last."""
        if not run.live or run.state == Run.State.IN_REVIEW:
            return None
        if run.state in ASKING:
            return self.asking(run.feed)
        return self.consolidating(run.feed)

    def concerning(self, feed: Feed) -> list[Pause]:
        """All that have to do with a feed: its own, its account's, and that of consolidation."""
        names = [*_asked_by(feed), (Pause.What.CONSOLIDATION, "")]
        return [pause for pause in self.pauses if (pause.what, pause.name) in names]

    def resting(self, runs: Iterable[Run]) -> list[int]:
        """The numbers of those of the runs that do not go on."""
        return [run.pk for run in runs if self.stopping(run)] if self.pauses else []

    def _longest(self, names: Iterable[tuple[str, str]]) -> Pause | None:
        wanted = {*names}
        stopping = [pause for pause in self.pauses if (pause.what, pause.name) in wanted]
        return max(stopping, key=lambda pause: pause.until, default=None)


def in_force() -> InForce:
    """The pauses that are in force now."""
    return InForce(list(unended().filter(until__gt=Now()).order_by("paused_at", "pk")))


def unended() -> QuerySet[Pause]:
    """Pauses whose end nobody has written down: those in force, and those whose time is just over."""
    return Pause.objects.filter(ended_at__isnull=True)


def live_runs() -> QuerySet[Run]:
    """Live runs that a pause can stop, each with its feed."""
    return Run.objects.select_related("feed").filter(state__in=set(LIVE_STATES) - {Run.State.IN_REVIEW.value})


def runs_that_rest() -> Q | None:
    """Of rows of runs: those that do not go on, in the state that they are in; None if nothing is paused."""
    pauses = in_force()
    return Q(pk__in=pauses.resting(live_runs())) if pauses.pauses else None


def partitions_that_rest() -> Q | None:
    """Of rows of live runs' partitions: those whose supplier is not asked; None if nothing is paused."""
    pauses = in_force()
    return _of_live_runs(pauses.asking) if pauses.pauses else None


def batches_that_rest() -> Q | None:
    """Of rows of live runs' batches: those that are not brought into the catalogue; None if nothing is paused."""
    pauses = in_force()
    return _of_live_runs(pauses.consolidating) if pauses.pauses else None


def _of_live_runs(pause_of: Callable[[Feed], Pause | None]) -> Q:
    runs = Run.objects.select_related("feed").filter(state__in=LIVE_STATES)
    return Q(run__in=[run.pk for run in runs if pause_of(run.feed)])


def go_on(feed: Feed) -> None:
    """Raise `Paused` if the feed, or the account that it asks by, rests. Called before every request that a run makes."""
    _refuse(_asked_by(feed))


def ask_by(account: str) -> None:
    """Raise `Paused` if a supplier's account rests. Called before every request that anybody makes by it."""
    _refuse([(Pause.What.ACCOUNT, account)])
    # What follows is slow.
    release_connection()


def last_end(run: Run) -> datetime | None:
    """When a pause last ended that may have stopped a run; None if none did since the run began."""
    stopped = Q(what=Pause.What.CONSOLIDATION)
    for what, name in _asked_by(run.feed):
        stopped |= Q(what=what, name=name)
    ends = Pause.objects.filter(stopped, ended_at__gt=run.created_at)
    return ends.order_by("-ended_at").values_list("ended_at", flat=True).first()


def banner_text() -> str:
    """What is paused, in a line for a banner on every page; "" if nothing is."""
    return "; ".join(pause.sentence for pause in in_force().pauses)


def account_of(feed: Feed) -> str:
    """The limiter's name of the account that a feed asks by; "" if it asks by none."""
    return registry.account_of(feed.adapter, feed.parameters)


def _asked_by(feed: Feed) -> list[tuple[str, str]]:
    account = account_of(feed)
    of_account = [(Pause.What.ACCOUNT.value, account)] if account else []
    return [(Pause.What.FEED.value, feed.slug), *of_account]


def _refuse(names: Iterable[tuple[str, str]]) -> None:
    rests = Q()
    for what, name in names:
        rests |= Q(what=what, name=name)
    pause: Any = unended().filter(rests, until__gt=Now()).annotate(now=Now()).order_by("-until").first()
    if pause is not None:
        raise Paused(pause.sentence, seconds=max(0.0, (pause.until - pause.now).total_seconds()))

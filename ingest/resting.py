"""What rests now: the pauses in force, by the database's clock, and whom they stop. Everybody who works asks here.

A pause of a supplier's account stops every request by it, whoever makes it. One of a feed stops its runs wherever they are,
and none begins. One of consolidation stops what runs bring into the catalogue, of every feed. `ingest.pausing` orders them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Case, DateTimeField, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce, Now
from psycopg import sql

from diamondhub.database import release_connection
from diamondhub.operations import stages
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
    return {"rests": [f"{what}:{name}" for what, name in _consolidated_by(slug)]}


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
        return self._longest(_consolidated_by(feed.slug))

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


def paused_runs() -> stages.Paused:
    """What of the rows of runs is paused, in the states that they are in."""
    return _paused(
        "pk", live_runs(), lambda run: _asked_by(run.feed) if run.state in ASKING else _consolidated_by(run.feed.slug)
    )


def paused_partitions() -> stages.Paused:
    """What of the rows of live runs' partitions is paused: those whose supplier is not asked."""
    return _paused("run", _all_live_runs(), lambda run: _asked_by(run.feed))


def paused_batches() -> stages.Paused:
    """What of the rows of live runs' batches is paused: those that are not brought into the catalogue."""
    return _paused("run", _all_live_runs(), lambda run: _consolidated_by(run.feed.slug))


def _all_live_runs() -> QuerySet[Run]:
    return Run.objects.select_related("feed").filter(state__in=LIVE_STATES)


def _paused(column: str, runs: QuerySet[Run], names_of: Callable[[Run], Iterable[tuple[str, str]]]) -> stages.Paused:
    """What the pauses of the last day say of rows by the numbers of their runs, and by the names of what these need."""
    # What nobody has taken for a day has waited long enough. The sweep writes the end of one whose time is over later.
    late = Pause.objects.annotate(end=Coalesce("ended_at", "until"), now=Now()).filter(
        end__gt=Now() - timedelta(days=1)
    )
    pauses = list(late.order_by("end").values_list("what", "name", "end", "ended_at", "now"))
    in_force = {(what, name) for what, name, end, ended_at, now in pauses if ended_at is None and end > now}
    ends = {(what, name): end for what, name, end, *_ in pauses if (what, name) not in in_force}
    needs = {run.pk: list(names_of(run)) for run in runs} if pauses else {}
    rests = [number for number, names in needs.items() if in_force.intersection(names)]
    whens = [
        When(**{column: number}, then=Value(max(own)))
        for number, names in needs.items()
        if (own := [ends[name] for name in names if name in ends])
    ]
    return stages.Paused(
        Q(**{f"{column}__in": rests}) if rests else None,
        Case(*whens, default=None, output_field=DateTimeField()) if whens else None,
    )


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


def _consolidated_by(slug: str) -> list[tuple[str, str]]:
    return [(Pause.What.FEED.value, slug), (Pause.What.CONSOLIDATION.value, "")]


def _refuse(names: Iterable[tuple[str, str]]) -> None:
    rests = Q()
    for what, name in names:
        rests |= Q(what=what, name=name)
    pause: Any = unended().filter(rests, until__gt=Now()).annotate(now=Now()).order_by("-until").first()
    if pause is not None:
        raise Paused(pause.sentence, seconds=max(0.0, (pause.until - pause.now).total_seconds()))

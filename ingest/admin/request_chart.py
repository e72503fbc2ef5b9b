"""Requests, refusals, failures and pauses over the time of a run: bars for the eye, a table for whoever sees none.

Requests are counted by the supplier's account (`ingest.request_counts`): what else asked by it meanwhile is among them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import connection
from django.db.models import Q

from diamondhub.admin.display import counted, duration
from diamondhub.operations.charts import BOTTOM, HEIGHT, WIDTH, Series, stacked
from ingest.feeds import registry
from ingest.models import Pause, Run
from ingest.request_counts import BUCKET_SECONDS, KEPT_DAYS

#: A bar covers the shortest of these (seconds) with which the run has at most so many bars.
STEPS = (BUCKET_SECONDS, 30, 60, 120, 300, 600, 1_800, 3_600, 10_800, 21_600, 86_400)
MAX_BARS = 60
#: Marks of the axis, about.
MARKS = 4
_ORIGIN = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Line:
    """A bar in words: its beginning, the requests and what became of them, and what the last failed one was told."""

    at: datetime
    requests: int
    refused: int
    failed: int
    last_error: str
    paused: str


@dataclass(frozen=True, slots=True)
class RequestChart:
    """The chart as the template draws it; `lines` say the same without a picture."""

    words: str
    step: str
    paths: list[tuple[str, str, str]]
    axis: list[tuple[float, str]]
    marks: list[tuple[float, str]]
    #: (x, width, title) of each pause.
    pauses: list[tuple[float, float, str]]
    lines: list[Line]
    as_of: datetime
    width: int = WIDTH
    height: int = HEIGHT
    floor: int = HEIGHT - BOTTOM


def request_chart(run: Run, now: datetime) -> RequestChart | None:
    """The chart of a run, until now (by the database) if it is live; None if its feed asks no supplier. Two queries."""
    account = registry.account_of(run.feed.adapter, run.feed.parameters)
    if not account:
        return None
    end = max(run.finished_at or now, run.created_at)
    step = _step(end - run.created_at)
    first = _ORIGIN + (run.created_at - _ORIGIN) // step * step
    moments = [first + place * step for place in range((end - first) // step + 1)]
    pauses = _pauses(run, account, first, end)
    lines = [
        Line(at, requests, refused, failed, last_error, _paused(pauses, at, at + step, now))
        for at, requests, refused, failed, last_error in _counts(account, first, end, step)
    ]
    series = [
        Series("answered", "one", {line.at: line.requests - line.refused - line.failed for line in lines}),
        Series("refused as too many", "three", {line.at: line.refused for line in lines}),
        Series("failed", "bad", {line.at: line.failed for line in lines}),
    ]
    paths, axis = stacked(series, moments)
    span = step * len(moments)

    def x(at: datetime) -> float:
        return round(WIDTH * min(1.0, max(0.0, (at - first) / span)), 1)

    return RequestChart(
        words=_words(lines, pauses, run, now),
        step=duration(step),
        paths=paths,
        axis=axis,
        marks=_marks(moments, step),
        pauses=[
            (x(pause.paused_at), max(1.0, round(x(_ends(pause, now)) - x(pause.paused_at), 1)), pause.sentence)
            for pause in pauses
        ],
        lines=lines,
        as_of=now,
    )


def _step(span: timedelta) -> timedelta:
    # One bar may be cut at either end.
    seconds = next((step for step in STEPS if span.total_seconds() / step <= MAX_BARS - 2), None)
    return timedelta(seconds=seconds or STEPS[-1] * -(-span.total_seconds() // (STEPS[-1] * (MAX_BARS - 2))))


def _counts(
    account: str, first: datetime, end: datetime, step: timedelta
) -> Iterable[tuple[datetime, int, int, int, str]]:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            /* The rows of one account in the run's time, by the key supplier_requests_once. */
            SELECT date_bin(%(step)s * interval '1 second', at, %(origin)s),
                sum(requests)::int, sum(throttled)::int, sum(failed)::int,
                coalesce((array_agg(last_error ORDER BY at DESC) FILTER (WHERE last_error <> ''))[1], '')
            FROM ingest_supplierrequests
            WHERE account = %(account)s
                AND at >= %(first)s
                AND at <= %(end)s
            GROUP BY 1
            ORDER BY 1
            """,
            {"step": step.total_seconds(), "origin": _ORIGIN, "account": account, "first": first, "end": end},
        )
        rows: list[tuple[datetime, int, int, int, str]] = cursor.fetchall()
    return rows


def _pauses(run: Run, account: str, first: datetime, end: datetime) -> list[Pause]:
    """The pauses that had to do with the run while it was live; those whose end was not written ended when they were to."""
    of_run = Q(what=Pause.What.ACCOUNT, name=account) | Q(what=Pause.What.FEED, name=run.feed.slug)
    overlapping = Q(ended_at__isnull=True, until__gt=first) | Q(ended_at__gt=first)
    pauses = Pause.objects.filter(of_run | Q(what=Pause.What.CONSOLIDATION), overlapping, paused_at__lte=end)
    return list(pauses.order_by("-paused_at")[:MAX_BARS])


def _ends(pause: Pause, now: datetime) -> datetime:
    return pause.ended_at or min(pause.until, now)


def _paused(pauses: Sequence[Pause], start: datetime, end: datetime, now: datetime) -> str:
    return ", ".join(pause.words for pause in pauses if pause.paused_at < end and _ends(pause, now) > start)


def _marks(moments: Sequence[datetime], step: timedelta) -> list[tuple[float, str]]:
    every = max(1, -(-len(moments) // MARKS))
    within_a_day = "%H:%M:%S" if step < timedelta(minutes=1) else "%H:%M"
    look = within_a_day if step * len(moments) <= timedelta(days=1) else "%m-%d %H:%M"
    bar = WIDTH / len(moments)
    # A mark at the right edge would be cut off.
    return [
        (place * bar, moment.strftime(look))
        for place, moment in enumerate(moments)
        if place % every == 0 and place * bar < WIDTH * 0.85
    ]


def _words(lines: Sequence[Line], pauses: Sequence[Pause], run: Run, now: datetime) -> str:
    if not lines and run.created_at < now - timedelta(days=KEPT_DAYS):
        return f"Counts of requests are kept for {KEPT_DAYS} days."
    asked, refused, failed = (sum(getattr(line, name) for line in lines) for name in ("requests", "refused", "failed"))
    if not asked:
        return "No request was made yet." if run.live else "No request was made."
    paused = f" {counted(len(pauses), 'pause')} meanwhile." if pauses else ""
    return (
        f"{counted(asked, 'request')} by the supplier's account in the run's time, {refused:,} of them refused as too many "
        f"({refused / asked:.1%}) and {failed:,} failed ({failed / asked:.1%}).{paused}"
    )

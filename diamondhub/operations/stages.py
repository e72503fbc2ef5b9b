"""Queues as rows: what waits in each stage of the work, and for how long, as a table that apps fill.

How many messages a broker holds says little, since doorbells merge and expire. What waits is rows that are due and that
nobody holds, without those that somebody has paused: each app registers its stages in its `operations.py`, and one
statement counts them all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Case, DateTimeField, Q, QuerySet, Value, When

from diamondhub.leases import Leased

#: Rows of a stage that are counted.
MAX_COUNTED = 100_000


@dataclass(frozen=True, slots=True)
class Paused:
    """What somebody has paused of a stage's rows, as expressions over a row; None where there is nothing of it.

    `rests` selects those that wait for no worker, since what they need is paused. `resumed` says when such a pause last
    ended (NULL: there was none): they have waited for a worker since then.
    """

    rests: Q | None = None
    resumed: Case | None = None


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage. `rows` are its rows that are not over, due or not, held or not."""

    title: str
    rows: Callable[[], QuerySet[Any]]
    #: Makes the admin's address of the list of such rows; "" if there is none.
    url: Callable[[], str]
    paused: Callable[[], Paused]


@dataclass(frozen=True, slots=True)
class Queue:
    """What is in a stage: rows that wait, seconds for which the first of them has waited, those held by workers, those due
    later, and those that are due and rest.

    `capped` says that there are more than were counted.
    """

    title: str
    url: str
    waiting: int
    oldest: float | None
    held: int
    later: int
    resting: int
    capped: bool


_stages: list[Stage] = []


def register(
    title: str,
    rows: Callable[[], QuerySet[Any]],
    *,
    url: Callable[[], str],
    paused: Callable[[], Paused] = Paused,
) -> None:
    """Have a stage's rows, which are `Leased`, shown among the queues, below those that were registered before.

    Those that are due and that `paused` says to rest are counted apart.
    """
    if all(stage.title != title for stage in _stages):
        _stages.append(Stage(title, rows, url, paused))


def queues() -> list[Queue]:
    """Every stage with what is in it; one statement, served by the tables' indexes on what is not over."""
    parts: list[str] = []
    parameters: list[Any] = []
    for place, stage in enumerate(_stages):
        rows = stage.rows()
        if not issubclass(rows.model, Leased):
            raise TypeError(f"{stage.title}: {rows.model.__name__} has no leases")
        paused = stage.paused()
        is_resting = Value(False) if paused.rests is None else Case(When(paused.rests, then=True), default=False)
        resumed = paused.resumed or Value(None, output_field=DateTimeField())
        told = rows.order_by().annotate(rests=is_resting, resumed=resumed)
        columns = told.values("due_at", "lease_expires_at", "rests", "resumed")
        statement, values = columns[: MAX_COUNTED + 1].query.sql_with_params()
        parts.append(
            f"""
            SELECT {place} AS place,
                count(*) FILTER (WHERE free AND due_at <= now.at AND NOT rests),
                extract(
                    epoch FROM now.at - min(greatest(due_at, resumed)) FILTER (WHERE free AND due_at <= now.at AND NOT rests)
                )::float,
                count(*) FILTER (WHERE NOT free),
                count(*) FILTER (WHERE free AND (due_at > now.at OR due_at IS NULL)),
                count(*) FILTER (WHERE free AND due_at <= now.at AND rests),
                count(*)
            FROM (SELECT clock_timestamp() AS at) AS now
            LEFT JOIN LATERAL (
                SELECT due_at, rests, resumed::timestamptz, coalesce(lease_expires_at <= now.at, true) AS free
                FROM ({statement}) AS not_over
            ) AS row ON true
            GROUP BY now.at
            """
        )
        parameters.extend(values)
    if not parts:
        return []
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts), parameters)
        counted = {place: numbers for place, *numbers in cursor.fetchall()}
    shown = []
    for place, stage in enumerate(_stages):
        waiting, oldest, held, later, resting, total = counted[place]
        shown.append(Queue(stage.title, stage.url(), waiting, oldest, held, later, resting, total > MAX_COUNTED))
    return shown

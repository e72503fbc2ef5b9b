"""What is forgotten: a table of steps that apps register in their `operations.py`. `pruning` takes them, one after another.

Rows go in chunks, the oldest first (`register_rows`); months of a table that is cut by months are dropped whole
(`register_months`); what needs more than that is a step of its own (`register`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.db.models import QuerySet

from diamondhub.timed_tables import Piece, TimedTable

#: Rows that one statement deletes or carries over.
CHUNK = 5_000

#: What was or would be removed: numbers by kind.
Removed = dict[str, int]


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that is forgotten.

    `remove` does it bit by bit and yields what went after each transaction, so that a pruning can stop and go on between
    two of them; `would_remove` counts what would go now and has every kind of the step. The step is taken when all that are
    named in `after` are over. `kept_from` says from which moment on everything is there once the step is over.
    """

    name: str
    remove: Callable[[], Iterator[Removed]]
    would_remove: Callable[[], Removed]
    after: tuple[str, ...] = ()
    kept_from: Callable[[], datetime | None] | None = None


_steps: dict[str, Step] = {}
_made_ahead: list[TimedTable] = []


def register(step: Step) -> None:
    """Have `step` taken by every pruning, when those registered before it are over and those that it comes after."""
    _steps[step.name] = step


def register_rows(kind: str, rows: Callable[[], QuerySet[Any]], *, after: tuple[str, ...] = ()) -> None:
    """Have the rows deleted that `rows` returns, with what hangs on them."""

    def remove() -> Iterator[Removed]:
        while chunk := list(rows().order_by("pk").values_list("pk", flat=True)[:CHUNK]):
            with transaction.atomic():
                rows().model._default_manager.filter(pk__in=chunk).delete()
            yield {kind: len(chunk)}

    register(Step(kind, remove, lambda: {kind: rows().count()}, after))


def register_months(kind: str, table: TimedTable) -> None:
    """Have a history's months dropped that are older than `HISTORY_RETENTION_DAYS`, and its next ones made ahead."""

    def old_months() -> list[Piece]:
        return table.older_than(history_kept_from().date())

    def remove() -> Iterator[Removed]:
        for month in old_months():
            table.drop(month)
            yield {kind: 1}

    register(Step(kind, remove, lambda: {kind: len(old_months())}))
    make_ahead(table)


def make_ahead(table: TimedTable) -> None:
    """Have the sweep make the table's next pieces."""
    _made_ahead.append(table)


def tables_made_ahead() -> list[TimedTable]:
    """The tables whose next pieces the sweep makes."""
    return list(_made_ahead)


def steps() -> list[Step]:
    """All steps in the order in which they are taken. Raises `ImproperlyConfigured`."""
    ordered: dict[str, Step] = {}

    def place(name: str, waiting: tuple[str, ...]) -> None:
        if name in waiting:
            raise ImproperlyConfigured(f"retention: {' after '.join((*waiting, name))}")
        if name not in _steps:
            raise ImproperlyConfigured(f"retention: {waiting[-1]} comes after {name}, which no app registers")
        for earlier in _steps[name].after:
            place(earlier, (*waiting, name))
        ordered.setdefault(name, _steps[name])

    for name in _steps:
        place(name, ())
    return list(ordered.values())


def check() -> None:
    """Raise `ImproperlyConfigured` at the start, and not once a day, if the steps have no order."""
    steps()


def days_ago(days: int) -> datetime:
    """The moment so many days ago."""
    return datetime.now(UTC) - timedelta(days=days)


def history_kept_from() -> datetime:
    """The moment before which histories are forgotten."""
    return days_ago(settings.HISTORY_RETENTION_DAYS)

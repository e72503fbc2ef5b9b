"""What is forgotten, and what is kept how long: tables that apps fill in their `operations.py`.

`keep` says of every model's table how long its rows are kept, and by which steps they go, or why they stay; a test holds
that table complete. `pruning` takes the steps, one after another. Rows go in chunks, the oldest first (`register_rows`);
months of a table that is cut by months are dropped whole (`register_months`); what needs more than that is a step of its own
(`register`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.db.models import QuerySet

from diamondhub.operations.sizes import Amount, of_pieces, of_rows
from diamondhub.timed_tables import Piece, TimedTable

#: Rows that one statement deletes or carries over.
CHUNK = 5_000

#: What was or would be removed: numbers by kind.
Removed = dict[str, int]


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that is forgotten.

    `remove` does it bit by bit and yields what went after each transaction, so that a pruning can stop and go on between
    two of them; `would_remove` counts what would go now and has every kind of the step, `would_free` says how many rows and
    bytes that is. The step is taken when all that are named in `after` are over. `kept_from` says from which moment on
    everything is there once the step is over.
    """

    name: str
    remove: Callable[[], Iterator[Removed]]
    would_remove: Callable[[], Removed]
    after: tuple[str, ...] = ()
    kept_from: Callable[[], datetime | None] | None = None
    would_free: Callable[[], Amount] | None = None


@dataclass(frozen=True, slots=True)
class Keeping:
    """How long the rows of one model (`app.Model`) are kept, or of a table that has no model, by its own name.

    `how_long` is in words, with settings by their names; `by` names the steps that remove them, and is empty for what stays:
    then `how_long` says why that is no matter.
    """

    model: str
    how_long: str
    by: tuple[str, ...] = ()

    @property
    def table(self) -> str:
        """The table's name."""
        return apps.get_model(self.model)._meta.db_table if "." in self.model else self.model


_keepings: dict[str, Keeping] = {}
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

    register(Step(kind, remove, lambda: {kind: rows().count()}, after, would_free=lambda: of_rows(rows())))


def register_months(kind: str, table: TimedTable) -> None:
    """Have a history's months dropped that are older than `HISTORY_RETENTION_DAYS`, and its next ones made ahead."""

    def old_months() -> list[Piece]:
        return table.older_than(history_kept_from().date())

    def remove() -> Iterator[Removed]:
        for month in old_months():
            table.drop(month)
            yield {kind: 1}

    free = lambda: of_pieces(month.name for month in old_months())  # noqa: E731
    register(Step(kind, remove, lambda: {kind: len(old_months())}, would_free=free))
    make_ahead(table)


def make_ahead(table: TimedTable) -> None:
    """Have the sweep make the table's next pieces."""
    _made_ahead.append(table)


def tables_made_ahead() -> list[TimedTable]:
    """The tables whose next pieces the sweep makes."""
    return list(_made_ahead)


def keep(*models: str, how_long: str, by: tuple[str, ...] = ()) -> None:
    """Say how long the rows of models, or of tables without one, are kept. Raises `ImproperlyConfigured` if it was said."""
    for model in models:
        if model in _keepings:
            raise ImproperlyConfigured(f"retention: it is said twice how long {model} is kept")
        _keepings[model] = Keeping(model, how_long, by)


def keepings() -> list[Keeping]:
    """How long everything is kept, by the models' names."""
    return [_keepings[name] for name in sorted(_keepings)]


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
    """Raise `ImproperlyConfigured` at the start, and not once a day, if the steps have no order, or a keeping no step."""
    known = {step.name for step in steps()}
    for keeping in keepings():
        _ = keeping.table  # A model that is not there is told now.
        if unknown := set(keeping.by) - known:
            raise ImproperlyConfigured(
                f"retention: {keeping.model} goes by {', '.join(unknown)}, which no app registers"
            )


def days_ago(days: int) -> datetime:
    """The moment so many days ago."""
    return datetime.now(UTC) - timedelta(days=days)


def history_kept_from() -> datetime:
    """The moment before which histories are forgotten."""
    return days_ago(settings.HISTORY_RETENTION_DAYS)

"""Price changes as CSV for spreadsheets: streamed piece by piece, bounded, and harmless when somebody opens it."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from typing import Any

from django.db import OperationalError
from django.db.models import Q, QuerySet
from psycopg.errors import QueryCanceled

from diamondhub import money
from diamondhub.admin.base import bounded
from diamondhub.audit.export import harmless
from pricing.models import PriceChange

#: Changes of one file; a longer one says where it was cut.
MAX_CHANGES = 100_000
#: Changes of one query, and the longest that it may take (seconds).
CHUNK, CHUNK_SECONDS = 2_000, 10
#: The order of the list and of the file, which indexes serve.
NEWEST_FIRST = ("-changed_on", "-pk")
COLUMNS = (
    *("changed at (UTC)", "diamond", "price before", "price after", "change", "cost before", "cost after"),
    *("rule set before", "rule before", "arm before", "rule set after", "rule after", "arm after"),
    *("cause", "cause number", "by"),
)


class _Line:
    """A file that hands over what is written to it."""

    def write(self, text: str) -> str:
        return text


def lines(changes: QuerySet[PriceChange], *, most: int | None = None) -> Iterator[str]:
    """The file, line by line, the newest change first; and a last line that says so if there are more than `most`."""
    limit = MAX_CHANGES if most is None else most
    # All cells are quoted: some spreadsheets take a semicolon for the end of a cell, and what follows it for a formula.
    writer = csv.writer(_Line(), quoting=csv.QUOTE_ALL)

    def line(cells: Iterable[str]) -> str:
        return str(writer.writerow(list(cells)))

    yield line(COLUMNS)
    written = 0
    try:
        for change in _newest_first(changes):
            if written == limit:
                yield line([f"Cut after {limit:,} changes: choose a shorter time, or filter."])
                return
            written += 1
            yield line(_cells(change))
    except OperationalError as error:
        if not isinstance(error.__cause__, QueryCanceled):
            raise
        yield line([f"Cut after {written:,} changes: the database took too long. Choose a shorter time, or filter."])


def _newest_first(changes: QuerySet[PriceChange]) -> Iterator[PriceChange]:
    """All of them, a chunk at a time; each chunk goes on where the last one ended."""
    ordered = changes.order_by(*NEWEST_FIRST)
    chunk = _chunk(ordered)
    while chunk:
        yield from chunk
        last = chunk[-1]
        behind = Q(changed_on__lt=last.changed_on) | Q(changed_on=last.changed_on, pk__lt=last.pk)
        # The first condition is what leaves out whole months.
        chunk = _chunk(ordered.filter(changed_on__lte=last.changed_on).filter(behind))


def _chunk(changes: QuerySet[PriceChange]) -> list[PriceChange]:
    with bounded(CHUNK_SECONDS):
        return list(changes[:CHUNK])


def _cells(change: PriceChange) -> list[str]:
    """The cells of a line: what people or suppliers may have written is defused, numbers are ours."""

    def text(value: Any) -> str:
        return "" if value is None else str(value)

    def dollars(cents: int) -> str:
        return money.to_text(cents) or ""

    return [
        f"{change.changed_at:%Y-%m-%d %H:%M:%S}",
        str(change.diamond_id),
        dollars(change.old_price_cents),
        dollars(change.new_price_cents),
        dollars(change.new_price_cents - change.old_price_cents),
        dollars(change.old_cost_cents),
        dollars(change.new_cost_cents),
        text(change.old_rule_set),
        text(change.old_rule),
        harmless(text(change.old_arm)),
        text(change.new_rule_set),
        text(change.new_rule),
        harmless(text(change.new_arm)),
        harmless(change.cause),
        text(change.cause_id),
        harmless(change.actor),
    ]

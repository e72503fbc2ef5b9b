"""Events as CSV for spreadsheets: streamed piece by piece, bounded, and harmless when somebody opens it."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator

import msgspec
from django.db import OperationalError
from django.db.models import QuerySet
from psycopg.errors import QueryCanceled

from diamondhub.admin.base import bounded
from diamondhub.audit import words
from diamondhub.audit.events import NEWEST_FIRST, behind
from diamondhub.audit.models import AuditEvent

#: Events of one file; a longer one says where it was cut.
MAX_EVENTS = 100_000
#: Events of one query.
CHUNK = 1_000
#: Longest that one query may take (seconds).
CHUNK_SECONDS = 10
COLUMNS = (
    *("time (UTC)", "who", "what", "kind", "number", "object", "changes", "reason", "by means of", "request id"),
    *("before", "after"),
)
#: What a spreadsheet would take for a formula, or skip in front of one.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


class _Line:
    """A file that hands over what is written to it."""

    def write(self, text: str) -> str:
        return text


def harmless(text: str) -> str:
    """The text as a cell: with an apostrophe in front where a spreadsheet would calculate."""
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA) else text


def lines(events: QuerySet[AuditEvent], *, most: int = MAX_EVENTS) -> Iterator[str]:
    """The file, line by line, the newest event first; `most` events, and a last line that says so if there are more."""
    # All cells are quoted: some spreadsheets take a semicolon for the end of a cell, and what follows it for a formula.
    writer = csv.writer(_Line(), quoting=csv.QUOTE_ALL)

    def line(cells: Iterable[str]) -> str:
        return str(writer.writerow([harmless(cell) for cell in cells]))

    yield line(COLUMNS)
    written = 0
    try:
        for event in newest_first(events):
            if written == most:
                yield line([f"Cut after {most:,} events: choose a shorter time, or filter."])
                return
            written += 1
            yield line(_cells(event))
    except OperationalError as error:
        if not isinstance(error.__cause__, QueryCanceled):
            raise
        yield line([f"Cut after {written:,} events: the database took too long. Choose a shorter time, or filter."])


def newest_first(events: QuerySet[AuditEvent]) -> Iterator[AuditEvent]:
    """All events of a query, a chunk at a time; each chunk goes on where the last one ended."""
    ordered = events.order_by(*NEWEST_FIRST)
    chunk = _chunk(ordered)
    while chunk:
        yield from chunk
        last = chunk[-1]
        chunk = _chunk(behind(ordered, last.at, last.event_id, last.pk))


def _chunk(events: QuerySet[AuditEvent]) -> list[AuditEvent]:
    with bounded(CHUNK_SECONDS):
        return list(events[:CHUNK])


def _cells(event: AuditEvent) -> list[str]:
    return [
        f"{event.at:%Y-%m-%d %H:%M:%S.%f}",
        event.who,
        event.what,
        event.kind,
        str(event.object_id),
        words.object_name(event),
        "; ".join(map(str, words.changes(event))),
        event.reason,
        event.via,
        event.request_id,
        _json(event.before) if event.before is not None else "",
        _json(event.after),
    ]


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()

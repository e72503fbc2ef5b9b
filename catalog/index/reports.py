"""What builders and those who search tell the database of the indexes of hosts, for operations: a board is seen by its host.

Of a builder that is at work it is told that it fails or is behind. That none is at work is told of those who miss it: web
processes say how long nobody has kept the folder that they read. So one that died and came back elsewhere, under another
name or with its whole host, is missed nowhere, and one that did not come back is missed as long as somebody searches there.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import psycopg
from django.conf import settings
from django.db.models import QuerySet
from django.db.models.functions import Now

from catalog.index import board
from catalog.index.board import Notice
from catalog.models import IndexBuilder
from diamondhub.admin.display import duration
from diamondhub.database import clock
from diamondhub.operations import workers
from diamondhub.operations.problems.looking import Wrong

#: Longest name of a host that is kept (characters).
MAX_HOST = 200
#: A host whose builder was silent for so long has none any more.
FORGOTTEN_AFTER = timedelta(days=1)
#: The longest that a builder is silent while it is at work: a version of many stones takes its time.
SILENT_AFTER = timedelta(seconds=60)
#: What web processes say of their index, by its name in their rows.
NOTE = "index"


def report(notice: Notice, now: float) -> None:
    """Write down how the builder of this host is; `now` is `time.monotonic()`."""
    IndexBuilder.objects.bulk_create(
        [
            IndexBuilder(
                host=_host(),
                seen_at=Now(),
                version=notice.version if notice.file else None,
                database_version=notice.database_version,
                behind_seconds=notice.behind(now),
                failure=notice.failure,
            )
        ],
        update_conflicts=True,
        unique_fields=["host"],
        update_fields=["seen_at", "version", "database_version", "behind_seconds", "failure"],
    )


def withdraw(cursor: psycopg.Cursor[Any]) -> None:
    """Forget the builder of this host, which stops in order; raises `psycopg.Error` where its row is held for a second.

    A signal may find this very process in the transaction that reports, and that one ends with the process only.
    """
    cursor.execute("SET lock_timeout = '1s'")
    cursor.execute("DELETE FROM catalog_indexbuilder WHERE host = %s", [_host()])


def _host() -> str:
    return socket.gethostname()[:MAX_HOST]


class Missing:
    """How long nobody has kept the index that this process reads, by the board and since the process began."""

    def __init__(self) -> None:
        self._kept_at = time.monotonic()

    def note(self) -> dict[str, Any]:
        """`seconds`, and whether a builder was `ever` at work in the folder, for the row of this process."""
        notice, now = board.read(settings.INDEX_DIR), time.monotonic()
        if notice is not None:
            # Of another boot it is silent for ever.
            self._kept_at = max(self._kept_at, now - notice.silent(now))
        return {"seconds": round(now - self._kept_at, 1), "ever": notice is not None}


@dataclass(frozen=True, slots=True)
class Hosts:
    """The builders that are at work, those that are gone, and the seconds for which hosts that search have missed one."""

    there: list[IndexBuilder]
    gone: list[IndexBuilder]
    missing: dict[str, float]


def hosts() -> Hosts:
    """All builders that are not forgotten, and all hosts that search by an index.

    A host that never had one may do without: where no host has had a builder lately, none is missed there.
    """
    now = clock()
    kept = Hosts([], [], {})
    for builder in IndexBuilder.objects.filter(seen_at__gt=now - FORGOTTEN_AFTER).order_by("host"):
        (kept.there if now - builder.seen_at <= SILENT_AFTER else kept.gone).append(builder)
    for host, note in workers.notes_of(NOTE):
        if note["ever"] or kept.there or kept.gone:
            kept.missing[host] = max(note["seconds"], kept.missing.get(host, 0.0))
    return kept


def look() -> Iterator[Wrong]:
    """Hosts that search and that nobody keeps an index for, and indexes that fail or are too far behind to be used."""
    now = hosts()
    for host, seconds in now.missing.items():
        if seconds > SILENT_AFTER.total_seconds():
            yield _behind(
                host, f"no builder has been at work there for {duration(seconds)}", missing_seconds=round(seconds)
            )
    for builder in now.there:
        if builder.failure:
            words = f"it cannot be made: {builder.failure}"
        elif builder.behind_seconds > settings.INDEX_MAX_AGE_SECONDS:
            words = f"it is {duration(builder.behind_seconds)} behind version {builder.database_version:,}"
        else:
            continue
        yield _behind(
            builder.host,
            words,
            version=builder.version,
            database_version=builder.database_version,
            behind_seconds=round(builder.behind_seconds),
            failure=builder.failure,
            seen_at=builder.seen_at.isoformat(),
        )


def _behind(host: str, words: str, **details: Any) -> Wrong:
    return Wrong(
        "index-behind",
        f"host:{host[:MAX_HOST]}",
        f"The index of {host} is not kept up: {words}; its searches are answered by the database",
        {"host": host, **details},
    )


def forgotten() -> QuerySet[IndexBuilder]:
    """Builders of hosts that have none any more."""
    return IndexBuilder.objects.filter(seen_at__lt=Now() - 2 * FORGOTTEN_AFTER)

"""What builders tell the database of themselves, for operations: the board of a host is seen by that host alone."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import psycopg
from django.conf import settings
from django.db.models import QuerySet
from django.db.models.functions import Now

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
#: A host of which no process at all was heard for so long is gone, and nobody searches there.
HOST_GONE_AFTER = timedelta(minutes=5)


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
    """Forget the builder of this host, which stops in order."""
    cursor.execute("DELETE FROM catalog_indexbuilder WHERE host = %s", [_host()])


def _host() -> str:
    return socket.gethostname()[:MAX_HOST]


@dataclass(frozen=True, slots=True)
class Hosts:
    """The builders of hosts that are there, whether these are heard of or not, and of hosts that are gone."""

    there: list[IndexBuilder]
    gone: list[IndexBuilder]


def hosts() -> Hosts:
    """All builders that are not forgotten. One that died has its host there as long as other processes of it live."""
    now, living = clock(), {host[:MAX_HOST] for host in workers.hosts_there(HOST_GONE_AFTER)}
    kept = Hosts([], [])
    for builder in IndexBuilder.objects.filter(seen_at__gt=now - FORGOTTEN_AFTER).order_by("host"):
        is_there = now - builder.seen_at <= HOST_GONE_AFTER or builder.host in living
        (kept.there if is_there else kept.gone).append(builder)
    return kept


def look() -> Iterator[Wrong]:
    """Hosts that are there and whose index is too far behind to be used, cannot be made, or has no builder any more."""
    now = clock()
    for builder in hosts().there:
        silent = now - builder.seen_at
        if silent > SILENT_AFTER:
            words = f"the builder has not been heard of for {duration(silent)}"
        elif builder.failure:
            words = f"it cannot be made: {builder.failure}"
        elif builder.behind_seconds > settings.INDEX_MAX_AGE_SECONDS:
            words = f"it is {duration(builder.behind_seconds)} behind version {builder.database_version:,}"
        else:
            continue
        yield Wrong(
            "index-behind",
            f"host:{builder.host}",
            f"The index of {builder.host} is not kept up: {words}; its searches are answered by the database",
            {
                "host": builder.host,
                "version": builder.version,
                "database_version": builder.database_version,
                "behind_seconds": round(builder.behind_seconds),
                "failure": builder.failure,
                "seen_at": builder.seen_at.isoformat(),
            },
        )


def forgotten() -> QuerySet[IndexBuilder]:
    """Builders of hosts that have none any more."""
    return IndexBuilder.objects.filter(seen_at__lt=Now() - 2 * FORGOTTEN_AFTER)

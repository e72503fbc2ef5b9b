"""Workers as rows: every process that serves or works says every few seconds that it is there, and what it is at.

`show` begins that, in a thread of its own; whoever stops in order ends its row, and who is killed is gone when it was not
seen for `GONE_SECONDS`. Nothing is asked of the processes themselves, which may be busy or deaf.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

import psycopg
import structlog
from django.conf import settings
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce, Now
from psycopg.types.json import Jsonb

from diamondhub.operations.models import Worker
from diamondhub.operations.rounds import Rounds
from diamondhub.version import version

log = structlog.get_logger(__name__)

#: How often a process shows itself (seconds).
EVERY_SECONDS = 5.0
#: One that was not seen for so long is gone: three rounds, and time for a busy machine (seconds).
GONE_SECONDS = 20.0
#: Time in which restarts are counted.
RESTARTS_WITHIN = timedelta(hours=1)
#: Rows of processes that ended, or are gone, are kept for so long.
KEPT_FOR = timedelta(days=1)
#: Longest list of workers that is shown.
MAX_SHOWN = 100

#: What a process says of itself besides, as JSON; it asks nobody who may keep it waiting.
Note = Callable[[], Any]

_rounds: Rounds | None = None
_notes: dict[tuple[str, str], Note] = {}


def _nothing_held() -> int:
    return 0


def note(program: str, name: str, say: Note) -> None:
    """Have the processes of a program say at each round what `say` returns, under this name in the `notes` of their rows."""
    _notes[program, name] = say


def show(
    program: str,
    *,
    pool: str = "",
    queues: Sequence[str] = (),
    slots: int = 0,
    held: Callable[[], int] = _nothing_held,
) -> None:
    """Show this process from now on until it ends: what it is, and at each round how many tasks it holds."""
    global _rounds
    host, pid, ordered = socket.gethostname()[:255], os.getpid(), sorted(queues)
    facts: dict[str, Any] = {
        "program": program[:32],
        "place": f"{host} {program} {','.join(ordered)}"[:400],
        "host": host,
        "pid": pid,
        "pool": pool[:32],
        "queues": ordered,
        "slots": slots,
        "version": version(),
    }
    row: list[int] = []

    def work(cursor: psycopg.Cursor[Any]) -> None:
        if not row:
            replace(cursor, facts["place"], host=host, pid=pid)
            row.append(enter(cursor, facts))
        seen(cursor, row[0], facts, held=held(), notes=_noted(program))

    def at_end(cursor: psycopg.Cursor[Any]) -> None:
        if row:
            leave(cursor, row[0])

    _rounds = Rounds("presence", work, every=EVERY_SECONDS, at_end=at_end)
    _rounds.begin()


def _noted(program: str) -> dict[str, Any]:
    notes = {}
    for (of, name), say in _notes.items():
        if of == program:
            try:
                notes[name] = say()
            except Exception:
                # It must not keep the process from being seen.
                log.exception("worker_note_failed", note=name)
    return notes


def stop_showing() -> None:
    """End this process's row, as it stops in order."""
    if _rounds is not None:
        _rounds.end()


def enter(cursor: psycopg.Cursor[Any], facts: dict[str, Any]) -> int:
    """Write the row of a process that has started; returns its number."""
    cursor.execute(
        """
        INSERT INTO operations_worker
            (program, place, host, pid, pool, queues, slots, held, version, started_at, seen_at, ended)
        VALUES (%(program)s, %(place)s, %(host)s, %(pid)s, %(pool)s, %(queues)s, %(slots)s, 0, %(version)s,
            clock_timestamp(), clock_timestamp(), '')
        RETURNING id
        """,
        facts,
    )
    (number,) = cursor.fetchone() or (0,)
    return int(number)


def seen(
    cursor: psycopg.Cursor[Any],
    number: int,
    facts: dict[str, Any],
    *,
    held: int,
    notes: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """Note that a process is there; one that was taken for gone is back, and one whose row went gets another."""
    now = {"number": number, "held": held, "notes": Jsonb(dict(notes))}
    cursor.execute(
        """
        /* One row by its primary key. */
        UPDATE operations_worker
        SET seen_at = clock_timestamp(), held = %(held)s, notes = %(notes)s, ended_at = NULL, ended = ''
        WHERE id = %(number)s
        """,
        now,
    )
    if not cursor.rowcount:
        cursor.execute(
            """
            INSERT INTO operations_worker
                (id, program, place, host, pid, pool, queues, slots, held, notes, version, started_at, seen_at, ended)
            VALUES (%(number)s, %(program)s, %(place)s, %(host)s, %(pid)s, %(pool)s, %(queues)s, %(slots)s, %(held)s,
                %(notes)s, %(version)s, clock_timestamp(), clock_timestamp(), '')
            ON CONFLICT DO NOTHING
            """,
            facts | now,
        )


def leave(cursor: psycopg.Cursor[Any], number: int) -> None:
    """Note that a process stopped in order."""
    cursor.execute(
        "UPDATE operations_worker SET ended_at = clock_timestamp(), held = 0, ended = 'stopped' WHERE id = %s", [number]
    )


def replace(cursor: psycopg.Cursor[Any], place: str, *, host: str, pid: int) -> None:
    """End the rows of those at this place that are not any more, though they never said so: this one takes their place.

    Others at the place may live, as a host can have several. A process number that another process has now is looked at when
    it was not seen for a while.
    """
    cursor.execute(
        "SELECT id, pid FROM operations_worker WHERE place = %s AND host = %s AND ended_at IS NULL", [place, host]
    )
    dead = [number for number, other in cursor.fetchall() if other == pid or not _lives(other)]
    if dead:
        cursor.execute(
            "UPDATE operations_worker SET ended_at = clock_timestamp(), ended = 'replaced' WHERE id = ANY(%s)", [dead]
        )


def _lives(pid: int) -> bool:
    with suppress(ProcessLookupError):
        try:
            os.kill(pid, 0)
        except PermissionError:
            pass
        return True
    return False


# --- what others ask ----------------------------------------------------------------------------------------------------


def seen_lately() -> Q:
    """Of rows of workers: those that are there."""
    return Q(ended_at__isnull=True, seen_at__gt=Now() - timedelta(seconds=GONE_SECONDS))


def gone() -> Q:
    """Of rows of workers: those that are not seen any more and have not said why."""
    return Q(ended_at__isnull=True, seen_at__lte=Now() - timedelta(seconds=GONE_SECONDS))


def listed() -> QuerySet[Worker]:
    """Those that are there and those that are gone, the latter until somebody takes them off or a day went."""
    return Worker.objects.filter(ended_at__isnull=True, seen_at__gt=Now() - KEPT_FOR).order_by("program", "host", "pid")


def restarts(within: timedelta = RESTARTS_WITHIN) -> dict[str, int]:
    """How often, within that time, somebody at a place ended without saying so and another took the place, by places.

    Who is gone and has no successor was not started again: its host may have been taken away.
    """
    return dict(_restarted(within).order_by().values_list("place").annotate(times=Count("pk")))


def restarts_in_turn(within: timedelta) -> dict[str, int]:
    """The same, of those alone that can have followed each other as one process of the place: none of them began before
    the one before it was found dead. Many that die at once, as with their host, or in turn once each, are one restart.
    """
    found_dead = Coalesce("ended_at", F("seen_at") + timedelta(seconds=EVERY_SECONDS))
    counted: dict[str, int] = {}
    last: dict[str, datetime] = {}
    # Whoever ended first leaves the most room for others: so the longest chain of lives that do not overlap is found.
    lives = _restarted(within).annotate(found_dead=found_dead).order_by("found_dead")
    for place, started, ended in lives.values_list("place", "started_at", "found_dead"):
        if place not in last or started > last[place]:
            counted[place] = counted.get(place, 0) + 1
            last[place] = ended
    return counted


def _restarted(within: timedelta) -> QuerySet[Worker]:
    """Those that ended within that time without saying so, and whose place another one has taken since."""
    successors = Worker.objects.filter(place=OuterRef("place"), started_at__gt=OuterRef("seen_at"))
    return Worker.objects.filter(
        Q(ended=Worker.Ended.REPLACED) | (gone() & Exists(successors)), seen_at__gt=Now() - within
    )


def notes_of(name: str) -> Iterable[tuple[str, Any]]:
    """What those that are there say under this name, each with its host."""
    there = Worker.objects.filter(seen_lately(), notes__has_key=name)
    return [(host, notes[name]) for host, notes in there.order_by("pk").values_list("host", "notes")]


def queues_wanted() -> list[str]:
    """The queues that tasks are sent to."""
    celery: dict[str, Any] = settings.CELERY
    routes: dict[str, dict[str, str]] = celery["task_routes"]
    return sorted({str(celery["task_default_queue"]), *(route["queue"] for route in routes.values())})


def queues_without(rows: Iterable[Worker]) -> list[str]:
    """The queues that nobody of these listens to."""
    heard = {queue for row in rows for queue in row.queues}
    return [queue for queue in queues_wanted() if queue not in heard]


def forgotten() -> QuerySet[Worker]:
    """Rows that nobody needs any more."""
    return Worker.objects.filter(seen_at__lte=Now() - KEPT_FOR)


def remove(number: int) -> bool:
    """Take one that is gone off the list; False if it is there, or was taken off."""
    return bool(Worker.objects.filter(gone(), pk=number).update(ended=Worker.Ended.REMOVED, ended_at=Now()))

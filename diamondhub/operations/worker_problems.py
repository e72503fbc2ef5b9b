"""What can be wrong with workers: one is gone, one is restarted again and again, or nobody listens to a queue."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.db.models import Max

from diamondhub.admin.display import address, duration
from diamondhub.database import clock
from diamondhub.operations import away, workers
from diamondhub.operations.away import Away
from diamondhub.operations.models import Worker
from diamondhub.operations.problems import looking
from diamondhub.operations.problems.kinds import Button, Kind, Severity, declare
from diamondhub.operations.problems.looking import Wrong

#: Who sees what is wrong with workers.
SEE = "operations.view_worker"
#: So many that ended without saying so, one after another within `LOOP_WITHIN` at one place, are a loop.
LOOP_STARTS, LOOP_WITHIN = 3, timedelta(minutes=10)


def _workers(_about: str) -> str:
    return address("operations_worker_changelist")


def _worker(about: str) -> str:
    return address("operations_worker_change", about.partition(":")[2])


def _removal(about: str) -> str:
    return address("operations_worker_remove", about.partition(":")[2])


declare(
    Kind(
        "worker-gone",
        "A worker is gone",
        Severity.WARNING,
        found=f"a process has not shown itself for {workers.GONE_SECONDS:g} seconds, and never said that it stops",
        ends="by itself, when one takes its place, or somebody takes it off the list; after a day in any case",
        permission=SEE,
        link=_worker,
        buttons=(Button("Take off the list", _removal, "operations.change_worker", acts=True),),
    ),
    Kind(
        "worker-restarting",
        "A worker is restarted again and again",
        Severity.CRITICAL,
        found=f"{LOOP_STARTS} processes of one place, each begun after the one before had died, ended without saying so"
        f" within {duration(LOOP_WITHIN)}",
        ends=f"by itself, when fewer did so in the last {duration(LOOP_WITHIN)}",
        permission=SEE,
        link=_workers,
        buttons=(Button("See the workers", _workers, SEE),),
    ),
    Kind(
        "queue-without-worker",
        "Nobody listens to a queue",
        Severity.CRITICAL,
        found=f"no worker of a queue has shown itself for {workers.GONE_SECONDS:g} seconds",
        ends="by itself, when one does",
        permission=SEE,
        link=_workers,
        buttons=(Button("See the workers", _workers, SEE),),
    ),
)


def look() -> Iterator[Wrong]:
    """All that is wrong with workers now; nothing where none ever showed itself, as in a database that is just made."""
    rows = list(workers.listed()[: workers.MAX_SHOWN])
    if not rows and not _has_ever_worked():
        return
    now = clock()
    fresh = [row for row in rows if (now - row.seen_at).total_seconds() < workers.GONE_SECONDS]
    started_later = {row.place: row.started_at for row in sorted(fresh, key=lambda each: each.started_at)}
    for row in rows:
        if row in fresh or (row.place in started_later and started_later[row.place] > row.seen_at):
            continue
        yield Wrong(
            "worker-gone",
            f"worker:{row.pk}",
            f"{row} has not been seen for {duration(now - row.seen_at)}; it held {row.held} task(s)",
            {"host": row.host, "program": row.program, "pid": row.pid, "queues": row.queues, "version": row.version},
        )
    for place, times in workers.restarts_in_turn(LOOP_WITHIN).items():
        if times >= LOOP_STARTS:
            yield Wrong(
                "worker-restarting",
                f"place:{place}"[:200],
                f"{place.strip()}: {times} processes died one after another within {duration(LOOP_WITHIN)}",
                {"place": place, "deaths": times},
            )
    for queue in workers.queues_without(fresh):
        heard = Worker.objects.filter(queues__contains=[queue]).aggregate(last=Max("seen_at"))["last"]
        first = min((row.started_at for row in rows), default=now)
        since = heard or first
        if (now - since).total_seconds() >= workers.GONE_SECONDS:
            yield Wrong(
                "queue-without-worker",
                f"queue:{queue}",
                f"Nobody listens to the queue {queue}: "
                + (f"its last worker was seen {duration(now - heard)} ago" if heard else "no worker ever did"),
                {"queue": queue, "last_seen": heard.isoformat() if heard else None},
            )


def queues_away() -> Iterator[Away]:
    """Queues that nobody listens to, for the banner; where no worker ever was there is no such system yet."""
    for wrong in look() if _has_ever_worked() else ():
        if wrong.kind == "queue-without-worker":
            yield Away(
                f"{wrong.subject}: what is due there waits.",
                "Start a worker of that queue.",
                url=address("operations_worker_changelist"),
            )


away.register(queues_away)
looking.register(look, "worker-gone", "worker-restarting", "queue-without-worker", every=5.0)


def _has_ever_worked() -> bool:
    # By the primary key: a mere look for any row reads dead ones.
    return Worker.objects.order_by("pk").values_list("pk").first() is not None

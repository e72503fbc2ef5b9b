"""What the doctor asks of the product's own machinery: beat, workers, tables made ahead, what is forgotten, backups."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone
from psycopg import sql

from diamondhub.admin.display import duration
from diamondhub.operations import backups, pruning, retention
from diamondhub.operations.doctor.checks import Finding, Said, database, register
from diamondhub.operations.models import Pruning, Worker
from diamondhub.operations.problems.kinds import Severity
from diamondhub.telemetry.models import Heartbeat

#: A pruning is made every day; one that is not over after two does not get through.
PRUNED_WITHIN = timedelta(days=2)
#: A worker that was not seen for so long is gone.
WORKER_GONE = timedelta(seconds=60)


@register("beat", "Does the sweep go round?", told_as=("sweep-late",))
def sweep_goes_round() -> Iterator[Said]:
    """Beat's age, by the database's clock."""
    longest = max(30.0, settings.SWEEP_SECONDS * 6)
    with database() as cursor:
        cursor.execute(
            "SELECT extract(epoch FROM clock_timestamp() - seen_at) FROM telemetry_heartbeat WHERE name = 'sweep'"
        )
        row = cursor.fetchone()
    if row is None:
        yield Finding(
            "There was no sweep yet: nothing that is due is done.",
            "Start beat, and a worker of the queue `control`.",
            Severity.CRITICAL,
        )
    elif row[0] > longest:
        yield Finding(
            f"The last sweep was {duration(float(row[0]))} ago: nothing that is due is done.",
            "Start beat, and a worker of the queue `control`; see their logs why they ended.",
            Severity.CRITICAL,
        )
    else:
        yield f"the last sweep was {duration(float(row[0]))} ago"


@register("workers", "Has every queue its workers, all of one version?")
def queues_have_workers() -> Iterator[Said]:
    """By the rows that workers keep of themselves."""
    celery: dict[str, Any] = settings.CELERY
    queues: set[str] = {
        celery["task_default_queue"],
        *(route["queue"] for route in celery["task_routes"].values()),
    }
    with database():
        seen = list(Worker.objects.filter(ended_at=None, seen_at__gte=timezone.now() - WORKER_GONE))
    served = {queue for worker in seen for queue in worker.queues}
    for queue in sorted(queues - served):
        yield Finding(
            f"No worker serves the queue {queue}: its work waits.",
            f"Start one with `--queues {queue}` (see docs/operations.md, Several machines).",
            Severity.CRITICAL,
        )
    versions: dict[str, set[str]] = defaultdict(set)
    for worker in seen:
        versions[worker.version or "unknown"].add(worker.host)
    yield f"{len(seen)} processes"
    if len(versions) > 1:
        each = "; ".join(f"{version} on {', '.join(sorted(hosts))}" for version, hosts in sorted(versions.items()))
        yield Finding(f"Processes run more than one version: {each}.", "Restart those of the older release.")


@register("tables-ahead", "Are the next pieces of all cut tables made?", told_as=("table-not-made-ahead",))
def pieces_are_made() -> Iterator[Said]:
    """Today's and the next one of each, and nothing in the nets for what came without a piece."""
    today = datetime.now(UTC).date()
    for table in retention.tables_made_ahead():
        with database() as cursor:
            pieces = {piece.name for piece in table.pieces()}
            now = table.piece(today)
            wanted = [now, table.piece(now.behind)]
            missing = [piece.name for piece in wanted if piece.name not in pieces]
            cursor.execute(sql.SQL("SELECT EXISTS (SELECT FROM {})").format(sql.Identifier(f"{table.name}_default")))
            (caught,) = cursor.fetchone() or (False,)
        if missing:
            yield Finding(
                f"{table.name} has no piece {' and no piece '.join(missing)}: rows fall into its net, which is never "
                "dropped whole.",
                "The sweep makes them: see the check `beat`, and `pieces_not_made` in the workers' log for who holds the "
                "table's lock.",
                Severity.CRITICAL if now.name in missing else Severity.WARNING,
            )
        elif caught:
            yield Finding(
                f"{table.name}_default holds rows, for which there was no piece in time.",
                "They go to their piece when it is made; rows of days that are over stay and are pruned one by one. Look "
                "whether a clock is wrong (the check `clocks`).",
            )


@register("retention", "Is what is too old forgotten?", told_as=("prune-late",))
def old_things_go() -> Iterator[Said]:
    """The daily pruning, which has to be over."""
    with database():
        last = pruning.last()
        first = Pruning.objects.order_by("created_at").first()
    if last is not None and last.completed_at is not None:
        yield f"last pruning {last.completed_at:%Y-%m-%d %H:%M} UTC"
    since = last.completed_at if last is not None else first.created_at if first is not None else None
    if since is not None and timezone.now() - since > PRUNED_WITHIN:
        yield Finding(
            f"No pruning was over since {since:%Y-%m-%d %H:%M} UTC: what is too old stays, and tables grow.",
            "`manage.py prune` says which table is kept busy; `pruning_put_off` in the log of worker-cpu does, too.",
        )


@register("backup", "Is there a backup of today?", told_as=("backup-old",))
def backup_is_fresh() -> Iterator[Said]:
    """By what the backup job noted (`note_backup`)."""
    with database():
        noted = Heartbeat.objects.filter(name=backups.NAME).first()
        late = backups.late()
    if not settings.BACKUP_MAX_AGE_HOURS:
        yield "backups are not watched (BACKUP_MAX_AGE_HOURS=0)"
    elif noted is None:
        yield Finding(
            "No backup was ever noted, so nobody would know if there is none.",
            "Have the backup job end with `manage.py note_backup`.",
            Severity.INFO,
        )
    elif late is not None:
        yield Finding(
            f"The last backup was noted {duration(late)} ago; {settings.BACKUP_MAX_AGE_HOURS} h are allowed.",
            "Look at the backup job; run it now. Its end is `manage.py note_backup`.",
            Severity.CRITICAL,
        )
    else:
        yield f"the last backup was noted {duration(timezone.now() - noted.seen_at)} ago"

"""What operations look for in their own machinery, and which of its problems are forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now

from diamondhub import sweep
from diamondhub.admin.display import duration
from diamondhub.database import clock
from diamondhub.operations import backups, retention
from diamondhub.operations.doctor import (  # noqa: F401 - some register their checks and kinds by being imported
    examining,
    of_database,
    of_machinery,
    of_servers,
    of_setup,
    problem_kinds,
)
from diamondhub.operations.models import Problem, ProblemEvent, Pruning
from diamondhub.operations.problems import looking
from diamondhub.operations.problems.looking import Wrong
from diamondhub.operations.sizes import of_rows
from diamondhub.telemetry.models import Heartbeat

#: A day's pruning that is not over after this has stuck.
PRUNE_LATE = timedelta(days=1)


def late_after() -> float:
    """The seconds without a sweep after which it is late: some are lost when a worker restarts."""
    return max(30.0, settings.SWEEP_SECONDS * 6)


def late_sweep() -> Iterator[Wrong]:
    """Whether the last sweep was too long ago: the sweep looks after a gap, and so may whoever sees that it is away."""
    seen = Heartbeat.objects.filter(name="sweep").values_list("seen_at", flat=True).first()
    # Of a system that has just been set up nobody knows.
    if seen is None:
        return
    age = (clock() - seen).total_seconds()
    if age > late_after():
        yield Wrong(
            "sweep-late",
            "sweep",
            f"No sweep has ended for {duration(age)}: nothing that is due is started, taken up or sent",
            {"last_sweep": seen.isoformat(), "late_after_seconds": late_after()},
        )


def late_prunings() -> Iterator[Wrong]:
    """Prunings that were begun a day ago and are not over."""
    late = Pruning.objects.filter(state=Pruning.State.READY, created_at__lte=Now() - PRUNE_LATE)
    if (oldest := late.order_by("created_at").first()) is not None:
        yield Wrong(
            "prune-late",
            "prune",
            f"Old data is not removed: pruning {oldest.pk} of {oldest.created_at:%Y-%m-%d %H:%M} UTC is not over",
            {
                "pruning": oldest.pk,
                "begun_by": oldest.started_by,
                "attempts": oldest.attempts,
                "removed": oldest.removed,
            },
        )


def missing_pieces() -> Iterator[Wrong]:
    """Tables whose piece of the coming day is not there: rows of that day would go to the net and have to be moved."""
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    tables = retention.tables_made_ahead()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name FROM unnest(%s::text[]) AS name WHERE to_regclass(name) IS NULL",
            [[table.piece(tomorrow).name for table in tables]],
        )
        missing = {name for (name,) in cursor.fetchall()}
    for table in tables:
        piece = table.piece(tomorrow)
        if piece.name in missing:
            yield Wrong(
                "table-not-made-ahead",
                f"table:{table.name}",
                f"{table.name} has no piece for {tomorrow}: {piece.name} could not be made",
                {"table": table.name, "piece": piece.name},
            )


looking.register(late_sweep, "sweep-late")
looking.register(late_prunings, "prune-late", every=60)
looking.register(missing_pieces, "table-not-made-ahead", every=60)


# --- what is forgotten -----------------------------------------------------------------------------------------------


def forget_problems() -> Iterator[retention.Removed]:
    """Remove problems that were resolved long ago, with what became of them."""
    while True:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                """
                /* Locks what it removes (SKIP LOCKED: one that is just coming back stays). Index problem_resolved. */
                WITH gone AS (
                    DELETE FROM operations_problem
                    WHERE id IN (
                        SELECT id FROM operations_problem
                        WHERE state = 'resolved' AND resolved_at < %(before)s
                        ORDER BY resolved_at
                        LIMIT %(chunk)s
                        FOR UPDATE SKIP LOCKED
                    )
                    RETURNING id
                ), events AS (
                    DELETE FROM operations_problemevent WHERE problem_id IN (SELECT id FROM gone)
                )
                SELECT count(*) FROM gone
                """,
                {"before": retention.history_kept_from(), "chunk": retention.CHUNK},
            )
            (removed,) = cursor.fetchone()
        if not removed:
            return
        yield {"problems": removed}


def would_forget_problems() -> retention.Removed:
    """How many problems were resolved long ago."""
    return {"problems": _old_problems().count()}


def _old_problems() -> QuerySet[Problem]:
    return Problem.objects.filter(state=Problem.State.RESOLVED, resolved_at__lt=retention.history_kept_from())


def old_problem_events() -> QuerySet[ProblemEvent]:
    """What became long ago of problems that came back, or go on, since then."""
    return ProblemEvent.objects.filter(at__lt=retention.history_kept_from(), episode__lt=F("problem__episode"))


retention.register(
    retention.Step("problems", forget_problems, would_forget_problems, would_free=lambda: of_rows(_old_problems()))
)
retention.register_rows("problem_events", old_problem_events)
retention.keep(
    "operations.Problem", how_long="HISTORY_RETENTION_DAYS days after it was resolved; others stay", by=("problems",)
)
retention.keep(
    "operations.ProblemEvent",
    how_long="HISTORY_RETENTION_DAYS days; those of the current episode stay",
    by=("problems", "problem_events"),
)
retention.keep("operations.ProblemReport", how_long="for ever: each is written down with the next sweep, and gone")
retention.keep("operations.LookTaken", how_long="for ever: one row for each look")
retention.keep("operations.Snapshot", how_long="for ever: one row for each page that has one")
retention.keep("operations.Worker", how_long="a day after it was last seen", by=("workers",))
retention.keep("operations.Measurement", how_long="8 days", by=("measurements",))
retention.keep("operations.Job", how_long="90 days after its end", by=("jobs",))
retention.keep("operations.Pruning", how_long="HISTORY_RETENTION_DAYS days; the last one stays", by=("prunings",))
retention.keep("django_migrations", how_long="for ever: one row for each migration")


# --- the doctor ------------------------------------------------------------------------------------------------------

sweep.register(examining.ring_due)
looking.register(examining.look, "doctor-finding")
looking.register(backups.look, "backup-old", every=60.0)
retention.register_rows("examinations", examining.old_examinations)
retention.keep("operations.Examination", how_long="90 days; the last one stays", by=("examinations",))

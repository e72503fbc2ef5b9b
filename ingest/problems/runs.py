"""Problems of runs: what each end of a run but completed makes wrong with its feed, and which run mends it.

All are about the feed, so that a feed whose runs fail again and again has one problem that counts them; `where` names the
run. Called in the transactions that move runs.
"""

from __future__ import annotations

from typing import Any

from diamondhub.operations.models import Problem
from diamondhub.operations.problems import tracking
from diamondhub.operations.problems.reading import unresolved
from ingest.models import Run


def about(run: Run) -> str:
    """What problems of a run are about."""
    return f"feed:{run.feed.slug}"


def at(run: Run) -> str:
    """Where problems of a run occur."""
    return f"run:{run.pk}"


def failed(run: Run, reason: str) -> None:
    """The run failed."""
    _occurred(run, "run-failed", f"Run {run.pk} of {run.feed.slug} failed: {reason}", {"reason": reason})


def cancelled(run: Run, *, actor: str, reason: str) -> None:
    """Somebody cancelled the run; what it waited for is decided."""
    _resolve(run, "run-in-review", f"run {run.pk} was cancelled by {actor}")
    _resolve(run, "letters-over-budget", f"run {run.pk} was cancelled by {actor}")
    subject = f"Run {run.pk} of {run.feed.slug} was cancelled by {actor}"
    _occurred(run, "run-cancelled", subject, {"actor": actor, "reason": reason})


def suspect(run: Run, why: str) -> None:
    """The run was shown something that cannot be the whole truth."""
    _occurred(run, "run-suspect", f"Run {run.pk} of {run.feed.slug} is suspect: {why}", {"why": why})


def held(run: Run, why: str, details: dict[str, Any]) -> None:
    """The run waits for a person."""
    subject = f"Run {run.pk} of {run.feed.slug} waits for approval: {why}"
    _occurred(run, "run-in-review", subject, {"why": why, **details})
    if "dead_letters" in run.held:
        subject = f"{run.feed.slug}: more stones than the error budget allows could not be processed in run {run.pk}"
        _occurred(run, "letters-over-budget", subject, {"share": run.held["dead_letters"], "why": why})


def approved(run: Run, *, actor: str, reason: str) -> None:
    """Somebody let the run go on."""
    _resolve(run, "run-in-review", f"approved by {actor}: {reason}")
    _resolve(run, "letters-over-budget", f"approved by {actor}: {reason}")


def drifted(run: Run, jumps: list[str], compared_with: list[int]) -> None:
    """What the supplier sends has changed, or is as it was in the runs that it was held against."""
    if not jumps:
        if compared_with:
            _resolve(run, "schema-drift", f"run {run.pk} is like the runs before it")
        return
    subject = f"Run {run.pk} of {run.feed.slug}: what the supplier sends has changed: {'; '.join(jumps)}"
    # Once for each run, however often it comes to its end.
    _occurred(run, "schema-drift", subject, {"jumps": jumps, "compared_with": compared_with})


def completed(run: Run, *, complete: bool) -> None:
    """The run completed: it mends what runs before it left, but for what it did not bring itself."""
    why = f"run {run.pk} completed"
    for kind in ("run-failed", "run-cancelled", "run-in-review", "letters-over-budget"):
        _resolve(run, kind, why)
    if run.suspect:
        suspect(run, run.suspect)
    else:
        _mend(run, "run-suspect", why)
    if not complete:
        failed_partitions = run.partitions.filter(state="failed").count()
        subject = f"Run {run.pk} of {run.feed.slug} completed without {failed_partitions} of its partitions"
        _occurred(run, "run-completed-in-part", subject, {"failed_partitions": failed_partitions})
    else:
        _mend(run, "run-completed-in-part", why)


def _occurred(run: Run, kind: str, subject: str, details: dict[str, Any]) -> None:
    before = Problem.objects.filter(kind=kind, about=about(run), where=at(run), place__lt=Problem.RESOLVED_PLACE)
    tracking.occurred(
        kind,
        about(run),
        where=at(run),
        subject=subject,
        details={"run": run.pk, "feed": run.feed.slug, "kind": run.kind, **details},
        trace_id=run.trace_id,
        # A run that comes to the same end again, as one that is retried, is the same one.
        times=0 if before.exists() else 1,
    )


def _mend(run: Run, kind: str, why: str) -> None:
    """Resolve what an earlier run left open, if this one has read at least as much as that one should have."""
    problem = unresolved().filter(kind=kind, about=about(run)).first()
    if problem is not None and (run.kind == Run.Kind.FULL or problem.details.get("kind") == run.kind):
        _resolve(run, kind, why)


def _resolve(run: Run, kind: str, why: str) -> None:
    tracking.resolve(kind, about(run), why=why)

"""The end of a run: brakes, delisting, watermark, dataset version, summary and alert in one last transaction."""

from __future__ import annotations

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q
from django.db.models.functions import Now

from catalog.models import DatasetVersion
from diamondhub import leases
from diamondhub.alerts.outbox import announce
from ingest import brakes, dead_letters, delisting, drift, ending, report
from ingest.models import ConsolidationBatch, Feed, Partition, Run
from ingest.transitions import transition

#: How long a run that waits for batches rests between looks (seconds); batches ring it when they end.
LOOK_AGAIN = 2.0


def finish(run: Run, lease: leases.Lease) -> float | None:
    """Finish a run whose batches are all done; returns seconds to wait, or None if it moved on."""
    if run.batches.filter(state=ConsolidationBatch.State.READY).exists():
        return LOOK_AGAIN
    if report.batch_totals(run)["inserted"]:
        with connection.cursor() as cursor:
            # What the planner knows of the catalogue is as old as the last time that somebody looked.
            cursor.execute("ANALYZE catalog_diamond")
    with transaction.atomic():
        leases.renew(lease, seconds=settings.RUN_LEASE_SECONDS)
        complete = not run.partitions.filter(~Q(state=Partition.State.COMPLETED)).exists()
        missing = sum(run.partitions.values_list("missing", flat=True))
        if missing > max(5, 0.001 * run.plan.total) and not run.suspect:
            run.suspect = f"{missing} stones that the supplier counts were never shown"
            Run.objects.filter(pk=run.pk).update(suspect=run.suspect)
        drift.compare(run)
        may_delist = complete and run.kind == Run.Kind.FULL and not run.suspect and not _overtaken(run)
        if pressing := brakes.pressing(run, _brakes(run, may_delist=may_delist)):
            brakes.hold(run, pressing)
            return None
        delisted = delisting.delist(run) if may_delist else 0
        if complete and not run.suspect:
            Feed.objects.filter(pk=run.feed_id).filter(
                Q(watermark__isnull=True) | Q(watermark__lt=run.window_to)
            ).update(watermark=run.window_to)
        totals = report.batch_totals(run)
        if delisted or totals["inserted"] or totals["updated"]:
            DatasetVersion.bump(f"run {run.pk}")
        transition(run, Run.State.COMPLETED, reason=run.suspect, finished_at=Now(), due_at=None)
        # What was published since the run pinned its rule set prices its stones now.
        ending.follow(run)
        summary = report.report(run, delisted=delisted)
        Run.objects.filter(pk=run.pk).update(summary=summary)
        announce(
            dedupe_key=f"run:{run.pk}:completed:{run.events.count()}",
            kind="run_completed",
            severity="warning" if run.suspect or not complete else "info",
            subject=_subject(run, summary, complete=complete),
            details=summary,
            trace_id=run.trace_id,
        )
    return None


def _overtaken(run: Run) -> bool:
    """Whether a later run of the feed has brought stones: they were not there to be shown when this one read."""
    return Run.objects.filter(feed=run.feed_id, pk__gt=run.pk, batches__isnull=False).exists()


def _brakes(run: Run, *, may_delist: bool) -> list[brakes.Brake]:
    found = []
    pages = report.page_totals(run)
    received = pages["received"]
    share, why = drift.required_missing(run, received - pages["repeats"])
    if why:
        found.append(brakes.Brake("required_missing", share, why))
    dead = dead_letters.stones_of(run)
    if dead > max(1, run.feed.error_budget * received):
        why = f"{dead} of {received} stones are dead letters, more than {run.feed.error_budget:.0%}"
        found.append(brakes.Brake("dead_letters", dead / max(1, received), why))
    if may_delist:
        unseen = delisting.count_unseen(run)
        if why := delisting.brake(run, unseen):
            found.append(brakes.Brake("delisting", unseen / max(1, delisting.count_listed(run)), why))
    return found


def _subject(run: Run, summary: dict[str, object], *, complete: bool) -> str:
    ending = "completed" if complete else "completed in part"
    if run.suspect:
        ending += f" but is suspect ({run.suspect})"
    return (
        f"Run {run.pk} of {run.feed.slug} {ending}: {summary['inserted']} new, {summary['updated']} changed, "
        f"{summary['delisted']} delisted"
    )

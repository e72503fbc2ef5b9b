"""The end of a run: delisting, watermark, dataset version, summary and alert in one last transaction."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q
from django.db.models.functions import Now

from catalog.changes import log
from diamondhub import leases
from diamondhub.alerts.outbox import announce
from diamondhub.webhooks.events import EventKind
from diamondhub.webhooks.outbox import emit
from ingest import brakes, delisting, drift, ending, report, review, several_offers
from ingest.models import ConsolidationBatch, Feed, Partition, Run
from ingest.problems import runs as run_problems
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
    # Before the last transaction, which holds the rows of what it delists for as long as it takes.
    delists = _may_delist(run, complete=_is_complete(run)) and not brakes.never_shown(run)
    offers = several_offers.count(run, without_unseen=delists)
    pressing = _finish(run, lease, offers)
    if pressing:
        shown = review.of(run, pressing)
        with transaction.atomic():
            leases.renew(lease, seconds=settings.RUN_LEASE_SECONDS)
            brakes.hold(run, pressing, shown)
    return None


def _finish(run: Run, lease: leases.Lease, offers: dict[str, Any]) -> list[brakes.Brake]:
    """Finish the run in one transaction, unless brakes press that nobody has approved: these are returned."""
    with transaction.atomic():
        leases.renew(lease, seconds=settings.RUN_LEASE_SECONDS)
        complete = _is_complete(run)
        if not run.suspect and (why := brakes.never_shown(run)):
            run.suspect = why
            Run.objects.filter(pk=run.pk).update(suspect=why)
        drift.compare(run)
        may_delist = _may_delist(run, complete=complete)
        if pressing := brakes.pressing(run, brakes.end_brakes(run, may_delist=may_delist)):
            return pressing
        run.review = review.with_answers(run)
        log.because(f"run {run.pk}")
        # What was taken off when it was decided that renumbered stones are new ones is among it.
        delisted = run.summary.get("delisted", 0) + (delisting.delist(run) if may_delist else 0)
        if complete and not run.suspect:
            Feed.objects.filter(pk=run.feed_id).filter(
                Q(watermark__isnull=True) | Q(watermark__lt=run.window_to)
            ).update(watermark=run.window_to)
        transition(run, Run.State.COMPLETED, reason=run.suspect, finished_at=Now(), due_at=None)
        # What was published since the run pinned its rule set prices its stones now.
        ending.follow(run)
        summary = {**report.report(run, delisted=delisted), "several_offers": offers}
        Run.objects.filter(pk=run.pk).update(summary=summary, review=run.review)
        announce(
            dedupe_key=f"run:{run.pk}:completed:{run.events.count()}",
            kind="run_completed",
            severity="info",
            subject=_subject(run, summary, complete=complete),
            details=summary,
            trace_id=run.trace_id,
        )
        run_problems.completed(run, complete=complete)
        emit(
            EventKind.RUN_COMPLETED,
            {
                "run": run.pk,
                "feed": run.feed.slug,
                "kind": run.kind,
                "state": run.state,
                "complete": complete,
                # What it delisted is in this version, too; nothing that could wait for others comes after.
                "version": log.take(),
            },
        )
    return []


def _is_complete(run: Run) -> bool:
    return not run.partitions.filter(~Q(state=Partition.State.COMPLETED)).exists()


def _may_delist(run: Run, *, complete: bool) -> bool:
    return complete and run.kind == Run.Kind.FULL and not run.suspect and not _overtaken(run)


def _overtaken(run: Run) -> bool:
    """Whether a later run of the feed has brought stones: they were not there to be shown when this one read."""
    return Run.objects.filter(feed=run.feed_id, pk__gt=run.pk, batches__isnull=False).exists()


def _subject(run: Run, summary: dict[str, object], *, complete: bool) -> str:
    ending = "completed" if complete else "completed in part"
    if run.suspect:
        ending += f" but is suspect ({run.suspect})"
    return (
        f"Run {run.pk} of {run.feed.slug} {ending}: {summary['inserted']} new, {summary['updated']} changed, "
        f"{summary['delisted']} delisted"
    )

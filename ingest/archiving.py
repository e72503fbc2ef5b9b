"""Archiving: the ledger of pages of a run that ended long ago is folded into sums on its summary.

Such a run cannot be retried any more; every report still shows its numbers.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from diamondhub.operations.retention import Removed, days_ago
from diamondhub.operations.sizes import Amount, of_rows
from ingest.models import Page, Partition, Run
from ingest.models.run import LIVE_STATES
from ingest.report import page_totals, report


def runs_to_archive() -> QuerySet[Run]:
    """Runs that are over for longer than their ledgers are kept."""
    return Run.objects.filter(
        archived_at__isnull=True, finished_at__lt=days_ago(settings.LEDGER_RETENTION_DAYS)
    ).exclude(state__in=LIVE_STATES)


def would_archive() -> Removed:
    """How many runs' ledgers would be folded now."""
    return {"ledgers": runs_to_archive().count()}


def would_free() -> Amount:
    """What their pages take."""
    return of_rows(Page.objects.filter(run_id__in=runs_to_archive().values("pk")))


def archive_ledgers() -> Iterator[Removed]:
    """Fold the pages of old runs into sums on their summaries, a run at a time."""
    for pk in list(runs_to_archive().order_by("pk").values_list("pk", flat=True)):
        pages = archive(pk)
        if pages is not None:
            yield {"ledgers": 1, "pages": pages}


def archive(run_id: int) -> int | None:
    """Fold one run's pages; returns how many they were, or None if it is not to be archived any more.

    Holds the run's row, so that nobody retries it meanwhile.
    """
    with transaction.atomic():
        run = runs_to_archive().select_for_update(of=("self",)).select_related("feed").filter(pk=run_id).first()
        if run is None:
            return None
        summary = run.summary or report(run)
        Run.objects.filter(pk=run.pk).update(summary={**summary, "ledger": page_totals(run)}, archived_at=Now())
        pages, _ = Page.objects.filter(run_id=run.pk).delete()
        run.partitions.filter(kind=Partition.Kind.CONFIRM).update(stone_ids=[], unnamed=[])
    return pages

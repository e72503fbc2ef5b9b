"""What ingestion looks for: feeds that are too old, runs that do not get on, schedules that nobody can read, suppliers that
fail or throttle."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import Max, Q
from django.db.models.functions import Now

from diamondhub.admin.display import duration
from diamondhub.database import clock
from diamondhub.operations.problems.kinds import Severity
from diamondhub.operations.problems.looking import Wrong
from diamondhub.operations.problems.reading import unresolved
from ingest import crontab, freshness, request_counts, resting
from ingest.models import Feed, Page, Run, SupplierRequests

#: A stage that brought nothing for so long does not get on; no step of one takes that long.
STALLED_AFTER = timedelta(minutes=10)
#: A supplier fails if this share of its last requests has failed, of at least so many; once it does, until fewer do.
FAILING_SHARE, FAILING_REQUESTS, MENDED_SHARE = 0.5, 5, 0.2
#: A supplier throttles if so many of its last requests were refused, and this share of them.
THROTTLED_REQUESTS, THROTTLED_SHARE = 5, 0.05


def stale_feeds() -> Iterator[Wrong]:
    """Feeds whose stones are known to be true up to a moment that is too long ago."""
    now, pauses = clock(), resting.in_force()
    for feed in Feed.objects.filter(enabled=True):
        age, bound = freshness.age(feed, now), freshness.bound(feed, now)
        if age <= bound:
            continue
        pause = pauses.asking(feed)
        known = f"since {feed.watermark:%Y-%m-%d %H:%M} UTC" if feed.watermark else "ever"
        yield Wrong(
            "feed-stale",
            f"feed:{feed.slug}",
            f"{feed.slug} is {duration(age)} old, more than {duration(bound)}: no run has completed {known}"
            + (f"; {pause.sentence}" if pause else ""),
            {
                "feed": feed.slug,
                "watermark": feed.watermark and feed.watermark.isoformat(),
                "bound_seconds": round(bound.total_seconds()),
                "full_schedule": feed.full_schedule or "none",
                "incremental_schedule": feed.incremental_schedule or "none",
            },
            Severity.CRITICAL if age > 2 * bound else None,
        )


def stalled_runs() -> Iterator[Wrong]:
    """Live runs of which nothing was heard for too long; those that wait for a person are another kind.

    One that is paused is let be, and has its time anew when the pause has ended.
    """
    now, pauses = clock(), resting.in_force()
    for run in resting.live_runs():
        if pauses.stopping(run):
            continue
        heard = _last_heard_of(run)
        if now - heard <= STALLED_AFTER:
            continue
        yield Wrong(
            "run-stalled",
            f"feed:{run.feed.slug}",
            f"Run {run.pk} of {run.feed.slug} has brought nothing for {duration(now - heard)} while {run.state}",
            {"run": run.pk, "feed": run.feed.slug, "state": run.state, "last_heard": heard.isoformat()},
            where=f"run:{run.pk}",
        )


def _last_heard_of(run: Run) -> Any:
    moments = [run.created_at, run.events.aggregate(last=Max("at"))["last"], resting.last_end(run)]
    if run.state == Run.State.INGESTING:
        moments.append(Page.objects.filter(run_id=run.pk).aggregate(last=Max("created_at"))["last"])
        moments.append(run.partitions.aggregate(last=Max("completed_at"))["last"])
    if run.state == Run.State.CONSOLIDATING:
        moments.append(run.batches.aggregate(last=Max("completed_at"))["last"])
    if run.state == Run.State.SETTLING:
        # It waits for retries until it is due.
        moments.append(run.due_at)
    return max(moment for moment in moments if moment is not None)


def unreadable_schedules() -> Iterator[Wrong]:
    """Schedules that no form has let through, and that nobody can read: no run is started by them."""
    for feed in Feed.objects.filter(~Q(full_schedule="") | ~Q(incremental_schedule=""), enabled=True):
        faults = {}
        for kind, text in ((Run.Kind.FULL, feed.full_schedule), (Run.Kind.INCREMENTAL, feed.incremental_schedule)):
            try:
                if text:
                    crontab.parse(text)
            except ValueError as error:
                faults[kind.value] = str(error)
        if faults:
            words = "; ".join(f"the schedule of {kind} runs cannot be read: {fault}" for kind, fault in faults.items())
            yield Wrong("schedule-unreadable", f"feed:{feed.slug}", f"{feed.slug}: {words}", {"faults": faults})


def troubled_suppliers() -> Iterator[Wrong]:
    """Supplier accounts whose last requests failed or were refused for being too many.

    An account that nobody asks is as it was when somebody asked last, for a day.
    """
    known = set(unresolved().filter(kind__in=("supplier-failing", "supplier-throttling")).values_list("kind", "about"))
    for lately in request_counts.lately():
        of = f"account:{lately.account}"
        details = {
            "account": lately.account,
            "requests": lately.requests,
            "failed": lately.failed,
            "throttled": lately.throttled,
            "last_answer": lately.last_error,
            "last_asked": lately.until.isoformat(),
        }
        is_known = ("supplier-failing", of) in known
        share = lately.recently_failed / max(1, lately.recent)
        enough = is_known or lately.recent >= FAILING_REQUESTS
        words = ""
        if enough and share >= (MENDED_SHARE if is_known else FAILING_SHARE):
            words = f"{share:.0%} of our last {lately.recent:,} requests"
        elif lately.failed_at_the_end >= (1 if is_known else FAILING_REQUESTS):
            # It was well a moment ago, and few were made since: a run that cannot be planned makes no more.
            words = f"{lately.failed_at_the_end:,} of our last {lately.failed_at_the_end:,} requests"
        if words:
            said = f": {lately.last_error}" if lately.last_error else ""
            yield Wrong("supplier-failing", of, f"The supplier ({lately.account}) fails {words}{said}", details)
        share = lately.throttled / max(1, lately.requests)
        enough = lately.throttled >= THROTTLED_REQUESTS and share >= THROTTLED_SHARE
        if enough or (lately.throttled and ("supplier-throttling", of) in known):
            yield Wrong(
                "supplier-throttling",
                of,
                f"The supplier ({lately.account}) refuses requests as too many: {lately.throttled:,} of the last "
                f"{lately.requests:,}, at a limit of {settings.NIVODA_RATE_LIMIT} a second",
                details,
            )


def old_request_counts() -> Any:
    """Counts of requests that no chart shows any more."""
    return SupplierRequests.objects.filter(at__lt=Now() - timedelta(days=request_counts.KEPT_DAYS))

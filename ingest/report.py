"""The report of a run, derived from its rows: the JSON of commands and the numbers of every display."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from django.db.models import Count, Q, Sum
from django.db.models.functions import Coalesce

from ingest import drift
from ingest.models import Page, Partition, Run


def page_totals(run: Run) -> dict[str, int]:
    """Sums over the run's page ledger; of an archived run those that were kept."""
    if run.archived_at:
        kept: dict[str, int] = run.summary["ledger"]
        return kept
    totals: dict[str, int] = Page.objects.filter(run_id=run.pk).aggregate(
        pages=Count("id"),
        **{name: Coalesce(Sum(name), 0) for name in ("received", "stored", "unchanged", "repeats", "dead")},
    )
    return totals


def batch_totals(run: Run) -> dict[str, int]:
    """Sums over the run's consolidated batches."""
    totals: dict[str, int] = run.batches.aggregate(
        batches=Count("id"),
        batches_completed=Count("id", filter=Q(state="completed")),
        **{name: Coalesce(Sum(name), 0) for name in ("stones", "inserted", "updated", "unchanged")},
    )
    return totals


def partition_totals(run: Run) -> dict[str, int]:
    """The numbers of the run's partitions by state, and of their requests besides pages."""
    totals: dict[str, int] = run.partitions.aggregate(
        partitions=Count("id"),
        partitions_completed=Count("id", filter=Q(state=Partition.State.COMPLETED)),
        partitions_failed=Count("id", filter=Q(state=Partition.State.FAILED)),
        # This comes before the sum that hides the column behind its own name.
        confirming=Coalesce(Sum("expected", filter=Q(kind=Partition.Kind.CONFIRM)), 0),
        expected=Coalesce(Sum("expected", filter=Q(kind=Partition.Kind.RANGE)), 0),
        other_requests=Coalesce(Sum("other_requests"), 0),
        missing=Coalesce(Sum("missing"), 0),
    )
    return totals


def stage_seconds(run: Run) -> dict[str, float]:
    """Seconds that the run spent in each state so far, by its audit events."""
    events = list(run.events.order_by("id"))
    seconds: dict[str, float] = {}
    for event, following in pairwise(events):
        seconds[event.to_state] = seconds.get(event.to_state, 0.0) + (following.at - event.at).total_seconds()
    return {state: round(value, 3) for state, value in seconds.items()}


def report(run: Run, *, delisted: int | None = None) -> dict[str, Any]:
    """A run's report as one JSON object; times are ISO 8601, durations are seconds."""
    pages, batches, partitions = page_totals(run), batch_totals(run), partition_totals(run)
    if delisted is None:
        delisted = run.summary.get("delisted", 0)
    return {
        "run": run.pk,
        "feed": run.feed.slug,
        "kind": run.kind,
        "state": run.state,
        "window": {
            "from": run.window_from.isoformat() if run.window_from else None,
            "to": run.window_to.isoformat() if run.window_to else None,
        },
        "partitions": partitions["partitions"],
        "partitions_completed": partitions["partitions_completed"],
        "partitions_failed": partitions["partitions_failed"],
        "requests": run.plan.requests + pages["pages"] + partitions["other_requests"],
        "planning_requests": run.plan.requests,
        "pages": pages["pages"],
        "received": pages["received"],
        "repeats": pages["repeats"],
        "stones_stored": pages["stored"],
        "unchanged": pages["unchanged"],
        "inserted": batches["inserted"],
        "updated": batches["updated"],
        "delisted": delisted,
        "missing": partitions["missing"],
        "dead_letters": run.dead_letters.count(),
        "unseen": run.review.get("answers", {}),
        "drift": drift.summary(run),
        "rule_set": run.rule_set,
        "experiment": run.experiment.slug if run.experiment else None,
        "suspect": run.suspect,
        "failure": run.failure,
        "trace_id": run.trace_id,
        "seconds": stage_seconds(run),
    }

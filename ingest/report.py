"""The report of a run, derived from its rows: the JSON of commands and the numbers of every display."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import Any

from django.db.models import Count, Q, Sum
from django.db.models.functions import Coalesce, Now

from ingest import drift, rows_of_lists
from ingest.models import Page, Partition, Run, RunEvent

#: A run's pace is that of its last so many seconds.
LATELY_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over a run's rows, and its events, taken once for all that show them.

    `lately` are the pages of the last `LATELY_SECONDS`.
    """

    pages: dict[str, int]
    batches: dict[str, int]
    partitions: dict[str, int]
    lately: int
    events: list[RunEvent]


def totals(run: Run) -> Totals:
    """Three grouped queries, and one for the events; the ledger is read once."""
    since = Now() - timedelta(seconds=LATELY_SECONDS)
    pages = dict(page_totals(run, lately=Count("id", filter=Q(created_at__gt=since))))
    return Totals(pages, batch_totals(run), partition_totals(run), pages.pop("lately", 0), [*run.events.order_by("id")])


def page_totals(run: Run, **more: Count) -> dict[str, int]:
    """Sums over the run's page ledger; of an archived run those that were kept."""
    if run.archived_at:
        kept: dict[str, int] = run.summary["ledger"]
        return kept
    sums: dict[str, int] = Page.objects.filter(run_id=run.pk).aggregate(
        pages=Count("id"),
        **{name: Coalesce(Sum(name), 0) for name in ("received", "stored", "unchanged", "repeats", "dead")},
        **more,
    )
    return sums


def batch_totals(run: Run) -> dict[str, int]:
    """Sums over the run's consolidated batches."""
    sums: dict[str, int] = run.batches.aggregate(
        batches=Count("id"),
        batches_completed=Count("id", filter=Q(state="completed")),
        **{name: Coalesce(Sum(name), 0) for name in ("stones", "inserted", "updated", "unchanged")},
    )
    return sums


def partition_totals(run: Run) -> dict[str, int]:
    """The numbers of the run's partitions by state, and of their requests besides pages."""
    sums: dict[str, int] = run.partitions.aggregate(
        partitions=Count("id"),
        partitions_completed=Count("id", filter=Q(state=Partition.State.COMPLETED)),
        partitions_failed=Count("id", filter=Q(state=Partition.State.FAILED)),
        # This comes before the sum that hides the column behind its own name.
        confirming=Coalesce(Sum("expected", filter=Q(kind=Partition.Kind.CONFIRM)), 0),
        expected=Coalesce(Sum("expected", filter=Q(kind=Partition.Kind.RANGE)), 0),
        other_requests=Coalesce(Sum("other_requests"), 0),
        missing=Coalesce(Sum("missing"), 0),
    )
    return sums


def stage_seconds(events: Sequence[RunEvent]) -> dict[str, float]:
    """Seconds that a run spent in each state so far, by its events in their order."""
    seconds: dict[str, float] = {}
    for event, following in pairwise(events):
        seconds[event.to_state] = seconds.get(event.to_state, 0.0) + (following.at - event.at).total_seconds()
    return {state: round(value, 3) for state, value in seconds.items()}


def report(run: Run, *, delisted: int | None = None, taken: Totals | None = None) -> dict[str, Any]:
    """A run's report as one JSON object; times are ISO 8601, durations are seconds."""
    taken = taken or totals(run)
    pages, batches, partitions = taken.pages, taken.batches, taken.partitions
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
        # Counted at the end of the run, see `ingest.several_offers`.
        "several_offers": run.summary.get("several_offers", {}),
        "unseen": run.review.get("answers", {}),
        "drift": drift.summary(run),
        "rows_of_list": rows_of_lists.as_json(run),
        "rule_set": run.rule_set,
        "experiment": run.experiment.slug if run.experiment else None,
        "suspect": run.suspect,
        "failure": run.failure,
        "trace_id": run.trace_id,
        "seconds": stage_seconds(taken.events),
    }

"""A run's progress: one snapshot of its rows, for `watch_run`, the demo's display and the admin."""

from __future__ import annotations

from dataclasses import dataclass

from ingest.models import Run
from ingest.report import LATELY_SECONDS, Totals, totals


@dataclass(frozen=True, slots=True)
class Progress:
    """A run's numbers at one moment. `per_second` is the pages stored in each of the last five seconds on average;
    `seconds_left` is an estimate for the pages still to come at that pace, None while there is no pace."""

    run: int
    feed: str
    state: str
    partitions: int
    partitions_completed: int
    partitions_failed: int
    pages: int
    received: int
    expected: int
    batches: int
    batches_completed: int
    per_second: float
    seconds_left: float | None

    @property
    def share(self) -> float:
        """The share of the current stage that is done, between 0 and 1."""
        if self.state == Run.State.CONSOLIDATING:
            return self.batches_completed / self.batches if self.batches else 0.0
        return min(1.0, self.received / self.expected) if self.expected else 0.0


def progress(run: Run, taken: Totals | None = None) -> Progress:
    """Take a snapshot of a run, or make one of sums that were taken already; see `totals`."""
    taken = taken or totals(run)
    partitions, batches = taken.partitions, taken.batches
    pages, received = taken.pages["pages"], taken.pages["received"] - taken.pages["repeats"]
    expected = partitions["expected"] + partitions["confirming"]
    per_second = taken.lately / LATELY_SECONDS
    left = None
    if run.state == Run.State.INGESTING and per_second and pages:
        left = max(0, expected - received) / max(1.0, received / pages) / per_second
    return Progress(
        run=run.pk,
        feed=run.feed.slug,
        state=run.state,
        partitions=partitions["partitions"],
        partitions_completed=partitions["partitions_completed"],
        partitions_failed=partitions["partitions_failed"],
        pages=pages,
        received=received,
        expected=expected,
        batches=batches["batches"],
        batches_completed=batches["batches_completed"],
        per_second=per_second,
        seconds_left=left,
    )


def line(now: Progress) -> str:
    """A snapshot as one line for a terminal."""
    if now.state == Run.State.PLANNING:
        return f"{now.feed}: planning"
    if now.state in (Run.State.INGESTING, Run.State.SETTLING):
        left = "" if now.seconds_left is None else f", {duration(now.seconds_left)} left"
        failed = f", {now.partitions_failed} failed" if now.partitions_failed else ""
        return (
            f"{now.feed}: {now.state} {now.share:4.0%}  {now.received:,} of {now.expected:,} stones, "
            f"{now.partitions_completed} of {now.partitions} partitions{failed}, {now.per_second:.1f} pages/s{left}"
        )
    if now.state == Run.State.CONSOLIDATING:
        return f"{now.feed}: consolidating {now.share:4.0%}  {now.batches_completed} of {now.batches} batches"
    return f"{now.feed}: {now.state}"


def bar(share: float, width: int = 24) -> str:
    """A share between 0 and 1 as a bar for a terminal."""
    full = round(min(1.0, max(0.0, share)) * width)
    return f"[{'#' * full}{'.' * (width - full)}]"


def duration(seconds: float) -> str:
    """Seconds for people: `48 s`, `3 min 05 s`."""
    whole = round(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60:02d} s"

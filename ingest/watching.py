"""Waiting for a run, and its progress and end in words."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Protocol

import msgspec
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models.functions import Now

from diamondhub.telemetry.models import Heartbeat
from ingest import review
from ingest.models import Run
from ingest.progress import Progress, duration, line, progress
from ingest.report import report


class Output(Protocol):
    """The output of a command, a terminal or not."""

    def write(
        self, msg: str = "", style_func: Callable[[str], str] | None = None, ending: str | None = None
    ) -> object: ...

    def isatty(self) -> bool: ...


#: Interval at which the rows are read (seconds).
LOOK = 0.5


def wait_until_over(run_id: int, *, show: Callable[[Progress], None] | None = None) -> Run:
    """Watch a run until it is over or waits for a person; returns it. A database that is away is waited for."""
    while True:
        try:
            run = Run.objects.select_related("feed").get(pk=run_id)
            if show is not None:
                show(progress(run))
            if not run.live or run.state == Run.State.IN_REVIEW:
                return run
        except DatabaseError:
            connection.close()
        time.sleep(LOOK)


def somebody_works() -> bool:
    """Whether a sweep ran lately, so that beat and a worker are alive."""
    grace = timedelta(seconds=max(30.0, settings.SWEEP_SECONDS * 6))
    return Heartbeat.objects.filter(name="sweep", seen_at__gt=Now() - grace).exists()


def printer(output: Output) -> Callable[[Progress], None]:
    """A function that shows progress: on a terminal one line, rewritten, else a line for each stage and tenth of it."""
    last: list[object] = []

    def show(now: Progress) -> None:
        text = line(now)
        if output.isatty():
            output.write(f"\r\033[K{text}", ending="")
            if now.state not in ("planning", "ingesting", "settling", "consolidating"):
                output.write("")
            return
        mark = [now.state, int(now.share * 10)]
        if mark != last:
            last[:] = mark
            output.write(text)

    return show


def last_reason(run: Run) -> str:
    """The reason of the run's last transition."""
    event = run.events.order_by("-id").first()
    return event.reason if event else ""


def report_with_review(run: Run) -> dict[str, Any]:
    """The run's report, and what it waits or waited for, with examples."""
    return {**report(run), "review": msgspec.to_builtins(review.read(run).held)}


def ending(run: Run) -> str:
    """The end of a run in words: its counts, and the brakes that hold it if it waits for a person."""
    done = report(run)
    seconds = sum(done["seconds"].values())
    held = review.lines(review.read(run)) if run.state == Run.State.IN_REVIEW else ()
    words = (
        f"run {run.pk} of {run.feed.slug} {run.state} in {duration(seconds)}: {done['received']:,} stones received on "
        f"{done['pages']:,} pages ({done['requests']:,} requests), {done['inserted']:,} new, {done['updated']:,} changed, "
        f"{done['unchanged']:,} unchanged, {done['delisted']:,} delisted, {done['dead_letters']:,} dead letters"
    )
    return "\n".join([words, *held])

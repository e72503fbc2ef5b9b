"""Scheduled runs: the sweep calls `start_due`, the admin shows `next_slots`.

A slot becomes a row in the transaction that starts its run, under a lock on the feed's row, so that of many
sweeps at once only one handles it. Time is the database's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

import structlog
from django.db import transaction
from django.db.models import Max, Q
from django.db.models.functions import Now

from diamondhub.operations.problems import tracking
from ingest import crontab, resting, runs
from ingest.errors import IngestError
from ingest.models import Feed, Run, ScheduleSlot

log = structlog.get_logger(__name__)

#: Missed slots in a row that are kept (the newest): a schedule by the minute misses 1,440 a day.
MISSED_KEPT = 500
#: Skipped slots in a row that are a problem.
SKIPPED_IN_A_ROW = 3
#: The starter of scheduled runs in the audit.
ACTOR = "schedule"

#: Longest reason of a slot (characters).
MAX_REASON = 500
#: The reasons of slots that a pause kept from starting a run begin so.
_PAUSED = "paused: "
_MISSED = "nobody was there when it was due, and a later one is due as well"


@dataclass(frozen=True, slots=True)
class Due:
    """The slots of one schedule that are due and not handled yet, newest first."""

    kind: str
    slots: list[datetime]


def start_due() -> None:
    """Handle every due slot of every enabled feed; the sweep calls it."""
    for feed in Feed.objects.filter(~Q(full_schedule="") | ~Q(incremental_schedule=""), enabled=True).annotate(
        now=Now()
    ):
        if any(_due(feed, feed.now)):
            _start(feed.pk)


def next_slots(feed: Feed, now: datetime, number: int = 3) -> list[tuple[datetime, str]]:
    """The next `number` slots of the feed's schedules together, each with the kind of run that it will start."""
    coming = [(slot, kind) for kind, schedule in _schedules(feed) for slot in islice(schedule.slots_after(now), number)]
    return sorted(coming)[:number]


def _schedules(feed: Feed) -> Iterable[tuple[str, crontab.Crontab]]:
    """The feed's schedules, full runs first; one that cannot be read (forms refuse it) is left out."""
    for kind, text in ((Run.Kind.FULL, feed.full_schedule), (Run.Kind.INCREMENTAL, feed.incremental_schedule)):
        if not text:
            continue
        try:
            yield kind.value, crontab.parse(text)
        except ValueError:
            # `ingest.problems.looks` tells of it.
            continue


def _due(feed: Feed, now: datetime) -> Iterable[Due]:
    for kind, schedule in _schedules(feed):
        dealt_with = feed.slots.filter(kind=kind).aggregate(newest=Max("due_at"))["newest"]
        after = max(feed.scheduled_since, dealt_with or feed.scheduled_since)
        slots = list(islice(schedule.slots_back(now, after), MISSED_KEPT + 1))
        if slots:
            yield Due(kind, slots)


@transaction.atomic
def _start(feed_id: int) -> None:
    """Start the run that the feed is due for, and record all other slots as skipped. Locks the feed's row (SKIP LOCKED)."""
    feed = (
        Feed.objects.select_for_update(skip_locked=True, no_key=True)
        .filter(pk=feed_id, enabled=True)
        .annotate(now=Now())
        .first()
    )
    if feed is None:
        return
    if (pause := resting.in_force().asking(feed)) is not None:
        # Somebody wants it so: that is nobody's problem but the pause's own.
        for due in _due(feed, feed.now):
            _keep(feed, due.kind, due.slots, reason=f"{_PAUSED}{pause.sentence}"[:MAX_REASON])
            log.info("slot_paused", feed=feed.slug, kind=due.kind, due_at=_spoken(due.slots[0]))
        return
    started_for: datetime | None = None
    # Full runs come first and win, since they include the changes that an incremental run would bring.
    for due in _due(feed, feed.now):
        newest, *missed = due.slots
        _keep(feed, due.kind, missed, reason=_MISSED)
        if started_for is not None:
            _keep(feed, due.kind, [newest], reason=f"the full run due at {_spoken(started_for)} goes first")
            continue
        try:
            run = runs.start_run(
                feed.slug, kind=due.kind, started_by=ACTOR, reason=f"{due.kind} run due at {_spoken(newest)}"
            )
        except IngestError as error:
            _keep(feed, due.kind, [newest], reason=str(error))
            log.warning("slot_skipped", feed=feed.slug, kind=due.kind, due_at=_spoken(newest), reason=str(error))
        else:
            started_for = newest
            _keep(feed, due.kind, [newest], run=run)
            log.info("slot_started", feed=feed.slug, kind=due.kind, due_at=_spoken(newest), run_id=run.pk)
    if started_for is None:
        _tell_of_skipping(feed)
    else:
        tracking.resolve("slots-skipped", f"feed:{feed.slug}", why=f"the run due at {_spoken(started_for)} was started")


def _keep(feed: Feed, kind: str, slots: Iterable[datetime], *, run: Run | None = None, reason: str = "") -> None:
    state = ScheduleSlot.State.SKIPPED if run is None else ScheduleSlot.State.STARTED
    ScheduleSlot.objects.bulk_create(
        ScheduleSlot(feed=feed, kind=kind, due_at=slot, state=state, run=run, reason=reason, created_at=Now())
        for slot in slots
    )


def _tell_of_skipping(feed: Feed) -> None:
    """Tell when the feed's last slots were all skipped: its stones are not kept up to date."""
    last = list(feed.slots.exclude(reason__startswith=_PAUSED).order_by("-due_at", "-kind")[:SKIPPED_IN_A_ROW])
    if len(last) < SKIPPED_IN_A_ROW or any(slot.state != ScheduleSlot.State.SKIPPED for slot in last):
        return
    tracking.occurred(
        "slots-skipped",
        f"feed:{feed.slug}",
        subject=f"{feed.slug}: the last {SKIPPED_IN_A_ROW} scheduled runs were not started: {last[0].reason}",
        details={"slots": [{"kind": s.kind, "due_at": s.due_at.isoformat(), "reason": s.reason} for s in last]},
    )


def _spoken(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"

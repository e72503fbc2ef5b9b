"""Beat's scheduler: the single entry of the settings, in memory; `celery beat --scheduler diamondhub.beat:Scheduler`."""

from __future__ import annotations

import structlog
from celery import beat
from kombu import Producer

log = structlog.get_logger(__name__)


class Scheduler(beat.Scheduler):
    """A scheduler that logs one line while the broker is away and connects anew at the next turn."""

    def apply_entry(self, entry: beat.ScheduleEntry, producer: Producer | None = None) -> None:
        """Send one entry. Never raises for a broker that cannot be reached: the next sweep makes up for it."""
        try:
            self.apply_async(entry, producer=producer, advance=False)
        except beat.SchedulingError as error:
            log.warning("sweep_not_rung", error=str(error.__cause__ or error))

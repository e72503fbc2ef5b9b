"""Beat's scheduler: the one entry of the settings, in memory; `celery beat --scheduler diamondhub.beat:Scheduler`."""

from __future__ import annotations

import structlog
from celery import beat
from kombu import Producer

log = structlog.get_logger(__name__)


class Scheduler(beat.Scheduler):
    """Sends what is due; a broker that is away costs one line, and the next turn connects anew."""

    def apply_entry(self, entry: beat.ScheduleEntry, producer: Producer | None = None) -> None:
        """Send one entry. Never raises for a broker that cannot be reached: the next sweep makes up for it."""
        try:
            self.apply_async(entry, producer=producer, advance=False)
        except beat.SchedulingError as error:
            log.warning("sweep_not_rung", error=str(error.__cause__ or error))

"""Quiet hours: a stretch of each day by the clock of a zone, in which what is not critical waits for its end.

Both ends are moments, computed from the zone's rules: where clocks are put forward or back, a night is an hour shorter or
longer, none is entered twice, and what is held comes out of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From one time of the day to another, perhaps of the next day; equal ones are a whole day."""

    begin: time
    end: time
    zone: str

    def ends(self, now: datetime) -> datetime | None:
        """The end of the quiet hours that `now` is in; None if it is in none."""
        zone = ZoneInfo(self.zone)
        today = now.astimezone(zone).date()
        for day in (today - timedelta(days=1), today):
            until_day = day if self.begin < self.end else day + timedelta(days=1)
            begins = datetime.combine(day, self.begin, tzinfo=zone).astimezone(UTC)
            ends = datetime.combine(until_day, self.end, tzinfo=zone).astimezone(UTC)
            if begins <= now < ends:
                return ends
        return None

"""Crontab strings of feeds: five fields, UTC. `ingest.scheduling` asks for their slots, the admin validates them.

Celery's parser reads the fields; spellings that it would silently misread are refused first. Unlike in Celery, and like in
cron, a day matches if the day of the month or the day of the week does, where both are named.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

from celery.schedules import ParseException, crontab_parser
from django.core.exceptions import ValidationError

#: A schedule without a slot within this many days never has one. Days of the month and of the week that must both match
#: (`* * 10 1 */7`) may do so once in twelve years; the 29th of February on a Sunday, around the year 2100, once in forty.
NEVER_DAYS = 14_609 + 2

_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


@dataclass(frozen=True, slots=True)
class _Field:
    """One of the five fields: its name, its bounds, a pattern of its numbers, and the names that stand for these."""

    name: str
    low: int
    high: int
    digits: str
    names: tuple[str, ...] = ()

    @property
    def pattern(self) -> str:
        """A regular expression of what the field may be, in letters of either case."""
        names = ["".join(f"[{letter}{letter.upper()}]" for letter in name) for name in self.names]
        number = "|".join((self.digits, *names))
        # "5/10" is read as "5" by some and as "5-59/10" by others.
        part = rf"(({number})|(\*|({number})-({number}))(/[1-9][0-9]?)?)"
        return f"{part}(,{part})*"

    @property
    def accepted(self) -> str:
        """The accepted spellings, for messages."""
        names = f" or {self.names[0]}–{self.names[-1]}" if self.names else ""
        return f"*, {self.low}–{self.high}{names}, ranges as 1-5, steps as */15, lists as 1,3"

    def parse(self, text: str) -> frozenset[int]:
        """The numbers that the field matches. Raises `ValueError`."""
        if not re.fullmatch(self.pattern, text, re.ASCII):
            raise ValueError(text)
        plain = re.sub(r"[a-z]+", lambda word: str(self.names.index(word[0].lower()) + self.low), text, flags=re.I)
        try:
            return frozenset(crontab_parser(self.high - self.low + 1, self.low).parse(plain))
        except ParseException as error:
            raise ValueError(text) from error


_FIELDS = (
    _Field("minute", 0, 59, "[0-5]?[0-9]"),
    _Field("hour", 0, 23, "[01]?[0-9]|2[0-3]"),
    _Field("day of the month", 1, 31, "0?[1-9]|[12][0-9]|3[01]"),
    _Field("month", 1, 12, "0?[1-9]|1[0-2]", _MONTHS),
    _Field("day of the week", 0, 6, "0?[0-6]", _WEEKDAYS),
)
#: Matches a schedule or nothing, as schemas have it. What matches may still name a day that never comes.
PATTERN = rf"^( *{' +'.join(f'({field.pattern})' for field in _FIELDS)} *)?$"


@dataclass(frozen=True, slots=True)
class Crontab:
    """A schedule, whose slots are whole minutes in UTC."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    #: Whether one of the two kinds of day suffices, because both are named.
    either_day: bool

    def slots_back(self, until: datetime, after: datetime) -> Iterator[datetime]:
        """The slots in (after, until], newest first."""
        day = until.astimezone(UTC).date()
        while day >= after.astimezone(UTC).date():
            if self._matches(day):
                for slot in reversed(self._of_day(day)):
                    if after < slot <= until:
                        yield slot
            day -= timedelta(days=1)

    def slots_after(self, after: datetime) -> Iterator[datetime]:
        """The slots later than `after`, the next one first; none if there is none within forty years."""
        day = after.astimezone(UTC).date()
        for _ in range(NEVER_DAYS):
            if self._matches(day):
                for slot in self._of_day(day):
                    if slot > after:
                        yield slot
            day += timedelta(days=1)

    def _matches(self, day: date) -> bool:
        of_month, of_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return day.month in self.months and ((of_month or of_week) if self.either_day else (of_month and of_week))

    def _of_day(self, day: date) -> list[datetime]:
        return [datetime.combine(day, time(hour, minute, tzinfo=UTC)) for hour in self.hours for minute in self.minutes]


@lru_cache(maxsize=256)
def parse(text: str) -> Crontab:
    """The schedule that a text means. Raises `ValueError`, whose message names the field and what it accepts."""
    written = text.split()
    if len(written) != len(_FIELDS):
        fields = ", ".join(field.name for field in _FIELDS)
        raise ValueError(f"{text!r} has {len(written)} fields; a schedule has five: {fields}, e.g. 0 2 * * *")
    matched = []
    for field, part in zip(_FIELDS, written, strict=True):
        try:
            matched.append(field.parse(part))
        except ValueError:
            raise ValueError(f"{part!r} is not a {field.name}; accepted are {field.accepted}") from None
    minutes, hours, days, months, weekdays = matched
    either_day = not (written[2].startswith("*") or written[4].startswith("*"))
    schedule = Crontab(tuple(sorted(minutes)), tuple(sorted(hours)), days, months, weekdays, either_day)
    if next(schedule.slots_after(datetime(2000, 1, 1, tzinfo=UTC)), None) is None:
        raise ValueError(f"{text!r} never comes: no such day is in those months")
    return schedule


def validate(text: str) -> None:
    """A model field's validator: blank, or a schedule. Raises `ValidationError`."""
    if not text:
        return
    try:
        parse(text)
    except ValueError as error:
        raise ValidationError(str(error), code="crontab") from error

"""Schedules in words: "every day at 02:30 UTC", the next times, and those that people mostly want."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import islice

from ingest.crontab import Crontab, parse

#: Schedules offered on the form, by what they are for.
PRESETS: tuple[str, ...] = (
    *("0 2 * * *", "30 2 * * mon-fri", "0 3 * * sun", "0 */6 * * *", "0 * * * *", "*/15 * * * *"),
)
#: Times that are named one by one, at most.
MAX_TIMES = 6
#: Coming times that are shown.
NEXT = 5

_WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)


def in_words(text: str) -> str:
    """A schedule in words. Raises `ValueError`, whose message says what is accepted."""
    schedule = parse(text)
    times, days = _times(schedule), _days(schedule)
    of_day = times.startswith("at ") and times.endswith(" UTC")
    if not days:
        return f"every day {times}" if of_day else times
    return f"{days} {times}" if of_day else f"{times}, {days}"


def next_times(text: str, after: datetime, number: int = NEXT) -> list[datetime]:
    """The next times of a schedule. Raises `ValueError`."""
    return list(islice(parse(text).slots_after(after), number))


def spoken(at: datetime) -> str:
    """A coming time: `Sun 2026-11-29 02:30 UTC`."""
    return f"{at:%a %Y-%m-%d %H:%M} UTC"


def _times(schedule: Crontab) -> str:
    minutes, hours = schedule.minutes, schedule.hours
    every_hour = hours == tuple(range(24))
    step = _step(minutes, 60)
    if every_hour and step:
        return _every(step, "minute")
    if len(minutes) == 1 and every_hour:
        return "every hour" if minutes[0] == 0 else f"every hour at minute {minutes[0]:02d}"
    if len(minutes) * len(hours) <= MAX_TIMES:
        return f"at {_listed(f'{hour:02d}:{minute:02d}' for hour in hours for minute in minutes)} UTC"
    of_hours = (
        "of every hour" if every_hour else f"of the hours {_spans(hours, [f'{hour:02d}' for hour in range(24)])} UTC"
    )
    hourly = _step(hours, 24)
    if len(minutes) == 1 and hourly:
        return f"{_every(hourly, 'hour')}, from {hours[0]:02d}:{minutes[0]:02d} UTC on"
    if step:
        return f"{_every(step, 'minute')} {of_hours}"
    if len(minutes) == 1:
        return f"at minute {minutes[0]:02d} {of_hours}"
    return f"at the minutes {_listed(f'{minute:02d}' for minute in minutes)} {of_hours}"


def _days(schedule: Crontab) -> str:
    """On which days; empty for every day."""
    months = "" if len(schedule.months) == 12 else f"in {_spans(sorted(schedule.months), ('', *_MONTHS))}"
    ordinals = [_ordinal(day) for day in range(32)]
    of_month = "" if len(schedule.days) == 31 else f"on the {_spans(sorted(schedule.days), ordinals)} of the month"
    # The week of people begins on Monday.
    week = sorted((day - 1) % 7 for day in schedule.weekdays)
    names = (*_WEEKDAYS[1:], _WEEKDAYS[0])
    of_week = "" if len(week) == 7 else f"every {_spans(week, names)}"
    both = " and ".join(filter(None, (of_month, of_week)))
    if of_month and of_week and not schedule.either_day:
        both = f"{of_month}, if that is a {_spans(week, names, last_by='or')}"
    return " ".join(filter(None, (both or ("every day" if months else ""), months)))


def _step(values: Sequence[int], whole: int) -> int:
    """The step of values that go evenly through the whole from its beginning on; 0 if they do not."""
    if not values or whole % len(values):
        return 0
    step = whole // len(values)
    return step if tuple(values) == tuple(range(0, whole, step)) and len(values) > 1 else 0


def _every(step: int, what: str) -> str:
    return f"every {what}" if step == 1 else f"every {step} {what}s"


def _spans(values: Sequence[int], names: Sequence[str], *, last_by: str = "and") -> str:
    """Values by their names, neighbours as spans: `Monday to Friday`, `01 and 05 to 08`."""
    spans: list[list[int]] = []
    for value in values:
        if spans and spans[-1][1] == value - 1:
            spans[-1][1] = value
        else:
            spans.append([value, value])
    words: list[str] = []
    for first, last in spans:
        near = last <= first + 1
        words += [names[value] for value in range(first, last + 1)] if near else [f"{names[first]} to {names[last]}"]
    return _listed(words, last_by)


def _listed(words: Iterable[str], last_by: str = "and") -> str:
    *most, last = list(words)
    return f"{', '.join(most)} {last_by} {last}" if most else last


def _ordinal(day: int) -> str:
    ending = "th" if 10 < day < 14 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return f"{day}{ending}"

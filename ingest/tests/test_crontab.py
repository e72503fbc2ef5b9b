"""Crontab strings: what they mean, in UTC, and what is refused with which words."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice

import pytest
from django.core.exceptions import ValidationError

from ingest import crontab


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "slots"),
    [
        ("0 2 * * *", ["2026-01-31 02:00", "2026-02-01 02:00"]),
        ("*/15 * * * *", ["2026-01-31 00:15", "2026-01-31 00:30"]),
        ("30 6,18 * * *", ["2026-01-31 06:30", "2026-01-31 18:30"]),
        ("0 9-17/4 * * mon-fri", ["2026-02-02 09:00", "2026-02-02 13:00"]),
        ("0 0 29 feb *", ["2028-02-29 00:00", "2032-02-29 00:00"]),
        ("0 3 * * 0", ["2026-02-01 03:00", "2026-02-08 03:00"]),
        ("0 3 13 * fri", ["2026-02-06 03:00", "2026-02-13 03:00"]),
        ("0 22-1 * * *", ["2026-01-31 01:00", "2026-01-31 22:00"]),
        ("  0   12 1  MAR  * ", ["2026-03-01 12:00", "2027-03-01 12:00"]),
    ],
)
def test_the_next_slots_are_those_that_crontab_names(schedule: str, slots: list[str]) -> None:
    found = list(islice(crontab.parse(schedule).slots_after(at("2026-01-31 00:00")), 2))

    assert found == [at(slot) for slot in slots]


def test_slots_back_are_later_than_the_one_end_and_not_later_than_the_other() -> None:
    hourly = crontab.parse("0 * * * *")

    found = list(hourly.slots_back(at("2026-03-01 02:00"), at("2026-02-28 23:00")))

    assert found == [at("2026-03-01 02:00"), at("2026-03-01 01:00"), at("2026-03-01 00:00")]


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        ("0 2 * *", "has 4 fields; a schedule has five: minute, hour"),
        ("0 2 * * * *", "has 6 fields"),
        ("@daily", "has 1 fields"),
        ("60 2 * * *", "'60' is not a minute; accepted are *, 0–59"),
        ("0 24 * * *", "'24' is not a hour; accepted are *, 0–23"),
        ("0 2 0 * *", "'0' is not a day of the month"),
        ("0 2 * 13 *", "'13' is not a month; accepted are *, 1–12 or jan–dec"),
        ("0 2 * * 7", "'7' is not a day of the week; accepted are *, 0–6 or sun–sat"),
        ("0 2 * * mar", "'mar' is not a day of the week"),
        ("mon 2 * * *", "'mon' is not a minute"),
        ("*/0 * * * *", "'*/0' is not a minute"),
        ("*/15/2 * * * *", "is not a minute"),
        ("1-2-3 * * * *", "is not a minute"),
        ("5/10 * * * *", "is not a minute"),
        ("1,,2 * * * *", "is not a minute"),
        ("-1 * * * *", "is not a minute"),
        ("١ * * * *", "is not a minute"),
        ("0 0 31 feb,apr *", "never comes"),
    ],
)
def test_what_is_no_schedule_is_refused_with_the_field_and_what_it_accepts(schedule: str, words: str) -> None:
    with pytest.raises(ValidationError) as refused:
        crontab.validate(schedule)

    assert words in refused.value.messages[0]


@pytest.mark.parametrize(
    ("schedule", "after", "expected"),
    [
        ("30 2 29 2 *", "2096-03-01 00:00", "2104-02-29 02:30"),
        # Where both kinds of day must match, in twelve years once.
        ("0 0 10 1 */7", "2021-01-10 00:00", "2027-01-10 00:00"),
        ("0 0 10 1 */7", "2027-01-10 00:00", "2038-01-10 00:00"),
        # Sundays that are the 29th of February.
        ("0 0 29 2 */7", "2072-03-01 00:00", "2088-02-29 00:00"),
        ("0 0 29 2 */7", "2088-02-29 00:00", "2128-02-29 00:00"),
    ],
)
def test_a_day_that_comes_rarely_comes(schedule: str, after: str, expected: str) -> None:
    assert next(crontab.parse(schedule).slots_after(at(after))) == at(expected)


def test_an_empty_schedule_is_allowed() -> None:
    crontab.validate("")

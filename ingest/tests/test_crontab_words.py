"""Schedules in words."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.crontab_words import PRESETS, in_words, next_times, spoken


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        ("30 2 * * *", "every day at 02:30 UTC"),
        ("0 2,14 * * *", "every day at 02:00 and 14:00 UTC"),
        ("0 */6 * * *", "every day at 00:00, 06:00, 12:00 and 18:00 UTC"),
        ("0 * * * *", "every hour"),
        ("5 * * * *", "every hour at minute 05"),
        ("*/15 * * * *", "every 15 minutes"),
        ("* * * * *", "every minute"),
        ("5 */2 * * *", "every 2 hours, from 00:05 UTC on"),
        ("30 2 * * mon-fri", "every Monday to Friday at 02:30 UTC"),
        ("0 3 * * sun", "every Sunday at 03:00 UTC"),
        ("30 2 * * sat,sun", "every Saturday and Sunday at 02:30 UTC"),
        ("30 2 1,15 * *", "on the 1st and 15th of the month at 02:30 UTC"),
        ("30 2 1 * mon", "on the 1st of the month and every Monday at 02:30 UTC"),
        (
            "0 2 */10 * */4",
            "on the 1st, 11th, 21st and 31st of the month, if that is a Thursday or Sunday at 02:00 UTC",
        ),
        ("0 2 * jan-mar *", "every day in January to March at 02:00 UTC"),
        ("0 0 29 feb *", "on the 29th of the month in February at 00:00 UTC"),
        ("*/20 8-18 * * 1-5", "every 20 minutes of the hours 08 to 18 UTC, every Monday to Friday"),
        ("0 8-18 * * *", "every day at minute 00 of the hours 08 to 18 UTC"),
        ("0,7,13 * * * *", "at the minutes 00, 07 and 13 of every hour"),
    ],
)
def test_a_schedule_reads_as_people_would_say_it(schedule: str, words: str) -> None:
    assert in_words(schedule) == words


def test_the_next_times_are_those_that_the_sweep_would_start_at() -> None:
    times = next_times("30 2 * * mon-fri", datetime(2026, 11, 27, 3, tzinfo=UTC))

    assert [spoken(at) for at in times] == [
        "Mon 2026-11-30 02:30 UTC",
        "Tue 2026-12-01 02:30 UTC",
        "Wed 2026-12-02 02:30 UTC",
        "Thu 2026-12-03 02:30 UTC",
        "Fri 2026-12-04 02:30 UTC",
    ]


@pytest.mark.parametrize("text", ["", "0 25 * * *", "0 0 30 feb *", "often", "0 2 * *", "\0 * * * *", "é é é é é"])
def test_what_is_no_schedule_is_said_so(text: str) -> None:
    with pytest.raises(ValueError, match=r"schedule|accepted|never comes"):
        in_words(text)


def test_every_preset_has_words() -> None:
    assert len({in_words(text) for text in PRESETS}) == len(PRESETS)


def _fields(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    spans = st.tuples(number, number).map(lambda ends: f"{min(ends)}-{max(ends)}")
    return st.one_of(
        st.just("*"),
        number.map(str),
        spans,
        st.integers(1, 30).map(lambda step: f"*/{step}"),
        st.lists(number, min_size=2, max_size=4).map(lambda values: ",".join(map(str, values))),
    )


@settings(max_examples=60, deadline=None)
@given(st.tuples(_fields(0, 59), _fields(0, 23), _fields(1, 28), _fields(1, 12), _fields(0, 6)).map(" ".join))
def test_every_schedule_that_is_read_has_words_that_end(schedule: str) -> None:
    words = in_words(schedule)

    assert words[0] not in " ,"
    assert words == " ".join(words.split())
    assert ", ," not in words

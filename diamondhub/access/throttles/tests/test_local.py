"""The share of one process while Redis is away: strict, warm, never none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diamondhub.access.throttles.buckets import Bucket, Level, Places
from diamondhub.access.throttles.limits import parse
from diamondhub.access.throttles.local import MAX_BUCKETS, LocalLimits


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


#: Ten a second and forty at once, for four processes.
SEARCH = Bucket("shop", parse("search", "10/s burst 40"))


def share(clock: Clock, processes: int = 4) -> LocalLimits:
    return LocalLimits(lambda: processes, clock=clock)


def heard(local: LocalLimits, *, left: int) -> None:
    """Redis says what is left of the bucket."""
    local.heard([Level(SEARCH, left, (40 - left) / 10)])


def admitted(local: LocalLimits, clock: Clock, *, seconds: float, bucket: Bucket = SEARCH) -> int:
    count = 0
    for _ in range(round(seconds * 100)):
        clock.now += 0.01
        count += local.take([bucket]).allowed
    return count


def test_a_full_bucket_is_shared_between_the_processes(clock: Clock) -> None:
    local = share(clock)
    heard(local, left=40)
    local.away()

    # Ten of the burst of forty, and two and a half a second.
    assert admitted(local, clock, seconds=4) in (19, 20, 21)


def test_an_empty_bucket_is_as_empty_here(clock: Clock) -> None:
    local = share(clock)
    heard(local, left=0)
    local.away()

    assert admitted(local, clock, seconds=4) in (9, 10, 11)


def test_nothing_comes_back_between_what_redis_said_and_its_absence(clock: Clock) -> None:
    local = share(clock)
    heard(local, left=0)
    clock.now += 0.9
    local.away()

    assert admitted(local, clock, seconds=4) in (9, 10, 11)


@pytest.mark.parametrize("knows", [False, True])
def test_who_is_not_known_is_let_in_once_and_then_by_the_share(clock: Clock, knows: bool) -> None:
    local = share(clock)
    if knows:
        heard(local, left=40)
        clock.now += 60
    local.away()

    first, second = (local.take([SEARCH]).allowed for _ in range(2))

    assert (first, second) == (True, False)
    assert admitted(local, clock, seconds=4) in (9, 10, 11)


def test_a_second_absence_does_not_begin_where_the_first_one_ended(clock: Clock) -> None:
    local = share(clock)
    local.away()
    admitted(local, clock, seconds=4)
    local.heard([])
    clock.now += 60
    local.away()

    assert [local.take([SEARCH]).allowed for _ in range(3)] == [True, False, False]


def test_a_limit_smaller_than_the_processes_is_never_none(clock: Clock) -> None:
    local = share(clock, processes=32)
    small = Bucket("small", parse("exports", "1/10s burst 2"))
    local.away()

    assert local.take([small]).allowed
    assert not local.take([small]).allowed


def test_places_are_shared_as_well(clock: Clock) -> None:
    local = share(clock)
    places = [Places("p", "at-once", 8, str(number)) for number in range(4)]

    taken = [local.take([place]).allowed for place in places]
    local.leave(places[0])

    assert taken == [True, True, False, False]
    assert local.take([places[2]]).allowed


def test_all_is_taken_or_nothing(clock: Clock) -> None:
    local = share(clock)
    heard(local, left=40)
    local.away()
    place = Places("p", "at-once", 4, "x")
    local.take([place])

    refused = [local.take([SEARCH, Places("p", "at-once", 4, "y")]) for _ in range(50)]

    assert not any(verdict.allowed for verdict in refused)
    assert refused[0].retry_after == 1
    assert [local.take([SEARCH]).allowed for _ in range(11)] == [True] * 10 + [False]


def test_what_was_let_in_is_owed_until_it_is_told(clock: Clock) -> None:
    local = share(clock)
    heard(local, left=40)
    local.away()
    for _ in range(3):
        local.take([SEARCH])
    local.give_back(SEARCH)

    debts = local.take_debts()
    local.owe_again(debts)
    again = local.take_debts()

    assert len(again["shop"].moments) == 2
    assert not local.owes


def test_places_that_nobody_gives_back_are_not_held_for_ever(clock: Clock) -> None:
    local = share(clock)
    local.hold(Places("p", "at-once", 8, "x"))

    before = local.held
    clock.now += 901

    assert before == [("p", "x")]
    assert local.held == []


def test_memory_is_bounded(clock: Clock) -> None:
    local = share(clock)
    for number in range(MAX_BUCKETS + 100):
        local.heard([Level(Bucket(str(number), SEARCH.limit), 1, 0.0)])

    assert len(local._buckets) == MAX_BUCKETS


@given(
    processes=st.integers(1, 8),
    left=st.integers(0, 40),
    asked=st.lists(st.tuples(st.integers(0, 7), st.integers(0, 300)), max_size=200),
)
def test_all_shares_together_are_no_more_than_the_limit(
    processes: int, left: int, asked: list[tuple[int, int]]
) -> None:
    clock = Clock()
    shares = [share(clock, processes) for _ in range(processes)]
    for local in shares:
        heard(local, left=left)
        local.away()
    begun, count = clock.now, 0

    for which, milliseconds in asked:
        clock.now += milliseconds / 1_000
        count += shares[which % processes].take([SEARCH]).allowed

    assert count <= left + (clock.now - begun) * 10 + 1e-6


def test_what_is_left_of_a_share_is_told_to_an_epoch_that_began_empty(clock: Clock) -> None:
    local = share(clock)
    heard(local, left=0)
    local.away()
    clock.now += 0.2
    local.take([SEARCH])
    epoch = clock.now
    clock.now += 0.1

    told = local.take_debts(epoch)["shop"]

    # A fifth of a second at a quarter of ten a second is half a request.
    assert (told.moments, told.unspent) == ([], SEARCH.limit.interval // 2)


def test_what_came_later_than_the_epoch_is_redis_s_own(clock: Clock) -> None:
    local = share(clock)
    heard(local, left=0)
    local.away()
    epoch = clock.now + 0.2
    clock.now += 0.4
    let_in = local.take([SEARCH]).allowed

    told = local.take_debts(epoch)["shop"]

    assert let_in
    assert told.moments == [clock.now]
    assert told.unspent in (SEARCH.limit.interval // 2, SEARCH.limit.interval // 2 - 1)


def test_nothing_is_left_to_tell_where_redis_has_not_forgotten(clock: Clock) -> None:
    local = share(clock)
    heard(local, left=0)
    epoch = clock.now
    clock.now += 0.1
    local.away()
    local.take([SEARCH])

    assert local.take_debts(epoch) == {}
    assert local.take_debts(None) == {}

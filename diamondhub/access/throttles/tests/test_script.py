"""The script of the limits against a model, on a clock of the test's own."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from time import monotonic

import pytest
import redis
from django.conf import settings
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from diamondhub.access.throttles.shared import PREFIX, SCRIPT, Answer, Order, SharedLimits, TooLate

#: 2026-11-28 12:00 (microseconds): as long as real ones are.
START = 1_795_867_200_000_000
SECOND = 1_000_000
_CLOCK = "test:clock"


def clocked(script: str) -> str:
    """The script on the test's clock, which goes faster than the server's, by which keys expire."""
    clock = f"redis.call('LRANGE', '{_CLOCK}', 0, 1)"
    return script.replace("redis.call('TIME')", clock).replace(
        "'PEXPIRE', key, text(", "'PEXPIRE', key, text(3600000 + "
    )


class Server:
    """Redis with the script, on a clock that a test moves."""

    def __init__(self) -> None:
        self.redis = redis.Redis.from_url(settings.REDIS_URL)
        self.limits = SharedLimits(settings.REDIS_URL, script=clocked(SCRIPT))
        self.now = START
        self.forget()

    def forget(self) -> None:
        """Lose everything, as FLUSHALL and a restart do; keys that are full by the test's clock are not there either."""
        for key in self.redis.scan_iter(f"{PREFIX}:*"):
            self.redis.delete(key)

    def set_clock(self) -> None:
        self.redis.delete(_CLOCK)
        self.redis.rpush(_CLOCK, self.now // SECOND, self.now % SECOND)

    def call(self, *orders: Order) -> Answer:
        self.set_clock()
        self.limits._ahead = None
        return self.limits.call(orders)

    def take(self, key: str, interval: int, burst: int, cost: int = 1) -> Answer:
        return self.call(Order("rate", key, (interval, burst, cost)))


def aged() -> Server:
    """A server whose epoch began long ago, so that buckets that are not there are full."""
    server = Server()
    server.call()
    server.now += 100_000 * SECOND
    return server


@pytest.fixture
def server() -> Server:
    return aged()


@dataclass
class Bucket:
    """The model: a bucket of `burst` that fills by one every `interval`; whole tokens come and go, nothing is forgotten."""

    interval: int
    burst: int
    now: int
    tokens: Fraction = field(default=Fraction())

    def __post_init__(self) -> None:
        self.tokens = Fraction(self.burst)

    def at(self, now: int) -> Fraction:
        self.tokens = min(Fraction(self.burst), self.tokens + Fraction(now - self.now, self.interval))
        self.now = now
        return self.tokens

    def wait(self, cost: int) -> int:
        missing = cost - self.tokens
        return max(0, int(missing * self.interval))


limits = st.tuples(st.integers(1_000, 2 * SECOND), st.integers(1, 50))
steps = st.lists(
    st.tuples(st.integers(1, 3 * SECOND), st.sampled_from(["a", "b", "both"]), st.integers(1, 3)), max_size=40
)


@hypothesis_settings(max_examples=60)
@given(first=limits, second=limits, steps=steps)
def test_buckets_are_those_of_the_model_and_taken_all_or_none(
    first: tuple[int, int], second: tuple[int, int], steps: list[tuple[int, str, int]]
) -> None:
    server = aged()
    model = {"a": Bucket(*first, server.now), "b": Bucket(*second, server.now)}
    given_limits = {"a": first, "b": second}

    for passed, which, cost in steps:
        server.now += passed
        names = ["a", "b"] if which == "both" else [which]
        costs = {name: min(cost, model[name].burst) for name in names}
        can = all([model[name].at(server.now) >= costs[name] for name in names])  # noqa: C419 - each goes on
        waits = [model[name].wait(costs[name]) for name in names]

        answer = server.call(*(Order("rate", name, (*given_limits[name], costs[name])) for name in names))

        assert (answer.outcome == 0) == can
        if can:
            for name in names:
                model[name].tokens -= costs[name]
        else:
            assert [wait for wait, _, _ in answer.levels] == waits
        assert [left for _, left, _ in answer.levels] == [int(model[name].tokens) for name in names]


@hypothesis_settings(max_examples=60)
@given(limit=limits, steps=steps)
def test_who_waits_as_long_as_told_is_let_in_and_not_a_microsecond_before(
    limit: tuple[int, int], steps: list[tuple[int, str, int]]
) -> None:
    server = aged()
    for passed, _, cost in steps:
        server.now += passed // 20
        told = server.take("a", *limit, min(cost, limit[1]))
        if told.outcome == 0:
            continue
        server.now += told.levels[0][0] - 1
        early = server.take("a", *limit, min(cost, limit[1]))
        server.now += 1

        due = server.take("a", *limit, min(cost, limit[1]))

        assert early.outcome == 1
        assert due.outcome == 0


asked = st.lists(st.tuples(st.integers(1, SECOND), st.sampled_from(["take", "take", "free", "give"])), max_size=60)


@hypothesis_settings(max_examples=80)
@example(limit=(91_878, 2), asked=[(1, "take"), (1, "free"), (91_877, "free"), (1, "take"), (91_877, "take")])
@given(limit=limits, asked=asked)
def test_what_is_given_back_was_as_good_as_never_taken(limit: tuple[int, int], asked: list[tuple[int, str]]) -> None:
    server = aged()
    interval, burst = limit
    # In the model a request that will turn out to be free takes nothing; on the server it does until it is over.
    model = Bucket(interval, burst, server.now)
    under_way: list[int] = []

    for passed, what in asked:
        server.now += passed
        model.at(server.now)
        if what == "give" and under_way:
            server.call(Order("return", "a", (interval, burst, 1, under_way.pop(0))))
        elif what != "give":
            answer = server.take("a", interval, burst)
            # More than so many at once are not all given back.
            if answer.outcome == 0 and what == "free" and len(under_way) < 16:
                under_way.append(answer.now)
            elif answer.outcome == 0:
                # Never more than without those that were free.
                assert model.tokens >= 1
                model.tokens -= 1

    for moment in under_way:
        server.call(Order("return", "a", (interval, burst, 1, moment)))
    left = server.call(Order("owe", "a", (interval, burst, ""))).levels[0][1]
    # One that was taken while the bucket was full may stay taken: the rest of the bucket is not worth less.
    assert int(model.at(server.now)) - 2 <= left <= int(model.at(server.now))


# --- what Redis forgets ----------------------------------------------------------------------------------------------


def admitted(server: Server, key: str, interval: int, burst: int, *, seconds: float, every: int = 20_000) -> int:
    """How many get in of those who ask again and again for a while."""
    end = server.now + int(seconds * SECOND)
    count = 0
    while server.now < end:
        server.now += every
        count += server.take(key, interval, burst).outcome == 0
    return count


@pytest.mark.parametrize("pause", [0.0, 0.4, 1.5])
def test_a_flush_opens_no_burst(server: Server, pause: float) -> None:
    interval, burst = SECOND // 10, 10

    before = admitted(server, "a", interval, burst, seconds=2)
    server.forget()
    server.now += int(pause * SECOND)
    after = admitted(server, "a", interval, burst, seconds=2)

    assert burst + 20 - 1 <= before <= burst + 20 + 1
    assert 20 - 1 <= after <= 20 + 1


def test_a_flush_shuts_nobody_out_for_long(server: Server) -> None:
    server.take("a", SECOND // 20, 60)
    server.forget()

    refused = server.take("idle", SECOND // 20, 60)
    server.now += refused.levels[0][0]
    let_in = server.take("idle", SECOND // 20, 60)
    slow = [server.take("slow", 3600 * SECOND, 5).outcome for _ in range(2)]

    assert 0 < refused.levels[0][0] <= SECOND // 20
    assert let_in.outcome == 0
    assert slow == [0, 1]


def test_a_server_restored_from_an_older_state_opens_no_burst(server: Server) -> None:
    interval, burst = SECOND // 10, 10
    server.take("a", interval, burst)
    old = {key: server.redis.dump(key) for key in server.redis.scan_iter(f"{PREFIX}:*")}
    admitted(server, "a", interval, burst, seconds=2)
    server.forget()
    for key, state in old.items():
        server.redis.restore(key, 0, state or b"")

    assert admitted(server, "a", interval, burst, seconds=1) in range(9, 12)


def test_the_first_process_ever_finds_full_buckets() -> None:
    server = Server()

    assert server.take("a", SECOND, 5).outcome == 0


def test_a_process_that_knew_better_empties_the_buckets_that_a_new_one_found_full(server: Server) -> None:
    interval, burst = SECOND // 10, 10
    admitted(server, "a", interval, burst, seconds=1)
    server.forget()
    newcomer = Server.__new__(Server)
    newcomer.redis, newcomer.now = server.redis, server.now + 1_000
    newcomer.limits = SharedLimits(settings.REDIS_URL, script=clocked(SCRIPT))
    newcomer.take("a", interval, burst)

    server.now += 2_000
    refused = server.take("a", interval, burst)

    assert refused.outcome == 1


@pytest.mark.parametrize("hours", [1, 24])
def test_a_clock_that_steps_back_closes_no_bucket_for_long(server: Server, hours: int) -> None:
    admitted(server, "a", SECOND // 10, 10, seconds=2)

    server.now -= hours * 3600 * SECOND
    wait = server.take("a", SECOND // 10, 10).levels[0][0]

    assert wait <= 2 * SECOND


# --- what was let in while Redis was away ----------------------------------------------------------------------------


def test_what_was_let_in_elsewhere_is_owed(server: Server) -> None:
    interval, burst = SECOND // 10, 10
    admitted(server, "a", interval, burst, seconds=2)
    server.now += 3 * SECOND
    ages = ",".join(str(3 * SECOND - place * interval) for place in range(30))

    server.call(Order("owe", "a", (interval, burst, ages)))

    # Thirty came back in these seconds, and thirty were let in.
    assert admitted(server, "a", interval, burst, seconds=1) in range(9, 12)


def test_what_was_let_in_before_a_flush_is_not_owed_again(server: Server) -> None:
    interval, burst = SECOND // 10, 10
    server.take("a", interval, burst)
    server.forget()
    server.call()

    server.call(Order("owe", "a", (interval, burst, f"{2 * SECOND},{SECOND}")))

    assert admitted(server, "a", interval, burst, seconds=1) in range(9, 12)


def test_a_call_that_comes_too_late_takes_nothing(server: Server) -> None:
    server.take("a", SECOND, 2)
    server.limits._ahead = server.now - monotonic() * 1e6
    server.now += 60 * SECOND
    server.set_clock()

    with pytest.raises(TooLate):
        server.limits.call([Order("rate", "a", (SECOND, 1, 1))])

    assert server.take("a", SECOND, 1).outcome == 0


# --- requests at once ------------------------------------------------------------------------------------------------


def place(server: Server, name: str, *, places: int = 2, life: int = 15 * SECOND) -> Answer:
    return server.call(Order("places", "p", (places, life, name)))


def test_places_are_given_up_when_they_are_left_or_nobody_keeps_them(server: Server) -> None:
    outcomes = [place(server, name).outcome for name in ("x", "y", "z")]
    server.call(Order("leave", "p", ("x",)))
    after_leaving = [place(server, name).outcome for name in ("z", "x")]
    server.now += 10 * SECOND
    server.call(Order("keep", "p", (15 * SECOND, "z")))
    server.now += 6 * SECOND

    after_a_death = [place(server, name).outcome for name in ("a", "b")]

    assert outcomes == [0, 0, 1]
    assert after_leaving == [0, 1]
    assert after_a_death == [0, 1]


def test_a_refusal_by_one_costs_the_others_nothing(server: Server) -> None:
    place(server, "x", places=1)

    both = server.call(Order("rate", "a", (SECOND, 3, 1)), Order("places", "p", (1, SECOND, "y")))
    other = server.call(Order("places", "q", (1, SECOND, "y")), Order("rate", "b", (SECOND, 3, 4)))

    assert (both.outcome, other.outcome) == (2, 2)
    assert [server.take("a", SECOND, 3).outcome for _ in range(4)] == [0, 0, 0, 1]
    assert server.call(Order("places", "q", (1, SECOND, "z"))).outcome == 0


def test_a_mark_makes_it_unnecessary_to_take(server: Server) -> None:
    unmarked = server.call(Order("unless", "m"), Order("rate", "a", (SECOND, 1, 1)))
    server.call(Order("mark", "m", (60_000,)))

    marked = [server.call(Order("unless", "m"), Order("rate", "a", (SECOND, 1, 1))).outcome for _ in range(3)]

    assert unmarked.outcome == 0
    assert marked == [-2, -2, -2]

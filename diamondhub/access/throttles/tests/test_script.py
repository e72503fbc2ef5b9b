"""The script of the limits against a model, on a clock of the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

import pytest
import redis
from django.conf import settings
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from diamondhub.access.throttles.shared import PREFIX, SCRIPT, Answer, Order, SharedLimits

#: 2026-11-28 12:00 (microseconds): as long as real ones are.
START = 1_795_867_200_000_000
SECOND = 1_000_000
_CLOCK = "test:clock"


class Server:
    """Redis with the script, on a clock that a test moves."""

    def __init__(self) -> None:
        self.redis = redis.Redis.from_url(settings.REDIS_URL)
        clock = f"redis.call('LRANGE', '{_CLOCK}', 0, 1)"
        script = SCRIPT.replace("redis.call('TIME')", clock)
        # The test's clock goes faster than the server's, by which keys expire.
        script = script.replace("'PEXPIRE', key, text(", "'PEXPIRE', key, text(3600000 + ")
        self.limits = SharedLimits(settings.REDIS_URL, script=script)
        self.now = START
        self.forget()

    def forget(self) -> None:
        """Lose everything, as FLUSHALL and a restart do; keys that are full by the test's clock are not there either."""
        for key in self.redis.scan_iter(f"{PREFIX}:*"):
            self.redis.delete(key)

    def call(self, *orders: Order) -> Answer:
        self.redis.delete(_CLOCK)
        self.redis.rpush(_CLOCK, self.now // SECOND, self.now % SECOND)
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
def server() -> Iterator[Server]:
    server = aged()
    yield server
    server.forget()


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
        can = all(model[name].at(server.now) >= costs[name] for name in names)
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
            if answer.outcome == 0 and what == "free":
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

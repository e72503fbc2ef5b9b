"""Refusals of the gate as a stranger sees them: by text, headers and the time on the clock they are all one."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import combinations, count
from math import sqrt
from statistics import median
from time import perf_counter_ns
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import RequestFactory
from django.utils import timezone

from diamondhub.access import clients, finding, keys, presented
from diamondhub.access.gate import Gate
from diamondhub.access.models import ApiKey

pytestmark = pytest.mark.django_db

#: Rounds, each of which asks once with a key of every kind, in an order of chance.
ROUNDS, WARM_UP = 150, 10
#: Standard deviations of a fair coin within which the share of rounds stays in which one kind took longer than another.
#: Of fair coins one comparison in 150,000 goes further; a difference of a third of the noise does nearly always.
MAX_DEVIATIONS = 4.5

#: No address comes twice, so that none has failed too often.
_numbers = count(11 << 24)


def addresses_never_seen() -> str:
    number = next(_numbers) + random.randrange(1 << 16)
    return ".".join(str(number >> shift & 255) for shift in (24, 16, 8, 0))


def ask(gate: Gate, key: str) -> tuple[Any, int]:
    """The answer to a request with this key, and how long it took (nanoseconds on the clock)."""
    request = RequestFactory().get("/api/v1/diamonds", headers={"X-API-Key": key}, REMOTE_ADDR=addresses_never_seen())
    begun = perf_counter_ns()
    answer = gate(request)
    return answer, perf_counter_ns() - begun


@pytest.fixture
def wrong() -> dict[str, str]:
    """A key for every reason to refuse one; the second unknown one shows what chance alone does."""
    live, revoked, expired, off = (
        clients.create_client(name, scopes=["catalog:read"]) for name in ("live", "revoked", "expired", "off")
    )
    ApiKey.objects.filter(pk=revoked.key.pk).update(revoked_at=timezone.now())
    ApiKey.objects.filter(pk=expired.key.pk).update(expires_at=timezone.now())
    off.key.client.active = False
    off.key.client.save()
    return {
        "unknown": keys.generate().text,
        "wrong": keys.PresentedKey(live.key.key_id, keys.generate().secret).text,
        "revoked": revoked.text,
        "expired": expired.text,
        "switched off": off.text,
        "unknown, too": keys.generate().text,
    }


def timed(asked: dict[str, Callable[[], int]]) -> dict[str, list[int]]:
    """How long each kind took, round by round."""
    took: dict[str, list[int]] = {kind: [] for kind in asked}
    for _ in range(WARM_UP + ROUNDS):
        for kind in random.sample(list(asked), len(asked)):
            took[kind].append(asked[kind]())
    return {kind: times[WARM_UP:] for kind, times in took.items()}


def deviations(one: list[int], other: list[int]) -> float:
    """By how many standard deviations of a fair coin the first took longer more often than the other.

    Both of a round are asked within milliseconds of each other, so whatever else the machine does meets both alike.
    """
    longer = sum(first > second for first, second in zip(one, other, strict=True))
    return (longer - len(one) / 2) / (sqrt(len(one)) / 2)


def test_the_answers_to_wrong_keys_do_not_differ(wrong: dict[str, str]) -> None:
    gate = Gate(lambda _request: HttpResponse())

    answers = [ask(gate, key)[0] for key in wrong.values()]

    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content.replace(answer["X-Request-Id"].encode(), b"") for answer in answers}) == 1
    assert (
        len({str(sorted(set(answer.items()) - {("X-Request-Id", answer["X-Request-Id"])})) for answer in answers}) == 1
    )


def test_the_time_on_the_clock_does_not_tell_why_a_key_is_refused(wrong: dict[str, str]) -> None:
    gate = Gate(lambda _request: HttpResponse())

    def asking(key: str) -> Callable[[], int]:
        return lambda: ask(gate, key)[1]

    took = timed({kind: asking(key) for kind, key in wrong.items()})

    for one, other in combinations(wrong, 2):
        far = deviations(took[one], took[other])
        medians = f"{median(took[one]) / 1e3:.0f} and {median(took[other]) / 1e3:.0f} µs"
        assert abs(far) < MAX_DEVIATIONS, f"{one} and {other}: {far:+.1f} deviations, {medians}"


def test_the_bound_is_broken_where_unknown_keys_are_refused_without_a_look(
    wrong: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    look = finding.find
    known = {key.key_id for key in ApiKey.objects.all()}
    monkeypatch.setattr(presented, "find", lambda key: look(key) if key.key_id in known else None)
    gate = Gate(lambda _request: HttpResponse())

    def asking(kind: str) -> Callable[[], int]:
        return lambda: ask(gate, wrong[kind])[1]

    kinds = ("unknown", "wrong")
    took: dict[str, list[int]] = {kind: [] for kind in kinds}
    # More rounds where the machine interrupts many of them.
    for _ in range(10):
        for kind, times in timed({kind: asking(kind) for kind in kinds}).items():
            took[kind] += times
        if deviations(took["wrong"], took["unknown"]) > MAX_DEVIATIONS:
            break

    assert deviations(took["wrong"], took["unknown"]) > MAX_DEVIATIONS

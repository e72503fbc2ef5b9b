"""How long a refusal takes tells nothing: whether a key exists, is revoked, or signs at all.

Measured is how often one kind of refusal takes longer than another, taken in turns: 0.5 if nobody can tell them apart, near
0 or 1 if everybody can. That is independent of how fast the machine is, and of single pauses.
"""

from __future__ import annotations

import random
import time
from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from itertools import combinations

import pytest
from django.test import RequestFactory
from django.utils import timezone
from rest_framework.exceptions import APIException

from diamondhub.access import failures
from diamondhub.access.gate import Visit
from diamondhub.access.models import ApiKey
from diamondhub.access.signatures import Signatures
from diamondhub.access.tests.signing import ADDRESS, Signer, signing_client
from diamondhub.api.problems import Problem

pytestmark = pytest.mark.django_db

ROUNDS = 300
#: The chance of one to take longer may be off by so much; of 300 rounds alike, it is off by 0.1 once in 50,000 runs.
BOUND = 0.15


def longer(some: list[float], others: list[float]) -> float:
    """The chance that one of `some` is longer than one of the `others`."""
    ordered = sorted(others)
    wins = sum(bisect_left(ordered, one) + bisect_right(ordered, one) for one in some)
    return wins / 2 / len(some) / len(others)


def measured(signers: Mapping[str, Signer]) -> dict[str, list[float]]:
    """How long the refusals of each take (seconds)."""
    seconds: dict[str, list[float]] = {name: [] for name in signers}
    step = Signatures()
    for _ in range(ROUNDS):
        for name in random.sample(list(signers), len(signers)):
            headers = signers[name].headers("GET", ADDRESS)
            visit = Visit(RequestFactory().get(ADDRESS, headers=headers, RAW_URI=ADDRESS))
            begun = time.perf_counter()
            with pytest.raises((APIException, Problem)):
                step.check(visit)
            seconds[name].append(time.perf_counter() - begun)
    return seconds


def test_refusals_cannot_be_told_apart_by_time(monkeypatch: pytest.MonkeyPatch) -> None:
    # Counting is the same for all, and its limit would end the measurement.
    monkeypatch.setattr(failures, "FAILURES", "1000000/m")
    signer, _ = signing_client()
    revoked, revoked_key = signing_client()
    keyless, without_secret = signing_client()
    ApiKey.objects.filter(pk=revoked_key.key.pk).update(revoked_at=timezone.now())
    ApiKey.objects.filter(pk=without_secret.key.pk).update(signing_secret=None)
    signers = {
        "wrong signature": Signer(signer.key_id, "another"),
        "unknown key": Signer("dh_" + "0" * 12, "another"),
        "revoked key": revoked,
        "no signing secret": keyless,
        # What is refused without a look at the database, so that the bound is seen to hold somebody.
        "malformed": Signer("dh_", "another"),
    }

    seconds = measured(signers)

    malformed = seconds.pop("malformed")
    for one, other in combinations(seconds, 2):
        assert abs(longer(seconds[one], seconds[other]) - 0.5) < BOUND, (one, other)
    for name, times in seconds.items():
        # Of those that the machine did not interrupt.
        assert longer(sorted(times)[: ROUNDS // 3], sorted(malformed)[: ROUNDS // 3]) - 0.5 > BOUND, name

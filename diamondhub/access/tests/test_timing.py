"""A wrong, an unknown and a revoked key cannot be told apart by the work that refusing them takes."""

from __future__ import annotations

import random
import time
from itertools import combinations

import pytest
from django.test import RequestFactory
from rest_framework.exceptions import AuthenticationFailed

from diamondhub.access import authentication, clients, keys
from diamondhub.access.authentication import KeyState, PresentedKeys
from diamondhub.access.gate import Visit

#: Requests of each kind that are timed, in random order, and those before that warm everything up.
TIMED, WARM_UP = 200, 20


@pytest.mark.django_db
def test_the_work_of_refusing_a_key_does_not_tell_why(monkeypatch: pytest.MonkeyPatch) -> None:
    # What is counted in Redis is the same for all, and would only be noise.
    monkeypatch.setattr(authentication, "count_failure", lambda _request: None)
    live = clients.create_client("live", scopes=["catalog:read"])
    revoked = clients.create_client("revoked", scopes=["catalog:read"])
    clients.revoke_key(revoked.key)
    off = clients.create_client("off", scopes=["catalog:read"])
    clients.change_client(off.key.client, active=False)
    elsewhere = keys.PresentedKey(live.key.key_id, keys.generate().secret)
    texts = {
        "unknown": keys.generate().text,
        "wrong secret": elsewhere.text,
        "revoked": revoked.text,
        "client switched off": off.text,
    }
    order = [kind for kind in texts for _ in range(TIMED)]
    random.shuffle(order)

    took: dict[str, list[int]] = {kind: [] for kind in texts}
    for kind in [*list(texts) * WARM_UP, *order]:
        took[kind].append(refusal_of(texts[kind]))

    for one, other in combinations(texts, 2):
        share = how_often_longer(took[one][WARM_UP:], took[other][WARM_UP:])
        # One half: nothing to tell. Whatever else the machine does only brings it nearer to that.
        assert 0.35 < share < 0.65, f"{one} takes longer than {other} in {share:.0%} of all comparisons"


def refusal_of(text: str) -> int:
    """Nanoseconds of this thread that refusing the key takes."""
    visit = Visit(RequestFactory().get("/api/v1/diamonds", headers={"X-API-Key": text}), address="203.0.113.9")
    steps = PresentedKeys(), KeyState()
    before = time.thread_time_ns()
    try:
        for step in steps:
            step.check(visit)
    except AuthenticationFailed:
        return time.thread_time_ns() - before
    raise AssertionError("the key was let in")


def how_often_longer(some: list[int], others: list[int]) -> float:
    """In how many pairs of the two the first took longer: by the ranks of all (Mann-Whitney's U)."""
    ranked = sorted([(length, True) for length in some] + [(length, False) for length in others])
    ranks = sum(rank for rank, (_, is_first) in enumerate(ranked, start=1) if is_first)
    return (ranks - len(some) * (len(some) + 1) / 2) / (len(some) * len(others))

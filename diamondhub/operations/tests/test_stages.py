"""Queues as rows: what waits, for how long, what is held and what is due later, as SQL says for each stage alone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import Case, Q, When
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from diamondhub.operations import stages
from diamondhub.operations.models import Problem, Pruning
from diamondhub.operations.stages import Paused

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _only_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "_stages", [])


def pruning(*, due: float | None = 0, held: float | None = None, **fields: Any) -> None:
    """A pruning that is due in so many seconds and held until in so many."""
    now = timezone.now()
    Pruning.objects.create(
        started_by=fields.pop("started_by", "x"),
        due_at=None if due is None else now + timedelta(seconds=due),
        lease_expires_at=None if held is None else now + timedelta(seconds=held),
        **fields,
    )


def open_prunings() -> Any:
    return Pruning.objects.filter(state="ready")


def test_a_stage_says_what_waits_for_how_long_what_is_held_and_what_is_due_later() -> None:
    stages.register("pruning", open_prunings, url=lambda: "/there/")
    pruning(due=-100)
    pruning(due=-50, held=-10)
    pruning(due=-500, held=60)
    pruning(due=70)
    pruning(due=None)
    pruning(due=-1_000, state="completed")

    (queue,) = stages.queues()

    assert (queue.title, queue.url) == ("pruning", "/there/")
    assert (queue.waiting, queue.held, queue.later, queue.capped) == (2, 1, 2, False)
    assert queue.oldest is not None
    assert 100 <= queue.oldest < 130


def test_what_is_due_and_rests_is_counted_apart_and_has_no_age() -> None:
    stages.register("pruning", open_prunings, url=str, paused=lambda: Paused(Q(started_by="somebody who rests")))
    pruning(due=-1_000, started_by="somebody who rests")
    pruning(due=70, started_by="somebody who rests")
    pruning(due=-100, held=60, started_by="somebody who rests")
    pruning(due=-50)

    (queue,) = stages.queues()

    assert (queue.waiting, queue.resting, queue.held, queue.later) == (1, 1, 1, 1)
    assert queue.oldest is not None
    assert 50 <= queue.oldest < 80


def test_what_rested_has_waited_since_it_was_resumed() -> None:
    resumed = Case(When(started_by="somebody who rested", then=Now() - timedelta(seconds=100)), default=None)
    stages.register("pruning", open_prunings, url=str, paused=lambda: Paused(resumed=resumed))
    pruning(due=-1_000, started_by="somebody who rested")
    pruning(due=-50)

    (queue,) = stages.queues()

    assert queue.waiting == 2
    assert queue.oldest is not None
    assert 100 <= queue.oldest < 130


def test_a_stage_in_which_nothing_is_says_so() -> None:
    stages.register("pruning", open_prunings, url=str)

    (queue,) = stages.queues()

    assert (queue.waiting, queue.oldest, queue.held, queue.later, queue.resting) == (0, None, 0, 0, 0)


def test_all_stages_are_counted_by_one_statement() -> None:
    for name in ("one", "two", "three"):
        stages.register(name, open_prunings, url=str)
    pruning()

    with CaptureQueriesContext(connection) as captured:
        queues = stages.queues()

    assert [queue.waiting for queue in queues] == [1, 1, 1]
    assert len(captured) == 1


def test_more_than_are_counted_are_said_to_be_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "MAX_COUNTED", 2)
    stages.register("pruning", open_prunings, url=str)
    for _ in range(3):
        pruning()

    (queue,) = stages.queues()

    assert queue.capped


def test_rows_that_nobody_leases_are_no_stage() -> None:
    stages.register("problems", Problem.objects.all, url=str)

    with pytest.raises(TypeError, match="Problem has no leases"):
        stages.queues()

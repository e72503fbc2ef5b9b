"""Problems recorded by several connections at once: nothing is lost, nothing is doubled, and nobody waits in a circle."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import connection, transaction

from diamondhub.database import clock
from diamondhub.operations.models import Problem, ProblemEvent, ProblemReport
from diamondhub.operations.problems import tracking

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("_kinds", "heard")]

#: What hangs has failed (seconds).
PATIENCE = 60


def leak(about: str = "pipe:1") -> None:
    tracking.occurred("leak", about, subject="Water")


def mend(about: str = "pipe:1") -> None:
    tracking.resolve("leak", about, why="mended")


class Other:
    """Another connection, in a thread of its own, that does what it is told step by step."""

    def __init__(self) -> None:
        self._told = threading.Semaphore(0)
        self._done = threading.Semaphore(0)
        self._step: Callable[[], None] | None = None
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def do(self, step: Callable[[], None]) -> None:
        """Have it do this in its transaction, and wait for it: it must not wait for anybody."""
        self._step = step
        self._told.release()
        assert self._done.acquire(timeout=PATIENCE), "it waits for another transaction"
        if self.error is not None:
            raise self.error

    def commit(self) -> None:
        """End its transaction, if it has not ended."""
        if not self._thread.is_alive():
            return
        self._step = None
        self._told.release()
        assert self._done.acquire(timeout=PATIENCE)
        self._thread.join(PATIENCE)

    def _work(self) -> None:
        try:
            with transaction.atomic():
                while self._told.acquire(timeout=PATIENCE) and self._step is not None:
                    try:
                        self._step()
                    except BaseException as error:  # noqa: BLE001 - the test raises it
                        self.error = error
                    self._done.release()
        finally:
            connection.close()
            self._done.release()


@contextmanager
def two_at_once() -> Iterator[tuple[Other, Other]]:
    first, second = Other(), Other()
    try:
        yield first, second
    finally:
        first.commit()
        second.commit()


def settle() -> None:
    tracking.write_reports()
    assert not ProblemReport.objects.exists()


def test_two_transactions_that_record_the_same_problems_in_opposite_order_do_not_wait_for_each_other() -> None:
    with two_at_once() as (first, second):
        first.do(lambda: leak("pipe:1"))
        second.do(lambda: leak("pipe:2"))
        first.do(lambda: leak("pipe:2"))
        second.do(lambda: leak("pipe:1"))
        first.commit()
        second.commit()

    settle()
    assert dict(Problem.objects.values_list("about", "occurrences")) == {"pipe:1": 2, "pipe:2": 2}
    assert ProblemEvent.objects.filter(what="opened").count() == 2


def test_two_that_open_the_same_problem_at_once_open_one() -> None:
    with two_at_once() as (first, second):
        first.do(leak)
        second.do(leak)
        second.commit()
        first.commit()

    settle()
    assert Problem.objects.get().occurrences == 2
    assert list(ProblemEvent.objects.values_list("what", flat=True)) == ["opened"]


def test_what_a_transaction_that_is_rolled_back_recorded_was_never_there() -> None:
    with two_at_once() as (first, second):
        first.do(leak)
        second.do(leak)
        first.do(lambda: transaction.set_rollback(True))
        first.commit()
        second.do(lambda: transaction.set_rollback(True))
        second.commit()

    settle()
    assert not Problem.objects.exists()
    assert not ProblemEvent.objects.exists()


@pytest.mark.parametrize(
    ("steps", "order"),
    [(steps, order) for steps in itertools.permutations(("occurs", "resolved"), 2) for order in ("first", "second")],
)
def test_a_recurrence_and_a_resolution_at_once_end_as_one_after_the_other(steps: tuple[str, str], order: str) -> None:
    leak()
    does = {"occurs": leak, "resolved": mend}

    with two_at_once() as (first, second):
        first.do(does[steps[0]])
        second.do(does[steps[1]])
        for one in (first, second) if order == "first" else (second, first):
            one.commit()

    settle()
    problem = Problem.objects.get()
    # The one that had the problem first is before the other, whichever committed first.
    if steps[0] == "resolved":
        assert (problem.state, problem.episode, problem.occurrences) == ("open", 2, 1)
        assert list(ProblemEvent.objects.order_by("pk").values_list("what", flat=True)) == [
            *("opened", "resolved", "reopened"),
        ]
    else:
        assert (problem.state, problem.episode, problem.occurrences) == ("resolved", 1, 2)


def test_whoever_takes_care_of_a_problem_waits_until_it_is_known_whether_it_is_over() -> None:
    leak()
    outcome: list[str] = []

    def acknowledge() -> None:
        try:
            tracking.acknowledge(Problem.objects.get().pk, by="olga", until=clock() + timedelta(hours=1))
            outcome.append("acknowledged")
        except tracking.NotOpen:
            outcome.append("over")
        finally:
            connection.close()

    with two_at_once() as (first, _):
        first.do(mend)
        waiting = threading.Thread(target=acknowledge)
        waiting.start()
        first.commit()
        waiting.join(PATIENCE)

    assert outcome == ["over"]
    assert Problem.objects.get().state == "resolved"


def test_many_connections_at_once_lose_and_double_nothing() -> None:
    leak()
    began = threading.Barrier(8)

    def work(number: int) -> None:
        try:
            began.wait(PATIENCE)
            for turn in range(10):
                with transaction.atomic():
                    for about in ("pipe:1", "pipe:2", "pipe:3")[:: 1 if (number + turn) % 2 else -1]:
                        leak(about)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)

    settle()
    assert dict(Problem.objects.values_list("about", "occurrences")) == {"pipe:1": 81, "pipe:2": 80, "pipe:3": 80}
    assert ProblemEvent.objects.filter(what="opened").count() == 3

"""Looks: what they say is opened and what they do not say is resolved, each in its turn, and one that fails is a problem."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import F

from diamondhub import sweep
from diamondhub.operations.models import LookTaken, Problem
from diamondhub.operations.problems import looking, tracking
from diamondhub.operations.problems.looking import Wrong
from diamondhub.operations.problems.tracking import News

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("_kinds", "_no_lookouts")]


class Nose:
    """A look that says what it is told to say."""

    def __init__(self, name: str = "nose") -> None:
        self.__qualname__ = name
        self.wrong: list[Wrong] = []
        self.error: Exception | None = None
        self.taken = 0

    def __call__(self) -> Iterator[Wrong]:
        self.taken += 1
        if self.error is not None:
            raise self.error
        yield from self.wrong


def draught(about: str = "window:1") -> Wrong:
    return Wrong("draught", about, f"There is a draught at {about}")


def taken_long_ago(seconds: float = 3_600) -> None:
    LookTaken.objects.update(taken_at=F("taken_at") - timedelta(seconds=seconds))


def states() -> dict[str, str]:
    return dict(Problem.objects.filter(kind="draught").values_list("about", "state"))


def test_what_a_look_says_is_opened_and_goes_on_and_what_it_does_not_say_any_more_is_resolved(
    heard: list[News],
) -> None:
    nose = Nose()
    nose.wrong = [draught("window:1"), draught("window:2")]
    looking.register(nose, "draught", every=10)
    looking.look()
    nose.wrong = [draught("window:2"), draught("window:3")]
    taken_long_ago()

    looking.look()

    assert states() == {"window:1": "resolved", "window:2": "open", "window:3": "open"}
    assert Problem.objects.get(about="window:2").occurrences == 1
    assert sorted((news.problem.about, str(news.change)) for news in heard) == [
        ("window:1", "opened"),
        ("window:1", "resolved"),
        ("window:2", "opened"),
        ("window:3", "opened"),
    ]


def test_a_look_that_needs_a_secret_is_taken_by_processes_that_have_it(settings: Any) -> None:
    nose = Nose()
    nose.wrong = [draught()]
    looking.register(nose, "draught", every=0, needs="API_KEY_PEPPERS")

    settings.PROGRAM = "worker-io"
    looking.look()
    looking.look_from_web()
    by_worker = nose.taken
    settings.PROGRAM = "web"
    looking.look_from_web()

    assert (by_worker, nose.taken, states()) == (0, 1, {"window:1": "open"})
    # A worker that cannot see it does not take it for mended.
    settings.PROGRAM = "worker-io"
    looking.look()
    assert states() == {"window:1": "open"}


def test_a_look_that_web_takes_as_well_is_taken_by_it_when_no_sweep_does() -> None:
    nose = Nose()
    nose.wrong = [draught()]
    looking.register(nose, "draught", every=10, by_web=True)

    looking.look()
    taken_long_ago(15)
    looking.look_from_web()
    while_sweeps_are_made = nose.taken
    taken_long_ago()
    looking.look_from_web()

    assert (while_sweeps_are_made, nose.taken) == (1, 2)
    assert looking.found_by_web() == {"draught"}


def test_a_look_is_taken_at_its_own_pace_whoever_sweeps() -> None:
    often, rarely = Nose("often"), Nose("rarely")
    looking.register(often, "draught", every=0)
    looking.register(rarely, every=3600)

    for _ in range(3):
        looking.look()

    assert (often.taken, rarely.taken) == (3, 1)
    taken_long_ago()
    looking.look()
    assert (often.taken, rarely.taken) == (4, 2)


def test_a_look_that_fails_is_a_problem_until_it_goes_through_and_keeps_no_other_from_its_turn() -> None:
    broken, nose = Nose("broken"), Nose()
    broken.error = RuntimeError("the nose\nis blocked")
    nose.wrong = [draught()]
    looking.register(broken, "leak", every=0)
    looking.register(nose, "draught", every=0)

    looking.look()
    looking.look()

    problem = Problem.objects.get(kind="look-failing")
    assert problem.about.endswith(".broken")
    assert problem.subject.endswith("broken fails: RuntimeError: the nose")
    assert problem.occurrences == 2
    assert states() == {"window:1": "open"}

    broken.error = None
    looking.look()

    assert Problem.objects.get(kind="look-failing").state == "resolved"


def test_a_look_that_fails_resolves_nothing() -> None:
    nose = Nose()
    nose.wrong = [draught()]
    looking.register(nose, "draught", every=0)
    looking.look()
    nose.error = RuntimeError("blocked")

    looking.look()

    assert states() == {"window:1": "open"}


def test_a_statement_of_a_look_that_takes_too_long_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "STATEMENT_SECONDS", 0.05)

    def slow() -> Iterator[Wrong]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(60)")
        yield draught()

    looking.register(slow, "draught")

    looking.look()

    assert "statement timeout" in Problem.objects.get(kind="look-failing").subject
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone()[0] == "0"


def test_a_look_that_speaks_of_a_kind_that_is_not_its_own_has_failed() -> None:
    nose = Nose()
    nose.wrong = [draught()]
    looking.register(nose, "leak")

    looking.look()

    assert "draught" in Problem.objects.get(kind="look-failing").subject
    assert states() == {}


def test_looks_that_are_left_when_the_round_took_too_long_have_their_turn_first_in_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    nose = Nose()
    looking.register(nose, "draught", every=0)
    with monkeypatch.context() as slow:
        slow.setattr(looking, "ROUND_SECONDS", -1.0)
        looking.look()
    assert nose.taken == 0

    looking.look()

    assert nose.taken == 1


def test_of_a_flood_of_wrong_things_a_bounded_number_is_kept_and_those_that_are_known_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(looking, "MAX_WRONG", 2)
    nose = Nose()
    nose.wrong = [draught(f"window:{number}") for number in range(5)]
    looking.register(nose, "draught", every=0)

    looking.look()
    assert len(states()) == 2
    looking.look()

    assert list(states().values()) == ["open"] * 4


def test_what_occurred_while_the_look_looked_stays(heard: list[News]) -> None:
    looking.register(nose := Nose(), "draught", every=0)
    tracking.occurred("draught", "window:1", subject="A draught")

    def looks() -> Iterator[Wrong]:
        tracking.occurred("draught", "window:1", subject="A draught, again")
        return iter(())

    looking._lookouts.clear()
    looking.register(looks, "draught", every=0)
    looking.look()

    assert states() == {"window:1": "open"}
    assert nose.taken == 0


def test_a_sweeper_that_fails_is_a_problem_until_it_goes_through(monkeypatch: pytest.MonkeyPatch) -> None:
    error: list[Exception] = [RuntimeError("it broke")]

    def sweeps() -> None:
        if error:
            raise error[0]

    monkeypatch.setattr(sweep, "_sweepers", [sweeps])
    sweep.sweep()
    sweep.sweep()

    problem = Problem.objects.get(kind="sweeper-failing")
    assert problem.occurrences == 2
    assert "RuntimeError: it broke" in problem.subject

    error.clear()
    sweep.sweep()

    problem.refresh_from_db()
    assert problem.state == "resolved"

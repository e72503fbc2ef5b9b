"""The life of a problem: opened, counted, worsened, acknowledged, resolved, and opened again when it comes back."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction
from django.db.models import F

from diamondhub.admin.display import duration
from diamondhub.audit.models import AuditEvent
from diamondhub.database import clock
from diamondhub.operations.models import Problem, ProblemEvent, ProblemReport
from diamondhub.operations.problems import tracking
from diamondhub.operations.problems.kinds import Severity
from diamondhub.operations.problems.tracking import News

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_kinds")]


def leak(about: str = "pipe:1", **told: object) -> Problem:
    return tracking.occurred("leak", about, **{"subject": "Water comes from pipe 1", **told})  # type: ignore[arg-type]


def changes() -> list[str]:
    return list(ProblemEvent.objects.order_by("pk").values_list("what", flat=True))


def test_a_thousand_equal_occurrences_are_one_problem_and_one_change(heard: list[News]) -> None:
    for _ in range(100):
        leak(times=10)

    problem = Problem.objects.get()
    assert (problem.state, problem.occurrences, problem.severity) == ("open", 1_000, "warning")
    assert changes() == ["opened"]
    assert [news.change for news in heard[:2]] == ["opened", "recurred"]


def test_what_goes_on_is_seen_and_not_counted_nor_told_again(heard: list[News]) -> None:
    problem = leak(times=0)
    seen = problem.last_seen_at

    leak(times=0)

    problem.refresh_from_db()
    assert problem.last_seen_at > seen
    assert problem.occurrences == 1
    assert [news.change for news in heard] == ["opened"]


def test_a_resolved_problem_says_how_long_it_lasted_and_how_often_it_occurred(heard: list[News]) -> None:
    problem = leak(times=16)
    leak()
    Problem.objects.update(first_seen_at=F("first_seen_at") - timedelta(minutes=3, seconds=5))

    assert tracking.resolve("leak", "pipe:1", why="the pipe is mended")

    problem.refresh_from_db()
    assert problem.resolved_why == "the pipe is mended"
    note = ProblemEvent.objects.get(what="resolved").note
    assert timedelta(minutes=3, seconds=5) <= problem.lasted < timedelta(minutes=6)
    assert note == f"the pipe is mended; it lasted {duration(problem.lasted)} and occurred 17 times"
    assert heard[-1].note == note


def test_what_is_resolved_or_was_never_there_is_not_resolved_again() -> None:
    leak()

    ended = [tracking.resolve("leak", about, why="mended") for about in ("pipe:1", "pipe:1", "pipe:2")]

    assert ended == [True, False, False]
    assert changes() == ["opened", "resolved"]


def test_a_problem_that_comes_back_is_opened_again_as_a_new_episode() -> None:
    first = leak(times=5)
    tracking.acknowledge(first.pk, by="olga", until=clock() + timedelta(hours=1))
    tracking.resolve("leak", "pipe:1", why="mended")

    again = leak(severity=Severity.INFO, subject="A drop")

    assert again.pk == first.pk
    assert (again.state, again.episode, again.occurrences, again.severity) == ("open", 2, 1, "info")
    assert (again.acknowledged_by, again.acknowledged_until, again.resolved_at) == ("", None, None)
    assert again.first_seen_at > first.first_seen_at
    assert changes() == ["opened", "acknowledged", "resolved", "reopened"]


def test_what_gets_worse_is_open_again_though_somebody_takes_care_of_it_and_stays_as_bad() -> None:
    problem = leak()
    tracking.acknowledge(problem.pk, by="olga", until=clock() + timedelta(hours=1))

    leak(severity=Severity.CRITICAL)
    leak()

    problem.refresh_from_db()
    assert (problem.state, problem.severity, problem.acknowledged_by) == ("open", "critical", "")
    assert changes() == ["opened", "acknowledged", "worsened"]


def test_it_recurs_at_another_thing_and_leads_there() -> None:
    leak(where="valve:1")
    problem = leak(where="valve:2")
    leak(where="valve:2")

    assert problem.target == "valve:2"
    assert list(ProblemEvent.objects.order_by("pk").values_list("what", "where")) == [
        ("opened", "valve:1"),
        ("recurred", "valve:2"),
    ]


def test_an_acknowledgement_runs_out_and_the_problem_is_open_again(heard: list[News]) -> None:
    problem = leak()
    tracking.acknowledge(problem.pk, by="olga", until=clock() + timedelta(hours=1), note="I look at it")
    assert tracking.end_acknowledgements() == 0
    Problem.objects.update(acknowledged_until=F("acknowledged_until") - timedelta(hours=1))

    assert (tracking.end_acknowledgements(), tracking.end_acknowledgements()) == (1, 0)

    problem.refresh_from_db()
    assert (problem.state, problem.acknowledged_by, problem.acknowledged_until) == ("open", "", None)
    assert changes() == ["opened", "acknowledged", "acknowledgement_ended"]
    assert heard[-1].change == "acknowledgement_ended"


def test_an_acknowledgement_that_is_taken_back_leaves_the_problem_open_and_is_told(heard: list[News]) -> None:
    problem = leak()
    tracking.acknowledge(problem.pk, by="olga", until=clock() + timedelta(hours=1))

    tracking.take_back(problem.pk, by="igor", note="the day shift's")

    problem.refresh_from_db()
    assert (problem.state, problem.acknowledged_by, problem.acknowledged_until) == ("open", "", None)
    assert (heard[-1].change, heard[-1].by, heard[-1].note) == ("acknowledgement_ended", "igor", "the day shift's")
    with pytest.raises(tracking.NotAcknowledged):
        tracking.take_back(problem.pk, by="igor")


def test_what_a_look_ends_is_not_ended_by_hand() -> None:
    problem = tracking.occurred("draught", "window:1", subject="A draught")

    with pytest.raises(tracking.EndsByItself, match="by itself"):
        tracking.resolve_by_hand(problem.pk, by="olga", reason="I am warm")

    assert changes() == ["opened"]


def test_nobody_takes_care_of_what_is_over_or_until_what_is_over() -> None:
    problem = leak()
    with pytest.raises(tracking.WrongTime):
        tracking.acknowledge(problem.pk, by="olga", until=clock() - timedelta(seconds=1))
    with pytest.raises(tracking.WrongTime):
        tracking.acknowledge(problem.pk, by="olga", until=clock() + timedelta(days=8))
    tracking.resolve("leak", "pipe:1", why="mended")

    with pytest.raises(tracking.NotOpen):
        tracking.acknowledge(problem.pk, by="olga", until=clock() + timedelta(hours=1))
    with pytest.raises(tracking.NotOpen):
        tracking.resolve_by_hand(problem.pk, by="olga", reason="really")


def test_what_people_do_about_a_problem_is_audited_and_what_becomes_of_it_is_not() -> None:
    problem = leak()
    leak()
    tracking.acknowledge(problem.pk, by="olga", until=clock() + timedelta(hours=1), note="I look at it")

    tracking.resolve_by_hand(problem.pk, by="igor", reason="it was rain")

    events = AuditEvent.objects.filter(kind="operations.problem").order_by("event_id")
    assert [(event.who, event.what, event.reason) for event in events] == [
        ("olga", "changed", "I look at it"),
        ("igor", "changed", "it was rain"),
    ]


def test_what_was_seen_since_a_look_began_is_not_resolved_by_it() -> None:
    before = clock()
    leak()

    assert not tracking.resolve("leak", "pipe:1", why="it looked right", unless_seen_since=before)
    assert tracking.resolve("leak", "pipe:1", why="it looked right", unless_seen_since=clock())


@pytest.mark.parametrize(
    "told",
    [
        {"subject": "nul \0 and \ud800 half a pair " + "x" * 1_000},
        {"details": {"\0": "\ud800", "deep": [[[[[[[[[[1]]]]]]]]]], "number": float("nan")}},
        {"about": "pipe:" + "y" * 5_000, "where": "z\0" * 5_000},
        {"trace_id": "t" * 100},
        {"details": {"password": "hunter22", "header": "Authorization: Bearer abcdefghijkl"}},
    ],
)
def test_nothing_that_is_told_breaks_the_transaction_that_makes_it_so(told: dict[str, object]) -> None:
    with transaction.atomic():
        leak(**told)  # type: ignore[arg-type]
        leak(**told)  # type: ignore[arg-type]

    problem = Problem.objects.get()
    assert problem.occurrences == 2
    assert "hunter22" not in str(problem.details)
    assert not ProblemReport.objects.exists()


def test_long_names_of_different_things_are_different_problems() -> None:
    leak("pipe:" + "y" * 300 + "1")
    leak("pipe:" + "y" * 300 + "2")

    assert Problem.objects.count() == 2

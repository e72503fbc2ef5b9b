"""What needs somebody: for each what they may see, the worst first, and found by the page itself while nobody sweeps."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from diamondhub.operations import needs
from diamondhub.operations.models import Problem, Worker
from diamondhub.operations.problems import tracking
from diamondhub.operations.problems.kinds import Severity
from diamondhub.operations.tests.test_workers import everybody, worker
from diamondhub.telemetry.models import Heartbeat

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nobody_else(db: None) -> None:
    """No rows of servers that other tests started, which may show themselves once more while they end."""
    Worker.objects.all().delete()


def person(*permissions: str) -> User:
    made = User.objects.create_user("olga", is_staff=True, is_superuser=not permissions)
    made.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return made


def shown(user: Any) -> needs.Shown:
    return needs.shown_to(user, needs.find())


def gone(number: int = 1, severity: Severity | None = None) -> Problem:
    return tracking.occurred("worker-gone", f"worker:{number}", subject=f"worker {number} is gone", severity=severity)


def test_where_nothing_is_wrong_nothing_needs_anybody() -> None:
    found = shown(person())

    assert (found.words, found.tone, found.problems) == ("Nothing needs you.", "good", [])


def test_the_worst_comes_first_and_of_these_the_oldest_and_one_line_counts_them() -> None:
    gone(1)
    gone(2, Severity.CRITICAL)
    gone(3)
    tracking.occurred("queue-without-worker", "queue:control", subject="nobody")

    found = shown(person())

    assert [each.problem.about for each in found.problems] == ["worker:2", "queue:control", "worker:1", "worker:3"]
    assert (found.words, found.tone) == ("4 problems need you: 2 critical, 2 warning.", "bad")


def test_each_sees_the_kinds_that_they_may_see_and_the_buttons_that_they_may_press() -> None:
    worker(pk=1, seen=60)
    gone(1)

    stranger = shown(person("view_diamond"))
    looker = shown(_with("view_worker"))
    doer = shown(_with("view_worker", "change_worker"))

    assert stranger.words == "Nothing needs you."
    assert [each.buttons for each in looker.problems] == [[]]
    assert [button.label for each in doer.problems for button in each.buttons] == ["Take off the list"]


def _with(*permissions: str) -> User:
    made = User.objects.create_user(f"p{len(permissions)}", is_staff=True)
    made.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return made


def test_what_somebody_takes_care_of_needs_nobody_else() -> None:
    problem = gone()
    tracking.acknowledge(problem.pk, by="lars", until=timezone.now() + timedelta(hours=1))

    found = shown(person())

    assert found.words == "Nothing needs you."
    assert [each.problem.acknowledged_by for each in found.taken_care_of] == ["lars"]


def test_a_resolved_one_is_not_shown() -> None:
    gone()
    tracking.resolve("worker-gone", "worker:1", why="it is back")

    assert shown(person()).problems == []


def test_many_are_capped_and_said_to_be_more() -> None:
    for number in range(needs.MAX_SHOWN + 5):
        gone(number)

    found = shown(person())

    assert (len(found.problems), found.more) == (needs.MAX_SHOWN, 5)


def test_while_no_sweep_goes_round_the_page_looks_by_itself_and_writes_nothing() -> None:
    everybody()
    dead = worker(seen=60, program="web", place="host web ", queues=[])
    Heartbeat.objects.create(name="sweep", seen_at=timezone.now() - timedelta(minutes=2))

    found = shown(person())

    # To the second it is as old as the test has become meanwhile.
    assert re.match(r"Nothing goes on by itself: the last sweep was 2 min \d\d s ago\.", found.words)
    assert found.tone == "bad"
    assert f"worker:{dead.pk}" in [each.problem.about for each in found.problems]
    assert not Problem.objects.exists()


def test_what_is_written_down_already_is_not_shown_twice_by_a_look() -> None:
    everybody()
    dead = worker(seen=60, program="web", place="host web ", queues=[])
    gone(dead.pk)
    Heartbeat.objects.create(name="sweep", seen_at=timezone.now() - timedelta(minutes=2))

    about = [each.problem.about for each in shown(person()).problems]

    assert about.count(f"worker:{dead.pk}") == 1


def test_the_page_of_somebody_with_a_right_has_a_button_that_acts_and_nobody_elses_has() -> None:
    row = worker(seen=60)
    gone(row.pk)
    address = reverse("admin:operations_worker_remove", args=[row.pk])
    browser, other = Client(), Client()
    browser.force_login(person())
    other.force_login(_with("view_worker"))

    mine, others = (each.get(reverse("admin:index")).content.decode() for each in (browser, other))

    assert f'action="{address}"' in mine
    assert "csrfmiddlewaretoken" in mine
    assert address not in others
    assert "worker-gone" in mine or "A worker is gone" in mine


def test_who_is_nobody_sees_nothing() -> None:
    gone()

    assert shown(AnonymousUser()).problems == []

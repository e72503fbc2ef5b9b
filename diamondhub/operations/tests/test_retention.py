"""The table of what is forgotten: an order that always holds, and faults in it that are told at the start."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone

from diamondhub.access.people import SignIn
from diamondhub.operations import retention


def step(name: str, *, after: tuple[str, ...] = ()) -> retention.Step:
    def remove() -> Iterator[retention.Removed]:
        yield {name: 1}

    return retention.Step(name, remove, lambda: {name: 1}, after)


@pytest.fixture
def _empty_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "_steps", {})
    monkeypatch.setattr(retention, "_keepings", {})


@pytest.mark.usefixtures("_empty_table")
def test_steps_are_taken_as_registered_but_never_before_what_they_come_after() -> None:
    for made in (step("days", after=("ledgers",)), step("letters"), step("ledgers"), step("events", after=("days",))):
        retention.register(made)

    assert [made.name for made in retention.steps()] == ["ledgers", "days", "letters", "events"]


@pytest.mark.usefixtures("_empty_table")
def test_a_step_after_one_that_nobody_registers_is_told_at_the_start() -> None:
    retention.register(step("days", after=("ledgers",)))

    with pytest.raises(ImproperlyConfigured, match="days comes after ledgers, which no app registers"):
        retention.check()


@pytest.mark.usefixtures("_empty_table")
def test_steps_that_wait_for_each_other_are_told_at_the_start() -> None:
    retention.register(step("days", after=("ledgers",)))
    retention.register(step("ledgers", after=("days",)))

    with pytest.raises(ImproperlyConfigured, match="days after ledgers after days"):
        retention.check()


def test_ledgers_go_before_the_days_letters_and_events_that_they_count() -> None:
    names = [made.name for made in retention.steps()]

    assert all(names.index("ledgers") < names.index(later) for later in ("raw_days", "letters", "run_events"))


def test_apps_on_top_forget_first_and_prunings_go_last() -> None:
    names = [made.name for made in retention.steps()]

    assert names.index("remaps") < names.index("price_months") < names.index("alerts")
    assert names[-1] == "prunings"


@pytest.mark.django_db
def test_sessions_that_are_over_and_old_sign_ins_go() -> None:
    now = timezone.now()
    Session.objects.create(session_key="over", session_data="x", expire_date=now - timedelta(seconds=1))
    Session.objects.create(session_key="going on", session_data="x", expire_date=now + timedelta(days=1))
    for name, days in (("old", settings.HISTORY_RETENTION_DAYS + 1), ("new", 1)):
        SignIn.objects.create(
            name=name, address="10.0.0.1", outcome="refused", known_browser=False, at=now - timedelta(days=days)
        )
    steps = {step.name: step for step in retention.steps()}

    for name in ("expired_sessions", "sign_ins"):
        assert list(steps[name].remove()) == [{name: 1}]

    assert [session.session_key for session in Session.objects.all()] == ["going on"]
    assert [tried.name for tried in SignIn.objects.all()] == ["new"]

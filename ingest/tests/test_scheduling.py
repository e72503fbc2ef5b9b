"""Slots of feed schedules: each is dealt with once, by the database's clock, and none is forgotten without a reason."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse

from diamondhub.operations.models import Problem
from diamondhub.operations.tests.problems import looked_at
from diamondhub.sweep import sweep
from diamondhub.tests.threads import at_once
from ingest import runs, scheduling
from ingest.models import Feed, Run, ScheduleSlot
from ingest.tests import factories
from ingest.tests.factories import MemorySupplier

HOURLY = "0 * * * *"

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("one_hour")]


@pytest.fixture
def supplier(monkeypatch: pytest.MonkeyPatch) -> MemorySupplier:
    return factories.supplying(monkeypatch, MemorySupplier(factories.stones(15)))


@pytest.fixture(autouse=True)
def _others_have_no_schedule(supplier: MemorySupplier) -> None:
    Feed.objects.update(full_schedule="", incremental_schedule="")


def scheduled(*, hours_ago: float, full: str = "", incremental: str = "", **fields: Any) -> Feed:
    """A feed whose schedules were set so many hours ago."""
    feed = factories.feed(full_schedule=full, incremental_schedule=incremental, **fields)
    Feed.objects.filter(pk=feed.pk).update(scheduled_since=now() - timedelta(hours=hours_ago))
    feed.refresh_from_db()
    return feed


def now() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        row = cursor.fetchone()
    assert row is not None
    moment: datetime = row[0]
    return moment


def this_hour() -> datetime:
    return now().astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def slots(feed: Feed) -> list[tuple[str, datetime, str]]:
    return [(slot.kind, slot.due_at, slot.state) for slot in feed.slots.order_by("-due_at", "kind")]


def test_a_due_slot_starts_a_run_and_is_kept_with_it() -> None:
    feed = scheduled(hours_ago=1, full=HOURLY)

    scheduling.start_due()

    run = Run.objects.get(feed=feed)
    slot = feed.slots.get()
    assert (slot.kind, slot.due_at, slot.state, slot.run) == ("full", this_hour(), "started", run)
    assert (run.kind, run.state, run.started_by) == ("full", "planning", "schedule")
    assert run.reason == f"full run due at {this_hour():%Y-%m-%d %H:%M} UTC"
    assert slot.reason == ""


def test_a_slot_that_was_dealt_with_is_not_dealt_with_again() -> None:
    feed = scheduled(hours_ago=1, full=HOURLY)

    for _ in range(3):
        sweep()

    assert Run.objects.filter(feed=feed).count() == feed.slots.count() == 1


def test_nothing_is_due_before_its_time_nor_from_before_the_schedule_was_set() -> None:
    feed = factories.feed(full_schedule=HOURLY)

    scheduling.start_due()

    assert not feed.slots.exists()
    assert not Run.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_however_many_sweeps_run_at_once_a_slot_starts_one_run() -> None:
    feed = scheduled(hours_ago=1, full=HOURLY, incremental=HOURLY)

    outcomes = at_once(*[scheduling.start_due] * 8)

    assert outcomes == [None] * 8
    assert Run.objects.filter(feed=feed).count() == 1
    assert sorted(slots(feed)) == sorted([("full", this_hour(), "started"), ("incremental", this_hour(), "skipped")])


def test_the_same_slot_cannot_be_kept_twice() -> None:
    feed = scheduled(hours_ago=1)
    slot = {"feed": feed, "kind": "full", "due_at": this_hour(), "state": "skipped", "reason": "x", "created_at": now()}
    ScheduleSlot.objects.create(**slot)

    with pytest.raises(IntegrityError), transaction.atomic():
        ScheduleSlot.objects.create(**slot)


def test_of_slots_missed_while_everything_was_down_the_newest_is_started_and_the_others_say_why_not() -> None:
    feed = scheduled(hours_ago=4, full=HOURLY)

    scheduling.start_due()

    hours = [this_hour() - timedelta(hours=n) for n in range(4)]
    assert slots(feed) == [("full", hours[0], "started"), *[("full", hour, "skipped") for hour in hours[1:]]]
    assert {slot.reason for slot in feed.slots.filter(state="skipped")} == {
        "nobody was there when it was due, and a later one is due as well"
    }
    assert not Problem.objects.filter(kind="slots-skipped").exists()


def test_of_a_long_outage_the_newest_missed_slots_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduling, "MISSED_KEPT", 5)
    feed = scheduled(hours_ago=24 * 400, full="* * * * *")

    scheduling.start_due()

    assert feed.slots.count() == 6
    assert feed.slots.filter(state="started").count() == 1


def test_a_slot_that_finds_a_live_run_is_kept_with_its_number() -> None:
    feed = scheduled(hours_ago=1, full=HOURLY)
    live = runs.start_run(feed.slug, kind="full", started_by="eve")

    scheduling.start_due()

    slot = feed.slots.get()
    assert (slot.state, slot.run) == ("skipped", None)
    assert f"run {live.pk}, planning" in slot.reason
    assert Run.objects.filter(feed=feed).count() == 1


def test_full_and_incremental_due_together_is_a_full_run() -> None:
    feed = scheduled(hours_ago=1, full=HOURLY, incremental=HOURLY, watermark=now())

    scheduling.start_due()

    assert Run.objects.get(feed=feed).kind == "full"
    assert feed.slots.get(kind="full").state == "started"
    assert "the full run due at" in feed.slots.get(kind="incremental").reason


def test_an_incremental_slot_starts_an_incremental_run_and_without_a_watermark_says_what_is_missing() -> None:
    feed = scheduled(hours_ago=2, incremental=HOURLY)
    scheduling.start_due()
    before = feed.slots.latest("due_at")
    ScheduleSlot.objects.all().delete()
    Feed.objects.filter(pk=feed.pk).update(watermark=now())

    scheduling.start_due()

    assert (before.state, before.run) == ("skipped", None)
    assert "start a full run first" in before.reason
    assert Run.objects.get(feed=feed).kind == "incremental"


def test_a_disabled_feed_owes_no_slot_when_it_is_enabled_again() -> None:
    feed = scheduled(hours_ago=4, full=HOURLY, enabled=False)
    scheduling.start_due()
    while_disabled = feed.slots.count()

    Feed.objects.filter(pk=feed.pk).update(enabled=True)
    scheduling.start_due()

    assert while_disabled == feed.slots.count() == 0


def test_a_changed_schedule_counts_from_its_change_whoever_wrote_it() -> None:
    feed = scheduled(hours_ago=4, full=HOURLY)

    Feed.objects.filter(pk=feed.pk).update(full_schedule="0 */2 * * *")
    scheduling.start_due()

    assert not feed.slots.exists()


def test_three_slots_skipped_in_a_row_are_told_of_once() -> None:
    feed = scheduled(hours_ago=1, full=HOURLY)
    runs.start_run(feed.slug, kind="full", started_by="eve")
    told = []
    for _ in range(5):
        scheduling.start_due()
        told.append(Problem.objects.filter(kind="slots-skipped").count())
        for slot in feed.slots.order_by("due_at"):
            # As if the next hour had come.
            feed.slots.filter(pk=slot.pk).update(due_at=slot.due_at - timedelta(hours=1))

    event = Problem.objects.get(kind="slots-skipped")
    assert told == [0, 0, 1, 1, 1]
    assert event.subject.startswith("memory: the last 3 scheduled runs were not started: feed memory has a live run")
    assert len(event.details["slots"]) == 3


def test_a_schedule_that_cannot_be_read_is_told_of_once_and_holds_nobody_back() -> None:
    broken = scheduled(hours_ago=1, full=HOURLY)
    Feed.objects.filter(pk=broken.pk).update(full_schedule="soon")
    Feed.objects.filter(slug="nivoda-natural").update(incremental_schedule=HOURLY)
    Feed.objects.filter(slug="nivoda-natural").update(scheduled_since=now() - timedelta(hours=1), watermark=now())

    for _ in range(2):
        scheduling.start_due()
        looked_at("schedule-unreadable")

    problem = Problem.objects.get(kind="schedule-unreadable")
    assert (problem.about, problem.severity, problem.occurrences) == ("feed:memory", "critical", 1)
    assert Run.objects.get().feed.slug == "nivoda-natural"


def test_the_next_slots_of_both_schedules_come_in_order() -> None:
    feed = factories.feed(full_schedule="0 2 * * *", incremental_schedule="0 */12 * * *")

    coming = scheduling.next_slots(feed, datetime(2026, 1, 31, 1, tzinfo=UTC))

    assert coming == [
        (datetime(2026, 1, 31, 2, tzinfo=UTC), "full"),
        (datetime(2026, 1, 31, 12, tzinfo=UTC), "incremental"),
        (datetime(2026, 2, 1, 0, tzinfo=UTC), "incremental"),
    ]


def test_a_scheduled_run_goes_its_way_to_the_end() -> None:
    feed = scheduled(hours_ago=1, full=HOURLY)
    scheduling.start_due()

    run = factories.drive(Run.objects.get(feed=feed))

    assert run.state == "completed"
    assert len(factories.listed()) == 15


def test_the_admin_shows_a_feed_s_slots_and_refuses_a_schedule_that_is_none() -> None:
    feed = scheduled(hours_ago=2, full=HOURLY)
    scheduling.start_due()
    browser = Client()
    browser.force_login(User.objects.create_superuser("root-person"))
    url = reverse("admin:ingest_feed_change", args=[feed.pk])
    form = {
        field: getattr(feed, field)
        for field in (
            "name", "window_lag_seconds", "overlap_seconds", "max_partition_stones",
            "delist_brake", "shrink_brake", "median_brake", "error_budget",
        )
    }  # fmt: skip

    shown = browser.get(url).content.decode()
    refused = browser.post(url, {**form, "enabled": "on", "parameters": "{}", "full_schedule": "0 25 * * *"})
    taken = browser.post(url, {**form, "enabled": "on", "parameters": "{}", "full_schedule": "0 4 * * *"})

    run = Run.objects.get(feed=feed)
    assert f"Run {run.pk}" in shown
    assert "nobody was there when it was due" in shown
    assert shown.count(">next<") == 3
    assert "&#x27;25&#x27; is not a hour; accepted are *, 0–23" in refused.content.decode()
    assert taken.status_code == 302
    feed.refresh_from_db()
    assert feed.full_schedule == "0 4 * * *"
    assert feed.scheduled_since > now() - timedelta(minutes=1)

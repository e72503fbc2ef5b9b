"""What is wrong with feeds, runs, letters and suppliers: when it is found, what it leads to, and what ends it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db.models import F
from django.db.models.functions import Now

from diamondhub.database import clock
from diamondhub.operations.models import Problem
from diamondhub.operations.tests.problems import looked_at
from ingest import dead_letters, freshness, request_counts, runs
from ingest.errors import PermanentSupplierError
from ingest.models import DeadLetter, Feed, Run, RunEvent, SupplierRequests
from ingest.request_counts import RequestCounts
from ingest.tests import factories
from ingest.tests.factories import MemorySupplier

pytestmark = pytest.mark.django_db


@pytest.fixture
def supplier(monkeypatch: pytest.MonkeyPatch) -> MemorySupplier:
    return factories.supplying(monkeypatch, MemorySupplier(factories.stones(40)))


def problem(kind: str) -> Problem:
    return Problem.objects.get(kind=kind)


def state(kind: str) -> str:
    return Problem.objects.filter(kind=kind).values_list("state", flat=True).first() or "none"


def failing(supplier: MemorySupplier, *, fails: bool = True) -> None:
    def refuse(_: Any) -> None:
        raise PermanentSupplierError("the supplier answers 400")

    supplier.before_count = refuse if fails else lambda _: None


# --- ends of runs ------------------------------------------------------------------------------------------------------


def test_runs_that_fail_again_and_again_are_one_problem_which_a_run_that_completes_resolves(
    supplier: MemorySupplier,
) -> None:
    failing(supplier)
    first, second = factories.settled(), factories.settled()

    failed = problem("run-failed")
    assert (failed.about, failed.where, failed.occurrences) == ("feed:memory", f"run:{second.pk}", 2)
    assert failed.details["run"] == second.pk != first.pk
    assert failed.subject.endswith("the supplier answers 400")
    failing(supplier, fails=False)

    run = factories.settled()

    failed.refresh_from_db()
    assert (failed.state, failed.resolved_why) == ("resolved", f"run {run.pk} completed")


def test_a_cancelled_run_is_a_problem_until_one_completes(supplier: MemorySupplier) -> None:
    runs.cancel_run(factories.start().pk, actor="eve", reason="wrong day")

    assert (problem("run-cancelled").severity, state("run-cancelled")) == ("info", "open")
    factories.settled()
    assert state("run-cancelled") == "resolved"


def test_a_run_in_review_waits_until_somebody_decides(supplier: MemorySupplier) -> None:
    factories.settled()
    supplier.shelf = supplier.shelf[:25]

    run = factories.settled()

    assert run.state == "in_review"
    waiting = problem("run-in-review")
    assert (waiting.severity, waiting.where) == ("critical", f"run:{run.pk}")
    runs.approve_run(run.pk, actor="eve", reason="they sold a lot")
    waiting.refresh_from_db()
    assert (waiting.state, waiting.resolved_why) == ("resolved", "approved by eve: they sold a lot")


def test_cancelling_a_run_in_review_ends_its_waiting(supplier: MemorySupplier) -> None:
    factories.settled()
    supplier.shelf = supplier.shelf[:25]
    run = factories.settled()

    runs.cancel_run(run.pk, actor="eve", reason="the list is broken")

    assert (state("run-in-review"), state("run-cancelled")) == ("resolved", "open")


def test_letters_over_budget_hold_the_run_until_they_are_discarded(supplier: MemorySupplier) -> None:
    for stone in supplier.shelf[:5]:
        stone.says["cost_cents"] = 0

    run = factories.settled()

    assert run.state == "in_review"
    assert problem("letters-over-budget").where == f"run:{run.pk}"
    dead_letters.discard(DeadLetter.objects.filter(run=run), actor="eve", reason="they have no price")
    assert state("letters-over-budget") == "resolved"
    assert state("run-in-review") == "open"


def test_a_suspect_run_stays_a_problem_until_as_much_was_read_without_doubts(supplier: MemorySupplier) -> None:
    factories.settled()
    shelf = supplier.shelf
    supplier.shelf, supplier.answers_by_id = shelf[:5], False
    run = factories.settled()
    assert run.suspect
    assert problem("run-suspect").occurrences == 1
    supplier.shelf, supplier.answers_by_id = shelf, True

    factories.settled("incremental")
    after_changes_alone = state("run-suspect")
    factories.settled()

    assert (after_changes_alone, state("run-suspect")) == ("open", "resolved")


def test_a_run_that_does_not_get_on_is_found_whatever_it_is_at(supplier: MemorySupplier) -> None:
    run = factories.start()
    looked_at("run-stalled")
    assert state("run-stalled") == "none"
    long_ago = timedelta(minutes=11)
    RunEvent.objects.filter(run=run).update(at=F("at") - long_ago)
    Run.objects.filter(pk=run.pk).update(created_at=F("created_at") - long_ago)

    looked_at("run-stalled")

    assert "has brought nothing for 11 min" in problem("run-stalled").subject
    factories.drive(run)
    looked_at("run-stalled")
    assert state("run-stalled") == "resolved"


# --- letters -----------------------------------------------------------------------------------------------------------


def test_a_message_that_nobody_can_answer_is_a_problem_until_its_letters_are_closed() -> None:
    for _ in range(2):
        dead_letters.record_message("ingest.tasks.walk", ["seventeen"], reason="is no number")

    unanswered = problem("message-letter")
    assert unanswered.occurrences == 2
    assert "ingest.tasks.walk" in unanswered.subject
    dead_letters.discard(dead_letters.waiting(), actor="eve", reason="from an old version")
    assert state("message-letter") == "resolved"


# --- feeds -------------------------------------------------------------------------------------------------------------


def test_a_feed_that_is_three_days_old_is_found_and_is_worse_when_twice_as_old(supplier: MemorySupplier) -> None:
    factories.settled()
    # Those of the migrations are as old as the database from which this one was copied.
    Feed.objects.exclude(slug="memory").update(enabled=False)
    looked_at("feed-stale")
    assert state("feed-stale") == "none"

    Feed.objects.filter(slug="memory").update(watermark=Now() - timedelta(days=3))
    looked_at("feed-stale")
    assert problem("feed-stale").severity == "warning"
    assert "memory is 3 d 0 h old" in problem("feed-stale").subject

    Feed.objects.filter(slug="memory").update(watermark=Now() - timedelta(days=5))
    looked_at("feed-stale")
    assert problem("feed-stale").severity == "critical"

    factories.settled()
    looked_at("feed-stale")
    assert state("feed-stale") == "resolved"


@pytest.mark.parametrize(
    ("full", "incremental", "hours"),
    [
        ("", "", 48),
        ("", "*/15 * * * *", 1.25),
        ("0 2 * * *", "", 30),
        ("0 2 * * *", "*/15 * * * *", 1.25),
        ("0 2 * * 0", "", 7 * 24 * 1.25),
        ("0 2 1 1 *", "*/30 * * * *", 1.5),
        ("", "0 8-18 * * 1-5", 62 * 1.25),
        ("nonsense", "0 * * * *", 2),
    ],
)
def test_how_old_is_too_old_follows_from_the_schedules(full: str, incremental: str, hours: float) -> None:
    feed = Feed(full_schedule=full, incremental_schedule=incremental)

    assert freshness.bound(feed, datetime(2026, 3, 4, 5, 6, tzinfo=UTC)) == timedelta(hours=hours)


def test_a_feeds_own_bound_goes_before_its_schedules() -> None:
    feed = Feed(incremental_schedule="*/15 * * * *", stale_after_minutes=600)

    assert freshness.bound(feed, clock()) == timedelta(hours=10)


def test_a_disabled_feed_is_not_too_old(supplier: MemorySupplier) -> None:
    factories.feed(enabled=False, watermark=clock() - timedelta(days=30))
    Feed.objects.exclude(slug="memory").update(enabled=False)

    looked_at("feed-stale")

    assert state("feed-stale") == "none"


def test_the_time_of_a_run_that_is_under_way_is_no_age(supplier: MemorySupplier) -> None:
    run = factories.start(watermark=clock() - timedelta(hours=49))
    feed = Feed.objects.get(slug="memory")
    Run.objects.filter(pk=run.pk).update(created_at=Now() - timedelta(hours=3))

    age = freshness.age(feed, clock())

    assert timedelta(hours=45) < age < timedelta(hours=47)


# --- suppliers ---------------------------------------------------------------------------------------------------------


def asked(
    *,
    ago: int = 0,
    requests: int = 0,
    failed: int = 0,
    at_the_end: int = 0,
    throttled: int = 0,
    account: str = "nivoda",
) -> None:
    SupplierRequests.objects.create(
        account=account,
        at=clock() - timedelta(seconds=ago),
        requests=requests,
        failed=failed,
        failed_at_the_end=at_the_end,
        throttled=throttled,
        last_error="the supplier answers 503" if failed else "",
    )


def test_a_supplier_that_answers_nothing_but_errors_is_found_by_its_very_next_requests() -> None:
    asked(ago=20, requests=250)
    asked(ago=10, requests=250, failed=12)
    asked(requests=6, failed=6)

    looked_at("supplier-failing")

    found = problem("supplier-failing")
    assert (found.about, found.severity) == ("account:nivoda", "critical")
    assert found.subject == "The supplier (nivoda) fails 100% of our last 6 requests: the supplier answers 503"


def test_a_supplier_that_was_well_a_moment_ago_fails_by_the_last_requests_of_all() -> None:
    asked(ago=10, requests=250, failed=4, at_the_end=4)
    asked(requests=2, failed=2, at_the_end=2)

    looked_at("supplier-failing")

    found = problem("supplier-failing")
    assert found.subject == "The supplier (nivoda) fails 6 of our last 6 requests: the supplier answers 503"
    looked_at("supplier-failing")
    assert state("supplier-failing") == "open"
    SupplierRequests.objects.update(failed_at_the_end=0)
    asked(requests=50, ago=-10)
    looked_at("supplier-failing")
    assert state("supplier-failing") == "resolved"


@pytest.mark.django_db(transaction=True)
def test_failures_at_the_end_are_counted_over_processes_until_one_is_answered() -> None:
    first, second = RequestCounts("nivoda"), RequestCounts("nivoda")

    def at_the_end() -> int:
        return sum(lately.failed_at_the_end for lately in request_counts.lately())

    for counts in (first, second, first, second):
        counts._written_at = float("-inf")
        counts.failed("the supplier answers 503")
    assert at_the_end() == 4

    # Written at once, since it is news.
    first.answered()
    assert at_the_end() == 0
    first.failed("the supplier answers 503")
    first._written_at = float("-inf")
    first.failed("the supplier answers 503")
    assert at_the_end() == 2


def test_a_supplier_that_nobody_asks_any_more_fails_until_somebody_is_answered() -> None:
    asked(ago=3_600, requests=8, failed=8)
    looked_at("supplier-failing")
    looked_at("supplier-failing")
    assert state("supplier-failing") == "open"

    asked(requests=9, failed=1)
    looked_at("supplier-failing")

    assert state("supplier-failing") == "resolved"


def test_a_few_failures_among_many_answers_or_two_alone_are_weather() -> None:
    asked(requests=200, failed=40)
    asked(requests=2, failed=2, account="other")

    looked_at("supplier-failing")

    assert state("supplier-failing") == "none"


def test_a_supplier_that_refuses_requests_as_too_many_throttles_until_it_refuses_none() -> None:
    asked(ago=60, requests=60, throttled=6)
    looked_at("supplier-throttling")
    assert problem("supplier-throttling").severity == "warning"
    SupplierRequests.objects.update(at=F("at") - timedelta(minutes=5))
    asked(requests=200)

    looked_at("supplier-throttling")

    assert state("supplier-throttling") == "resolved"


@pytest.mark.django_db(transaction=True)
def test_requests_are_counted_for_all_processes_and_failures_at_once() -> None:
    first, second = RequestCounts("nivoda"), RequestCounts("nivoda")

    for counts in (first, second):
        counts.failed("the supplier answers 503")
    # However slow the machine is: it has written this moment.
    second._written_at = float("inf")
    second.failed("the supplier answers 503")

    written = list(request_counts.lately())
    assert [(lately.account, lately.requests, lately.failed) for lately in written] == [("nivoda", 2, 2)]
    assert written[0].last_error == "the supplier answers 503"
    # What is not written yet comes with the next one.
    second._written_at = float("-inf")
    second.throttled()
    assert [(lately.requests, lately.throttled) for lately in request_counts.lately()] == [(4, 1)]


def test_a_sign_in_that_is_refused_is_a_problem_until_one_is_granted() -> None:
    counts = RequestCounts("nivoda")
    counts.sign_in_refused("wrong password")
    counts.sign_in_refused("wrong password")

    refused = problem("sign-in-refused")
    assert (refused.about, refused.occurrences, refused.severity) == ("account:nivoda", 2, "critical")
    counts.signed_in()
    assert state("sign-in-refused") == "resolved"

"""The admin's buttons for runs: they do what they say, for whom may, by POST only, and say what went wrong in words."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from ingest.models import Feed, Run
from ingest.tests import rows
from ingest.tests.admin_pages import messages_of, signed_in

pytestmark = pytest.mark.django_db


def start_url(feed: Feed, kind: str = "full") -> str:
    return reverse("admin:ingest_feed_start", args=[feed.pk, kind])


def run_url(name: str, run: Run) -> str:
    return reverse(f"admin:ingest_run_{name}", args=[run.pk])


@pytest.fixture(autouse=True)
def _supplier_account(settings: Any) -> None:
    settings.NIVODA_ENDPOINT, settings.NIVODA_USERNAME, settings.NIVODA_PASSWORD = "http://127.0.0.1:9/", "u", "p"


def test_start_makes_a_run_in_the_persons_name_and_shows_it() -> None:
    browser = signed_in(superuser=True)

    response = browser.post(start_url(rows.feed()), {"reason": "Monday"}, follow=True)

    run = Run.objects.get()
    assert (run.kind, run.state, run.started_by, run.reason) == ("full", "planning", "olga", "Monday")
    assert response.redirect_chain[-1][0] == run_url("change", run)
    assert messages_of(response) == [f"Run {run.pk} started."]


def test_an_incremental_run_without_a_watermark_is_refused_in_words() -> None:
    browser = signed_in(superuser=True)

    response = browser.post(start_url(rows.feed(), "incremental"), follow=True)

    assert response.status_code == 200
    assert "start a full run first" in messages_of(response)[0]
    assert not Run.objects.exists()


def test_a_second_run_of_a_feed_is_refused_in_words() -> None:
    live = rows.run()
    browser = signed_in(superuser=True)

    response = browser.post(start_url(live.feed), follow=True)

    assert f"run {live.pk}" in messages_of(response)[0]
    assert Run.objects.count() == 1


def test_an_unknown_kind_of_run_or_feed_is_refused_in_words() -> None:
    browser = signed_in(superuser=True)

    odd = browser.post(start_url(rows.feed(), "sideways"), follow=True)
    gone = browser.post(reverse("admin:ingest_feed_start", args=[10**30, "full"]), follow=True)

    assert "no kind of run" in messages_of(odd)[0]
    assert "There is no such feed" in messages_of(gone)[0]


def test_a_disabled_feed_starts_nothing() -> None:
    Feed.objects.update(enabled=False)
    browser = signed_in(superuser=True)

    response = browser.post(start_url(rows.feed()), follow=True)

    assert "disabled" in messages_of(response)[0]


@pytest.mark.parametrize("reason", ["x" * 501, "a\0b"])
def test_a_reason_that_the_table_cannot_hold_is_refused_in_words(reason: str) -> None:
    browser = signed_in(superuser=True)

    response = browser.post(start_url(rows.feed()), {"reason": reason}, follow=True)

    assert response.status_code == 200
    assert messages_of(response)
    assert not Run.objects.exists()


def test_cancel_cancels_with_the_persons_name_and_reason() -> None:
    run = rows.run()
    rows.partition(run)

    signed_in(superuser=True).post(run_url("cancel", run), {"reason": "wrong window"})

    run.refresh_from_db()
    assert run.state == "cancelled"
    event = run.events.order_by("-id")[0]
    assert (event.actor, event.reason) == ("olga", "wrong window")
    assert run.partitions.get().state == "cancelled"


def test_cancelling_a_run_that_is_over_says_so() -> None:
    run = rows.run(state="completed")

    response = signed_in(superuser=True).post(run_url("cancel", run), follow=True)

    assert "nothing to cancel" in messages_of(response)[0]


def test_approval_needs_a_reason() -> None:
    run = rows.run(state="in_review")
    browser = signed_in(superuser=True)

    refused = browser.post(run_url("approve", run), {"reason": "  "}, follow=True)

    assert "Say why" in messages_of(refused)[0]
    run.refresh_from_db()
    assert run.state == "in_review"


def test_approval_lets_the_run_go_on() -> None:
    run = rows.run(state="in_review")

    signed_in(superuser=True).post(run_url("approve", run), {"reason": "the supplier closed a branch"})

    run.refresh_from_db()
    assert (run.state, run.approved_by) == ("consolidating", "olga")


@pytest.mark.parametrize("decision", ["same", "new"])
def test_a_run_with_new_stock_numbers_has_a_button_for_what_the_stones_are(decision: str) -> None:
    run = rows.run(state="in_review", held={"renumbered": 1.0})
    browser = signed_in(superuser=True)

    page = browser.get(reverse("admin:ingest_run_change", args=[run.pk])).content.decode()
    undecided = browser.post(run_url("approve", run), {"reason": "it is right"}, follow=True)
    browser.post(run_url("approve", run), {"reason": "it is right", "renumbered": decision})

    assert f'name="renumbered" value="{decision}"' in page
    assert "Approve and go on" not in page
    assert "say whether they are the `same` stones" in messages_of(undecided)[0]
    run.refresh_from_db()
    assert (run.state, run.decisions) == ("consolidating", {"renumbered": decision})


def test_retry_makes_failed_partitions_ready_at_their_offset() -> None:
    run = rows.run(state="failed")
    failed = rows.partition(run, state="failed", next_offset=30, failure="502", errors=12, due_at=None)

    response = signed_in(superuser=True).post(run_url("retry", run), follow=True)

    failed.refresh_from_db()
    assert (failed.state, failed.next_offset, failed.errors, failed.failure) == ("ready", 30, 0, "")
    assert messages_of(response) == [f"1 partitions of run {run.pk} are tried again, from where they stopped."]


@pytest.mark.parametrize("state", ["completed", "failed", "cancelled"])
def test_a_run_that_ended_is_started_again_as_one_of_the_same_kind(state: str) -> None:
    Feed.objects.update(watermark=rows.AT)
    ended = rows.run(state=state, kind="incremental")
    browser = signed_in(superuser=True)

    page = browser.get(run_url("change", ended)).content.decode()
    response = browser.post(run_url("start_again", ended), follow=True)

    again = Run.objects.exclude(pk=ended.pk).get()
    assert run_url("start_again", ended) in page
    assert (again.feed, again.kind, again.state, again.started_by) == (ended.feed, "incremental", "planning", "olga")
    assert again.reason == f"run {ended.pk}, which is {state}, again"
    assert response.redirect_chain[-1][0] == run_url("change", again)


def test_a_run_is_not_started_again_while_one_of_its_feed_is_live() -> None:
    ended, live = rows.run(state="failed"), rows.run()
    browser = signed_in(superuser=True)

    page = browser.get(run_url("change", ended)).content.decode()
    refused = browser.post(run_url("start_again", ended), follow=True)
    refused_itself = browser.post(run_url("start_again", live), follow=True)

    assert run_url("start_again", ended) not in page
    assert "It can be started again when" in page
    assert f"run {live.pk}" in messages_of(refused)[0]
    assert "when it has ended" in messages_of(refused_itself)[0]
    assert Run.objects.count() == 2


def test_a_run_that_there_is_not_cannot_be_started_again() -> None:
    response = signed_in(superuser=True).post(reverse("admin:ingest_run_start_again", args=[404_404]))

    assert response.status_code == 302
    assert not Run.objects.exists()


def test_who_may_decide_but_not_start_cannot_start_again() -> None:
    ended = rows.run(state="failed")
    browser = signed_in("view_run", "change_run")

    page = browser.get(run_url("change", ended)).content.decode()
    response = browser.post(run_url("start_again", ended))

    assert run_url("start_again", ended) not in page
    assert (response.status_code, Run.objects.count()) == (403, 1)


@pytest.mark.parametrize("button", ["cancel", "approve", "retry", "start_again"])
def test_a_button_answers_only_to_post(button: str) -> None:
    run = rows.run()

    assert signed_in(superuser=True).get(run_url(button, run)).status_code == 405


@pytest.mark.parametrize("button", ["cancel", "approve", "retry"])
def test_who_may_only_look_is_refused(button: str) -> None:
    run = rows.run(state="in_review")

    response = signed_in("view_run").post(run_url(button, run), {"reason": "mine"})

    run.refresh_from_db()
    assert (response.status_code, run.state) == (403, "in_review")


def test_who_may_only_look_cannot_start_a_run() -> None:
    response = signed_in("view_feed", "change_feed").post(start_url(rows.feed()))

    assert response.status_code == 403
    assert not Run.objects.exists()


def test_a_post_without_the_forms_token_is_refused() -> None:
    run = rows.run()
    person = User.objects.create_superuser("mal")
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(person)

    assert browser.post(run_url("cancel", run)).status_code == 403


def test_buttons_are_shown_only_to_whom_may_press_them() -> None:
    run = rows.run(state="in_review")
    looker = signed_in("view_run")

    page = looker.get(run_url("change", run)).content.decode()

    assert run_url("approve", run) not in page
    assert run_url("cancel", run) not in page
    User.objects.all().delete()
    page = signed_in("view_run", "change_run").get(run_url("change", run)).content.decode()
    assert run_url("approve", run) in page
    assert run_url("cancel", run) in page

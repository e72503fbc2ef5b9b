"""Repricings in the admin: started for a reason, followed while they work, cancelled by whom may."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from pricing import publishing, reprice
from pricing.models import Repricing, RepricingBatch
from pricing.tests.admin_pages import EDITOR, PUBLISHER, job_url, messages_of, signed_in
from pricing.tests.factories import a_draft

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("still_banner")]


@pytest.fixture
def browser() -> Client:
    return signed_in(*PUBLISHER)


def test_a_repricing_is_started_for_a_reason_and_followed(browser: Client) -> None:
    response = browser.post(job_url("start"), {"reason": "rates moved"}, follow=True)

    repricing = Repricing.objects.get()
    page = response.content.decode()
    assert response.redirect_chain[-1][0] == job_url("change", repricing.pk)
    assert (repricing.cause, repricing.started_by) == ("on demand: rates moved", "maria")
    assert "0 of 1 batches are done" in page
    assert f"{job_url('live', repricing.pk)}?state=ready" in page


def test_the_page_shows_how_far_it_is_and_what_does_not_get_on(browser: Client) -> None:
    repricing = reprice.start(cause="<b>why</b>", actor="maria")
    RepricingBatch.objects.filter(repricing=repricing).update(last_error="<i>DataError</i>", attempts=3)
    RepricingBatch.objects.create(
        repricing=repricing,
        ordinal=1,
        stone_from="00000000-0000-0000-0000-000000000001",
        state="completed",
        stones=10_000,
        changed=300,
        repriced=200,
    )

    page = browser.get(job_url("live", repricing.pk)).content.decode()

    assert "1 of 2 batches are done" in page
    assert "<strong>10,000</strong>" in page
    assert "<strong>200</strong>" in page
    assert "3 attempts: &lt;i&gt;DataError&lt;/i&gt;" in page
    assert "<b>why</b>" not in browser.get(job_url("change", repricing.pk)).content.decode()


def test_a_repricing_that_is_over_asks_the_page_to_reload(browser: Client) -> None:
    repricing = reprice.start(cause="test", actor="maria")
    reprice.cancel(repricing.pk, actor="maria", reason="enough")

    response = browser.get(job_url("live", repricing.pk), {"state": "ready"})

    assert response["HX-Refresh"] == "true"
    assert "hx-get" not in browser.get(job_url("change", repricing.pk)).content.decode().split('id="live"')[1][:200]


def test_a_repricing_is_cancelled_for_a_reason_once(browser: Client) -> None:
    repricing = reprice.start(cause="test", actor="maria")

    without = browser.post(job_url("cancel", repricing.pk), {"reason": " "}, follow=True)
    done = browser.post(job_url("cancel", repricing.pk), {"reason": "wrong day"}, follow=True)
    again = browser.post(job_url("cancel", repricing.pk), {"reason": "wrong day"}, follow=True)

    repricing.refresh_from_db()
    assert "Say why" in messages_of(without)
    assert (repricing.state, repricing.cancelled_by, repricing.cancelled_reason) == ("cancelled", "maria", "wrong day")
    assert "is cancelled" in messages_of(done)
    assert "is cancelled already" in messages_of(again)


def test_repricings_are_neither_started_nor_cancelled_by_who_may_only_edit() -> None:
    repricing = reprice.start(cause="test", actor="maria")
    browser = signed_in(*EDITOR, name="editor")

    answers = [
        browser.post(job_url("start"), {"reason": "x"}),
        browser.post(job_url("cancel", repricing.pk), {"reason": "x"}),
    ]

    assert [answer.status_code for answer in answers] == [403, 403]
    assert list(Repricing.objects.values_list("state", flat=True)) == ["ready"]
    assert "Cancel…" not in browser.get(job_url("change", repricing.pk)).content.decode()


def test_buttons_of_repricings_take_no_get_and_survive_numbers_that_are_not_there(browser: Client) -> None:
    assert browser.get(job_url("start")).status_code == 405
    for number in (999_999, 10**30):
        assert browser.post(job_url("cancel", number), {"reason": "x"}).status_code == 302
        assert browser.get(job_url("live", number)).status_code == 404
    assert browser.post(job_url("start"), {"reason": "x" * 501}).status_code == 302
    assert not Repricing.objects.exists()


def test_the_list_of_repricings_costs_the_same_for_one_and_for_many(browser: Client) -> None:
    reprice.start(cause="test", actor="maria")
    browser.get(job_url("changelist"))
    with CaptureQueriesContext(connection) as few:
        browser.get(job_url("changelist"))
    for place in range(5):
        reprice.start(cause=f"test {place}", actor="maria")

    with CaptureQueriesContext(connection) as many:
        page = browser.get(job_url("changelist")).content.decode()

    assert len(many) == len(few)
    assert "superseded" not in page
    assert page.count("dh-progress") == 6


def test_a_published_set_links_to_its_repricing(browser: Client) -> None:
    draft = a_draft({})
    repricing = publishing.publish(draft.pk, actor="maria", reason="spring")

    page = browser.get(reverse("admin:pricing_ruleset_change", args=[draft.pk])).content.decode()

    assert job_url("change", repricing.pk) in page

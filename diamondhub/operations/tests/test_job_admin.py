"""Jobs in the admin: who sees which, what their pages say, and who may cancel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from diamondhub.admin.display import Table
from diamondhub.operations import jobs
from diamondhub.operations.jobs import Kind, Onward
from diamondhub.operations.models import Job

pytestmark = pytest.mark.django_db

LIST = "/admin/operations/job/"


@pytest.fixture(autouse=True)
def _kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "_kinds", {})
    work: Callable[..., Any] = lambda _running: {"sheep": 7}  # noqa: E731 - the simplest work
    jobs.declare(
        Kind(
            "count",
            "Sheep counted",
            work,
            "auth.add_user",
            "auth.view_user",
            lambda result: f"{result['sheep']} sheep",
            tables=lambda result: [Table("Sheep", ["", "Number"], [["white", result["sheep"]]])],
            onward=lambda _job: [Onward("Shear them", "/admin/shear/", "auth.change_user", "They are still woolly.")],
            button="Count the sheep",
        ),
        Kind("goats", "Goats counted", work, "auth.add_group", "auth.view_group", str),
    )


def signed_in(*permissions: str) -> Client:
    person = User.objects.create_user("olga", is_staff=True)
    person.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    browser = Client()
    browser.force_login(person)
    return browser


def a_job(kind: str = "count", **fields: Any) -> Job:
    return Job.objects.create(**{"kind": kind, "subject": "meadow", "asked_by": "eve", **fields})


def page_of(job: Job) -> str:
    return reverse("admin:operations_job_change", args=[job.pk])


def test_everybody_sees_the_jobs_of_their_kinds_only() -> None:
    sheep, goats = a_job(), a_job("goats")
    browser = signed_in("view_user")

    listed = browser.get(LIST).content.decode()

    assert "sheep counted" in listed
    assert "goats counted" not in listed
    assert browser.get(page_of(sheep)).status_code == 200
    assert browser.get(page_of(goats)).status_code == 302
    assert browser.get(reverse("admin:operations_job_live", args=[goats.pk])).status_code == 404


def test_who_may_see_no_kind_gets_403() -> None:
    browser = signed_in("view_permission")

    assert [browser.get(url).status_code for url in (LIST, page_of(a_job()))] == [403, 403]


def test_a_live_job_says_how_far_it_is_and_asks_for_itself_without_eval() -> None:
    job = a_job(share=0.25, progress="two of eight", started_at="2026-11-01T00:00:00Z", lease_owner="host:1")

    page = signed_in("view_user").get(page_of(job)).content.decode()

    assert "two of eight" in page
    assert 'hx-trigger="every 2s"' in page
    assert "data-rests" in page


def test_a_job_that_waits_says_so() -> None:
    assert "waits for a worker" in signed_in("view_user").get(page_of(a_job())).content.decode()


def test_a_result_is_told_in_words_and_in_full_with_what_may_follow() -> None:
    job = a_job(state="completed", result={"sheep": 7})

    page = signed_in("view_user", "change_user").get(page_of(job)).content.decode()

    assert "7 sheep" in page
    assert "white" in page
    assert "Shear them" in page
    assert "They are still woolly." in page
    assert "every 2s" not in page


def test_what_may_follow_is_shown_to_whom_may_do_it() -> None:
    job = a_job(state="completed", result={"sheep": 7})

    assert "Shear them" not in signed_in("view_user").get(page_of(job)).content.decode()


def test_a_failed_job_says_why() -> None:
    job = a_job(state="failed", error="the fence <b>broke</b>")

    page = signed_in("view_user").get(page_of(job)).content.decode()

    assert "failed: the fence &lt;b&gt;broke&lt;/b&gt;" in page


def test_the_polled_part_asks_for_the_page_anew_when_the_state_is_another() -> None:
    job = a_job()
    url = reverse("admin:operations_job_live", args=[job.pk])
    browser = signed_in("view_user")

    same = browser.get(url, {"state": "ready"})
    Job.objects.update(state="completed", result={"sheep": 1})
    other = browser.get(url, {"state": "ready"})

    assert "HX-Refresh" not in same
    assert other["HX-Refresh"] == "true"


def test_the_polled_part_leads_who_was_signed_out_to_the_sign_in() -> None:
    url = reverse("admin:operations_job_live", args=[a_job().pk])

    polled = Client().get(url, headers={"HX-Request": "true"})
    visited = Client().get(url)

    assert (polled.status_code, polled["HX-Redirect"]) == (204, reverse("admin:login"))
    assert visited.status_code == 302


def test_a_job_is_cancelled_by_whom_may_ask_for_one_and_for_a_reason() -> None:
    job = a_job()
    url = reverse("admin:operations_job_cancel", args=[job.pk])
    browser = signed_in("view_user", "add_user")

    without = browser.post(url, {"reason": " "}, follow=True)
    Job.objects.get(state="ready")
    answer = browser.post(url, {"reason": "enough"}, follow=True)

    job.refresh_from_db()
    assert "Say why" in str([str(message) for message in without.context["messages"]])
    assert (job.state, job.cancelled_by, job.cancelled_reason) == ("cancelled", "olga", "enough")
    assert "cancelled by olga" in answer.content.decode()


@pytest.mark.parametrize("rights", [("view_user",), ("view_user", "add_group"), ("view_user", "view_job")])
def test_who_may_not_ask_for_a_kind_cannot_cancel_it(rights: tuple[str, ...]) -> None:
    job = a_job()
    url = reverse("admin:operations_job_cancel", args=[job.pk])
    browser = signed_in(*rights)

    assert browser.post(url, {"reason": "mine"}).status_code == 403
    assert browser.get(url).status_code == 405
    assert url not in browser.get(page_of(job)).content.decode()
    job.refresh_from_db()
    assert job.state == "ready"


def test_the_button_asks_for_a_job_and_leads_to_its_page_once() -> None:
    browser = signed_in("view_user", "add_user")
    url = reverse("admin:operations_job_ask", args=["count"])

    first = browser.post(url, {"reason": "bedtime"}, follow=True)
    again = browser.post(url, follow=True)

    job = Job.objects.get()
    assert (job.asked_by, job.reason, job.subject) == ("olga", "bedtime", "")
    assert first.redirect_chain[-1][0] == again.redirect_chain[-1][0] == page_of(job)
    assert "under way already: olga asked for it" in again.content.decode()
    assert url in browser.get(LIST).content.decode()


def test_the_button_is_for_whom_may_press_it_and_for_kinds_that_have_one() -> None:
    browser = signed_in("view_user")
    url = reverse("admin:operations_job_ask", args=["count"])

    assert url not in browser.get(LIST).content.decode()
    assert browser.post(url).status_code == 403
    assert browser.get(url).status_code in (403, 405)
    assert browser.post(reverse("admin:operations_job_ask", args=["goats"])).status_code == 403
    assert not Job.objects.exists()


def test_a_kind_of_another_release_is_shown_to_whom_may_see_all_jobs() -> None:
    job = a_job("of another release", state="completed", result={"odd": 1})

    assert signed_in("view_job").get(page_of(job)).status_code == 200

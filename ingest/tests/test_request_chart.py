"""Requests over the time of a run: what was answered, refused, failed, and paused, as a picture and as a table."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from diamondhub.database import clock
from ingest.admin.request_chart import MAX_BARS, RequestChart, request_chart
from ingest.feeds import registry
from ingest.models import Pause, Run, SupplierRequests
from ingest.tests import rows

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _supplier_account(settings: Any) -> None:
    settings.NIVODA_ENDPOINT, settings.NIVODA_USERNAME, settings.NIVODA_PASSWORD = "http://127.0.0.1:9/", "u", "p"


def of(run: Run) -> str:
    return registry.account_of(run.feed.adapter, run.feed.parameters)


def begun(run: Run, **ago: float) -> Run:
    Run.objects.filter(pk=run.pk).update(created_at=clock() - timedelta(**ago))
    return Run.objects.select_related("feed").get(pk=run.pk)


def drawn(run: Run) -> RequestChart:
    chart = request_chart(run, clock())
    assert chart is not None
    return chart


def test_what_became_of_requests_is_drawn_and_said() -> None:
    run = begun(rows.run(), minutes=5)
    at = run.created_at + timedelta(minutes=2)
    SupplierRequests.objects.create(account=of(run), at=at, requests=20, throttled=3, failed=5, last_error="<b>503</b>")
    SupplierRequests.objects.create(account="another", at=at, requests=900)
    SupplierRequests.objects.create(account=of(run), at=run.created_at - timedelta(hours=1), requests=900)

    chart = drawn(run)

    assert [(line.requests, line.refused, line.failed, line.last_error) for line in chart.lines] == [
        (20, 3, 5, "<b>503</b>")
    ]
    assert "20 requests" in chart.words
    assert "3 of them refused as too many (15.0%) and 5 failed (25.0%)" in chart.words
    assert all(path for _tone, _name, path in chart.paths)


@pytest.mark.parametrize("age", [{"seconds": 0}, {"seconds": 1}, {"hours": 9}, {"days": 13}, {"days": 4_000}])
def test_a_run_of_any_length_has_a_bounded_number_of_bars(age: dict[str, float]) -> None:
    run = begun(rows.run(), **age)
    for place in range(200):
        at = run.created_at + (clock() - run.created_at) * place / 200
        SupplierRequests.objects.get_or_create(account=of(run), at=at, defaults={"requests": 1})

    chart = drawn(run)

    assert 1 <= len(chart.lines) <= MAX_BARS
    assert sum(line.requests for line in chart.lines) == SupplierRequests.objects.count()
    assert 1 <= len(chart.marks) <= 7


def test_pauses_of_the_run_are_drawn_and_those_of_others_are_not() -> None:
    run = begun(rows.run(), hours=1)
    now = clock()
    pause = {"reason": "their maintenance", "paused_by": "olga", "until": now + timedelta(hours=2)}
    begin = now - timedelta(minutes=30)
    Pause.objects.create(what="account", name=of(run), paused_at=begin, ended_at=now - timedelta(minutes=20), **pause)
    Pause.objects.create(what="feed", name=run.feed.slug, paused_at=begin, **pause)
    Pause.objects.create(what="feed", name="another", paused_at=begin, **pause)
    Pause.objects.create(
        what="consolidation", paused_at=now - timedelta(hours=9), ended_at=now - timedelta(hours=8), **pause
    )
    SupplierRequests.objects.create(account=of(run), at=now - timedelta(minutes=25), requests=4)

    chart = drawn(run)

    assert len(chart.pauses) == 2
    assert f"feed {run.feed.slug}" in chart.lines[0].paused
    assert of(run) in chart.lines[0].paused
    assert all(x >= 0 and x + width <= chart.width + 0.2 for x, width, _title in chart.pauses)


def test_the_page_of_a_run_shows_them_escaped_and_polls_while_it_is_live() -> None:
    run = begun(rows.run(), minutes=5)
    SupplierRequests.objects.create(
        account=of(run), at=run.created_at + timedelta(minutes=1), requests=2, failed=2, last_error="<b>503</b>"
    )
    browser = Client()
    browser.force_login(User.objects.create_superuser("root-person"))

    page = browser.get(reverse("admin:ingest_run_change", args=[run.pk])).content.decode()
    part = browser.get(reverse("admin:ingest_run_requests", args=[run.pk])).content.decode()
    Run.objects.filter(pk=run.pk).update(state="completed", finished_at=clock())
    over = browser.get(reverse("admin:ingest_run_change", args=[run.pk])).content.decode()

    assert "Requests to the supplier" in page
    assert "&lt;b&gt;503&lt;/b&gt;" in page
    assert "every 10s" in part
    assert "every 10s" not in over


def test_a_run_whose_counts_are_gone_says_so() -> None:
    run = begun(rows.run(state="completed"), days=30)
    Run.objects.filter(pk=run.pk).update(finished_at=run.created_at + timedelta(minutes=9))
    run.refresh_from_db()

    assert "kept for 14 days" in drawn(run).words


def test_who_may_not_see_runs_sees_no_requests() -> None:
    run = rows.run()
    browser = Client()
    browser.force_login(User.objects.create_user("olga", is_staff=True))

    assert browser.get(reverse("admin:ingest_run_requests", args=[run.pk])).status_code == 403

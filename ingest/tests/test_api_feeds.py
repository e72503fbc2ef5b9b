"""Feeds by REST: what is shown of them, what may be changed, and what never is."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from diamondhub.audit.acting import acting
from diamondhub.audit.models import AuditEvent
from ingest.models import Feed, Run, ScheduleSlot
from ingest.tests import rows
from pricing.tests.asking import problem, send, signed_in, wrong

pytestmark = pytest.mark.django_db

FEED = "nivoda-natural"


@pytest.fixture
def http() -> Client:
    return signed_in("feeds:read", "feeds:edit")


def change(http: Client, **body: Any) -> Any:
    return send(http, "patch", f"feeds/{FEED}", body)


def test_a_feed_says_how_far_it_is_true_and_which_runs_it_has(http: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    # Two answers are compared: what is due next is counted from one moment.
    now = timezone.now()
    monkeypatch.setattr("ingest.api.feeds.timezone.now", lambda: now)
    over, live = rows.run(state="completed", finished_at=rows.AT), rows.run(kind="incremental")
    Feed.objects.filter(slug=FEED).update(watermark=rows.AT, full_schedule="0 2 * * *")

    shown = http.get(f"/api/v1/feeds/{FEED}").json()

    assert (shown["feed"], shown["watermark"], shown["enabled"]) == (FEED, "2026-11-01T12:00:00Z", True)
    assert (shown["live_run"]["run"], shown["last_run"]["run"]) == (live.pk, live.pk)
    assert over.pk != live.pk
    assert [run["kind"] for run in shown["next_runs"]] == ["full"] * 3
    assert all("T02:00:00" in run["due_at"] for run in shown["next_runs"])
    assert shown in http.get("/api/v1/feeds").json()["results"]


def test_a_feed_that_has_not_changed_is_not_sent_again(http: Client) -> None:
    answer = http.get(f"/api/v1/feeds/{FEED}")

    again = http.get(f"/api/v1/feeds/{FEED}", headers={"If-None-Match": answer["ETag"]})
    change(http, enabled=False)
    later = http.get(f"/api/v1/feeds/{FEED}", headers={"If-None-Match": answer["ETag"]})

    assert (again.status_code, again.content) == (304, b"")
    assert (later.status_code, later.json()["enabled"]) == (200, False)


@pytest.mark.parametrize(
    ("parameters", "shown"),
    [
        ({"source": "https://user:s3cretpw@list.example/a/t0k3n/list.csv?token=abc"}, "https://…@list.example/…"),
        ({"source": "https://list.example?token=abc"}, "https://list.example/…"),
        ({"password": "s3cretpw"}, "…"),
        ({"api_key": "s3cretpw"}, "…"),
        ({"source": "lists/rosy.csv"}, "lists/rosy.csv"),
    ],
)
def test_what_signs_in_to_a_supplier_is_never_shown(http: Client, parameters: Any, shown: str) -> None:
    Feed.objects.filter(slug=FEED).update(parameters=parameters)

    for address in (f"feeds/{FEED}", "feeds"):
        answer = http.get(f"/api/v1/{address}")
        assert not any(secret in answer.content for secret in (b"s3cretpw", b"t0k3n", b"abc"))
    (value,) = http.get(f"/api/v1/feeds/{FEED}").json()["parameters"].values()
    assert value == shown


def test_the_audit_of_a_feeds_parameters_tells_no_secret_either() -> None:
    secret = {"source": "https://user:s3cretpw@list.example/t0k3n?token=abc", "password": "s3cretpw", "labgrown": True}
    with acting("maria"):
        Feed.objects.filter(slug=FEED).update(parameters=secret)

    answer = signed_in("audit:read").get("/api/v1/audit/events?kind=ingest.feed&who=maria")

    ((change,),) = [event["changes"] for event in answer.json()["results"]]
    shown = {"source": "https://…@list.example/…", "password": "…", "labgrown": True}
    assert (change["field"], change["after"]) == ("parameters", shown)


def test_settings_are_changed_in_the_clients_name_and_for_its_reason(http: Client) -> None:
    answer = change(http, enabled=False, full_schedule="0 3 * * *", error_budget=0.05, reason="the supplier moves")

    assert answer.status_code == 200, answer.content
    feed = Feed.objects.get(slug=FEED)
    assert (feed.enabled, feed.full_schedule, feed.error_budget) == (False, "0 3 * * *", 0.05)
    event = AuditEvent.objects.get(kind="ingest.feed", object_id=feed.pk, what="changed")
    assert (event.who, event.reason) == ("tool (API client)", "the supplier moves")
    assert event.via == f"PATCH /api/v1/feeds/{FEED}"
    assert set(event.before or {}) == {"enabled", "full_schedule", "error_budget"}


def test_a_watermark_that_a_run_moves_meanwhile_stays_and_so_does_what_is_not_named(http: Client) -> None:
    Feed.objects.filter(slug=FEED).update(watermark=rows.AT, name="Stones")

    change(http, partial_delay_seconds=None)

    feed = Feed.objects.get(slug=FEED)
    assert (feed.watermark, feed.name, feed.enabled) == (rows.AT, "Stones", True)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"enabled": "yes"}, "enabled"),
        ({"enabled": None}, "enabled"),
        ({"full_schedule": "every day"}, "full_schedule"),
        ({"full_schedule": "5/10 * * * *"}, "full_schedule"),
        ({"full_schedule": "0 0 31 2 *"}, "full_schedule"),
        ({"incremental_schedule": "x" * 101}, "incremental_schedule"),
        ({"incremental_schedule": "0 2 * * *\x00"}, "incremental_schedule"),
        ({"full_schedule": "٠ 2 * * *"}, "full_schedule"),
        ({"delist_brake": 1.01}, "delist_brake"),
        ({"delist_brake": -0.01}, "delist_brake"),
        ({"error_budget": "NaN"}, "error_budget"),
        ({"median_brake": "1e-3"}, "median_brake"),
        ({"max_partition_stones": 49}, "max_partition_stones"),
        ({"max_partition_stones": 10**30}, "max_partition_stones"),
        ({"overlap_seconds": -1}, "overlap_seconds"),
        ({"overlap_seconds": True}, "overlap_seconds"),
        ({"partial_delay_seconds": 86_401}, "partial_delay_seconds"),
        ({"name": ""}, "name"),
        ({"name": "\ud800"}, "name"),
        ({"reason": " ", "enabled": True}, "reason"),
        ({"slug": "other"}, "slug"),
        ({"adapter": "pricelist"}, "adapter"),
        ({"parameters": {"source": "http://169.254.169.254/"}}, "parameters"),
        ({"watermark": "2026-01-01T00:00:00Z"}, "watermark"),
        ({}, ""),
        ({"reason": "no change"}, ""),
    ],
)
def test_what_may_not_be_set_is_refused_by_its_name_and_nothing_is_changed(http: Client, body: Any, field: str) -> None:
    before = Feed.objects.filter(slug=FEED).values().get()

    assert wrong(change(http, **body)) == [field]

    assert Feed.objects.filter(slug=FEED).values().get() == before


def test_ways_of_asking_that_were_refused_are_shown_and_forgotten(http: Client) -> None:
    note = {"said": "no: password=hushhush", "at": rows.AT.isoformat(), "most": 1}
    Feed.objects.filter(slug=FEED).update(limits={"counts_together": note})

    (refused,) = http.get(f"/api/v1/feeds/{FEED}").json()["refused_ways"]
    answer = send(http, "post", f"feeds/{FEED}/ask-again", {"reason": "they say it works"})

    assert (refused["way"], refused["most"], refused["said"]) == ("counts_together", 1, "no: password=…")
    assert (answer.status_code, answer.json()["refused_ways"]) == (200, [])
    assert Feed.objects.get(slug=FEED).limits == {}
    assert AuditEvent.objects.filter(kind="ingest.feed", reason="they say it works").exists()


def test_what_became_of_scheduled_runs_is_listed(http: Client) -> None:
    feed = rows.feed()
    run = rows.run(state="completed")
    for due_at, fields in (
        (rows.AT, {"state": "started", "run": run}),
        (rows.AT.replace(hour=13), {"state": "skipped"}),
    ):
        reason = "" if "run" in fields else f"run {run.pk} is live"
        ScheduleSlot.objects.create(
            feed=feed, kind="full", due_at=due_at, created_at=rows.AT, **{"reason": reason, **fields}
        )

    first = http.get(f"/api/v1/feeds/{FEED}/slots?limit=1").json()
    second = http.get(f"/api/v1/feeds/{FEED}/slots?limit=1&cursor={first['next']}").json()

    assert [slot["state"] for slot in first["results"] + second["results"]] == ["skipped", "started"]
    assert (first["results"][0]["reason"], second["results"][0]["run"]) == (f"run {run.pk} is live", run.pk)
    assert second["next"] is None


def test_a_feed_that_there_is_not_is_not_found(http: Client) -> None:
    assert problem(http.get("/api/v1/feeds/rosy")) == (404, "not-found")
    assert problem(http.get("/api/v1/feeds/rosy/slots")) == (404, "not-found")
    assert problem(send(http, "patch", "feeds/rosy", {"enabled": 3})) == (404, "not-found")
    assert problem(send(http, "post", "feeds/rosy/ask-again")) == (404, "not-found")
    assert Run.objects.count() == 0

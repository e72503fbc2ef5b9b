"""The OpenAPI document of ingestion and the audit: real answers, and the examples, are as it says."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from catalog.models import diamond_id
from diamondhub.operations.problems import tracking
from ingest.models import Feed, ScheduleSlot
from ingest.tests import factories, rows
from ingest.tests.factories import MemorySupplier
from ingest.tests.test_api_runs import REVIEW
from ingest.tests.test_without_a_shell import EVERYTHING
from pricing.tests.asking import send, signed_in
from pricing.tests.test_api_document import faults_of

pytestmark = pytest.mark.django_db

TAGS = {"feeds", "runs", "dead letters", "problems", "audit"}


@pytest.fixture
def document(client: Client) -> dict[str, Any]:
    described: dict[str, Any] = client.get("/api/schema/").json()
    return described


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        operation["operationId"]: operation
        for methods in document["paths"].values()
        for operation in methods.values()
        if TAGS & set(operation["tags"])
    }


def test_every_answer_has_an_example_and_it_is_as_the_document_says(document: dict[str, Any]) -> None:
    described = operations(document)

    assert described
    for name, operation in described.items():
        (content,) = [
            answer["content"]["application/json"]
            for status, answer in operation["responses"].items()
            if status.startswith("2")
        ]
        assert content.get("examples"), f"{name} has no example"
        for example in content["examples"].values():
            assert not faults_of(example["value"], content["schema"], document), name


def test_every_answer_is_as_the_document_says(
    document: dict[str, Any], monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    factories.supplying(monkeypatch, MemorySupplier())
    settings.SWEEP_SECONDS = 600
    http = signed_in(*EVERYTHING, "letters:payload", "problems:read", "problems:operate")
    run = rows.run(state="in_review", held={"median": 0.4}, review=REVIEW)
    rows.partition(run, carats_from="0.30", state="failed", failure="x", due_at=None)
    failed = rows.run(state="failed")
    rows.partition(failed, state="failed", failure="x", due_at=None)
    Feed.objects.filter(slug="nivoda-natural").update(
        full_schedule="0 2 * * *", limits={"counts_together": {"said": "no", "at": rows.AT.isoformat(), "most": 1}}
    )
    ScheduleSlot.objects.create(
        feed=run.feed, kind="full", due_at=rows.AT, created_at=rows.AT, state="started", run=run
    )
    stone = {"payload": '{"id": "S-1"}', "diamond_id": diamond_id("nivoda-natural", "S-1")}
    first, second = (rows.dead_letter(run, **stone) for _ in range(2))
    problem = tracking.occurred("feed-stale", "feed:nivoda-natural", subject="It is too old", where="run:1")
    letter = tracking.occurred("message-letter", "ingest.tasks.walk", subject="A message", details={"task": "walk"})
    here, letters = f"/api/v1/runs/{run.pk}", "/api/v1/dead-letters"
    why = {"reason": "x"}

    answers = {
        "list_feeds": http.get("/api/v1/feeds"),
        "get_feed": http.get("/api/v1/feeds/nivoda-natural"),
        "change_feed": send(http, "patch", "feeds/nivoda-natural", {"enabled": True}),
        "ask_supplier_again": send(http, "post", "feeds/nivoda-natural/ask-again", {}),
        "pause_feed": send(http, "post", "feeds/nivoda-natural/pause", {"reason": "its prices are wrong"}),
        "resume_feed": send(http, "post", "feeds/nivoda-natural/resume", {}),
        "list_slots": http.get("/api/v1/feeds/nivoda-natural/slots"),
        "start_run": send(http, "post", "runs", {"feed": "nivoda-labgrown"}),
        "list_runs": http.get("/api/v1/runs"),
        "get_run": http.get(here),
        "list_partitions": http.get(f"{here}/partitions"),
        "get_partition": http.get(f"{here}/partitions/{run.partitions.get().pk}"),
        "approve_run": send(http, "post", f"runs/{run.pk}/approval", why),
        "cancel_run": send(http, "post", f"runs/{run.pk}/cancellation", why),
        "list_dead_letters": http.get(letters),
        "list_dead_letter_causes": http.get(f"{letters}/causes"),
        "replay_dead_letters": send(http, "post", "dead-letters/replay", {"letter": first.pk, **why}),
        "get_dead_letter": http.get(f"{letters}/{first.pk}"),
        "get_dead_letter_payload": http.get(f"{letters}/{first.pk}/payload"),
        "discard_dead_letters": send(http, "post", "dead-letters/discard", {"letter": second.pk, **why}),
        "list_problems": http.get("/api/v1/problems"),
        "acknowledge_problem": send(http, "post", f"problems/{problem.pk}/acknowledgement", {}),
        "take_back_problem": send(http, "post", f"problems/{problem.pk}/take-back", {}),
        "resolve_problem": send(http, "post", f"problems/{letter.pk}/resolution", why),
        "get_problem": http.get(f"/api/v1/problems/{letter.pk}"),
        "list_audit_events": http.get("/api/v1/audit/events"),
    }
    answers["retry_run"] = send(http, "post", f"runs/{failed.pk}/retry", {})
    event = answers["list_audit_events"].json()["results"][0]
    answers["get_audit_event"] = http.get(event["links"]["self"])

    described = operations(document)
    wrong = {}
    for name, answer in answers.items():
        schema = described[name]["responses"][str(answer.status_code)]["content"]["application/json"]["schema"]
        if faults := faults_of(answer.json(), schema, document):
            wrong[name] = faults
    assert wrong == {}
    assert set(described) == set(answers)

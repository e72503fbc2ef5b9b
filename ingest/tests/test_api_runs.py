"""Runs and partitions by REST: started, watched, approved, retried and cancelled as by commands; refused as they refuse."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.models.functions import Now
from django.test import Client
from django.test.utils import CaptureQueriesContext

from diamondhub.audit.models import AuditEvent
from diamondhub.telemetry.models import Heartbeat
from ingest.models import Feed, Partition, Run
from ingest.tests import factories, rows
from pricing.tests.asking import problem, send, signed_in, wrong

pytestmark = pytest.mark.django_db

READ, OPERATE, COSTS = "runs:read", "runs:operate", "pricing:read"
FEED = "nivoda-natural"
ME = "tool (API client)"
REVIEW = {
    "held": [
        {
            "kind": "median",
            "share": 0.4,
            "why": "it would move the median cost by 40%, more than 30%",
            "measure": "m",
            "bound": "b",
            "looked": "the median cost is $1,234.56 and would be $1,728.38",
            "parts": [
                {
                    "cause": "moved",
                    "words": "would cost something else",
                    "stones": 3,
                    "share": 1.0,
                    "examples": [{"stone": "S-1", "cost": 123_456, "brought": 172_838, "again": 172_838}],
                }
            ],
        }
    ]
}


@pytest.fixture(autouse=True)
def _supplier_account(settings: Any) -> Iterator[None]:
    settings.NIVODA_ENDPOINT, settings.NIVODA_USERNAME, settings.NIVODA_PASSWORD = "http://127.0.0.1:9/", "u", "p"
    settings.SWEEP_SECONDS = 600
    Heartbeat.beat("sweep")
    factories.forget_clients()
    yield
    factories.forget_clients()


@pytest.fixture
def http() -> Client:
    return signed_in(READ, OPERATE, COSTS)


def in_review(**fields: Any) -> Run:
    held = {"state": "in_review", "held": {"median": 0.4}, "review": REVIEW}
    run = rows.run(**{**held, **fields})
    run.events.create(from_state="settling", to_state="in_review", actor="system", reason="too dear", at=rows.AT)
    return run


class TestStarting:
    def test_it_makes_a_run_in_the_clients_name_and_says_where_to_watch_it(self, http: Client) -> None:
        answer = send(http, "post", "runs", {"feed": FEED, "kind": "full", "reason": "Monday"})

        run = Run.objects.get()
        assert (answer.status_code, answer["Location"]) == (202, f"/api/v1/runs/{run.pk}")
        assert (run.kind, run.state, run.started_by, run.reason) == ("full", "planning", ME, "Monday")
        assert answer.json() == http.get(answer["Location"]).json()
        event = AuditEvent.objects.get(kind="ingest.run")
        assert (event.who, event.what, event.via, event.reason) == (ME, "created", "POST /api/v1/runs", "Monday")

    def test_the_same_request_sent_twice_starts_one_run(self, http: Client) -> None:
        def start() -> Any:
            key = {"Idempotency-Key": "start-of-monday"}
            return http.post("/api/v1/runs", {"feed": FEED}, content_type="application/json", headers=key)

        first, second = start(), start()

        assert (first.status_code, second.status_code) == (202, 202)
        assert (second.json(), second["Location"]) == (first.json(), first["Location"])
        assert Run.objects.count() == 1

    @pytest.mark.parametrize(
        ("feed", "body", "kind"),
        [
            ({"enabled": False}, {}, "feed-disabled"),
            ({}, {"kind": "incremental"}, "no-watermark"),
        ],
    )
    def test_what_the_feed_does_not_allow_is_a_conflict(self, http: Client, feed: Any, body: Any, kind: str) -> None:
        Feed.objects.filter(slug=FEED).update(**{"watermark": None, **feed})

        assert problem(send(http, "post", "runs", {"feed": FEED, **body})) == (409, kind)

        assert not Run.objects.exists()

    def test_a_second_live_run_is_refused_with_the_address_of_the_first(self, http: Client) -> None:
        run = rows.run()

        answer = send(http, "post", "runs", {"feed": FEED})

        assert problem(answer) == (409, "live-run")
        assert f"run {run.pk}, ingesting, at /api/v1/runs/{run.pk}." in answer.json()["detail"]
        assert "watch_run" not in answer.json()["detail"]

    def test_a_supplier_that_is_not_set_up_is_said_without_its_account(self, http: Client, settings: Any) -> None:
        settings.NIVODA_ENDPOINT = ""
        factories.forget_clients()

        answer = send(http, "post", "runs", {"feed": FEED})

        assert problem(answer) == (409, "feed-not-set-up")
        assert "NIVODA" not in answer.json()["detail"]

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({}, "feed"),
            ({"feed": None}, "feed"),
            ({"feed": "a b"}, "feed"),
            ({"feed": "x" * 51}, "feed"),
            ({"feed": "\x00"}, "feed"),
            ({"feed": FEED, "kind": "half"}, "kind"),
            ({"feed": FEED, "reason": ""}, "reason"),
            ({"feed": FEED, "reason": "x" * 501}, "reason"),
            ({"feed": FEED, "reason": "\ud800"}, "reason"),
            ({"feed": FEED, "started_by": "somebody else"}, "started_by"),
        ],
    )
    def test_a_wrong_field_is_named_and_nothing_started(self, http: Client, body: Any, field: str) -> None:
        assert wrong(send(http, "post", "runs", body)) == [field]
        assert not Run.objects.exists()

    def test_a_feed_that_there_is_not_is_not_found(self, http: Client) -> None:
        assert problem(send(http, "post", "runs", {"feed": "rosy"})) == (404, "not-found")


class TestWatching:
    def test_a_run_has_the_counts_of_the_commands_report(self, http: Client) -> None:
        run = rows.run(state="completed", finished_at=rows.AT)
        rows.partition(run, state="completed", expected=7)
        reported = StringIO()
        call_command("watch_run", str(run.pk), "--json", stdout=reported)

        shown = http.get(f"/api/v1/runs/{run.pk}").json()

        # These the API shows in a form of its own.
        ours = {"window", "review"}
        report = json.loads(reported.getvalue())
        assert {name: shown[name] for name in report if name not in ours} == {
            name: value for name, value in report.items() if name not in ours
        }
        assert (shown["progress"]["expected"], shown["waiting"], shown["started_by"]) == (7, None, "eve")

    @pytest.mark.parametrize(
        "happens",
        [
            lambda run: Partition.objects.filter(run=run, ordinal=0).update(next_offset=10),
            lambda run: Partition.objects.filter(run=run, ordinal=0).update(state="failed", failure="x"),
            lambda run: rows.dead_letter(run),
            lambda run: Run.objects.filter(pk=run.pk).update(suspect="it is shown too little"),
            lambda run: Run.objects.filter(pk=run.pk).update(state="in_review", held={"median": 1.0}),
            lambda _run: Heartbeat.objects.all().delete(),
        ],
    )
    def test_whatever_happens_to_a_run_is_a_new_version_and_nothing_else_is(self, http: Client, happens: Any) -> None:
        run = rows.run(state="settling")
        rows.partition(run)
        address = f"/api/v1/runs/{run.pk}"
        tag = {"If-None-Match": http.get(address)["ETag"]}
        # A worker's lease is nothing that a run shows.
        Run.objects.filter(pk=run.pk).update(lease_expires_at=Now(), attempts=5)

        unchanged = http.get(address, headers=tag)
        happens(run)
        changed = http.get(address, headers=tag)

        assert (unchanged.status_code, unchanged.content) == (304, b"")
        assert changed.status_code == 200

    def test_to_hear_that_nothing_has_happened_costs_few_queries(self, http: Client) -> None:
        run = rows.run(state="settling")
        address = f"/api/v1/runs/{run.pk}"
        with CaptureQueriesContext(
            connection,
        ) as full:
            tag = http.get(address)["ETag"]

        with CaptureQueriesContext(connection) as known:
            assert http.get(address, headers={"If-None-Match": tag}).status_code == 304

        assert len(known) < len(full) / 2

    def test_what_a_run_is_held_for_is_shown_with_its_sample(self, http: Client) -> None:
        run = in_review()

        shown = http.get(f"/api/v1/runs/{run.pk}").json()

        assert shown["waiting"] == {"what": "approval", "why": "too dear", "until": None}
        assert shown["held"] == ["median"]
        (held,) = shown["review"]
        (example,) = held["parts"][0]["examples"]
        assert "$1,234.56" in held["looked"]
        assert (example["cost"], example["brought"], example["again"]) == ("1234.56", "1728.38", "1728.38")

    def test_what_stones_cost_is_kept_from_whom_may_not_see_it(self) -> None:
        http = signed_in(READ)
        run = in_review()
        rows.partition(run, price_from=471193857, price_to=471293857)

        answers = [http.get(f"/api/v1/runs/{run.pk}"), http.get(f"/api/v1/runs/{run.pk}/partitions")]

        for answer in answers:
            assert answer.status_code == 200
            assert not any(cost in answer.content for cost in (b"234.56", b"728.38", b"4711938", b"4712938"))
        (example,) = answers[0].json()["review"][0]["parts"][0]["examples"]
        assert (example["stone"], example["cost"], example["again"]) == ("S-1", None, None)

    def test_versions_of_those_who_see_costs_are_not_those_of_others(self, http: Client) -> None:
        run = in_review()

        tag = http.get(f"/api/v1/runs/{run.pk}")["ETag"]
        other = signed_in(READ, name="other").get(f"/api/v1/runs/{run.pk}", headers={"If-None-Match": tag})

        assert other.status_code == 200

    def test_a_run_that_nobody_works_at_waits_for_a_worker(self, http: Client) -> None:
        run = rows.run(state="planning")
        Heartbeat.objects.all().delete()

        assert http.get(f"/api/v1/runs/{run.pk}").json()["waiting"]["what"] == "worker"

    def test_a_run_whose_partitions_all_pause_waits_for_its_supplier(self, http: Client) -> None:
        run = rows.run()
        rows.partition(run, due_at=rows.AT.replace(year=2999))

        waiting = http.get(f"/api/v1/runs/{run.pk}").json()["waiting"]

        assert (waiting["what"], waiting["until"]) == ("supplier", "2999-11-01T12:00:00Z")

    def test_a_run_whose_planning_failed_waits_for_its_supplier(self, http: Client) -> None:
        run = rows.run(state="planning", planning_failures=2, due_at=rows.AT.replace(year=2999))

        waiting = http.get(f"/api/v1/runs/{run.pk}").json()["waiting"]

        assert waiting == {
            "what": "supplier",
            "why": "planning failed 2 times and is tried again",
            "until": "2999-11-01T12:00:00Z",
        }

    def test_runs_are_listed_by_feed_kind_state_and_time_a_page_at_a_time(self, http: Client) -> None:
        old, failed = rows.run(state="completed"), rows.run(state="failed", failure="no answer")
        live, other = rows.run(kind="incremental"), rows.run(feed=rows.feed("nivoda-labgrown"))
        Run.objects.filter(pk=old.pk).update(created_at=rows.AT)

        def listed(query: str) -> list[int]:
            found, cursor = [], ""
            while True:
                page = http.get(f"/api/v1/runs?limit=1&{query}{cursor}").json()
                found += [run["run"] for run in page["results"]]
                if page["next"] is None:
                    return found
                cursor = f"&cursor={page['next']}"

        assert listed("") == [other.pk, live.pk, failed.pk, old.pk]
        assert listed(f"feed={FEED}") == [live.pk, failed.pk, old.pk]
        assert listed("kind=incremental") == [live.pk]
        assert listed("state=failed,completed") == [failed.pk, old.pk]
        assert listed("created_at_from=2026-11-01T12:00:00Z&created_at_to=2026-11-01T12:00:01Z") == [old.pk]
        assert http.get("/api/v1/runs?state=failed").json()["results"][0]["failure"] == "no answer"

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ("feed=rosy", "feed"),
            ("feed=%00", "feed"),
            ("state=failed,done", "state"),
            ("state=", "state"),
            ("kind=half", "kind"),
            ("limit=0", "limit"),
            ("limit=101", "limit"),
            ("limit=٣", "limit"),
            ("created_at_from=yesterday", "created_at_from"),
            ("created_at_from=2026-11-02T00:00:00Z&created_at_to=2026-11-01T00:00:00Z", "created_at_from"),
            ("cursor=made-up", "cursor"),
            ("stat=failed", "stat"),
            ("kind=full&kind=full", "kind"),
        ],
    )
    def test_a_wrong_parameter_is_named(self, http: Client, query: str, field: str) -> None:
        assert wrong(http.get(f"/api/v1/runs?{query}")) == [field]

    def test_a_list_takes_the_same_queries_whatever_its_length(self, http: Client) -> None:
        rows.run(state="completed")
        # The first request of a key writes down its use.
        http.get("/api/v1/runs")
        with CaptureQueriesContext(connection) as of_one:
            http.get("/api/v1/runs")
        for _ in range(5):
            rows.run(state="completed")

        with CaptureQueriesContext(connection) as of_many:
            http.get("/api/v1/runs")

        assert len(of_many) == len(of_one)


class TestPartitions:
    def test_they_say_how_far_each_is_and_why_one_failed(self, http: Client) -> None:
        run = rows.run()
        open_one = rows.partition(run, carats_from="0.30", carats_to="0.50", next_offset=20)
        failed = rows.partition(run, state="failed", failure="permanent: no", errors=3, due_at=None)

        page = http.get(f"/api/v1/runs/{run.pk}/partitions").json()["results"]
        only_failed = http.get(f"/api/v1/runs/{run.pk}/partitions?state=failed&kind=range").json()["results"]

        assert [row["partition"] for row in page] == [failed.pk, open_one.pk]
        assert only_failed == page[:1]
        assert (page[0]["failure"], page[0]["errors"], page[0]["price_from"]) == ("permanent: no", 3, 100)
        assert (page[1]["carats_from"], page[1]["next_offset"], page[1]["working"]) == (0.3, 20, False)

    def test_one_that_a_worker_is_at_says_so(self, http: Client) -> None:
        run = rows.run()
        partition = rows.partition(run, lease_expires_at=rows.AT.replace(year=2999))

        answer = http.get(f"/api/v1/runs/{run.pk}/partitions/{partition.pk}")
        again = http.get(f"/api/v1/runs/{run.pk}/partitions/{partition.pk}", headers={"If-None-Match": answer["ETag"]})

        assert answer.json()["working"] is True
        assert again.status_code == 304

    def test_a_partition_is_found_only_under_its_own_run(self, http: Client) -> None:
        run, other = rows.run(), rows.run(state="completed")
        partition = rows.partition(run)

        assert problem(http.get(f"/api/v1/runs/{other.pk}/partitions/{partition.pk}")) == (404, "not-found")
        assert problem(http.get(f"/api/v1/runs/{10**30}/partitions/1")) == (404, "not-found")
        assert problem(http.get("/api/v1/runs/4711/partitions")) == (404, "not-found")


class TestCancelling:
    def test_a_live_run_is_cancelled_with_its_open_work_in_the_clients_name(self, http: Client) -> None:
        run = rows.run()
        partition = rows.partition(run)

        answer = send(http, "post", f"runs/{run.pk}/cancellation", {"reason": "wrong feed"})

        run.refresh_from_db()
        partition.refresh_from_db()
        assert (answer.status_code, run.state, partition.state) == (200, "cancelled", "cancelled")
        last = answer.json()["events"][-1]
        assert (last["to_state"], last["actor"], last["reason"]) == ("cancelled", ME, "wrong feed")
        event = AuditEvent.objects.get(kind="ingest.run", what="changed")
        assert (event.who, event.reason) == (ME, "wrong feed")

    @pytest.mark.parametrize("state", ["completed", "failed", "cancelled"])
    def test_a_run_that_is_over_is_not_and_its_state_is_said(self, http: Client, state: str) -> None:
        run = rows.run(state=state)

        answer = send(http, "post", f"runs/{run.pk}/cancellation", {"reason": "x"})

        assert problem(answer) == (409, "wrong-state")
        assert f"run {run.pk} is {state}" in answer.json()["detail"].lower()

    def test_it_takes_a_reason(self, http: Client) -> None:
        run = rows.run()

        assert wrong(send(http, "post", f"runs/{run.pk}/cancellation", {})) == ["reason"]
        assert wrong(send(http, "post", f"runs/{run.pk}/cancellation", {"reason": " \n"})) == ["reason"]
        assert Run.objects.get().state == "ingesting"


class TestApproving:
    def test_a_run_in_review_goes_on_past_its_brakes(self, http: Client) -> None:
        run = in_review()

        answer = send(http, "post", f"runs/{run.pk}/approval", {"reason": "they sell dearer", "brakes": ["median"]})

        run.refresh_from_db()
        assert (answer.status_code, run.state, run.approved_by) == (200, "settling", ME)
        assert (answer.json()["approved"], answer.json()["held"]) == (["median"], [])

    def test_a_run_with_new_stock_numbers_goes_on_once_it_is_said_what_the_stones_are(self, http: Client) -> None:
        run = rows.run(state="in_review", held={"renumbered": 1.0})
        run.events.create(from_state="settling", to_state="in_review", actor="eve", at=Now())

        undecided = send(http, "post", f"runs/{run.pk}/approval", {"reason": "it is right"})
        unknown = send(http, "post", f"runs/{run.pk}/approval", {"reason": "it is right", "renumbered": "old"})
        run.refresh_from_db()
        state = run.state
        answer = send(http, "post", f"runs/{run.pk}/approval", {"reason": "it is right", "renumbered": "same"})

        assert (problem(undecided), wrong(unknown), state) == ((409, "undecided"), ["renumbered"], "in_review")
        run.refresh_from_db()
        assert (answer.status_code, run.state, run.decisions) == (200, "settling", {"renumbered": "same"})
        assert answer.json()["decisions"] == {"renumbered": "same"}

    def test_brakes_that_were_not_seen_are_not_approved(self, http: Client) -> None:
        run = in_review(held={"median": 0.4, "delisting": 0.9})

        answer = send(http, "post", f"runs/{run.pk}/approval", {"reason": "x", "brakes": ["median"]})

        assert problem(answer) == (409, "held-otherwise")
        assert "delisting, median" in answer.json()["detail"]
        assert Run.objects.get().state == "in_review"

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({}, "reason"),
            ({"reason": "x", "brakes": []}, "brakes"),
            ({"reason": "x", "brakes": ["everything"]}, "brakes[0]"),
            ({"reason": "x", "brakes": "median"}, "brakes"),
        ],
    )
    def test_a_wrong_field_is_named_and_nothing_approved(self, http: Client, body: Any, field: str) -> None:
        run = in_review()

        assert wrong(send(http, "post", f"runs/{run.pk}/approval", body)) == [field]
        assert Run.objects.get().state == "in_review"

    @pytest.mark.parametrize("state", ["ingesting", "completed"])
    def test_a_run_that_is_not_in_review_is_refused(self, http: Client, state: str) -> None:
        run = rows.run(state=state)

        assert problem(send(http, "post", f"runs/{run.pk}/approval", {"reason": "x"})) == (409, "wrong-state")


class TestRetrying:
    def test_failed_partitions_become_ready_and_the_run_goes_on(self, http: Client) -> None:
        run = rows.run(state="failed", failure="no answer")
        failed = rows.partition(run, state="failed", failure="x", due_at=None)
        rows.partition(run, state="completed", due_at=None)

        answer = send(http, "post", f"runs/{run.pk}/retry", {"reason": "they are back"})

        failed.refresh_from_db()
        assert (answer.status_code, answer["Location"]) == (202, f"/api/v1/runs/{run.pk}")
        assert (answer.json()["state"], failed.state) == ("ingesting", "ready")
        assert [row["partition"] for row in answer.json()["partitions"]] == [failed.pk]
        event = AuditEvent.objects.get(kind="ingest.run", what="changed")
        assert (event.who, event.reason) == (ME, "retry of 1 partitions: they are back")

    def test_the_same_request_sent_twice_retries_once(self, http: Client) -> None:
        run = rows.run(state="failed")
        failed = rows.partition(run, state="failed", failure="x", due_at=None)

        def retry() -> Any:
            return send(http, "post", f"runs/{run.pk}/retry", {}, headers={"Idempotency-Key": "they-are-back"})

        first = retry()
        # It fails again before the client, whose answer was lost, repeats itself.
        Partition.objects.filter(pk=failed.pk).update(state="failed", failure="y", due_at=None)
        Run.objects.filter(pk=run.pk).update(state="failed")
        changes = AuditEvent.objects.filter(kind="ingest.run").count()
        second = retry()

        failed.refresh_from_db()
        assert (first.status_code, second.status_code) == (202, 202)
        assert (second.content, second["Location"]) == (first.content, first["Location"])
        assert (failed.state, AuditEvent.objects.filter(kind="ingest.run").count()) == ("failed", changes)

    def test_only_the_partitions_that_are_named_are_read_again(self, http: Client) -> None:
        run = rows.run(state="failed")
        first, second = (rows.partition(run, state="failed", failure="x", due_at=None) for _ in range(2))

        send(http, "post", f"runs/{run.pk}/retry", {"partitions": [second.pk]})

        states = dict(Partition.objects.values_list("pk", "state"))
        assert states == {first.pk: "failed", second.pk: "ready"}

    def test_a_dry_run_only_says_which_would_be(self, http: Client) -> None:
        run = rows.run(state="failed")
        failed = rows.partition(run, state="failed", failure="x", due_at=None)

        answer = send(http, "post", f"runs/{run.pk}/retry", {"dry_run": True})

        failed.refresh_from_db()
        assert (answer.json()["dry_run"], len(answer.json()["partitions"])) == (True, 1)
        assert "Location" not in answer
        assert (failed.state, Run.objects.get().state) == ("failed", "failed")

    def test_a_body_is_not_needed(self, http: Client) -> None:
        run = rows.run(state="failed")
        rows.partition(run, state="failed", failure="x", due_at=None)

        assert http.generic("POST", f"/api/v1/runs/{run.pk}/retry").status_code == 202

    def test_what_cannot_be_retried_is_a_conflict(self, http: Client) -> None:
        run = rows.run(state="failed")
        completed = rows.partition(run, state="completed", due_at=None)
        retry = f"runs/{run.pk}/retry"

        assert problem(send(http, "post", retry, {})) == (409, "wrong-state")
        rows.partition(run, state="failed", failure="x", due_at=None)
        mixed = {"partitions": [completed.pk, *Partition.objects.filter(state="failed").values_list("pk", flat=True)]}
        assert problem(send(http, "post", retry, mixed)) == (409, "wrong-state")
        live = rows.run()
        assert problem(send(http, "post", retry, {})) == (409, "live-run")
        Run.objects.filter(pk=live.pk).update(state="completed")
        Run.objects.filter(pk=run.pk).update(archived_at=Now())
        assert problem(send(http, "post", retry, {})) == (409, "wrong-state")
        assert Run.objects.get(pk=run.pk).state == "failed"

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"partitions": []}, "partitions"),
            ({"partitions": [0]}, "partitions[0]"),
            ({"partitions": ["1"]}, "partitions[0]"),
            ({"partitions": [2**63]}, "partitions[0]"),
            ({"partitions": [1] * 1_001}, "partitions"),
            ({"dry_run": 1}, "dry_run"),
            ({"reason": ""}, "reason"),
        ],
    )
    def test_a_wrong_field_is_named(self, http: Client, body: Any, field: str) -> None:
        run = rows.run(state="failed")

        assert wrong(send(http, "post", f"runs/{run.pk}/retry", body)) == [field]


@pytest.mark.parametrize(
    ("made", "address", "body", "command"),
    [
        ({}, "cancellation", {"reason": "x"}, ["cancel_run", "--reason", "x"]),
        (
            {"state": "in_review", "held": {"median": 0.4}},
            "approval",
            {"reason": "x"},
            ["approve_run", "--reason", "x"],
        ),
        ({"state": "failed"}, "retry", {}, ["retry_partitions"]),
    ],
)
def test_a_deed_comes_to_the_same_by_rest_and_by_command(
    http: Client, made: Any, address: str, body: Any, command: list[str]
) -> None:
    by_rest, by_command = (rows.run(feed=rows.feed(slug), **made) for slug in (FEED, "nivoda-labgrown"))
    for run in (by_rest, by_command):
        rows.partition(run)
        rows.partition(run, state="failed", failure="x", due_at=None)

    done = send(http, "post", f"runs/{by_rest.pk}/{address}", body)
    call_command(command[0], str(by_command.pk), *command[1:], stdout=StringIO())

    def outcome(run: Run) -> Any:
        row = Run.objects.filter(pk=run.pk).values("state", "held", "approved", "retries", "failure", "suspect").get()
        partitions = run.partitions.order_by("ordinal").values_list("state", "errors", "failure")
        return row, list(partitions), list(run.events.values_list("from_state", "to_state", "reason"))

    assert done.status_code in (200, 202)
    assert outcome(by_rest) == outcome(by_command)


@pytest.mark.parametrize("deed", ["cancellation", "approval", "retry"])
def test_nothing_is_done_to_a_run_that_there_is_not(http: Client, deed: str) -> None:
    assert problem(send(http, "post", f"runs/4711/{deed}", {"reason": "x"})) == (404, "not-found")
    assert problem(send(http, "post", f"runs/{10**30}/{deed}", {"reason": "x"})) == (404, "not-found")

"""Dead letters by REST: listed, read, replayed and discarded as by the command; payloads only for whom may read them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from catalog.models import Diamond, diamond_id
from diamondhub.audit.models import AuditEvent
from ingest import dead_letters
from ingest.models import DeadLetter, DeadLetterAttempt, Run
from ingest.tests import factories, rows
from ingest.tests.factories import MemorySupplier, Stone
from pricing.tests.asking import problem, send, signed_in, wrong

pytestmark = pytest.mark.django_db

ME = "tool (API client)"
CAUSE, OTHER = "a" * 32, "b" * 32


@pytest.fixture
def http() -> Client:
    return signed_in("runs:read", "runs:operate", "pricing:read")


@pytest.fixture
def supplier(monkeypatch: pytest.MonkeyPatch) -> MemorySupplier:
    return factories.supplying(monkeypatch, MemorySupplier())


def letter_about(run: Run, stone: Stone, **fields: Any) -> DeadLetter:
    """The letter of a stone that the supplier's adapter can map."""
    said = {"payload": stone.payload().decode(), "supplier_stone_id": stone.id, "fingerprint": CAUSE}
    identity = diamond_id(run.feed.slug, stone.id)
    return rows.dead_letter(run, **{**said, "diamond_id": identity, "observed_at": rows.AT, **fields})


def replay(http: Client, **body: Any) -> Any:
    return send(http, "post", "dead-letters/replay", {"reason": "mapper 2", **body})


def discard(http: Client, **body: Any) -> Any:
    return send(http, "post", "dead-letters/discard", {"reason": "sold", **body})


class TestReading:
    def test_letters_are_listed_by_whatever_tells_them_apart(self, http: Client) -> None:
        run, labgrown = rows.run(), rows.run(feed=rows.feed("nivoda-labgrown"))
        first = rows.dead_letter(run, fingerprint=CAUSE, field="price")
        parked = rows.dead_letter(run, state="parked", kind="item")
        closed = rows.dead_letter(labgrown, state="discarded", created_at=rows.AT.replace(hour=13))

        def listed(query: str) -> list[int]:
            answer = http.get(f"/api/v1/dead-letters?{query}")
            assert answer.status_code == 200, answer.content
            return [letter["letter"] for letter in answer.json()["results"]]

        assert listed("") == [closed.pk, parked.pk, first.pk]
        assert listed(f"run={run.pk}") == [parked.pk, first.pk]
        assert listed("feed=nivoda-labgrown") == [closed.pk]
        assert listed("state=open,parked") == [parked.pk, first.pk]
        assert listed("kind=item") == [parked.pk]
        assert listed(f"fingerprint={CAUSE}") == listed("field=price") == [first.pk]
        assert listed("created_at_from=2026-11-01T13:00:00Z") == [closed.pk]
        assert listed(f"run={10**14}") == []

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ("run=0", "run"),
            ("run=1e3", "run"),
            (f"run={10**30}", "run"),
            ("fingerprint=abc", "fingerprint"),
            ("fingerprint=" + "A" * 32, "fingerprint"),
            ("feed=rosy", "feed"),
            ("field=%00", "field"),
            ("kind=stones", "kind"),
            ("state=waiting", "state"),
            ("payload=x", "payload"),
            ("cursor=made-up", "cursor"),
        ],
    )
    def test_a_wrong_parameter_is_named(self, http: Client, query: str, field: str) -> None:
        assert wrong(http.get(f"/api/v1/dead-letters?{query}")) == [field]

    def test_a_cursor_is_good_for_its_own_query_alone(self, http: Client) -> None:
        run = rows.run()
        for _ in range(2):
            rows.dead_letter(run)
        cursor = http.get("/api/v1/dead-letters?limit=1").json()["next"]

        assert wrong(http.get(f"/api/v1/dead-letters?run={run.pk}&cursor={cursor}")) == ["cursor"]
        assert wrong(http.get(f"/api/v1/runs?cursor={cursor}")) == ["cursor"]

    def test_a_letter_says_what_was_tried(self, http: Client, supplier: MemorySupplier) -> None:
        letter = letter_about(rows.run(), Stone("S-1", price=0))
        replay(http, letter=letter.pk)

        answer = http.get(f"/api/v1/dead-letters/{letter.pk}")
        again = http.get(f"/api/v1/dead-letters/{letter.pk}", headers={"If-None-Match": answer["ETag"]})

        shown = answer.json()
        assert (shown["state"], shown["attempts"], shown["last_error"]) == ("open", 1, "price: is missing")
        (attempt,) = shown["tried"]
        assert (attempt["actor"], attempt["outcome"], attempt["reason"]) == (
            ME,
            "failed",
            "price: is missing; mapper 2",
        )
        assert again.status_code == 304

    def test_causes_are_counted_the_most_frequent_first(self, http: Client) -> None:
        run = rows.run()
        for fingerprint in (CAUSE, CAUSE, OTHER):
            newest = rows.dead_letter(run, fingerprint=fingerprint)
        rows.dead_letter(run, fingerprint=OTHER, state="discarded")

        causes = http.get("/api/v1/dead-letters/causes").json()["results"]

        assert [(cause["fingerprint"], cause["letters"]) for cause in causes] == [(CAUSE, 2), (OTHER, 1)]
        assert (causes[1]["newest"], causes[1]["feed"]) == (newest.pk, "nivoda-natural")

    def test_payloads_are_read_at_an_address_and_with_a_scope_of_their_own(self, http: Client) -> None:
        letter = rows.dead_letter(rows.run(), payload='{"price": 471193857}', exact=False)
        reader = signed_in("letters:payload", name="reader")

        answer = reader.get(f"/api/v1/dead-letters/{letter.pk}/payload")

        assert answer.json() == {"letter": letter.pk, "exact": False, "payload": '{"price": 471193857}'}
        assert answer["Cache-Control"] == "no-store"
        assert problem(http.get(f"/api/v1/dead-letters/{letter.pk}/payload")) == (403, "forbidden")
        for address in ("", f"/{letter.pk}", "/causes"):
            assert b"471193857" not in http.get(f"/api/v1/dead-letters{address}").content

    def test_lists_read_no_payload(self, http: Client) -> None:
        rows.dead_letter(rows.run())

        with CaptureQueriesContext(connection) as asked:
            http.get("/api/v1/dead-letters")

        assert not any("payload" in query["sql"] for query in asked)

    def test_values_that_reasons_quote_are_kept_from_whom_may_not_see_costs(self, supplier: MemorySupplier) -> None:
        http = signed_in("runs:read", "runs:operate")
        reason = "price: '471193857.00' is not between 1 and 471293857"
        fields = {"reason": reason, "last_error": reason, "state": "discarded", "closed_reason": reason}
        letter = rows.dead_letter(rows.run(), **fields)
        assert letter.run is not None
        waiting = letter_about(letter.run, Stone("S-2"), reason=reason, payload="[471393857]")

        answers = [
            http.get("/api/v1/dead-letters"),
            http.get("/api/v1/dead-letters/causes"),
            http.get(f"/api/v1/dead-letters/{letter.pk}"),
            replay(http, letter=waiting.pk),
            http.get(f"/api/v1/dead-letters/{waiting.pk}"),
        ]

        for answer in answers:
            assert answer.status_code == 200, answer.content
            assert not any(cost in answer.content for cost in (b"471193857", b"471293857", b"471393857"))
        assert answers[2].json()["reason"] == "price: … is not between … and …"

    def test_a_letter_that_there_is_not_is_not_found(self, http: Client) -> None:
        reader = signed_in("letters:payload", name="reader")

        assert problem(http.get("/api/v1/dead-letters/4711")) == (404, "not-found")
        assert problem(http.get(f"/api/v1/dead-letters/{10**30}")) == (404, "not-found")
        assert problem(reader.get("/api/v1/dead-letters/4711/payload")) == (404, "not-found")


def test_the_audit_withholds_what_letters_say_from_whom_may_not_see_costs(http: Client) -> None:
    discard(http, letter=rows.dead_letter(rows.run(), reason="'471193857.00' is no number").pk)
    address = "/api/v1/audit/events?kind=ingest.deadletter"

    (withheld,) = signed_in("audit:read", name="auditor").get(address).json()["results"]
    (told,) = signed_in("audit:read", "pricing:read", name="other").get(address).json()["results"]

    assert (withheld["changes"], withheld["withheld"], withheld["reason"]) == (None, "pricing:read", "sold")
    assert "471193857" not in json.dumps(withheld)
    assert (told["withheld"], "471193857" in told["name"]) == (None, True)
    assert {"field": "state", "before": "open", "after": "discarded"} in told["changes"]


class TestReplaying:
    def test_letters_that_map_now_become_diamonds_in_the_clients_name(
        self, http: Client, supplier: MemorySupplier
    ) -> None:
        run = rows.run()
        letters = [letter_about(run, stone) for stone in factories.stones(3)]

        answer = replay(http, fingerprint=CAUSE)

        told = answer.json()
        assert (answer.status_code, told["tried"], told["left"]) == (200, 3, 0)
        assert told["outcomes"] == {"inserted": 3}
        assert [letter["letter"] for letter in told["letters"]] == [letter.pk for letter in letters]
        assert Diamond.objects.count() == 3
        assert set(DeadLetter.objects.values_list("state", "closed_by")) == {("replayed", ME)}
        events = AuditEvent.objects.filter(kind="ingest.deadletter")
        assert set(events.values_list("who", "reason")) == {(ME, "mapper 2")}

    def test_a_dry_run_writes_nothing(self, http: Client, supplier: MemorySupplier) -> None:
        letter_about(rows.run(), Stone("S-1"))

        told = replay(http, fingerprint=CAUSE, dry_run=True).json()

        assert (told["dry_run"], told["outcomes"]) == (True, {"inserted": 1})
        assert not Diamond.objects.exists()
        assert not DeadLetterAttempt.objects.exists()
        assert DeadLetter.objects.get().state == "open"

    def test_of_too_many_letters_the_oldest_are_tried_and_the_rest_is_counted(
        self, http: Client, supplier: MemorySupplier
    ) -> None:
        run = rows.run()
        for stone in factories.stones(3):
            letter_about(run, stone)

        first, second = (replay(http, run=run.pk, limit=2).json() for _ in range(2))

        assert (first["selected"], first["tried"], first["left"]) == (3, 2, 1)
        assert (second["selected"], second["tried"], second["left"]) == (1, 1, 0)
        assert problem(replay(http, run=run.pk)) == (409, "nothing-waits")

    def test_the_rest_is_not_tried_after_a_sample_that_fails_unless_it_is_forced(
        self, http: Client, supplier: MemorySupplier
    ) -> None:
        run = rows.run()
        cause = {"field": "price", "reason": "is missing"}
        cause["fingerprint"] = dead_letters.fingerprint("stone", "price", "is missing")
        for number in range(3):
            letter_about(run, Stone(f"S-{number}", price=0), **cause)

        told = replay(http, run=run.pk, sample=1).json()
        forced = replay(http, run=run.pk, sample=1, force=True).json()

        assert (told["tried"], told["left"], bool(told["stopped"])) == (1, 2, True)
        assert (forced["tried"], forced["failed"]) == (3, 3)

    def test_parked_letters_are_tried_by_force_alone(self, http: Client, supplier: MemorySupplier) -> None:
        letter = letter_about(rows.run(), Stone("S-1"), state="parked", attempts=5)

        told = replay(http, letter=letter.pk).json()
        forced = replay(http, letter=letter.pk, force=True).json()

        assert (told["tried"], told["parked"]) == (0, 1)
        assert forced["outcomes"] == {"inserted": 1}

    @pytest.mark.parametrize("do", [replay, discard])
    def test_only_letters_of_a_kind_are_meant_if_one_is_named(
        self, http: Client, supplier: MemorySupplier, do: Any
    ) -> None:
        run = rows.run()
        rows.dead_letter(run, kind="page", payload="<html>", stones=0)
        rows.dead_letter(run, kind="item")

        assert do(http, run=run.pk, kind="page").json()["selected"] == 1
        assert DeadLetter.objects.get(kind="item").state == "open"


class TestDiscarding:
    def test_letters_are_closed_for_a_reason_in_the_clients_name(self, http: Client) -> None:
        run = rows.run()
        for _ in range(3):
            rows.dead_letter(run, fingerprint=CAUSE)
        other = rows.dead_letter(run, fingerprint=OTHER)

        first = discard(http, fingerprint=CAUSE, limit=2).json()
        second = discard(http, fingerprint=CAUSE).json()

        assert first == {"dry_run": False, "selected": 3, "discarded": 2, "left": 1}
        assert second == {"dry_run": False, "selected": 1, "discarded": 1, "left": 0}
        closed = DeadLetter.objects.exclude(pk=other.pk)
        assert set(closed.values_list("state", "closed_by", "closed_reason")) == {("discarded", ME, "sold")}
        assert DeadLetter.objects.get(pk=other.pk).state == "open"
        events = AuditEvent.objects.filter(kind="ingest.deadletter")
        assert set(events.values_list("who", "reason")) == {(ME, "sold")}

    def test_a_dry_run_only_counts(self, http: Client) -> None:
        letter = rows.dead_letter(rows.run())

        told = discard(http, letter=letter.pk, dry_run=True).json()

        assert told == {"dry_run": True, "selected": 1, "discarded": 1, "left": 0}
        assert DeadLetter.objects.get().state == "open"


@pytest.mark.parametrize("do", [replay, discard])
class TestBoth:
    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({}, ""),
            ({"kind": "stone"}, ""),
            ({"reason": None, "letter": 1}, "reason"),
            ({"reason": "  ", "letter": 1}, "reason"),
            ({"letter": 0}, "letter"),
            ({"letter": "1"}, "letter"),
            ({"letter": 2**63}, "letter"),
            ({"fingerprint": CAUSE.upper()}, "fingerprint"),
            ({"fingerprint": ""}, "fingerprint"),
            ({"run": 1.5}, "run"),
            ({"run": 1, "limit": 0}, "limit"),
            ({"run": 1, "limit": 1_001}, "limit"),
            ({"run": 1, "dry_run": "yes"}, "dry_run"),
            ({"run": 1, "state": "open"}, "state"),
        ],
    )
    def test_a_wrong_field_is_named(self, http: Client, do: Any, body: Any, field: str) -> None:
        assert wrong(do(http, **body)) == [field]

    def test_letters_that_do_not_wait_are_a_conflict_and_unknown_ones_not_found(self, http: Client, do: Any) -> None:
        letter = rows.dead_letter(rows.run(), state="replayed")

        answer = do(http, letter=letter.pk)

        assert problem(answer) == (409, "nothing-waits")
        assert answer.json()["detail"] == f"Letter {letter.pk} is replayed already."
        assert problem(do(http, fingerprint=OTHER)) == (409, "nothing-waits")
        assert problem(do(http, letter=letter.pk + 1)) == (404, "not-found")

"""DiamondHub run by another system: all that an operator does, by REST alone, with workers that do what workers do."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from diamondhub.telemetry.models import Heartbeat
from ingest.errors import MappingError, PermanentSupplierError
from ingest.feeds.adapter import StoneQuery
from ingest.invariants import violations
from ingest.models import Run
from ingest.sandbox.supplier import Options
from ingest.tests import factories
from ingest.tests.factories import MemorySupplier
from pricing.tests.asking import problem, send, signed_in

pytestmark = pytest.mark.django_db(transaction=True)

EVERYTHING = ("feeds:read", "feeds:edit", "runs:read", "runs:operate", "audit:read", "pricing:read")
FEED = "nivoda-natural"


class System:
    """The other system: it knows addresses, and nothing of our rows."""

    def __init__(self) -> None:
        self.http: Client = signed_in(*EVERYTHING, name="ops")
        self._known: dict[str, tuple[str, Any]] = {}

    def get(self, address: str) -> Any:
        """Ask again for what may be known already."""
        tag, known = self._known.get(address, ("", None))
        answer = self.http.get(address, headers={"If-None-Match": tag} if tag else {})
        if answer.status_code == 304:
            return known
        assert answer.status_code == 200, answer.content
        self._known[address] = answer["ETag"], answer.json()
        return answer.json()

    def do(self, address: str, status: int = 200, **body: Any) -> Any:
        """Do something, and return the answer."""
        answer = send(self.http, "post", address, body)
        assert answer.status_code == status, answer.content
        return answer

    def start(self, feed: str, **body: Any) -> tuple[str, Run]:
        """Start a run; returns where to watch it, and the row for the workers."""
        address = self.do("runs", 202, feed=feed, **body)["Location"]
        return address, Run.objects.select_related("feed").get(pk=self.get(address)["run"])


@pytest.fixture
def system(settings: Any) -> System:
    # However slow the machine, the workers count as alive.
    settings.SWEEP_SECONDS = 600
    Heartbeat.beat("sweep")
    return System()


def test_a_run_against_the_supplier_is_started_watched_to_its_end_and_another_one_cancelled(system: System) -> None:
    with factories.sandbox_feed(Options(stones=300)) as (sandbox, feed):
        assert system.get(f"/api/v1/feeds/{feed.slug}")["watermark"] is None

        address, run = system.start(feed.slug, kind="full", reason="the first")
        planned = system.get(address)
        run = factories.drive(run, until="ingesting")
        reading = system.get(address)
        factories.drive(run)
        over = system.get(address)

        number = sandbox.supplier.inventory.available["labgrown"]
        assert (planned["state"], planned["waiting"], planned["progress"]["share"]) == ("planning", None, 0)
        assert (reading["state"], reading["progress"]["expected"]) == ("ingesting", number)
        assert reading["progress"]["partitions_open"] == reading["partitions"] > 0
        assert (over["state"], over["inserted"], over["started_by"]) == ("completed", number, "ops (API client)")
        assert [event["to_state"] for event in over["events"]][-1] == "completed"
        assert system.get(f"/api/v1/feeds/{feed.slug}")["watermark"] == over["window"]["to"]

        address, run = system.start(feed.slug, kind="incremental")
        refused = send(system.http, "post", "runs", {"feed": feed.slug})
        assert problem(refused) == (409, "live-run")
        assert address in refused.json()["detail"]
        cancelled = system.do(f"runs/{run.pk}/cancellation", reason="the supplier moves").json()
        assert (cancelled["state"], cancelled["finished_at"] is None) == ("cancelled", False)
        assert system.get(address) == cancelled


def test_a_failed_partition_a_braked_run_and_dead_letters_are_dealt_with(
    system: System, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.PARTIAL_DELAY_SECONDS = 300
    supplier = factories.supplying(monkeypatch, MemorySupplier(factories.stones(400, step=1_000)))
    small = send(system.http, "patch", f"feeds/{FEED}", {"max_partition_stones": 50, "reason": "shallow offsets"})
    assert small.json()["max_partition_stones"] == 50
    _one_partition_fails(supplier)

    # A partition fails, the run waits for retries, and a retry reads it.
    address, run = system.start(FEED)
    run = factories.drive(run, until="settling")
    factories.advance(run)
    assert system.get(address)["waiting"]["what"] == "retries"
    (failed,) = system.http.get(f"{system.get(address)['links']['partitions']}?state=failed").json()["results"]
    assert failed["failure"].startswith("permanent: ")
    supplier.before_page = lambda _query, _offset: None
    retried = system.do(f"runs/{run.pk}/retry", 202, partitions=[failed["partition"]], reason="it is back").json()
    assert [row["partition"] for row in retried["partitions"]] == [failed["partition"]]
    factories.drive(run)
    assert (system.get(address)["state"], system.get(address)["inserted"]) == ("completed", 400)

    # Stones that cannot be mapped hold the next run; it is approved past what was seen.
    supplier.shelf = [factories.again(stone, price=stone.price + 100) for stone in supplier.shelf]
    mend = _breaking(supplier, {stone.id for stone in supplier.shelf[:5]})
    address, run = system.start(FEED)
    factories.drive(run)
    held = system.get(address)
    assert (held["waiting"]["what"], held["held"]) == ("approval", ["dead_letters"])
    (part,) = held["review"][0]["parts"]
    assert (part["stones"], len(part["examples"])) == (5, 5)
    approve = f"runs/{run.pk}/approval"
    assert problem(send(system.http, "post", approve, {"reason": "x", "brakes": ["delisting"]})) == (
        409,
        "held-otherwise",
    )
    system.do(approve, reason="known", brakes=["dead_letters"])
    factories.drive(run)
    assert (system.get(address)["state"], system.get(address)["approved"]) == ("completed", ["dead_letters"])

    # The letters are tried, then tried again once the mapper is mended, and what is left is discarded.
    cause = {"fingerprint": part["fingerprint"], "reason": "mapper 2"}
    assert system.do("dead-letters/replay", **cause).json()["failed"] == 5
    mend({supplier.shelf[0].id})
    assert system.do("dead-letters/replay", **cause, dry_run=True).json()["outcomes"] == {"updated": 4, "failed": 1}
    assert system.do("dead-letters/replay", **cause).json()["outcomes"] == {"updated": 4, "failed": 1}
    assert system.do("dead-letters/discard", **cause | {"reason": "sold"}).json()["discarded"] == 1
    assert system.http.get("/api/v1/dead-letters?state=open,parked").json()["results"] == []

    assert [str(broken) for broken in violations() if broken.invariant not in (3, 10)] == []
    mine = system.http.get("/api/v1/audit/events?who=ops (API client)&limit=100").json()["results"]
    done = [(event["kind"], event["what"], event["reason"]) for event in reversed(mine)]
    assert [deed for at, deed in enumerate(done) if deed not in done[:at]] == [
        ("ingest.feed", "changed", "shallow offsets"),
        ("ingest.run", "created", ""),
        ("ingest.run", "changed", "retry of 1 partitions: it is back"),
        ("ingest.run", "changed", "known"),
        ("ingest.deadletter", "changed", "mapper 2"),
        ("ingest.deadletter", "changed", "sold"),
    ]


def _one_partition_fails(supplier: MemorySupplier) -> None:
    broken: set[int] = set()

    def fail(query: StoneQuery, _offset: int) -> None:
        if query.price_from in broken or not broken:
            broken.add(query.price_from)
            raise PermanentSupplierError("the supplier answers 400")

    supplier.before_page = fail


def _breaking(supplier: MemorySupplier, names: set[str]) -> Any:
    """Let the mapper fail for these stones; what is returned mends it for all but those that it is given."""
    broken = set(names)

    def stumble(item: bytes) -> None:
        if json.loads(item)["id"] in broken:
            raise MappingError("shape", "the shape is a riddle")

    supplier.before_mapping = stumble
    return lambda left: broken.intersection_update(left)

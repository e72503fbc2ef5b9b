"""A supplier in memory that does precisely what a test says, and the steps of a run without workers.

Tests of single stages put a `MemorySupplier` in the place of the adapters (`supplying`), start a run and `drive` it as
far as they need; what a real supplier does over HTTP is tested against the sandbox (`sandbox_feed`).
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from time import monotonic
from typing import Any

import msgspec
import pytest
from django.conf import settings
from django.db.models.functions import Now
from django.test.utils import override_settings
from redis import Redis

from catalog.grades import Clarity, Color
from catalog.models import Diamond
from catalog.rows import StoneFacts
from catalog.tests.facts import facts
from diamondhub import leases
from diamondhub.access.clients import IssuedKey, create_client
from diamondhub.access.models import ApiClient
from diamondhub.access.scopes import Scope
from diamondhub.access.throttles.limits import OF_CLIENTS
from ingest import consolidation, runs
from ingest.errors import MappingError, PermanentSupplierError
from ingest.feeds import adapters
from ingest.feeds.adapter import StoneIdentity, StoneQuery, SupplierPage
from ingest.feeds.nivoda import build as nivoda
from ingest.models import ConsolidationBatch, Feed, Page, Partition, RawDiamond, Run
from ingest.models.run import LIVE_STATES
from ingest.sandbox.server import Sandbox
from ingest.sandbox.supplier import Options
from ingest.walking import stage as walking
from pricing.tests.factories import first_rule_set

#: When stones that nobody touched were last changed.
LONG_AGO = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
PAGE_LIMIT = 10


@dataclass(slots=True)
class Stone:
    """A stone on the memory supplier's shelf. Price in cents; `says` goes into its facts as it is."""

    id: str
    price: int = 500_000
    carats: Decimal | None = Decimal("1.000")
    availability: str = "available"
    updated: datetime = LONG_AGO
    says: dict[str, Any] = field(default_factory=dict)

    @property
    def dollars_per_carat(self) -> Decimal:
        """Exact dollars per carat; 0 if the weight is not known."""
        return self.price / self.carats / 100 if self.carats else Decimal(0)

    def payload(self) -> bytes:
        """The stone as the supplier sends it."""
        said = {"cost_cents": self.price, "carats": self.carats and str(self.carats), "availability": self.availability}
        return json.dumps({"id": self.id, "says": {**said, **self.says}}).encode()


def stones(count: int, *, first: int = 0, step: int = 10_000) -> list[Stone]:
    """Stones of one carat, `step` cents apart."""
    return [Stone(f"S-{number:05}", price=50_000 + number * step) for number in range(first, first + count)]


class MemorySupplier:
    """A supplier whose shelf is a list: see `ingest.feeds.adapter.Adapter`.

    `exact` compares exact dollars and carats instead of whole ones. `before_page`, `before_count` and `before_mapping` are
    called with what is asked for and may change the shelf or raise; `hidden` stones are counted but not shown. One that
    `looks_behind` tells with a page whether anything lies behind it. Items of `nameless` stones do not say who they are.
    """

    looks_behind = False

    page_limit = PAGE_LIMIT
    answers_by_id = True
    query_version = "memory-query-1"
    mapper_version = "memory-mapper-1"

    def __init__(self, shelf: Sequence[Stone] = (), *, exact: bool = False, aliases: bool = True) -> None:
        self.shelf = list(shelf)
        self.exact = exact
        self.aliases = aliases
        self.counts_per_request = 25
        self.hidden: set[str] = set()
        self.nameless: set[str] = set()
        self.poison: list[bytes] = []
        self.asked: list[tuple[str, Any]] = []
        self.before_page: Callable[[StoneQuery, int], None] = lambda _query, _offset: None
        self.before_count: Callable[[Sequence[StoneQuery]], None] = lambda _queries: None
        self.before_mapping: Callable[[bytes], None] = lambda _item: None
        self.miscount: Callable[[int], int] = lambda count: count

    def server_time(self) -> datetime:
        return datetime.now(UTC)

    def count(self, queries: Sequence[StoneQuery]) -> list[int]:
        self.asked.append(("count", list(queries)))
        self.before_count(queries)
        if len(queries) > 1 and not self.aliases:
            raise PermanentSupplierError
        return [self.miscount(len(self.find(query))) for query in queries]

    def page(self, query: StoneQuery, offset: int, limit: int, behind: int | None = None) -> SupplierPage:
        self.asked.append(("page", offset))
        self.before_page(query, offset)
        found = self.find(query)
        items = [self.item(stone) for stone in found[offset : offset + limit] if stone.id not in self.hidden]
        poison = self.poison if offset == 0 and items else []
        is_last = self.looks_behind and behind is not None and all(one.id in self.hidden for one in found[behind:])
        return SupplierPage([*items, *poison], datetime.now(UTC), 0.001, is_last)

    def lookup(self, supplier_stone_ids: Sequence[str]) -> SupplierPage:
        self.asked.append(("lookup", list(supplier_stone_ids)))
        wanted = set(supplier_stone_ids)
        items = [self.item(stone) for stone in self.shelf if stone.id in wanted]
        return SupplierPage(items, datetime.now(UTC), 0.001)

    def item(self, stone: Stone) -> bytes:
        """A stone as pages and look-ups show it."""
        return stone.payload().replace(b'"id"', b'"no id"') if stone.id in self.nameless else stone.payload()

    def identify(self, item: bytes) -> StoneIdentity:
        try:
            stone = json.loads(item)["id"]
        except (ValueError, KeyError) as error:
            raise MappingError("id", "is missing") from error
        return StoneIdentity(stone, f"offer-{stone}")

    def to_diamond(self, item: bytes) -> StoneFacts:
        self.before_mapping(item)
        stone = json.loads(item)
        if not stone["says"]["cost_cents"]:
            raise MappingError("price", "is missing")
        said = {**stone["says"], "carats": stone["says"]["carats"] and Decimal(stone["says"]["carats"])}
        # A first run whose stones have no colour would wait for a person.
        known = facts(offer_id=f"offer-{stone['id']}", color=Color.G.value, clarity=Clarity.VS1.value)
        return msgspec.structs.replace(known, **said)

    def find(self, query: StoneQuery) -> list[Stone]:
        """The stones of the shelf that a query speaks of, in the shelf's order."""
        return [stone for stone in self.shelf if self._fits(stone, query)]

    def pages_asked(self) -> int:
        """How many pages were asked for so far."""
        return sum(kind == "page" for kind, _ in self.asked)

    def _fits(self, stone: Stone, query: StoneQuery) -> bool:
        if query.available_only and stone.availability != "available":
            return False
        if query.window_from and stone.updated < query.window_from:
            return False
        if query.window_to and stone.updated > query.window_to:
            return False
        dollars, carats = stone.dollars_per_carat, stone.carats or Decimal(0)
        if not self.exact:
            dollars, carats = Decimal(int(dollars)), Decimal(int(carats * 100)) / 100
        return (
            dollars >= query.price_from
            and (query.price_to is None or dollars <= query.price_to)
            and (query.carats_from is None or carats >= query.carats_from)
            and (query.carats_to is None or carats <= query.carats_to)
        )


def supplying(monkeypatch: pytest.MonkeyPatch, supplier: MemorySupplier) -> MemorySupplier:
    """Put a supplier in the place of every feed's adapter."""
    monkeypatch.setattr(adapters, "_build", lambda *_: supplier)
    return supplier


def feed(**fields: Any) -> Feed:
    """The memory supplier's feed, and a published rule set 1 to price it with."""
    first_rule_set()
    found, _ = Feed.objects.update_or_create(
        slug="memory", defaults={"name": "Memory", "adapter": "memory", "parameters": {}, **fields}
    )
    return found


def start(kind: str = "full", **fields: Any) -> Run:
    """Start a run of the memory supplier's feed."""
    feed(**fields)
    return runs.start_run("memory", kind=kind, started_by="eve")


def settled(kind: str = "full", **fields: Any) -> Run:
    """A run of the memory supplier's feed that went as far as it can by itself."""
    return drive(start(kind, **fields))


def drive(run: Run, *, until: str = "") -> Run:
    """Do what workers and the sweep would do until the run is over, waits for a person, or is in the state `until`.

    Nobody waits: whatever was put off is due at once.
    """
    deadline = monotonic() + 180
    while True:
        for step in (runs.advance, walking.walk, consolidation.consolidate):
            make_due(run)
            step(run.pk)
            run = Run.objects.select_related("feed").get(pk=run.pk)
            if run.state in (until, Run.State.IN_REVIEW) or run.state not in LIVE_STATES:
                return run
        assert monotonic() < deadline, f"run {run.pk} stays {run.state}"


def advance(run: Run) -> Run:
    """Take the run as far as its rows allow, as if it were due."""
    make_due(run)
    runs.advance(run.pk)
    return Run.objects.select_related("feed").get(pk=run.pk)


def make_due(run: Run) -> None:
    """Make everything of a run due that nobody holds."""
    for rows in (Run.objects.filter(pk=run.pk), run.partitions.all(), run.batches.all()):
        rows.filter(due_at__isnull=False, lease_expires_at__isnull=True).update(due_at=Now())


def expire(lease: leases.Lease) -> None:
    """Let a lease run out, as if its worker had died."""
    lease.model._default_manager.filter(pk=lease.pk).update(lease_expires_at=Now() - timedelta(seconds=1))


def claim_batch(run: Run) -> leases.Lease:
    """Lease the run's first batch that is still open, whatever its due time."""
    batch = run.batches.filter(state="ready").earliest("id")
    lease = leases.claim_one(ConsolidationBatch, batch.pk, state="ready", seconds=60)
    assert lease is not None
    return lease


def listed() -> set[str]:
    """The supplier's ids of all stones that the catalogue offers."""
    return set(Diamond.objects.filter(availability="available").values_list("supplier_stone_id", flat=True))


def stored(run: Run) -> set[str]:
    """The supplier's ids of all stones that the run has payloads of."""
    return set(RawDiamond.objects.filter(run_id=run.pk).values_list("supplier_stone_id", flat=True))


def shown(run: Run) -> set[uuid.UUID]:
    """The ids of all stones that the run's ledger names."""
    return {stone for ids in Page.objects.filter(run_id=run.pk).values_list("stone_ids", flat=True) for stone in ids}


def only_partition(run: Run) -> Partition:
    """The run's partition, if there is exactly one."""
    return Partition.objects.get(run=run)


def a_busy_client() -> IssuedKey:
    """A key of a client with every scope, whose limits no test reaches."""
    issued = create_client("everybody", scopes=list(Scope))
    limits = {str(name): "9000/s burst 9000" for name in OF_CLIENTS}
    ApiClient.objects.filter(pk=issued.key.client_id).update(limits=limits, max_at_once=1_000)
    return issued


@contextmanager
def sandbox_feed(options: Options, *, labgrown: bool = True, **fields: Any) -> Iterator[tuple[Sandbox, Feed]]:
    """A sandbox supplier, and the Nivoda feed that is pulled from it faster than any contract allows."""
    feed()
    with Sandbox(options) as sandbox:
        account = {"NIVODA_ENDPOINT": sandbox.url, "NIVODA_USERNAME": "sandbox", "NIVODA_PASSWORD": "sandbox"}
        with override_settings(**account, NIVODA_RATE_LIMIT=2_000, NIVODA_TIMEOUT=5.0):
            forget_clients()
            calm_the_limiter()
            slug = "nivoda-labgrown" if labgrown else "nivoda-natural"
            found, _ = Feed.objects.update_or_create(
                slug=slug, defaults={"name": slug, "adapter": "nivoda", "parameters": {"labgrown": labgrown}, **fields}
            )
            yield sandbox, found
        forget_clients()


def forget_clients() -> None:
    """Have adapters made anew by the settings as they are now."""
    adapters._build.cache_clear()
    nivoda._client.cache_clear()


def calm_the_limiter() -> None:
    """What faults made of the account's limiter is nothing to the next test; a flushed one would wait a second."""
    calm: dict[Any, Any] = {"blocked": 0, "tat": 1, "fails": 0, "opened": 0, "interval": 0}
    Redis.from_url(settings.REDIS_URL).hset("limiter:{nivoda}", mapping=calm)


def with_prices(cents: Sequence[int]) -> list[Stone]:
    """Stones of one carat at these prices."""
    return [Stone(f"S-{number:05}", price=price) for number, price in enumerate(cents)]


def again(stone: Stone, **changes: Any) -> Stone:
    """The same stone with something changed."""
    return replace(stone, **changes)

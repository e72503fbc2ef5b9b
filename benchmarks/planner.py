"""Planning of a first and a later full run: its requests against those for pages, and the balance of its partitions.

The supplier is a sandbox in this process, with the real distribution of both feeds; a later run finds one stone in twenty
changed, come or gone since the catalogue saw them.
"""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter

import numpy as np
from django.conf import settings
from django.db import connection

from benchmarks.result import Figure
from diamondhub.pace.limiter import Limiter
from ingest.feeds.adapter import StoneQuery
from ingest.feeds.nivoda.adapter import NivodaAdapter
from ingest.feeds.nivoda.client import NivodaClient
from ingest.planning.cutting import make_plan
from ingest.planning.density import known_density
from ingest.planning.plans import Plan
from ingest.sandbox import trade
from ingest.sandbox.inventory import Inventory
from ingest.sandbox.server import Sandbox
from ingest.sandbox.supplier import InventoryChange, Options

MAX_STONES = 2_500
#: The feeds and whether they are lab-grown.
FEEDS = {"natural": False, "labgrown": True}
#: Share of the stones that change, and that come and go, between two runs.
CHANGED, MOVED = 0.03, 0.01


@dataclass(frozen=True, slots=True)
class _Case:
    feed: str
    plan: Plan
    pages: int

    @property
    def cost(self) -> float:
        return self.plan.requests / self.pages

    @property
    def balance(self) -> float:
        return self.plan.largest / self.plan.mean

    def words(self) -> str:
        plan = self.plan
        return (
            f"{self.feed} {plan.total:,} stones, {len(plan.slices)} partitions, {plan.requests} requests for "
            f"{self.pages:,} pages, largest {plan.largest:,}, mean {plan.mean:,.0f}, {plan.seconds:.1f} s"
        )


def measure(number: int) -> list[Figure]:
    """Plan both feeds of an inventory of `number` stones, first without and then with a catalogue that knows them."""
    with Sandbox(Options(stones=number)) as sandbox:
        first = _plans(sandbox, learned=False)
        singly = _plans(sandbox, learned=False, aliased=False)
        inventory = sandbox.supplier.inventory
        seconds = []
        for feed, labgrown in FEEDS.items():
            know(f"bench-{feed}", inventory, labgrown=labgrown)
            started = perf_counter()
            known_density(f"bench-{feed}", steps=1_000)
            seconds.append(perf_counter() - started)
        changed, moved = round(CHANGED * number), round(MOVED * number)
        sandbox.supplier.change_inventory(InventoryChange(change=changed, add=moved, vanish=moved))
        learned = _plans(sandbox, learned=True)
        learned_singly = _plans(sandbox, learned=True, aliased=False)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM catalog_diamond WHERE feed LIKE 'bench-%'")
    return [
        Figure(
            "asking the catalogue for its density",
            ratio=max(seconds),
            of="a second",
            detail=f"{number:,} stones in two feeds",
        ),
        *_figures("a first plan", first, goal=0.05),
        *_figures("a learned plan", learned, goal=0.025),
        *_figures("a first plan, one count a request", singly, goal=0.05, balanced=False),
        *_figures("a learned plan, one count a request", learned_singly, goal=0.025, balanced=False),
    ]


def _plans(sandbox: Sandbox, *, learned: bool, aliased: bool = True) -> list[_Case]:
    limiter = Limiter("bench-planner", per_second=2_000, redis_url=settings.REDIS_URL)
    client = NivodaClient(sandbox.url, "sandbox", "sandbox", limiter, timeout=60.0)
    cases = []
    for feed, labgrown in FEEDS.items():
        adapter = NivodaAdapter(client, {"labgrown": labgrown, "aliased_counts": aliased})
        density = known_density(f"bench-{feed}", steps=1_000) if learned else None
        plan = make_plan(adapter, StoneQuery(), max_stones=MAX_STONES, density=density)
        cases.append(_Case(feed, plan, plan.page_requests(adapter.page_limit)))
    return cases


def _figures(name: str, cases: list[_Case], *, goal: float, balanced: bool = True) -> list[Figure]:
    dearest, least_even = max(cases, key=lambda case: case.cost), max(cases, key=lambda case: case.balance)
    return [
        Figure(
            f"cost of {name}",
            ratio=dearest.cost,
            of="the page requests of the run",
            detail=dearest.words(),
            goal=goal,
            at_most=True,
        ),
        Figure(
            f"balance of {name}",
            ratio=least_even.balance,
            of="the mean partition is the largest",
            detail=least_even.words(),
            goal=1.25 if balanced else None,
            at_most=True,
        ),
    ]


def know(feed: str, inventory: Inventory, *, labgrown: bool) -> None:
    """Insert a feed's available stones into the catalogue; only their prices and weights are real."""
    columns, size = inventory.columns, inventory.size
    there = (columns["labgrown"][:size] == labgrown) & ~columns["gone"][:size]
    chosen = np.flatnonzero(there & (columns["availability"][:size] == trade.AVAILABLE))
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO catalog_diamond (
                id, feed, supplier_stone_id, offer_id, lab_grown, images, carats, cost_cents, availability, price_cents,
                rule_set, payload_hash, raw_id, source_updated_at, first_seen_at, changed_at, priced_on
            )
            SELECT
                gen_random_uuid(), %(feed)s, 'S-' || place, 'O-' || place, %(labgrown)s, '{}', nullif(weight, 0) / 1000.0,
                price, 'available', price, 1, '\\x00000000000000000000000000000000', 0, now(), now(), now(), now()
            FROM unnest(%(prices)s::bigint[], %(weights)s::bigint[]) WITH ORDINALITY AS stone (price, weight, place)
            """,
            {
                "feed": feed,
                "labgrown": labgrown,
                "prices": columns["price"][chosen].tolist(),
                "weights": columns["weight"][chosen].tolist(),
            },
        )
        cursor.execute("ANALYZE catalog_diamond")

"""An inventory that moves between any two requests of a run: whatever stood still is in the catalogue at its end.

Hypothesis plays the market. It decides before every single answer of the supplier what is repriced, changed, added, held or
removed, with many stones at one price and prices on both sides of every partition's border.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.db import connection
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from catalog.models import Diamond
from diamondhub.local.testing import databases
from ingest.feeds import registry
from ingest.feeds.adapter import StoneQuery, SupplierPage
from ingest.invariants import violations
from ingest.models import Run
from ingest.tests import factories
from ingest.tests.factories import MemorySupplier, Stone

#: Few prices and weights, so that many stones share their place in the order (cents).
PRICES = st.sampled_from([50_000, 50_100, 70_000, 70_001, 70_100, 70_150, 250_000, 4_000_000])
WEIGHTS = st.sampled_from([Decimal("0.300"), Decimal("0.305"), Decimal("1.000"), None])
PLACES = st.integers(0, 200)


class GatedSupplier(MemorySupplier):
    """Answers a request when it is let through; the shelf is in the order of prices, equal ones in that of their ids."""

    def __init__(self, gate: Callable[[], None]) -> None:
        super().__init__()
        self.gate = gate

    def count(self, queries: Sequence[StoneQuery]) -> list[int]:
        self.gate()
        return super().count(queries)

    looks_behind = True

    def page(self, query: StoneQuery, offset: int, limit: int, behind: int | None = None) -> SupplierPage:
        self.gate()
        return super().page(query, offset, limit, behind)

    def lookup(self, supplier_stone_ids: Sequence[str]) -> SupplierPage:
        self.gate()
        return super().lookup(supplier_stone_ids)

    def find(self, query: StoneQuery) -> list[Stone]:
        return sorted(super().find(query), key=lambda stone: (stone.price, stone.id))


class MovingInventory(RuleBasedStateMachine):
    """One full run over a moving shelf, then an incremental and a quiet full one."""

    supplier: GatedSupplier

    def __init__(self) -> None:
        super().__init__()
        # Every example of the test begins with nothing.
        databases.put_back()
        factories.feed(
            max_partition_stones=15,
            delist_brake=1.0,
            shrink_brake=0.0,
            median_brake=1e6,
            window_lag_seconds=0,
            watermark=None,
        )
        self.free = True
        #: Requests wait here, and are let through one by one.
        self.waiting, self.through = threading.Semaphore(0), threading.Semaphore(0)
        self.supplier = GatedSupplier(self._wait)
        _current.supplier = self.supplier
        self.touched: set[str] = set()
        self.added = 0
        self.failure: BaseException | None = None
        self.ended = threading.Event()
        self.run: Run | None = None

    @initialize(
        prices=st.lists(st.tuples(PRICES, WEIGHTS), min_size=5, max_size=70),
        known=st.booleans(),
    )
    def open(self, prices: list[tuple[int, Decimal | None]], known: bool) -> None:
        for price, weight in prices:
            self._add(price, weight, datetime(2026, 1, 2, tzinfo=UTC))
        if known:
            # The catalogue has the stones already, and could lose them.
            assert factories.settled().state == "completed"
        self.before = {stone.id for stone in self.supplier.shelf}
        self.free = False
        self.run = factories.start()
        self.thread = threading.Thread(target=self._drive)
        self.thread.start()

    @precondition(lambda self: not self.ended.is_set())
    @rule(requests=st.integers(1, 4))
    def answer(self, requests: int) -> None:
        for _ in range(requests):
            if not self._somebody_waits():
                return
            self.through.release()

    @rule(place=PLACES, price=PRICES)
    def reprice(self, place: int, price: int) -> None:
        if stone := self._touch(place):
            stone.price = price

    @rule(place=PLACES, word=st.sampled_from(["available", "on_hold"]))
    def change_availability(self, place: int, word: str) -> None:
        if stone := self._touch(place):
            stone.availability = word

    @rule(place=PLACES, many=st.integers(1, 12))
    def remove(self, place: int, many: int) -> None:
        for _ in range(many):
            if stone := self._touch(place):
                self.supplier.shelf.remove(stone)

    @rule(price=PRICES, weight=WEIGHTS, many=st.integers(1, 12))
    def add(self, price: int, weight: Decimal | None, many: int) -> None:
        for _ in range(many):
            self._add(price, weight, datetime.now(UTC))

    def teardown(self) -> None:
        if self.run is None:
            return
        self.free = True
        self.through.release(10_000)
        self.thread.join(60)
        if self.failure:
            raise self.failure
        assert self.ended.is_set()

        self.run.refresh_from_db()
        assert self.run.state == "completed"
        # What stood still is there, and what was known and still exists was not taken off.
        there = {stone.id for stone in self.supplier.shelf if stone.id in self.before}
        still = there - self.touched
        assert still <= factories.listed()
        gone = set(Diamond.objects.filter(availability="delisted").values_list("supplier_stone_id", flat=True))
        assert not gone & there
        assert violations() == []

        # An incremental run brings what changed and came, and a full one takes off what went.
        assert factories.settled("incremental").state == "completed"
        assert set(self._shelf().items()) <= set(_catalogue().items())
        assert factories.settled("full").state == "completed"
        assert _catalogue() == self._shelf()
        assert violations() == []

    def _add(self, price: int, weight: Decimal | None, updated: datetime) -> None:
        # Ids that do not follow the order in which the stones came.
        name = f"S-{(self.added * 7919) % 10_007:05}"
        self.supplier.shelf.append(Stone(name, price=price, carats=weight, updated=updated))
        self.added += 1

    def _touch(self, place: int) -> Stone | None:
        """A stone that is about to change, which takes it out of the run's window."""
        if not self.supplier.shelf:
            return None
        stone = self.supplier.shelf[place % len(self.supplier.shelf)]
        stone.updated = datetime.now(UTC)
        self.touched.add(stone.id)
        return stone

    def _shelf(self) -> dict[str, tuple[int, str]]:
        return {
            stone.id: (stone.price, stone.availability)
            for stone in self.supplier.shelf
            if stone.availability == "available"
        }

    def _wait(self) -> None:
        if not self.free:
            self.waiting.release()
            self.through.acquire()

    def _somebody_waits(self) -> bool:
        while not self.waiting.acquire(timeout=0.02):
            if self.ended.is_set():
                return False
        return True

    def _drive(self) -> None:
        assert self.run is not None
        try:
            factories.drive(self.run)
        except BaseException as error:  # noqa: BLE001 - raised again where the machine is checked
            self.failure = error
        finally:
            self.ended.set()
            connection.close()


def _catalogue() -> dict[str, tuple[int, str]]:
    rows = Diamond.objects.filter(availability="available")
    return {
        stone: (cost, availability)
        for stone, cost, availability in rows.values_list("supplier_stone_id", "cost_cents", "availability")
    }


class _Current:
    supplier: GatedSupplier


_current = _Current()


@pytest.fixture
def moving(monkeypatch: pytest.MonkeyPatch) -> type[MovingInventory]:
    monkeypatch.setattr(registry, "_build", lambda *_: _current.supplier)
    return MovingInventory


@pytest.mark.django_db(transaction=True)
def test_what_stood_still_is_there_however_the_rest_moves(moving: type[MovingInventory]) -> None:
    run_state_machine_as_test(
        moving,
        settings=settings(
            max_examples=8, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )

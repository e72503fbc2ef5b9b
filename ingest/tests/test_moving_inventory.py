"""An inventory that moves between any two requests of a run: whatever stood still is in the catalogue at its end.

Hypothesis plays the market. It decides before every single answer of the supplier what is repriced, changed, added, held or
removed, with many stones at one price and prices on both sides of every partition's border. The supplier has a clock of its
own that ticks with everything that happens, so an example is the same whenever it is tried.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.models import Diamond
from diamondhub.local.testing import databases
from ingest.feeds import adapters
from ingest.feeds.adapter import StoneQuery, SupplierPage
from ingest.invariants import violations
from ingest.models import Feed, Run
from ingest.tests import factories
from ingest.tests.factories import MemorySupplier, Stone

#: Few prices and weights, so that many stones share their place in the order (cents).
PRICES = st.sampled_from([50_000, 50_100, 70_000, 70_001, 70_100, 70_150, 250_000, 4_000_000])
WEIGHTS = st.sampled_from([Decimal("0.300"), Decimal("0.305"), Decimal("1.000"), None])
PLACES = st.integers(0, 200)
SHELVES = st.lists(st.tuples(PRICES, WEIGHTS), min_size=5, max_size=70)
MOVES = st.one_of(
    st.tuples(st.just("reprice"), PLACES, PRICES),
    st.tuples(st.just("change_availability"), PLACES, st.sampled_from(["available", "on_hold"])),
    st.tuples(st.just("remove"), PLACES, st.integers(1, 12)),
    st.tuples(st.just("add"), st.integers(1, 12), st.tuples(PRICES, WEIGHTS)),
)
#: What happens before one answer of the supplier.
EVENTS = st.lists(MOVES, max_size=3)
#: When the supplier's clock begins; before that nobody has touched a stone.
OPENING = datetime(2026, 2, 3, tzinfo=UTC)


class Market(MemorySupplier):
    """A shelf in the order of prices, equal ones in that of their ids, to which `before_answer` may do anything."""

    looks_behind = True

    def __init__(self, shelf: Sequence[tuple[int, Decimal | None]]) -> None:
        super().__init__()
        self.clock = OPENING
        self.added = 0
        #: Stones that something has happened to.
        self.touched: set[str] = set()
        self.before_answer: Callable[[], object] = lambda: None
        for price, weight in shelf:
            self._put(price, weight, factories.LONG_AGO)

    def server_time(self) -> datetime:
        return self.clock

    def count(self, queries: Sequence[StoneQuery]) -> list[int]:
        self.before_answer()
        return super().count(queries)

    def page(self, query: StoneQuery, offset: int, limit: int, behind: int | None = None) -> SupplierPage:
        self.before_answer()
        return super().page(query, offset, limit, behind)

    def lookup(self, supplier_stone_ids: Sequence[str]) -> SupplierPage:
        self.before_answer()
        return super().lookup(supplier_stone_ids)

    def find(self, query: StoneQuery) -> list[Stone]:
        return sorted(super().find(query), key=lambda stone: (stone.price, stone.id))

    def move(self, kind: str, *what: Any) -> None:
        """Have one thing happen: one of `MOVES`."""
        getattr(self, kind)(*what)

    def reprice(self, place: int, price: int) -> None:
        if stone := self._touch(place):
            stone.price = price

    def change_availability(self, place: int, word: str) -> None:
        if stone := self._touch(place):
            stone.availability = word

    def remove(self, place: int, many: int) -> None:
        for _ in range(many):
            if stone := self._touch(place):
                self.shelf.remove(stone)

    def add(self, many: int, stone: tuple[int, Decimal | None]) -> None:
        for _ in range(many):
            self._put(*stone, self._tick())

    def offers(self) -> dict[str, tuple[int, str]]:
        """What it has to sell: price and availability by id."""
        return {
            stone.id: (stone.price, stone.availability) for stone in self.shelf if stone.availability == "available"
        }

    def _put(self, price: int, weight: Decimal | None, updated: datetime) -> None:
        # Ids that do not follow the order in which the stones came.
        name = f"S-{(self.added * 7919) % 10_007:05}"
        self.shelf.append(Stone(name, price=price, carats=weight, updated=updated))
        self.added += 1

    def _touch(self, place: int) -> Stone | None:
        """A stone that is about to change, which takes it out of the run's window."""
        if not self.shelf:
            return None
        stone = self.shelf[place % len(self.shelf)]
        stone.updated = self._tick()
        self.touched.add(stone.id)
        return stone

    def _tick(self) -> datetime:
        self.clock += timedelta(seconds=1)
        return self.clock


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Market]:
    """Opens a market before a catalogue that is empty."""

    def opening(shelf: Sequence[tuple[int, Decimal | None]]) -> Market:
        # Every example of a test begins with nothing.
        databases.put_back()
        factories.feed(
            max_partition_stones=15,
            delist_brake=1.0,
            shrink_brake=0.0,
            median_brake=1e6,
            window_lag_seconds=0,
            watermark=None,
        )
        market = Market(shelf)
        monkeypatch.setattr(adapters, "_build", lambda *_: market)
        # Many of its stones have no weight, of which a run that brings more than all before would ask a person.
        monkeypatch.setattr("django.conf.settings.FIRST_DAY_UNKNOWN_COLUMN", 1.0)
        return market

    return opening


@pytest.mark.django_db(transaction=True)
def test_what_stood_still_is_there_however_the_rest_moves(opened: Callable[..., Market]) -> None:
    @settings(max_examples=10)
    @given(shelf=SHELVES, known=st.booleans(), happens=st.data())
    def try_a_market(shelf: list[tuple[int, Decimal | None]], known: bool, happens: st.DataObject) -> None:
        market = opened(shelf)
        if known:
            # The catalogue has the stones already, and could lose them.
            assert factories.settled().state == "completed"

        def before_answer() -> None:
            for event in happens.draw(EVENTS):
                market.move(*event)

        _read_while_it_moves(market, before_answer)

    try_a_market()


@pytest.mark.django_db(transaction=True)
def test_stones_that_come_before_the_first_answer_are_brought_by_the_next_run(opened: Callable[..., Market]) -> None:
    market = opened([(50_000, Decimal("0.300"))] * 8)
    comes = iter([7])

    def before_answer() -> None:
        for many in comes:
            market.add(many, (50_000, Decimal("0.300")))

    run = _read_while_it_moves(market, before_answer)

    assert run.suspect == ""
    assert run.plan.total == 8
    assert len(_catalogue()) == 15


@pytest.mark.django_db(transaction=True)
def test_a_run_whose_stones_all_move_while_they_are_counted_is_suspect_and_the_next_one_has_them(
    opened: Callable[..., Market],
) -> None:
    market = opened([(50_000, Decimal("0.300")), (250_000, Decimal("1.000"))] * 8)
    answers = iter([False, True])

    def before_answer() -> None:
        if next(answers, False):
            for place in range(16):
                market.reprice(place, 70_000)

    run = _read_while_it_moves(market, before_answer)

    assert run.suspect == "the partitions' counts lack 16 of 16 stones"
    assert len(_catalogue()) == 16


def _read_while_it_moves(market: Market, before_answer: Callable[[], object]) -> Run:
    """A full run over the moving shelf, then quiet ones that bring the rest; returns the first."""
    before = {stone.id for stone in market.shelf}
    watermark = _watermark()
    market.before_answer = before_answer

    run = factories.settled()

    market.before_answer = lambda: None
    assert run.state == "completed"
    # What stood still is there, and what was known and still exists was not taken off.
    there = {stone.id for stone in market.shelf if stone.id in before}
    assert there - market.touched <= factories.listed()
    gone = set(Diamond.objects.filter(availability="delisted").values_list("supplier_stone_id", flat=True))
    assert not gone & there
    assert violations() == []
    if run.suspect:
        # More moved than it can tell from a fault of the supplier's: it takes nothing off, and the next one reads all again.
        assert not gone
        assert _watermark() == watermark
    else:
        # An incremental run brings what changed and came.
        changes = factories.settled("incremental")
        assert changes.state == "completed", changes.reason
        assert market.offers().items() <= _catalogue().items()
    # A full one takes off what went.
    assert factories.settled("full").state == "completed"
    assert _catalogue() == market.offers()
    assert violations() == []
    return run


def _watermark() -> datetime | None:
    return Feed.objects.get(slug="memory").watermark


def _catalogue() -> dict[str, tuple[int, str]]:
    rows = Diamond.objects.filter(availability="available")
    return {
        stone: (cost, availability)
        for stone, cost, availability in rows.values_list("supplier_stone_id", "cost_cents", "availability")
    }

"""Inventories that are nothing like the usual one: each ends in a finished run with every stone."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ingest.feeds.nivoda.query import PRICE_WITHOUT_END
from ingest.invariants import violations
from ingest.tests.factories import MemorySupplier, Stone, again, listed, settled, supplying, with_prices

pytestmark = pytest.mark.django_db(transaction=True)

#: The dearest price that a supplier's range can name (cents per carat), and what a stone may cost at most.
TOP = min(PRICE_WITHOUT_END * 100, 10**11)
SHELVES: dict[str, list[Stone]] = {
    "no stone": [],
    "one stone": with_prices([123_400]),
    "5,000 stones at one price and weight": with_prices([250_000] * 5_000),
    "5,000 stones at one price a carat": [
        Stone(f"S-{number:05}", price=1_000 * (30 + number % 400), carats=Decimal(30 + number % 400) / 100)
        for number in range(5_000)
    ],
    "one stone a price": with_prices([100 * number for number in range(1, 1_001)]),
    "all at the top price": with_prices([TOP] * 500),
    "one at each end": with_prices([1, TOP]),
}


@pytest.mark.parametrize("shelf", SHELVES)
def test_a_run_ends_with_every_stone(monkeypatch: pytest.MonkeyPatch, shelf: str) -> None:
    supplier = supplying(monkeypatch, MemorySupplier(SHELVES[shelf]))
    supplier.page_limit = 50

    run = settled(max_partition_stones=2_500)

    assert (run.state, run.suspect) == ("completed", "")
    assert listed() == {stone.id for stone in supplier.shelf}
    assert run.summary["partitions_completed"] == run.summary["partitions"] >= 1
    # Nobody delivers alerts here.
    assert not [one for one in violations() if one.invariant != 10]


def test_a_feed_that_had_one_stone_and_then_none_waits_for_a_person(monkeypatch: pytest.MonkeyPatch) -> None:
    supplier = supplying(monkeypatch, MemorySupplier(with_prices([123_400])))
    settled()
    supplier.shelf = []

    run = settled()

    assert run.suspect or run.state == "in_review"
    assert listed() == {"S-00000"}


def test_a_stone_that_becomes_the_dearest_of_all_is_pulled_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    supplier = supplying(monkeypatch, MemorySupplier(with_prices([100 * number for number in range(1, 101)])))
    settled()
    supplier.shelf[50] = again(supplier.shelf[50], price=TOP)

    run = settled()

    assert (run.state, run.summary["updated"]) == ("completed", 1)
    assert listed() == {stone.id for stone in supplier.shelf}

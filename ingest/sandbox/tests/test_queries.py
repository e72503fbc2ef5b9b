"""What queries find, held against a plain look at every item."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest

from ingest.sandbox.dirt import WEIGHTLESS
from ingest.sandbox.queries import Finder, WrongQuery, read_query
from ingest.sandbox.rendering import Item
from ingest.sandbox.supplier import InventoryChange, Options, Supplier
from ingest.sandbox.tests.conftest import A_DAY


def dollars_per_carat(supplier: Supplier, stone: int) -> float:
    weight, price = (int(supplier.inventory.columns[name][stone]) for name in ("weight", "price"))
    return price * 10 / weight if weight else 0.0


def find(supplier: Supplier, **fields: Any) -> set[int]:
    return set(supplier.desk.finder.find(read_query(fields)).tolist())


def test_whole_dollars_per_carat_tile_the_axis(supplier: Supplier) -> None:
    finder = supplier.desk.finder
    cuts = [0, 1, 100, 101, 150, 700, 2_000, 9_000]
    ranges = [{"from": low, "to": high - 1} for low, high in pairwise(cuts)] + [{"from": 9_000}]

    counts = [finder.count(read_query({"labgrown": True, "dollar_per_carat": one})) for one in ranges]

    assert sum(counts) == finder.count(read_query({"labgrown": True}))


def test_exact_prices_fall_between_the_ranges(supplier: Supplier) -> None:
    exact = Finder(supplier.inventory, exact=True)
    below, above, shared = (
        exact.count(read_query({"labgrown": True, "dollar_per_carat": one}))
        for one in ({"from": 0, "to": 99}, {"from": 100, "to": 10**6}, {"from": 0, "to": 100})
    )

    everything = exact.count(read_query({"labgrown": True}))

    assert below + above < everything
    assert shared + above >= everything


def test_a_stone_between_two_whole_dollars_is_in_the_lower_one_or_in_neither(supplier: Supplier) -> None:
    stone = next(one for one in range(1_000) if dollars_per_carat(supplier, one) % 1 > 0.2)
    dollar = int(dollars_per_carat(supplier, stone))
    query = read_query({"dollar_per_carat": {"from": dollar, "to": dollar}})

    whole = supplier.desk.finder.find(query).tolist()
    exact = Finder(supplier.inventory, exact=True).find(query).tolist()

    assert stone in whole
    assert stone not in exact


def test_carats_are_compared_in_hundredths_or_exactly(supplier: Supplier) -> None:
    weights = supplier.inventory.columns["weight"]
    stone = next(one for one in range(5_000) if weights[one] % 10)
    hundredth = int(weights[stone]) // 10 / 100
    query = read_query({"sizes": [{"from": hundredth, "to": hundredth}]})

    whole = supplier.desk.finder.find(query).tolist()
    exact = Finder(supplier.inventory, exact=True).find(query).tolist()

    assert stone in whole
    assert stone not in exact
    assert {int(weights[one]) // 10 for one in whole} == {int(weights[stone]) // 10}


def test_a_stone_of_unknown_weight_costs_nothing_per_carat(supplier: Supplier) -> None:
    carried = supplier.inventory.columns["dirt"][: supplier.inventory.size]
    weightless = {int(stone) for stone in (carried & WEIGHTLESS).nonzero()[0]}

    found = find(supplier, dollar_per_carat={"from": 0, "to": 0})

    assert found == weightless != set()


def test_every_filter_finds_what_the_items_say(supplier: Supplier, items: list[Item]) -> None:
    def certificate(item: Item, field: str) -> Any:
        return (item["diamond"]["certificate"] or {}).get(field)

    tests: list[tuple[dict[str, Any], Any]] = [
        ({"shapes": ["OVAL", "PEAR"]}, lambda item: certificate(item, "shape") in ("OVAL", "PEAR")),
        ({"clarity": ["VS1"]}, lambda item: certificate(item, "clarity") == "VS1"),
        ({"has_v360": True}, lambda item: item["diamond"]["v360"] is not None),
        ({"has_image": False}, lambda item: not item["diamond"]["image"]),
        ({"dollar_value": {"from": 500, "to": 600}}, lambda item: 500 <= item["price"] // 100 <= 600),
        ({"hide_memo": True}, lambda item: item["diamond"]["availability"] != "MEMO"),
        ({"availability": [3, 4]}, lambda item: item["diamond"]["availability"] in ("MEMO", "SOLD")),
        ({"excludeFairPoorCuts": True}, lambda item: certificate(item, "cut") != "F"),
    ]
    stones = supplier.desk.finder.find(read_query({})).tolist()
    for fields, fits in tests:
        expected = {stone for stone, item in zip(stones, items, strict=True) if fits(item)}

        found = find(supplier, **fields)

        # A stone whose certificate or cut is blank may still have the cut that its supplier graded.
        assert found <= expected if "excludeFairPoorCuts" in fields else found == expected, fields
        assert found


def test_stones_are_found_by_certificate_number(supplier: Supplier, items: list[Item]) -> None:
    item = next(one for one in items if one["diamond"]["certificate"] and one["diamond"]["certificate"]["certNumber"])
    number = item["diamond"]["certificate"]["certNumber"]

    found = find(supplier, certificate_numbers=[number, "1234567890", "none"])

    assert found == {supplier.inventory.identity.stone_of(item["id"])}


def test_the_window_of_changes_is_inclusive(supplier: Supplier) -> None:
    moment = int(supplier.inventory.columns["updated"][7])
    text = datetime.fromtimestamp(moment / 1e6, UTC).isoformat(timespec="milliseconds")

    found = find(supplier, updated={"from": text, "to": text.replace("+00:00", "Z")})

    assert 7 in found
    assert find(supplier, updated={"to": "2020-01-01T00:00:00Z"}) == set()


def test_a_time_that_is_none_is_refused() -> None:
    with pytest.raises(WrongQuery, match="yesterday"):
        read_query({"updated": {"from": "yesterday"}})


@pytest.mark.parametrize("order", ["price", "size", "price_per_carat", "color", "clarity", "cut", "createdAt"])
def test_orders_turn_around_and_ties_do_not(supplier: Supplier, order: str) -> None:
    query = read_query({"shapes": ["HEART"], "labgrown": False})
    finder = supplier.desk.finder

    up, down = finder.find(query, order).tolist(), finder.find(query, order, descending=True).tolist()

    assert sorted(up) == sorted(down)
    assert up != down


def test_many_stones_share_the_moment_of_their_listing(supplier: Supplier) -> None:
    inventory = supplier.inventory
    stones = supplier.desk.finder.find(read_query({"labgrown": True}))
    created = inventory.columns["created"][stones]

    assert (created[1:] >= created[:-1]).all()
    assert (stones[1:] > stones[:-1])[created[1:] == created[:-1]].all()
    assert max(Counter(created.tolist()).values()) > 100


def test_changed_stones_are_found_where_they_moved_to() -> None:
    supplier = Supplier(Options(stones=3_000, now=A_DAY))
    finder = supplier.desk.finder
    before = finder.count(read_query({"labgrown": True, "availability": [0]}))

    supplier.change_inventory(InventoryChange(change=200, add=30, vanish=50, hold=20, feed="labgrown"))

    fresh = Finder(supplier.inventory)
    for fields in ({}, {"dollar_per_carat": {"from": 90, "to": 160}}, {"updated": {"to": "2026-06-01T12:00:00Z"}}):
        query = read_query({"labgrown": True, "availability": [0], **fields})
        assert finder.count(query) == len(finder.find(query)) == fresh.count(query)
        assert set(finder.find(query).tolist()) == set(fresh.find(query).tolist())
    assert finder.count(read_query({"labgrown": True, "availability": [0]})) == before + 30 - 50 - 20
    assert finder.count(read_query({"updated": {"from": "2026-06-01T12:00:00Z"}})) == 200 + 30 + 20

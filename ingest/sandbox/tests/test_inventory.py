"""The stones: how many, how they are priced, that they are the same ones every time."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import numpy as np
import pytest

from ingest.sandbox import prices, trade
from ingest.sandbox.inventory import Inventory
from ingest.sandbox.rendering import Item, render
from ingest.sandbox.rows import real_rows
from ingest.sandbox.supplier import Supplier
from ingest.sandbox.tests.conftest import A_DAY, Buyer


def whole_dollars(inventory: Inventory, *, labgrown: bool) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Whole dollars per carat of the available stones of a feed."""
    columns = {name: column[: inventory.size] for name, column in inventory.columns.items()}
    shown = (columns["labgrown"] == labgrown) & (columns["availability"] == trade.AVAILABLE)
    price, weight = columns["price"][shown].astype(np.int64), columns["weight"][shown]
    return np.where(weight > 0, price * 10 // np.maximum(1, weight), 0)


@pytest.fixture(scope="module")
def full_size() -> Inventory:
    """As many stones as the real supplier has."""
    return Inventory(1_300_000, 1, A_DAY)


def test_the_same_seed_makes_the_same_stones(supplier: Supplier) -> None:
    stones = list(range(0, 50_000, 997))

    same = Inventory(53_940, 1, A_DAY)
    other = Inventory(53_940, 2, A_DAY)

    assert render(same, stones) == render(supplier.inventory, stones)
    assert render(other, stones) != render(supplier.inventory, stones)


@pytest.mark.parametrize("stones", [0, 1, 2, 50, 5_000])
def test_any_number_of_stones_can_be_had(stones: int) -> None:
    inventory = Inventory(stones, 1, A_DAY)

    sizes = [len(whole_dollars(inventory, labgrown=labgrown)) for labgrown in (False, True)]

    assert sizes == [round(stones * 0.327), stones - round(stones * 0.327)]


def test_natural_stones_of_the_first_pass_keep_the_real_price(supplier: Supplier) -> None:
    columns = supplier.inventory.columns
    natural = np.flatnonzero(~columns["labgrown"][: supplier.inventory.size])

    rows = columns["row"][natural]

    assert (columns["price"][natural] == real_rows().price[rows] * 100).all()
    assert rows[0] < 10
    assert rows[-1] > 53_900


def test_the_whole_natural_inventory_follows_the_real_table(full_size: Inventory) -> None:
    dollars = whole_dollars(full_size, labgrown=False)

    found = prices.natural_ranges(dollars.astype(np.float64))

    expected = np.array([stones for _, stones in prices.NATURAL_RANGES]) * len(dollars) / 437_849
    assert np.abs(found - expected).max() / len(dollars) < 0.001
    assert found == pytest.approx(expected, rel=0.04)
    assert 600 < found[-1] < 700


def test_the_whole_labgrown_inventory_crowds_below_250_dollars(full_size: Inventory) -> None:
    dollars = whole_dollars(full_size, labgrown=True)

    assert (dollars < 250).mean() == pytest.approx(770 / 900, abs=0.002)
    assert np.bincount(dollars).max() > 3_000


def test_a_smaller_inventory_has_the_same_shares() -> None:
    inventory = Inventory(200_000, 1, A_DAY)

    labgrown = whole_dollars(inventory, labgrown=True)
    natural = prices.natural_ranges(whole_dollars(inventory, labgrown=False).astype(np.float64))

    expected = np.array([stones for _, stones in prices.NATURAL_RANGES]) * 65_400 / 437_849
    assert (labgrown < 250).mean() == pytest.approx(770 / 900, abs=0.003)
    # The 53,940 real prices are there; what is added fills up the ranges that they leave empty.
    assert natural[0] > 0.2 * expected[0]
    assert natural[-1] > 0.2 * expected[-1]
    assert natural.sum() == 65_400


def test_every_shape_occurs_and_most_stones_are_round(items: list[Item]) -> None:
    shapes = [item["diamond"]["certificate"]["shape"] for item in items if item["diamond"]["certificate"]]

    assert set(trade.SHAPE_NAMES) <= set(shapes)
    assert 0.5 < shapes.count("ROUND") / len(shapes) < 0.7


def test_labs_and_suppliers_are_many(items: list[Item]) -> None:
    diamonds = [item["diamond"] for item in items]

    labs = {diamond["certificate"]["lab"] for diamond in diamonds if diamond["certificate"]}
    suppliers = {diamond["supplier"]["name"] for diamond in diamonds if diamond["supplier"]}

    assert {"GIA", "IGI", "HRD"} <= labs
    assert len(suppliers) == len(trade.SUPPLIERS) > 200


def test_ids_and_certificate_numbers_are_unique(items: list[Item]) -> None:
    for ids in (
        [item["id"] for item in items],
        [item["diamond"]["id"] for item in items],
        [cert["certNumber"] for item in items if (cert := item["diamond"]["certificate"]) and cert["certNumber"]],
    ):
        assert len(set(ids)) == len(ids)


def test_changes_by_the_control_door_show_in_pages(buyer: Buyer) -> None:
    before = {item["diamond"]["id"]: item for item in buyer.truth()}

    done = buyer.control(
        "POST", "/inventory", {"change": 5, "add": 4, "vanish": 3, "hold": 2, "feed": "natural"}
    ).json()

    after = {item["diamond"]["id"]: item for item in buyer.truth()}
    assert {what: len(ids) for what, ids in done.items()} == {"changed": 5, "added": 4, "vanished": 3, "held": 2}
    assert set(after) == set(before) - set(done["vanished"]) | set(done["added"])
    for stone in done["changed"]:
        old, new = before[stone]["price"], after[stone]["price"]
        assert old != new
        assert abs(new - old) <= old * 0.1 + 1
    assert {after[stone]["diamond"]["availability"] for stone in done["held"]} == {"ON HOLD"}
    assert not any(
        after[stone]["diamond"]["certificate"]["labgrown"]
        for stone in done["added"]
        if after[stone]["diamond"]["certificate"]
    )
    untouched = set(before) - {stone for ids in done.values() for stone in ids}
    assert all(before[stone] == after[stone] for stone in untouched)
    assert buyer.control("GET", "/changes").json() == done


def test_a_change_can_lie_in_the_past(buyer: Buyer) -> None:
    now = time.time()

    buyer.control("POST", "/inventory", {"change": 3, "seconds_ago": 1_800})

    def changed_within(seconds: int) -> int:
        return buyer.count(updated={"from": datetime.fromtimestamp(now - seconds, UTC).isoformat()})

    assert (changed_within(1_700), changed_within(1_900)) == (0, 3)


@pytest.mark.parametrize("body", [{"chnage": 1}, {"change": -1}, {"feed": "fancy"}, {"add": "many"}])
def test_a_wrong_change_is_refused(buyer: Buyer, body: dict[str, object]) -> None:
    response = buyer.control("POST", "/inventory", body)

    assert response.status_code == 400
    assert response.json()["error"]

"""The column of stock numbers by its cells: a quantity, a place or the number of a row is no stone's name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.feeds.adapter import StoneQuery
from ingest.feeds.pricelist.proving import finding, stock_numbers
from ingest.feeds.pricelist.tests.lists import adapter, mapped, put, stone, text
from ingest.feeds.verdicts import SupplierAsks


def columns(folder: Path, **cells: Sequence[str]) -> None:
    """A list with these columns of identity before those of a stone."""
    count = len(next(iter(cells.values())))
    rest = {header: cell for header, cell in stone().items() if header not in ("Stock #", *cells)}
    put(
        folder,
        text(
            [
                {**{name.replace("_", " "): column[row] for name, column in cells.items()}, **rest}
                for row in range(count)
            ]
        ),
    )


def offered(folder: Path, **parameters: object) -> list[tuple[str, str | None]]:
    """Stock number and country of each stone that is on sale."""
    reader = adapter(folder, **parameters)
    items = reader.page(StoneQuery(window_to=reader.server_time()), 0, 500).items
    return sorted((facts.offer_id, facts.location_country) for facts in map(reader.to_diamond, items))


SKUS = [f"WS{number}" for number in range(101, 107)]


@pytest.mark.parametrize(
    ("stock", "left", "country"),
    [
        (["1"] * 6, SKUS, None),
        (["1", "1", "0", "1", "1", "1"], [*SKUS[:2], *SKUS[3:]], None),
        (["Yes", "No", "Yes", "Yes", "Yes", "Yes"], [SKUS[0], *SKUS[2:]], None),
        (["In Stock", "Memo", "In Stock", "Sold", "In Stock", "On request"], [SKUS[0], SKUS[2], SKUS[4]], None),
        (["Mumbai"] * 6, SKUS, "India"),
        (["1", "1", "Sold", "1", "1", "1"], [*SKUS[:2], *SKUS[3:]], None),
        (["Memo", "Box 3", "Box 3", "In Stock", "Box 3", "Box 3"], [SKUS[3]], None),
    ],
)
@pytest.mark.parametrize("other", ["SKU", "Lot_No", "Item_ID"])
def test_a_column_of_stocks_beside_numbers_is_read_for_what_it_holds(
    tmp_path: Path, stock: list[str], left: list[str], country: str | None, other: str
) -> None:
    columns(tmp_path, **{other: SKUS, "Stock": stock})

    assert offered(tmp_path) == [(number, country) for number in left]


@pytest.mark.parametrize(
    ("stock", "left", "country"),
    [
        (["1", "1", "0", "1", "1", "1"], [*SKUS[:2], *SKUS[3:]], None),
        (["Available", "Sold", "Available", "Available", "Sold", "Available"], [SKUS[0], *SKUS[2:4], SKUS[5]], None),
        (["In", "Out", "In", "In", "In", "In"], [SKUS[0], *SKUS[2:]], None),
        (["Yes", "No", "Yes", "Yes", "Yes", "Yes"], [SKUS[0], *SKUS[2:]], None),
        (["", "", "", "", "Sold", ""], [*SKUS[:4], SKUS[5]], None),
        (["Memo", "Box 3", "Box 3", "In Stock", "Box 3", "Box 3"], [SKUS[3]], None),
        (["Mumbai"] * 6, SKUS, "India"),
        ([f"B{number}" for number in range(6)], SKUS, None),
    ],
)
@pytest.mark.parametrize("number", ["Stock_No", "Stock_#"])
@pytest.mark.parametrize("other", ["Stock", "Inventory"])
def test_a_column_of_stocks_beside_stock_numbers_is_read_for_what_it_holds(
    tmp_path: Path, stock: list[str], left: list[str], country: str | None, number: str, other: str
) -> None:
    columns(tmp_path, **{number: SKUS, other: stock})

    expected = [(sku, country) for sku in left]
    assert offered(tmp_path) == expected
    assert offered(tmp_path, columns={number.replace("_", " "): "stock_number"}) == expected


@pytest.mark.parametrize(
    ("header", "cells", "left"),
    [
        ("Lot", ["", "SOLD", "", "", "Memo", ""], [SKUS[0], *SKUS[2:4], SKUS[5]]),
        ("Item", ["1", "1", "2", "2", "0", "0"], SKUS),
        ("Packet", ["A", "A", "B", "B", "Out", "A"], [*SKUS[:4], SKUS[5]]),
        ("SKU", ["X1", "X2", "X3", "X4", "X5", "SOLD"], SKUS[:5]),
        ("Ref", ["Mumbai", "Mumbai", "NY", "NY", "NY", "NY"], SKUS),
    ],
)
def test_of_another_number_beside_stock_numbers_only_plain_words_take_a_stone_off(
    tmp_path: Path, header: str, cells: list[str], left: list[str]
) -> None:
    columns(tmp_path, **{"Stock_No": SKUS, header: cells})

    assert offered(tmp_path) == [(sku, None) for sku in left]


def test_what_a_column_of_stocks_beside_stock_numbers_holds_that_nothing_tells_is_asked(tmp_path: Path) -> None:
    columns(tmp_path, Stock_No=SKUS, Stock=["Own", "Partner"] * 3)

    with pytest.raises(SupplierAsks, match="'Stock' holds no stock numbers but 'Own', 'Partner'"):
        adapter(tmp_path).server_time()
    assert [number for number, _ in offered(tmp_path, columns={"Stock": ""})] == SKUS


def test_what_a_column_of_stocks_holds_that_nothing_tells_is_asked(tmp_path: Path) -> None:
    weights = ["1.00", "1.01", "1.02", "1.03", "1.04", "1.05"]
    columns(tmp_path, SKU=SKUS, Stock=["Own", "Partner"] * 3, Weight=weights)

    with pytest.raises(SupplierAsks, match="'Stock' holds no stock numbers but 'Own', 'Partner'") as asked:
        adapter(tmp_path).server_time()

    assert asked.value.verdict.question is not None
    silent, telling = (answer.parameters for answer in asked.value.verdict.question.answers)
    assert [number for number, _ in offered(tmp_path, **silent)] == SKUS
    # Words that nobody knows promise nothing.
    assert offered(tmp_path, **telling) == []


def test_the_number_of_a_row_is_not_read_beside_the_stones_own(tmp_path: Path) -> None:
    columns(tmp_path, Item=["1", "2", "3", "4", "5", "6"], SKU=SKUS)

    assert [number for number, _ in offered(tmp_path)] == SKUS


@pytest.mark.parametrize(("header", "rows"), [("Item", 5), ("ID", 30), ("Stock #", 30)])
def test_numbers_that_only_count_the_rows_are_asked_about_and_read_where_the_feed_says_so(
    tmp_path: Path, header: str, rows: int
) -> None:
    columns(tmp_path, **{header: [str(number) for number in range(1, rows + 1)]})

    with pytest.raises(SupplierAsks, match="are they the stones' own"):
        adapter(tmp_path).server_time()
    assert len(offered(tmp_path, columns={header: "stock_number"})) == rows


@pytest.mark.parametrize(
    "numbers",
    [["1", "2", "4", "5", "9", "12"], ["101", "102", "103", "104", "105", "106"], ["3", "2", "1", "5", "4", "6"]],
)
def test_numbers_with_gaps_or_of_another_order_are_the_stones_own(tmp_path: Path, numbers: list[str]) -> None:
    columns(tmp_path, Item=numbers)

    assert [number for number, _ in offered(tmp_path)] == sorted(numbers)


def test_stock_numbers_stay_where_another_column_has_none(tmp_path: Path) -> None:
    columns(tmp_path, Stock=SKUS, SKU=["x"] * 6, Item=["1", "2", "3", "4", "5", "6"])

    assert [number for number, _ in offered(tmp_path)] == SKUS


def test_a_stone_that_a_list_has_several_times_keeps_its_number(tmp_path: Path) -> None:
    rows = [
        stone(**{"Stock #": f"A-{row // 2}", "ID": f"{900 + 7 * row}", "Weight": f"1.0{row // 2}"}) for row in range(8)
    ]
    put(tmp_path, text(rows))

    assert [number for number, _ in offered(tmp_path)] == ["A-0", "A-1", "A-2", "A-3"]


@given(st.lists(st.from_regex(r"[A-Z]{1,3}-\d{1,6}", fullmatch=True), min_size=1, max_size=30, unique=True))
def test_names_that_differ_are_never_taken_for_anything_else(names: list[str]) -> None:
    sample = [(row, {"Stock": name, "SKU": str(row)}) for row, name in enumerate(names, 1)]

    assert stock_numbers.find(["Stock", "SKU"], sample, {}) == finding.NOTHING


def test_of_two_flags_the_one_counts_that_takes_a_stone_off_though_it_stands_first() -> None:
    assert mapped({**stone(), "Published": "0", "In stock?": "1"}).availability == "unavailable"
    assert mapped({**stone(), "Published": "1", "In stock?": "0"}).availability == "unavailable"


@pytest.mark.parametrize(
    "cells",
    [
        {"Qty": "0", "Pcs": "1"},
        {"Pcs": "1", "Stock Qty": "0"},
        {"Qty": "0.0", "Stones": "1"},
        {"Qty": "0"},
        {"Qty": "0.00"},
        {"Stock Quantity": "0"},
    ],
)
def test_a_quantity_of_none_takes_a_stone_off_beside_a_number_of_pieces(cells: dict[str, str]) -> None:
    assert mapped({**stone(), **cells}).availability == "sold"
    assert mapped({**stone(), **dict.fromkeys(cells, "1")}).availability == "available"


def test_a_stock_of_none_takes_a_stone_off_beside_a_number_of_pieces(tmp_path: Path) -> None:
    columns(tmp_path, SKU=SKUS, Stock=["1", "0", "1", "1", "0", "1"], Pcs=["1"] * 6)

    assert [number for number, _ in offered(tmp_path)] == [SKUS[0], SKUS[2], SKUS[3], SKUS[5]]

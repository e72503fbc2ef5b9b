"""What is said of stones beside the columns that are read: headings of parts, names of sheets, words in any other column."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ingest.errors import MappingError
from ingest.feeds.pricelist import snapshot, words
from ingest.feeds.pricelist.mapping import Mapper
from ingest.feeds.pricelist.outside import speaks
from ingest.feeds.pricelist.parameters import parameters_of
from ingest.feeds.pricelist.tests.books import xlsx
from ingest.feeds.pricelist.tests.natural_stones import faults, made, stone, table
from ingest.feeds.verdicts import SupplierAsks

ROWS = 24
#: Offered as natural, as grown, refused, or not offered at all.
NATURAL, GROWN, LETTER, GONE = "natural", "grown", "letter", "gone"


def told(kept: snapshot.Snapshot, **parameters: Any) -> list[str]:
    """What becomes of each stone of a list."""
    mapper, offered, came = Mapper(parameters_of({"source": "x", **parameters})), set(kept.payloads(offered=True)), []
    for payload in kept.payloads():
        if payload not in offered:
            came.append(GONE)
            continue
        try:
            came.append(GROWN if mapper.to_diamond(payload).lab_grown else NATURAL)
        except MappingError:
            came.append(LETTER)
    return came


def listed(*parts: str | int | None) -> list[list[str]]:
    """A list of headings (words), of stones (how many), and of blank rows (None)."""
    header, *_ = table([stone(0)])
    width, rows, number = len(header), [header], 0
    for part in parts:
        if isinstance(part, int):
            rows += table([stone(number + more) for more in range(part)])[1:]
            number += part
        else:
            rows.append([part or "", *[""] * (width - 1)])
    return rows


@pytest.mark.parametrize(
    ("parts", "became"),
    [
        ((6, "SOLD THIS WEEK", 3), [NATURAL] * 6 + [GONE] * 3),
        ((6, "COMING SOON - at the lab", 3), [NATURAL] * 6 + [GONE] * 3),
        (("ON MEMO", 3, "AVAILABLE", 6), [GONE] * 3 + [NATURAL] * 6),
        ((6, "LAB GROWN", 3), [NATURAL] * 6 + [GROWN] * 3),
        ((6, "LAB GROWN DIAMONDS (CVD)", 3, "NATURAL DIAMONDS", 2), [NATURAL] * 6 + [GROWN] * 3 + [NATURAL] * 2),
        ((6, "SOLD", 3, "ON MEMO", 2, "IN STOCK", 1), [NATURAL] * 6 + [GONE] * 5 + [NATURAL]),
        ((6, "SOLD LAB GROWN", 3), [NATURAL] * 6 + [GONE] * 3),
        # Another heading within the part, or behind it: a stone is not sold by a guess.
        ((6, "SOLD", 2, "Cohen", 2), [NATURAL] * 6 + [GONE] * 4),
        ((6, "LAB GROWN", 2, "SOLD", 2), [NATURAL] * 6 + [GROWN] * 2 + [GONE] * 2),
        ((6, "LAB GROWN", 2, None, 2), [NATURAL] * 6 + [GROWN] * 2 + [LETTER] * 2),
        ((6, "SOLD", 2, None, 2), [NATURAL] * 6 + [GONE] * 4),
        ((3, None, 3, None, "SOLD", None, 2), [NATURAL] * 6 + [GONE] * 2),
        # Below it no stones stand.
        ((6, "SOLD"), [NATURAL] * 6),
        # A legend is true of some rows, wherever they stand.
        ((6, "1 - in stock, 2 - on memo, 3 - sold", 3), [NATURAL] * 9),
    ],
)
def test_a_heading_above_rows_is_true_of_them_until_the_next_one(
    tmp_path: Path, parts: tuple[str | int | None, ...], became: list[str]
) -> None:
    kept = made(tmp_path, listed(*parts))

    # Rows come in the order of their prices; that of a heading that says nothing has none.
    assert sorted(told(kept)) == sorted(became)


def test_a_heading_is_told_with_its_rows_and_asked_about_on_the_first_day_only(tmp_path: Path) -> None:
    kept = made(tmp_path, listed(18, "SOLD", 6))

    census = kept.census()
    assert census.not_offered == {"SOLD": 6}
    assert census.parts == {"SOLD": 6}
    assert kept.verdict().notes[-1] == "'SOLD' stands above 6 rows, which are taken for stones that are not to be had"
    assert faults(census, 18) == [
        "the list says 'SOLD' above 6 rows, and it is taken to be true of these alone: is it?"
    ]
    assert kept.verdict().outside == {}


def test_the_feed_may_say_what_a_heading_means(tmp_path: Path) -> None:
    kept = made(tmp_path, listed(18, "ON MEMO", 6), words={"availability": {"ON MEMO": "available"}})

    assert kept.census().offered == 24


def sheets(folder: Path, names: list[str], **parameters: Any) -> snapshot.Snapshot:
    rows = [table([stone(10 * sheet + number) for number in range(6)]) for sheet in range(len(names))]
    source = folder / "list.xlsx"
    source.write_bytes(xlsx(dict(zip(names, rows, strict=True))))
    chosen = parameters_of({"source": str(source), **parameters})
    snapshot.make(source, folder / "made", chosen, Mapper(chosen), most_bytes=10_000_000)
    return snapshot.Snapshot(folder / "made", 1, None)


@pytest.mark.parametrize(
    ("names", "sheet", "became"),
    [
        (["Natural", "LGD"], "*", [NATURAL] * 6 + [GROWN] * 6),
        (["CVD stock"], "", [GROWN] * 6),
        (["Stock", "Sold"], "*", [NATURAL] * 6 + [GONE] * 6),
        # Who names the sheet says that it is for sale.
        (["Stock", "Memo"], "Memo", [NATURAL] * 6),
        (["S"], "", [NATURAL] * 6),
    ],
)
def test_the_name_of_a_sheet_is_true_of_its_rows(
    tmp_path: Path, names: list[str], sheet: str, became: list[str]
) -> None:
    assert sorted(told(sheets(tmp_path, names, sheet=sheet))) == sorted(became)


def column(header: str, cells: list[str]) -> list[list[str]]:
    """A list with a column whose cells come again and again."""
    return table([stone(number, **{header: cells[number % len(cells)]}) for number in range(ROWS)])


@pytest.mark.parametrize("header", ["Stage", "State", "Dept", "Party Name", "Lage", "Office"])
@pytest.mark.parametrize(
    ("cells", "offered"),
    [
        (["IN", "SOLD", "IN", "MEMO"], 12),
        (["Available", "Under Offer", "Available", "Jangad"], 12),
        (["AVAIL", "BUSY", "AVAIL", "E-BID"], 12),
        (["Verfügbar", "Verkauft", "Reserviert"], 8),
        (["可售", "已售"], 12),
        (["במלאי", "נמכר"], 12),
        (["Disponible", "Vendu"], 12),
    ],
)
def test_a_column_whose_cells_speak_of_availability_is_one_of_it(
    tmp_path: Path, header: str, cells: list[str], offered: int
) -> None:
    kept = made(tmp_path, column(header, cells))

    assert kept.census().offered == offered


@pytest.mark.parametrize("header", ["Stage", "State", "Rack", "Country", "Brand"])
def test_a_word_over_any_column_takes_its_row_and_is_asked_about(tmp_path: Path, header: str) -> None:
    kept = made(tmp_path, table([stone(number, **{header: "SOLD" if number == 3 else "NY"}) for number in range(ROWS)]))

    assert kept.census().offered == ROWS - 1
    assert any(header in fault and "not to be had" in fault for fault in faults(kept.census(), ROWS - 1))


def test_a_column_that_the_feed_leaves_out_takes_none(tmp_path: Path) -> None:
    kept = made(tmp_path, column("Rack", ["NY", "SOLD"]), columns={"Rack": ""})

    assert kept.census().offered == ROWS
    assert faults(kept.census(), ROWS) == []


@pytest.mark.parametrize(
    ("header", "cells"),
    [
        ("Booking", ["", "Chow", "Rosy"]), ("Out", ["", "Chow"]), ("Stage", ["", "Chow"]), ("Deal Status", ["", "Chow"]),
        ("Status of goods", ["Live", "Q7"]), ("目前状态", ["可售", "其他"]),
        ("Stage", ["Available", "Mfg", "Polish", "Recut"]),
    ],
)  # fmt: skip
def test_a_column_that_may_say_it_is_never_passed_over(tmp_path: Path, header: str, cells: list[str]) -> None:
    census = made(tmp_path, column(header, cells)).census()

    assert any(header in fault and "not to be had" in fault for fault in faults(census, ROWS))


@pytest.mark.parametrize("header", ["Held for", "Booked by"])
def test_a_column_of_those_whom_stones_are_held_for_takes_its_rows(tmp_path: Path, header: str) -> None:
    assert made(tmp_path, column(header, ["", "Chow"])).census().offered == ROWS // 2


@pytest.mark.parametrize("header", ["Broker", "Salesman"])
def test_a_broker_of_some_rows_is_asked_about(tmp_path: Path, header: str) -> None:
    with pytest.raises(SupplierAsks, match="sold to it, or out with it"):
        made(tmp_path, column(header, ["", "Chow"]))


@pytest.mark.parametrize(
    ("header", "cells"),
    [
        ("Deal Status", ["Available", "Live"]), ("State", ["NY", "CA"]), ("Flag", ["", "12"]), ("Stage", ["Available"]),
        ("Note 2", ["Nice", "Available"]), ("Type of list", ["New"]),
    ],
)  # fmt: skip
def test_a_column_that_takes_nothing_is_not_asked_about(tmp_path: Path, header: str, cells: list[str]) -> None:
    kept = made(tmp_path, column(header, cells))

    assert kept.census().offered == ROWS
    assert faults(kept.census(), ROWS) == []


@pytest.mark.parametrize(
    ("cell", "means"),
    [
        ("Available - memo to JB", "on_hold"), ("Available (NY)", "available"), ("In stock - Mumbai", "available"),
        ("Available - sold to Cohen", "sold"), ("Available: memo possible", "available"), ("Verkocht", "sold"),
    ],
)  # fmt: skip
def test_what_stands_behind_a_promise_may_take_it_back(cell: str, means: str) -> None:
    assert words.availability(cell) == means


@pytest.mark.parametrize(
    "text",
    [
        "S", "Memo welcome", "Hold up to 48 hours on request", "We sell natural and lab-grown diamonds",
        "Dealers in natural & lab grown diamonds", "Consignment possible", "Memo on request",
    ],
)  # fmt: skip
def test_terms_and_what_a_house_deals_in_are_not_asked_about(text: str) -> None:
    assert not speaks(text)


@pytest.mark.parametrize("text", ["Natural and lab-grown diamonds", "Hold", "Our lab-grown diamonds", "On memo to JB"])
def test_what_may_be_said_of_the_stones_is(text: str) -> None:
    assert speaks(text)


def test_a_heading_or_a_sheet_that_is_a_shape_is_that_of_rows_that_name_none(tmp_path: Path) -> None:
    header, *rows = table([stone(number) for number in range(9)])
    shapes = header.index("Shape")
    apart = [[cell for place, cell in enumerate(row) if place != shapes] for row in (header, *rows)]

    def headed(text: str) -> list[str]:
        return [text, *[""] * (len(apart[0]) - 1)]

    mapper = Mapper(parameters_of({"source": "x", "sheet": "*"}))
    written = [
        apart[0],
        headed("ROUND"),
        *apart[1:4],
        headed("Pear shapes - new"),
        *apart[4:6],
        headed("OVAL:"),
        *apart[6:],
    ]
    kept = made(tmp_path, written)
    read = [mapper.to_diamond(payload).shape for payload in kept.payloads()]

    assert read == ["ROUND"] * 3 + [None] * 2 + ["OVAL"] * 4
    assert "'OVAL' stands above 4 rows, whose shape it is" in kept.verdict().notes


def test_a_cell_of_a_shape_goes_before_the_heading_and_a_blank_one_has_its_shape(tmp_path: Path) -> None:
    header, *rows = table([stone(number) for number in range(6)])
    shapes = header.index("Shape")
    rows[2][shapes], rows[3][shapes] = "Pear", ""
    kept = made(tmp_path, [header, *rows[:2], ["OVAL", *[""] * (len(header) - 1)], *rows[2:]])
    mapper = Mapper(parameters_of({"source": "x"}))

    assert [mapper.to_diamond(payload).shape for payload in kept.payloads()][2:4] == ["PEAR", "OVAL"]

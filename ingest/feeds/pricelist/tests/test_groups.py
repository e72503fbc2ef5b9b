"""Headers in two rows, whose upper one names groups of columns by merged cells."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.grades import Fluorescence
from catalog.rows import StoneFacts
from ingest.feeds.adapter import StoneQuery
from ingest.feeds.pricelist.errors import ListRefused
from ingest.feeds.pricelist.formats.layout import heading_of
from ingest.feeds.pricelist.headers import columns_of
from ingest.feeds.pricelist.parameters import parameters_of
from ingest.feeds.pricelist.tests.books import xlsx
from ingest.feeds.pricelist.tests.lists import adapter, put

GROUPS = [
    "Stone",
    "",
    "",
    "",
    "",
    "Finish",
    "",
    "",
    "Fluor.",
    "",
    "Certificate",
    "",
    "Measurements",
    "",
    "",
    "Depth",
    "Table",
]
NAMES = [
    "ID",
    "Shape",
    "Ct",
    "Color",
    "Clarity",
    "Cut",
    "Pol",
    "Sym",
    "Int.",
    "Color",
    "Lab",
    "No.",
    "L",
    "W",
    "D",
    "%",
    "%",
]
ROW = [
    *(
        "TW1",
        "Round",
        "1.00",
        "E",
        "VS2",
        "VG",
        "EX",
        "EX",
        "Strong",
        "Yellow",
        "GIA",
        "6340165493",
        "6.42",
        "6.45",
        "3.98",
    ),
    *("61.8", "57"),
]
#: What money stands behind them: groups, names and cells.
MONEY = (["Rap", "Disc", "Price US$", ""], ["List", "%", "Per Ct", "Total"], ["10000", "-37", "6300", "6300"])


def read(folder: Path, rows: Sequence[Sequence[str]], *, workbook: bool = False) -> StoneFacts:
    if workbook:
        put(folder, xlsx({"Stock": [list(row) for row in rows]}))
    else:
        put(folder, "\r\n".join(",".join(row) for row in rows) + "\r\n")
    reader = adapter(folder)
    (item,) = reader.page(StoneQuery(window_to=reader.server_time()), 0, 10).items
    return reader.to_diamond(item)


@pytest.mark.parametrize("workbook", [False, True])
@pytest.mark.parametrize("titles", [[], [["Stock list of ACME"]]])
def test_names_below_groups_are_read_with_the_names_of_these(
    tmp_path: Path, titles: list[list[str]], workbook: bool
) -> None:
    groups, names, cells = (of + money for of, money in zip((GROUPS, NAMES, ROW), MONEY, strict=True))

    facts = read(tmp_path, [*titles, groups, names, cells], workbook=workbook)

    assert (facts.offer_id, facts.carats, facts.color, facts.cost_cents) == ("TW1", Decimal(1), 2, 630_000)
    assert (facts.lab, facts.certificate_number) == ("GIA", "6340165493")
    assert (facts.fluorescence_intensity, facts.fluorescence_color) == (Fluorescence.STRONG, "YELLOW")
    assert (facts.length_mm, facts.width_mm, facts.depth_mm) == (Decimal("6.42"), Decimal("6.45"), Decimal("3.98"))
    assert (facts.depth_pct, facts.table_pct) == (Decimal("61.8"), Decimal(57))


def test_names_that_reach_over_both_rows_are_those_of_the_upper_one(tmp_path: Path) -> None:
    rows = [
        ["Stock #", "Shape", "Carat", "Color", "Clarity", "Certificate", "", "Measurements", "", "", "Price", ""],
        ["", "", "", "", "", "Lab", "No.", "L", "W", "D", "Per Ct", "Total"],
        ["A-1", "Round", "1.00", "G", "VS1", "GIA", "6340165493", "6.42", "6.45", "3.98", "5000", "5000"],
    ]

    facts = read(tmp_path, rows)

    assert (facts.offer_id, facts.shape, facts.lab, facts.certificate_number) == ("A-1", "ROUND", "GIA", "6340165493")
    assert (facts.depth_mm, facts.cost_cents) == (Decimal("3.98"), 500_000)


def test_prices_below_a_group_of_another_currency_are_none(tmp_path: Path) -> None:
    rows = [
        ["Stone", "", "", "", "", "Price EUR", ""],
        ["Stock #", "Shape", "Carat", "Color", "Clarity", "Per Ct", "Total"],
        ["A-1", "Round", "1.00", "G", "VS1", "5000", "5000"],
    ]

    with pytest.raises(ListRefused, match="'Price EUR Per Ct' names another currency"):
        read(tmp_path, rows)


HEADER = ["Stock #", "Shape", "Carat", "Color", "Clarity", "Lab", "Report #", "Depth %", "Price/Ct", "Total"]
CELLS = ["A-1", "Round", "1.00", "G", "VS1", "GIA", "6340165493", "61.8", "5000", "5000"]


@given(
    st.lists(
        st.sampled_from(["", "", "", "ACME", "Stock list", "Diamonds", "Price", "No", "Lab", "Total", "Certificate"]),
        max_size=10,
    )
)
def test_what_stands_above_a_header_that_says_all_changes_none_of_it(above: list[str]) -> None:
    chosen = parameters_of({"source": "x"})

    heading = heading_of([above, HEADER, CELLS], chosen)

    assert heading is not None
    assert (heading.skip, columns_of(heading.headers, {})) == (1, columns_of(HEADER, {}))


def test_a_row_of_units_below_a_header_is_not_one_of_names() -> None:
    units = ["", "", "ct", "", "", "", "", "%", "USD", "USD"]

    heading = heading_of([HEADER, units, CELLS], parameters_of({"source": "x"}))

    assert heading is not None
    assert (heading.skip, heading.headers) == (0, tuple(HEADER))

"""Stones that are not to be had, wherever a list says so: columns, remarks, places, stock numbers, any other cells."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.feeds.pricelist import availability, words
from ingest.feeds.pricelist.mapping import Mapper
from ingest.feeds.pricelist.parameters import parameters_of
from ingest.feeds.pricelist.tests.natural_stones import made, stone, table

#: What stands in these columns of stones that are to be had.
_ON_SALE = {
    "Status": "Available",
    "Published": "Yes",
    "Qty": "1",
    "Sellable": "Y",
    "For Sale": "Yes",
    "Disposition": "In",
    "Hold Days": "0",
    "Is Deleted": "0",
    "Shape": "Round",
    "Color": "G",
    "Clarity": "VS1",
    "Lab": "GIA",
    "Cut": "EX",
    "Polish": "VG",
    "Table %": "57",
    "Depth %": "61.8",
    "Fluorescence": "None",
    "Location": "Safe 2",
}


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("Memo", "Y"), ("Memo To", "ABC Jewels"), ("Hold For", "JB"), ("Hold Till", "2026-12-24"),
        ("Sold Date", "2026-05-03"), ("Reserved By", "Levi"), ("Blocked", "Y"), ("Published", "No"), ("Comments", "SOLD"),
        ("Comments", "On hold for client"), ("Comments", "On memo to NY office until Dec"),
        ("Comments", "Not available, at GIA"), ("Location", "On Memo"), ("Qty", "0"), ("Status", "Available (memo out)"),
        *(("Comments", text) for text in [
            "out on memo", "do not sell", "jangad", "withdrawn", "memo", "Stone lost", "paid, to be shipped",
            "recut in progress", "sent for regrading", "consigned", "booked", "Not for sale", "S O L D", "***SOLD***",
        ]),
        *(("Comments", text) for text in [
            "100% eye clean. SOLD", "CLEAN - SOLD", "Eye clean, sold", "No BGM (SOLD)", "JB HOLD", "NY MEMO", "Client hold",
            "eye clean; JB HOLD", "Eye clean, on memo", "deal done", "Deal is done", "NFS", "cancelled", "deleted",
            "do not show", "Don't publish", "Sent to GIA", "Sent to IGI for grading", "At GIA", "in lab",
            "in recertification", "Out for certification", "under grading", "broken", "Stone is missing", "Missing!",
        ]),
        *(("Location", text) for text in ["Memo - Zales", "OUT", "Consign. London", "Memo/Cohen", "On jangad"]),
        *(("Location", text) for text in ["NY - memo", "Memo HK", "With client NY", "Sold NY", "Antwerp (on hold)"]),
        *((header, "SOLD") for header in ["Shape", "Color", "Clarity", "Cut", "Lab", "Table %", "Depth %", "Price/Ct"]),
        ("Measurements", "sold to RJ"), ("Fluorescence", "On Hold"), ("Polish", "sold"), ("Clarity", "MEMO"),
        ("Status", "#N/A"), ("Status", "#REF!"), ("Status", "#VALUE!"), ("Qty", "-1"), ("Qty", "nil"), ("Qty", "-1.00"),
        ("Sale Date", "24-11-2026"), ("Return Due", "12/05/2026"), ("Out To", "Cohen"), ("Lock Reason", "Customer hold"),
        ("Hold Days", "3"), ("Sellable", "N"), ("For Sale", "No"), ("Is Deleted", "1"), ("Disposition", "Memo"),
    ],
)  # fmt: skip
def test_a_stone_that_is_not_to_be_had_is_not_offered_wherever_it_is_said(
    tmp_path: Path, column: str, cell: str
) -> None:
    free = _ON_SALE.get(column, "")
    rows = [
        stone(number, **({column: cell if number == 3 else free} if number == 3 or free else {}))
        for number in range(24)
    ]

    kept = made(tmp_path, table(rows))

    (row,) = kept.lookup(["AB0003"])
    cells = Mapper(parameters_of({"source": "x"})).cells(row)
    assert not availability.is_available(cells)
    assert kept.census().offered == len(rows) - 1


@pytest.mark.parametrize(
    "remark",
    [
        "Sold as pair", "sold with certificate", "Holder included", "Memorable", "", "Eye clean", "Memo welcome", "No memo",
        "Can hold 2 days", "Not on memo", "Hold 24h possible", "Back from memo", "Memo returned 11/20", "price on memo +3%",
        "Unsold", "Not sold", "ex-hold", "Memo: possible", "consignment possible", "Out of house stock",
        "Paid certificate OK", "never sold", "sold as is", "Cert missing", "Not broken, no chips", "Eye clean, never sold",
        "Order cancelled", "GIA deleted the comment", "Do not show the price", "In lab report: clouds not shown", "MAX HOLD",
        "Sent to GIA 2019 and back", "NO HOLD", "Terms: cash, on memo", "Out to impress", "prev. sold",
        "In certificate: none", "JB HOLD, cancelled",
        "Eye clean. Sold as is", "Missing certificate", "Broken back facets", "no memo, available", "Clean - sold with cert",
    ],
)  # fmt: skip
def test_remarks_that_only_begin_so_hide_no_stone(remark: str) -> None:
    assert words.said_in_passing[remark] is None


@pytest.mark.parametrize(
    "place",
    ["Mumbai", "London - memo possible", "NY (not on memo)", "Holding Ltd, Surat", "no memo", "Antwerp, memo welcome"],
)
def test_places_that_only_speak_of_it_hide_no_stone(place: str) -> None:
    assert words.said_in_place[place] is None


@pytest.mark.parametrize(
    ("number", "is_free"),
    [
        ("SF1009-SOLD", False), ("SF1013 [HOLD]", False), ("*SF1018 on memo", False), ("SF1022/MEMO", False),
        ("SF1026 reserved", False), ("SF1026", True), ("UNSOLD", True), ("MEMO", True), ("THRESHOLD", True),
        ("A-12-M", True),
    ],
)  # fmt: skip
def test_a_stock_number_that_ends_so_is_of_a_stone_that_is_not_to_be_had(number: str, is_free: bool) -> None:
    assert (words.said_behind(number) is None) is is_free
    cells = Mapper(parameters_of({"source": "x"})).cells_of(stone(1, **{"Stock #": number}))
    assert availability.is_available(cells) is is_free


@pytest.mark.parametrize(
    "cell", ["Round", "EX", "GIA", "None", "G", "VS1", "6.45-6.48x3.99", "HRD", "Memorial cut", "-", "M"]
)
def test_what_stands_in_cells_of_stones_on_sale_is_not_written_over_them(cell: str) -> None:
    assert words.typed_over[cell] is None


def test_rows_of_one_number_that_promise_different_things_are_refused(tmp_path: Path) -> None:
    rows = [stone(number, Status="Available") for number in range(24)]
    rows.append(stone(3, Status="Sold"))

    kept = made(tmp_path, table(rows))

    assert kept.lookup(["AB0003"]) == []
    assert kept.census().nameless == 2

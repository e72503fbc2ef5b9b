"""What a list says outside of the columns that are known, or in passing: nothing that bears on a sale is passed over."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ingest import first_day
from ingest.drift import Counts
from ingest.errors import MappingError
from ingest.feeds import nature
from ingest.feeds.fancy import fancy_facts
from ingest.feeds.pricelist import artefacts, availability, certificates, mapping, snapshot, words
from ingest.feeds.pricelist.mapping import Mapper
from ingest.feeds.pricelist.outside import as_known, field_of_header, speaks
from ingest.feeds.pricelist.parameters import Parameters, parameters_of
from ingest.feeds.verdicts import SupplierAsks

HEADERS = ("Stock #", "Shape", "Carat", "Color", "Clarity", "Lab", "Report #", "Price/Ct", "Total")


def stone(number: int, **others: str) -> dict[str, str]:
    """A natural stone, priced as such stones are."""
    carats = 0.5 + number % 20 / 10
    per_carat = round(3_000 * carats**0.8)
    row = {
        "Stock #": f"AB{number:04}",
        "Shape": "Round",
        "Carat": f"{carats:.2f}",
        "Color": "FGH"[number % 3],
        "Clarity": "VS1",
        "Lab": "GIA",
        "Report #": f"{6_200_000_000 + number * 7_919}",
        "Price/Ct": f"{per_carat}",
        "Total": f"{per_carat * carats:.2f}",
    }
    return {**row, **others}


def made(folder: Path, rows: Sequence[Sequence[str]], **parameters: Any) -> snapshot.Snapshot:
    """A snapshot of a CSV list with these rows of cells."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    source = folder / "list.csv"
    source.write_text(text.getvalue())
    told: Parameters = parameters_of({"source": str(source), **parameters})
    snapshot.make(source, folder / "made", told, Mapper(told), most_bytes=10_000_000)
    return snapshot.Snapshot(folder / "made", 1, None)


def table(rows: Sequence[dict[str, str]]) -> list[list[str]]:
    headers = list(dict.fromkeys([*HEADERS, *(header for row in rows for header in row)]))
    return [headers, *([row.get(header, "") for header in headers] for row in rows)]


def faults(census: Any, received: int) -> list[str]:
    counts = Counts()
    counts.mapped = received
    return [fault.words for fault in first_day.judge(census, counts, received=received)]


STONES = [stone(number) for number in range(24)]


#: Headings of stones that are not to be had.
_HEADINGS = {"ON MEMO", "SOLD", "Sold list November 2026"}


@pytest.mark.parametrize(
    "text",
    [
        "All prices in EURO, VAT excluded", "Note: all prices are quoted in HK$ net", "EUR", "LAB GROWN DIAMONDS (CVD)",
        "ON MEMO", "SOLD", "Treated stones", "Preise in €", "Stones in RED are on memo", "struck out = sold",
        "Yellow = on hold",
        "Stones marked # are on memo", "1 - in stock, 2 - on memo, 3 - sold", "* sold", "Sold list November 2026",
        "Stock out on show", "Items on memo are highlighted",
    ],
)  # fmt: skip
@pytest.mark.parametrize("place", ["above", "heading", "below"])
def test_what_stands_outside_of_the_rows_is_asked_about_on_the_first_day(tmp_path: Path, text: str, place: str) -> None:
    header, *rows = table(STONES)
    remark = [text, *[""] * (len(header) - 1)]
    written = {
        "above": [["Stock list of ACME"], [text], header, *rows],
        "heading": [header, *rows[:12], remark, *rows[12:]],
        "below": [header, *rows, remark],
    }[place]

    census = made(tmp_path, written).census()

    # What a heading says of the rows below it is told of these alone: see `test_beside`.
    taken = 12 if place == "heading" and text in _HEADINGS else 0
    assert census.offered == len(STONES) - taken
    assert census.outside == (text,)
    assert any(repr(text) in fault for fault in faults(census, len(STONES)))


@pytest.mark.parametrize(
    "text",
    [
        "Stock list of ACME, 3 May", "All prices in USD", "1 USD = 83 INR", "Natural diamonds", "Total", "E. & O.E.",
        "Goods remain our property until paid", "Available", "Blue diamonds", "All stones are sold as is",
        "Prices marked * are net", "1 - in stock", "2 - 3 ct",
    ],
)  # fmt: skip
def test_what_says_nothing_of_stones_is_not_asked_about(text: str) -> None:
    assert not speaks(text)


@pytest.mark.parametrize(
    ("header", "cell", "may_say"),
    [
        ("Invoice No", "INV-202", "stones are not to be had"),
        ("Visible", "Hide", "stones are not to be had"),
        ("stage.code", "SOLD", "stones are not to be had"),
        ("extra.lab_grown", "true", "stones were grown or treated"),
        ("Remark of house", "CVD", "stones were grown or treated"),
        ("Currency of deal", "EUR", "in which currency"),
    ],
)
def test_a_column_that_nobody_knows_and_that_bears_on_a_sale_is_asked_about(
    tmp_path: Path, header: str, cell: str, may_say: str
) -> None:
    rows = [stone(number, **({header: cell} if number == 3 else {})) for number in range(24)]

    census = made(tmp_path, table(rows)).census()

    assert any(header in fault and may_say in fault for fault in faults(census, len(rows)))


def test_a_flag_that_says_no_everywhere_is_not_asked_about() -> None:
    assert field_of_header("MEMOFLAG", []) == ()
    assert field_of_header("SHELF", ["A1", "B2"]) == ()


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
        "Paid certificate OK",
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


def test_a_column_of_customers_is_asked_about(tmp_path: Path) -> None:
    rows = [stone(number, Customer="Cohen" if number == 3 else "") for number in range(24)]

    census = made(tmp_path, table(rows)).census()

    assert any("Customer" in fault and "not to be had" in fault for fault in faults(census, len(rows)))


def test_rows_of_one_number_that_promise_different_things_are_refused(tmp_path: Path) -> None:
    rows = [stone(number, Status="Available") for number in range(24)]
    rows.append(stone(3, Status="Sold"))

    kept = made(tmp_path, table(rows))

    assert kept.lookup(["AB0003"]) == []
    assert kept.census().nameless == 2


@pytest.mark.parametrize("factor", [7.8, 0.92, 83], ids=["HKD", "EUR", "INR"])
def test_prices_that_differ_from_list_and_discount_by_one_factor_are_asked_about(tmp_path: Path, factor: float) -> None:
    rows = []
    for number in range(30):
        row = stone(number, **{"Rap": f"{5_000 + 130 * number}", "Rap %": f"-{20 + number % 17}"})
        per_carat = float(row["Rap"]) * (1 + float(row["Rap %"]) / 100) * factor
        rows.append(row | {"Price/Ct": f"{per_carat:.2f}", "Total": f"{per_carat * float(row['Carat']):.2f}"})

    with pytest.raises(SupplierAsks, match=rf"times {factor:.2f}: are these US dollars"):
        made(tmp_path, table(rows))


def test_a_further_discount_is_no_other_currency(tmp_path: Path) -> None:
    rows = []
    for number in range(30):
        row = stone(number, **{"Rap": f"{5_000 + 130 * number}", "Rap %": f"-{20 + number % 17}"})
        per_carat = float(row["Rap"]) * (1 + float(row["Rap %"]) / 100) * 0.98
        rows.append(row | {"Price/Ct": f"{per_carat:.2f}", "Total": f"{per_carat * float(row['Carat']):.2f}"})

    with pytest.raises(SupplierAsks, match=r"is 'Rap' with 'Rap %', times 0.98 on all rows: which of them is paid"):
        made(tmp_path, table(rows))
    assert made(tmp_path, table(rows), columns={"Rap %": ""}).census().offered == 30


def test_a_list_price_that_is_of_whole_stones_is_asked_about_and_the_answer_is_taken(tmp_path: Path) -> None:
    header = [*HEADERS[:-2], "List Price", "Discount"]
    rows = []
    for number in range(40):
        row = stone(number)
        carats = float(row["Carat"])
        rows.append([*(row[name] for name in HEADERS[:-2]), f"{4_000 * carats**2:.0f}", "20%"])

    with pytest.raises(SupplierAsks, match="as prices of whole stones are"):
        made(tmp_path, [header, *rows])
    assert made(tmp_path, [header, *rows], columns={"List Price": "list_price"}).census().offered == 40


@pytest.mark.parametrize(
    "number", ["512345678LG", "IGI-512345678-LG", "LGD512345678", "IGI/LG569250136", "LG512345678", "lg 598312345"]
)
def test_a_number_of_a_grown_stone_is_known_in_every_writing(number: str) -> None:
    assert nature.of_certificate(number) == nature.GROWN


@pytest.mark.parametrize("number", ["2141438171", "GIA 2141438171", "LGM12", "HRD 190000123456", "1234567"])
def test_other_numbers_say_nothing(number: str) -> None:
    assert nature.of_certificate(number) == nature.SILENT


@pytest.mark.parametrize(
    "text",
    [
        "made in lab", "grown diamond", "LG Dossier", "L/G", "LAB", "ECO diamond", "synth", "LABGROWN IGI LG512345678",
        "not natural", "non-natural", "Not a natural diamond", "created diamond", "Diamond Foundry", "above-ground",
        "lab dia", "LG stone", "IGI LG", "Failed CVD screening",
    ],
)  # fmt: skip
def test_remarks_that_say_that_a_stone_was_grown(text: str) -> None:
    assert nature.of_text[text].grown is True


@pytest.mark.parametrize(
    ("grade", "grown"), [("E (CVD)", True), ("VS1 LG", True), ("E", None), ("VS1", None), ("SI1 L", None)]
)
def test_a_grade_may_say_that_a_stone_was_grown(grade: str, grown: bool | None) -> None:
    assert nature.of_grade[grade].grown is grown


@pytest.mark.parametrize(
    "text",
    [
        "Passed HPHT/CVD screening", "Passed CVD screening", "HPHT & CVD passed", "CVD/HPHT: Pass", "HPHT: none",
        "CVD screening: passed", "CVD: none", "HPHT and CVD tested", "No naturals", "not natural color", "GIA, LG girdle",
        "Laboratory: IGI", "Ground floor safe",
    ],
)  # fmt: skip
def test_remarks_of_screening_say_of_no_stone_that_it_was_grown(text: str) -> None:
    said = nature.of_text[text]
    assert (said.grown, said.unclear, said.treated) in {(None, False, None), (False, False, None)}


@pytest.mark.parametrize(
    "text",
    ["Screened natural by Yehuda Sherlock", "no filling", "not filled", "No surface coating", "Laser inscribed"],
)
def test_remarks_that_name_a_treatment_as_absent_or_something_else_are_none(text: str) -> None:
    assert nature.of_text[text].treated is None


@pytest.mark.parametrize(
    "text",
    [
        "CE", "KM", "Yehuda", "HTHP treated", "CE Yehuda", "C.E.", "laser lines", "filled", "fissure filling",
        "L.D. visible", "surface coating", "bleached",
    ],
)  # fmt: skip
def test_codes_of_treatments_as_whole_remarks(text: str) -> None:
    assert nature.of_text[text].treated is True


@pytest.mark.parametrize(
    "text",
    ["Matching pair, sold together", "must be sold with PR1017", "not to be split", "Price for both", "Set of 3"],
)
def test_what_is_not_sold_alone(text: str) -> None:
    assert nature.of_text[text].several


def test_what_is_no_diamond_by_its_remark() -> None:
    assert nature.of_text["Moissanite"].other == "moissanite"
    assert not nature.of_text["Tested, no moissanite"].other


def test_a_letter_beside_a_strong_intensity_is_no_grade() -> None:
    assert fancy_facts("Y", None, "Fancy Intense", None).color == fancy_facts("FANCY", None, None, None).color
    assert fancy_facts("G", None, "Fancy", None).color != fancy_facts("FANCY", None, None, None).color


@pytest.mark.parametrize("name", ["2026-10-12 00:00:00", "2026-10-12", "12-Oct"])
def test_a_stock_number_that_a_workbook_made_a_date_is_refused(name: str) -> None:
    assert artefacts.ruin(name) == "made a date by a spreadsheet"
    with pytest.raises(MappingError):
        mapping.stock_number(Mapper(parameters_of({"source": "x"})).cells_of(stone(1, **{"Stock #": name})))


@pytest.mark.parametrize("lab", ["GIA pending", "Sent to GIA", "IGI (applied)"])
def test_what_is_with_a_laboratory_has_none(lab: str) -> None:
    assert certificates.lab[lab] is None
    assert certificates.lab["GIA"] == "GIA"


def test_amounts_with_a_dash_for_cents_are_read(tmp_path: Path) -> None:
    rows = [stone(number) for number in range(24)]
    rows = [row | {"Total": f"{float(row['Total']):.0f},-"} for row in rows]

    assert made(tmp_path, table(rows)).census().offered == 24


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("Prices less 2 %, valid 3 May 2026", "PRICES LESS 2% VALID"),
        ("Less 2% till May 31st", "LESS 2% TILL"),
        ("Less 2.5% (01/06/2026 10:30 AM)", "LESS 2.5%"),
        ("Mark-up 5%", "MARK UP 5%"),
        ("March: 5% off", "5% OFF"),
        ("+5% from 2026-06-01", "+5% FROM"),
    ],
)
def test_a_text_is_known_again_without_its_date(text: str, known: str) -> None:
    assert as_known(text) == known

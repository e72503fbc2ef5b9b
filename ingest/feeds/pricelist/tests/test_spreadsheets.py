"""What spreadsheets make of lists: noise, formulas, ruined numbers, several columns of one field."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.rows import StoneFacts
from ingest.errors import MappingError
from ingest.feeds.pricelist import artefacts, mapping, numbers
from ingest.feeds.pricelist.mapping import Mapper
from ingest.feeds.pricelist.parameters import parameters_of
from ingest.feeds.pricelist.reading import examine, rows
from ingest.feeds.pricelist.tests.lists import mapped, stone
from ingest.feeds.pricelist.tests.natural_stones import stone as natural

CASES = Path(__file__).parent / "cases"


def read_case(name: str, **parameters: str) -> tuple[dict[str, StoneFacts], list[str]]:
    """The stones of a list by their numbers, and the reasons of its dead letters."""
    chosen = parameters_of({"source": "x", **parameters})
    path, mapper = CASES / f"{name}.csv", Mapper(chosen)
    sold, letters = {}, []
    for row in rows(path, examine(path, chosen, most_bytes=1_000_000)):
        try:
            facts = mapper.to_diamond(msgspec.json.encode(row.cells))
        except MappingError as error:
            letters.append(str(error))
        else:
            sold[facts.offer_id] = facts
    return sold, letters


def test_stones_from_a_laboratory_by_their_origin_are_grown_and_come_from_no_country() -> None:
    sold, letters = read_case("origin-lab")

    assert not letters
    assert {number: (facts.lab_grown, facts.country_of_origin) for number, facts in sold.items()} == {
        "7000100001": (True, None),
        "7000100002": (True, None),
        "7000100003": (True, None),
    }
    assert [facts.cost_cents for facts in sold.values()] == [212_250, 212_250, 90_000]


def test_parcels_and_pairs_of_a_list_are_letters_and_the_single_stone_is_sold() -> None:
    sold, letters = read_case("parcels")

    assert {number: facts.cost_cents for number, facts in sold.items()} == {"PA-4": 500_000}
    assert letters == [
        "Parcel Stones: '25': a parcel is not offered as one stone",
        "Pair Stock #: the stone is one of a pair that cannot be separated, so it is not offered alone",
    ]


def test_the_noise_of_binary_fractions_is_rounded_away() -> None:
    sold, letters = read_case("float-noise")

    assert not letters
    assert {number: (facts.carats, facts.cost_cents) for number, facts in sold.items()} == {
        "FN-1": (Decimal("0.700"), 225_838),
        "FN-2": (Decimal("0.700"), 316_173),
        "FN-3": (Decimal("0.700"), 316_173),
    }
    assert [facts.certificate_number for facts in sold.values()] == ["2140000061", "2140000062", "2140000063"]


def test_ruined_numbers_are_refused_and_the_others_cleaned() -> None:
    sold, letters = read_case("excel-numbers")

    assert {number: (facts.lab, facts.certificate_number) for number, facts in sold.items()} == {
        "XN-4": ("GIA", "2140000074"),
        "XN-5": ("GIA", "2140000075"),
        "XN-6": ("GIA", "2140000076"),
        "XN-7": ("GIA", "2140000077"),
        "XN-8": ("NGTC", "2140000078"),
        "XN-9": ("GIA", None),
    }
    assert len(letters) == 3
    assert all("rounded by a spreadsheet" in letter and "format the column as text" in letter for letter in letters)


def test_measures_of_the_case_are_all_read() -> None:
    sold, letters = read_case("measure-strings")

    assert not letters
    usual = (Decimal("6.42"), Decimal("6.45"), Decimal("3.98"))
    others = {
        "MS-3": (Decimal("5.45"), Decimal("8.30"), None),
        "MS-4": (Decimal("6.42"), Decimal("6.45"), None),
        "MS-7": (Decimal("4.37"), Decimal("4.34"), Decimal("2.62")),
        "MS-13": (None, None, None),
    }
    assert {number: (facts.length_mm, facts.width_mm, facts.depth_mm) for number, facts in sold.items()} == {
        f"MS-{number}": others.get(f"MS-{number}", usual) for number in range(16)
    }


@pytest.mark.parametrize("parameters", [{}, {"encoding": "utf-16"}])
def test_utf_16_without_a_mark_is_read_guessed_or_told(parameters: dict[str, str]) -> None:
    sold, letters = read_case("utf16-no-bom", **parameters)

    assert not letters
    assert {number: (facts.carats, facts.cost_cents) for number, facts in sold.items()} == {
        "U6-1": (Decimal("1.000"), 500_000)
    }


@pytest.mark.parametrize("parameters", [{}, {"encoding": "utf-16"}])
def test_utf_16_of_the_other_byte_order_is_read_too(tmp_path: Path, parameters: dict[str, str]) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes("Stock #,Weight,Total Price,City\r\nA-1,1.00,5000,Genève\r\n".encode("utf-16-be"))
    chosen = parameters_of({"source": "x", **parameters})

    read = [row.cells for row in rows(path, examine(path, chosen, most_bytes=1_000))]

    assert read == [{"Stock #": "A-1", "Weight": "1.00", "Total Price": "5000", "City": "Genève"}]


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("2140000074.0", "2140000074"),
        ("2,140,000,078", "2140000078"),
        ("2 140 000 078", "2140000078"),
        ('="2140000075"', "2140000075"),
        ("=2140000075", "2140000075"),
        ("'2140000076", "2140000076"),
        ("GIA 2140000077", "2140000077"),
        ("GIA2140000077", "2140000077"),
        ("IGI: LG123456789", "LG123456789"),
        ('=HYPERLINK("https://lab.example/2140000077","2140000077")', "2140000077"),
        ("2.140000074E9", "2140000074"),
        ("2.14E+09", None),
        ("2,14E+09", None),
        ("2E+09", None),
        ("#######", None),
        ("#N/A", None),
        ("0", None),
        ("0.0", None),
    ],
)
def test_the_number_of_a_certificate_is_cleaned_or_none(cell: str, number: str | None) -> None:
    assert mapped(stone(Report_No=cell)).certificate_number == number


def test_a_certificate_that_a_spreadsheet_ruined_is_told() -> None:
    row = msgspec.json.encode(stone(Report_No="2.14E+09"))

    look = Mapper(parameters_of({"source": "x"})).look(row)

    assert ("certificate_number", "2.14E+09 (rounded by a spreadsheet)") in look.not_understood


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("2.14E+09", "rounded"),
        ("1E+05", "rounded"),
        ("12-Dec", "made a date"),
        ("Jan-02", "made a date"),
        ("########", "hidden"),
    ],
)
def test_a_ruined_stock_number_is_refused_with_what_to_do(cell: str, said: str) -> None:
    with pytest.raises(MappingError, match=said) as refused:
        mapped({**stone(), "Stock #": cell})

    assert artefacts.REMEDY in refused.value.reason


@pytest.mark.parametrize("name", ["2026-10-12 00:00:00", "2026-10-12", "12-Oct"])
def test_a_stock_number_that_a_workbook_made_a_date_is_refused(name: str) -> None:
    assert artefacts.ruin(name) == "made a date by a spreadsheet"
    with pytest.raises(MappingError):
        mapping.stock_number(Mapper(parameters_of({"source": "x"})).cells_of(natural(1, **{"Stock #": name})))


@pytest.mark.parametrize(
    "name",
    [
        *("03/05/2026", "3/5/2026", "05.03.2026", "2026/05/03", "2026/5/3", "12/25/2026", "03-05-2026", "2026.05.03"),
        "03/05/2026 0:00",
    ],
)
def test_a_day_with_its_year_is_no_stock_number(name: str) -> None:
    with pytest.raises(MappingError, match="made a date"):
        mapped({**stone(), "Stock #": name})


@pytest.mark.parametrize(
    "name",
    ["N/A", "n.a.", "TBA", "-", "--", "?", "none", "NIL", "TRUE", "false", "Unknown", "* * *", "pending"],
)
def test_what_stands_for_no_stock_number_is_none(name: str) -> None:
    with pytest.raises(MappingError, match="is missing"):
        mapped({**stone(), "Stock #": name})


@pytest.mark.parametrize("number", ["12/03", "3/5/26", "45.03.2026", "1-12-2014", "12/13/14", "13.14.2026", "12-2019"])
def test_numbers_of_several_parts_that_may_be_no_date_stay(number: str) -> None:
    assert mapped({**stone(), "Stock #": number}).offer_id == number


@pytest.mark.parametrize("number", ["NA-1", "TBA7", "NO1", "NONA", "A", "X-Y", "N.A.1"])
def test_numbers_that_only_begin_so_stay(number: str) -> None:
    assert mapped({**stone(), "Stock #": number}).offer_id == number


@pytest.mark.parametrize("number", ["12E3", "A-1", "10-MAR", "1.5", "X2.14E+09", "E-5", "007"])
def test_numbers_that_only_look_like_it_stay(number: str) -> None:
    assert mapped({**stone(), "Stock #": number}).offer_id == number


@given(st.integers(1, 10**15), st.sampled_from(["{}", "{}.0", "{:,}", '="{}"', "'{}", "={}", "{}.00"]))
def test_a_number_comes_back_from_whatever_a_spreadsheet_made_of_it(number: int, writing: str) -> None:
    assert mapped({**stone(), "Stock #": writing.format(number)}).offer_id == str(number)


@given(st.decimals("0.01", "99.99", places=2), st.integers(1, 4))
def test_sums_of_binary_fractions_are_the_weights_that_were_meant(weight: Decimal, parts: int) -> None:
    noisy = sum([float(weight) / parts] * parts)

    read = numbers.measure(repr(noisy))

    assert read is not None
    assert round(read, 6) == weight


@pytest.mark.parametrize(
    ("cells", "column", "value"),
    [
        ({"Certificate #": "", "Report #": "2141438171"}, "certificate_number", "2141438171"),
        ({"Certificate #": "N/A", "Report #": "2141438171"}, "certificate_number", "2141438171"),
        ({"Carat": "0.00", "Weight": "1.00"}, "carats", Decimal("1.000")),
        ({"Carat": "1.00", "Weight": "", "Size": "0.90-1.10"}, "carats", Decimal("1.000")),
        ({"Carat": "1.00", "Weight": "1.004"}, "carats", Decimal("1.000")),
        ({"Lab": "", "Laboratory": "GIA"}, "lab", "GIA"),
        ({"Certificate #": "LG123456789", "Report #": "123456789"}, "certificate_number", "LG123456789"),
    ],
)
def test_of_several_columns_of_a_field_the_first_that_a_row_fills_counts(
    cells: dict[str, str], column: str, value: object
) -> None:
    assert getattr(mapped({**stone(), **cells}), column) == value


@pytest.mark.parametrize(
    ("cells", "field"),
    [
        ({"Carat": "1.00", "Weight": "1.50"}, ("Weight", "Carat")),
        ({"Certificate #": "2141438171", "Report #": "2141438172"}, ("Certificate #", "Report #")),
    ],
)
def test_two_weights_and_two_certificates_are_letters_that_name_both(
    cells: dict[str, str], field: tuple[str, str]
) -> None:
    with pytest.raises(MappingError) as refused:
        mapped({**stone(), **cells})

    assert refused.value.field in field
    assert any(name in refused.value.reason for name in field)


def test_columns_that_disagree_of_anything_else_are_told_by_field() -> None:
    row = msgspec.json.encode(stone(Clarity="VS1", Purity="VS2", Polish="EX", Pol="EX"))

    look = Mapper(parameters_of({"source": "x"})).look(row)

    assert look.not_understood == (("clarity", "VS1 / VS2"),)

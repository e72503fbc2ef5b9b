"""What is not one stone: parcels, pairs, sums, and rows that share a stock number."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.errors import MappingError
from ingest.feeds.adapter import StoneQuery
from ingest.feeds.pricelist.adapter import PricelistAdapter
from ingest.feeds.pricelist.columns import Cells, Columns
from ingest.feeds.pricelist.errors import ListRefused
from ingest.feeds.pricelist.single import Sums
from ingest.feeds.pricelist.tests.lists import adapter, mapped, put, stone, stones, text


def read(reader: PricelistAdapter) -> tuple[list[str], list[str], dict[str, int]]:
    """What is offered of a list by its stock numbers, the reasons of its letters, and what was left out."""
    window_to = reader.server_time()
    items = reader.page(StoneQuery(window_to=window_to), 0, 500).items
    offered, letters = [], []
    for item in items:
        try:
            reader.identify(item)
            offered.append(reader.to_diamond(item).offer_id)
        except MappingError as error:
            letters.append(str(error))
    return offered, letters, reader.census(window_to).left_out


@pytest.mark.parametrize(
    ("cells", "field"),
    [
        ({"Parcel Stones": "25"}, "Parcel Stones"),
        ({"Qty": "3 pcs"}, "Qty"),
        ({"No. of Stones": "2.0"}, "No. of Stones"),
        ({"Parcel": "Yes"}, "Parcel"),
        ({"Qty": "1", "Parcel Stones": "12"}, "Parcel Stones"),
        ({"Type": "Parcel"}, "Type"),
        ({"Shape": "Melee"}, "Shape"),
        ({"Comments": "Sold as parcel only"}, "Comments"),
        ({"Weight": "1.01+1.02"}, "Weight"),
        *(
            ({"Weight": weight}, "Weight")
            for weight in (
                "2.03 pr",
                "2 = 2.03",
                "2.03/2",
                "2.03 (2)",
                "2.03 (2 pcs)",
                "2 x 1.01",
                "1.01 x 2",
                "2.02 tw",
            )
        ),
        *(({"Weight": weight}, "Weight") for weight in ("1.01 each", "1.01 avg", "2.03 pair", "2 pcs", "1.01 & 1.02")),
        *(({"Weight": weight}, "Weight") for weight in ("", "TBA", "?", "n/a", "0", "1.01-1.05")),
        ({"Type": "Moissanite"}, "Type"),
        ({"Material": "Moissanite"}, "Material"),
        ({"Material": "CZ"}, "Material"),
        ({"Gem": "White Sapphire"}, "Gem"),
        ({"Gemstone": "Emerald"}, "Gemstone"),
        ({"Species": "Topaz"}, "Species"),
        ({"Description": "Moissanite round 1ct"}, "Description"),
        ({"Description": "CZ"}, "Description"),
        ({"Description": "Rough makeable"}, "Description"),
        ({"Description": "Diamond ring 14K"}, "Description"),
        ({"Description": "Diamond studs pair"}, "Description"),
        ({"Description": "14K gold pendant"}, "Description"),
        ({"Comments": "sold as set only"}, "Comments"),
        ({"Comments": "2 pc lot"}, "Comments"),
        ({"Comments": "Set of 12"}, "Comments"),
        ({"Comments": "Part of a layout"}, "Comments"),
        ({"Comments": "Mixed"}, "Comments"),
        *(
            ({"Comments": remark}, "Comments")
            for remark in (
                "3pc",
                "3 pcs",
                "12 stones",
                "three stones",
                "mixed lot",
                "Mix parcel",
                "qty 2",
                "Qty: 12",
                "Pcs = 4",
            )
        ),
        ({"Shape": "Mixed"}, "Shape"),
        ({"Shape": "2 RD"}, "Shape"),
        ({"Shape": "Round x 2"}, "Shape"),
        ({"Shape": "12 Ovals"}, "Shape"),
        ({"Shape": "Pair of ovals"}, "Shape"),
        ({"Stock #": "A1031 / A1032"}, "Stock #"),
        ({"Stock #": "A-1031 & A-1032"}, "Stock #"),
        ({"Stock #": "A1031 PAIR"}, "Stock #"),
        ({"Stock #": "A1031 (2)"}, "Stock #"),
        ({"Stock #": "Pair 7"}, "Stock #"),
        ({"Stock #": "Layout 3"}, "Stock #"),
        ({"Stock #": "Parcel-9"}, "Stock #"),
    ],
)
def test_what_is_several_stones_or_none_is_a_letter(cells: dict[str, str], field: str) -> None:
    with pytest.raises(MappingError) as refused:
        mapped({**stone(), **cells})

    assert refused.value.field == field


@pytest.mark.parametrize(
    "cells",
    [
        {"Parcel Stones": "1"},
        {"Parcel Stones": "0"},
        {"Parcel Stones": ""},
        {"Parcel": "No"},
        {"Qty": "1 pc"},
        {"Is Matched Pair Separable": "N"},
        {"Pair Stock #": "", "Is Matched Pair Separable": "False", "Parcel Stones": "1"},
        {"Pair Stock #": "A-2", "Is Matched Pair Separable": "Y"},
        {"Pair Stock #": "A-2", "Is Matched Pair Separable": "Yes", "Parcel Stones": "2"},
        {"Matched Pair": "No"},
        {"Comments": "A matching stone is available, can be sold as pair"},
        {"Comments": "Can pair with A-2"},
        {"Comments": "Matching pair w/ A-2", "Separable": "Yes"},
        {"Comments": "part of 3 stone layout"},
        {"Comments": "Diamond ring quality"},
        {"Comments": "Makes a nice pair"},
        {"Shape": "Round 3EX"},
        {"Shape": "1 RD"},
        {"Stock #": "AB12/1031"},
        {"Stock #": "A1031/A1032"},
        {"Stock #": "A-1031 / 2"},
        {"Stock #": "A 1031 B"},
        {"Stock #": "A1031 (B)"},
        {"Stock #": "PR-1031"},
        {"Comments": "Ideal for a pair"},
        {"Comments": "Matching 1.02 ct stone available"},
        {"Comments": "Matching 50 pts available"},
        {"Comments": "May be matched with B220"},
        {"Comments": "Sold with GIA 2141438171"},
        *(
            {"Comments": remark}
            for remark in (
                "No pair",
                "can be paired",
                "Pair possible",
                "Pair available",
                "pair: no",
                "pair of feathers under table",
                "Pair can be made",
                "Matched pair possible, GIA 62001",
                "1 pc",
                "qty 1",
                "1 stone",
                "Two stones available",
                "Pair on request",
                "PR 12",
                "Pairs well with A-1010",
                "Fits 3 stone ring",
            )
        ),
        {"Comments": "Not broken, no chips"},
        {"Comments": "Twinning wisp, set in the crown"},
        {"Comments": "Natural emerald cut diamond for a ring"},
        {"Material": "Diamond"},
        {"Gem": "Emerald cut diamond"},
        {"Material": "Natural Diamond"},
    ],
)
def test_a_single_stone_and_one_of_a_separable_pair_are_offered(cells: dict[str, str]) -> None:
    assert mapped({**stone(), **cells}).cost_cents == 500_000


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        ({"Pair Stock #": "A-2", "Is Matched Pair Separable": "N"}, "cannot be separated"),
        ({"Pair Stock #": "A-2"}, "may be inseparable"),
        ({"Matched Pair": "Yes", "Separable": "No"}, "cannot be separated"),
        ({"Comments": "Sold as a pair"}, "may be inseparable"),
        ({"Comments": "Matching pair w/ A-2"}, "may be inseparable"),
        ({"Comments": "pr. w/ A-2"}, "may be inseparable"),
        ({"Mate Stock #": "A-2"}, "may be inseparable"),
        ({"Shape": "Oval (pair)"}, "may be inseparable"),
        ({"Comments": "Sold with B-220 only"}, "may be inseparable"),
        ({"Comments": "matching B220"}, "may be inseparable"),
        ({"Comments": "companion of B220"}, "may be inseparable"),
        ({"Comments": "Twin of B220"}, "may be inseparable"),
        ({"Comments": "with its pair"}, "may be inseparable"),
        ({"Comments": "1 of 2"}, "may be inseparable"),
        ({"Comments": "Pair price"}, "may be inseparable"),
        ({"Comments": "Price is for the two"}, "may be inseparable"),
        ({"Comments": "earring pair"}, "may be inseparable"),
        ({"Comments": "Nice pairs"}, "may be inseparable"),
        ({"Comments": "Not sold separately"}, "may be inseparable"),
        ({"Comments": "Only together with its mate"}, "may be inseparable"),
        ({"Comments": "Do not break"}, "may be inseparable"),
        ({"Comments": "Paar"}, "may be inseparable"),
        ({"Comments": "一对"}, "may be inseparable"),
        *(
            ({"Comments": remark}, "may be inseparable")
            for remark in (
                "Match pair,GIA 62001",
                "Matched pair - GIA 62001",
                "Pair of ovals",
                "Pair of two ovals",
                "pair stone",
                "PAIR A",
                "Pair 12",
                "Pair #12",
                "Pr#12",
                "pair: yes",
                "Pair = Y",
                "two stones",
                "both stones",
                "Both stones eye clean",
            )
        ),
        ({"Comments": "זוג"}, "may be inseparable"),
    ],
)
def test_one_of_a_pair_that_nobody_says_can_be_separated_is_a_letter(cells: dict[str, str], why: str) -> None:
    with pytest.raises(MappingError, match=why):
        mapped({**stone(), **cells})


def test_the_other_half_of_a_pair_is_not_offered_alone_though_one_row_only_says_that_there_is_a_pair(
    tmp_path: Path,
) -> None:
    said = [("A-1", "No", ""), ("A-2", "A-1", "N"), ("A-3", "", ""), ("A-4", "A-3", "Y"), ("A-5", "pair 77", "")]
    rows = [
        {**stone(), "Stock #": number, "Pair Stock #": other, "Is Matched Pair Separable": may_part}
        for number, other, may_part in said
    ]
    put(tmp_path, text(rows))

    offered, letters, _ = read(adapter(tmp_path))

    assert offered == ["A-3", "A-4"]
    assert sorted(letters) == sorted(
        [
            "pair: 'A-2' names the stone as the half of a pair that it is not sold without",
            "Pair Stock #: the stone is one of a pair that cannot be separated, so it is not offered alone",
            (
                "Pair Stock #: the stone is one of a pair that may be inseparable, and nothing says that it is not, "
                "so it is not offered alone"
            ),
        ]
    )


@pytest.mark.parametrize(
    ("numbers", "remark", "alone"),
    [
        (("A-1", "A-2"), "pr. w/ A-2", ["A-3"]),
        (("A-1A", "A-1B"), "Matching pair w/ B", ["A-3"]),
        (("A-1", "A-2"), "Must be sold with A-2.", ["A-3"]),
        (("A-1", "A-2"), "can be pair with A-2", ["A-1", "A-2", "A-3"]),
        (("A-1", "A-2"), "Price for pair", ["A-2", "A-3"]),
        (("A-101", "A-102"), "Sold with A-102 only", ["A-3"]),
        (("A-101", "A-102"), "the lovely sister of #A-102.", ["A-3"]),
        (("A-101", "A-102"), "match(ed) pair w/A-102", ["A-3"]),
        (("A-101", "A-102"), "fine set (A-102)", ["A-3"]),
        (("A-101", "A-102"), "A-102 is its pair and may be bought also", ["A-101", "A-102", "A-3"]),
        (("A-101", "A-102"), "as A-102, eye clean", ["A-101", "A-102", "A-3"]),
        (("A-101", "102"), "Matching stone of 102 points is available", ["A-101", "102", "A-3"]),
    ],
)
def test_the_mate_that_a_remark_names_is_not_offered_alone_either(
    tmp_path: Path, numbers: tuple[str, str], remark: str, alone: list[str]
) -> None:
    rows = [{**stone(), "Stock #": number, "Remarks": ""} for number in (*numbers, "A-3")]
    rows[0]["Remarks"] = remark
    put(tmp_path, text(rows))

    assert read(adapter(tmp_path))[0] == alone


@pytest.mark.parametrize(
    ("cells", "names"),
    [
        ({"Natural": "Y", "Growth Type": "CVD"}, ("Natural", "Growth Type")),
        ({"Man Made": "N", "Origin": "LAB-CREATED"}, ("Man Made", "Origin")),
        ({"Type": "Natural", "Report #": "LG123456789"}, ("Type", "Report #")),
        ({"Lab Grown": "No", "Report Comments": "Lab grown diamond"}, ("Lab Grown", "Report Comments")),
        ({"Treatment": "None", "Report Comments": "HPHT annealed"}, ("Treatment", "Report Comments")),
    ],
)
def test_columns_that_deny_each_other_are_a_letter_with_both(cells: dict[str, str], names: tuple[str, str]) -> None:
    with pytest.raises(MappingError) as refused:
        mapped({**stone(), **cells})

    assert all(name in str(refused.value) for name in names)


@pytest.mark.parametrize(
    ("cells", "grown", "method", "treated"),
    [
        ({"Is Natural": "Y"}, False, None, None),
        ({"Is Natural": "N"}, True, None, None),
        ({"Man Made": "Y"}, True, None, None),
        ({"Shape": "LG ROUND"}, True, None, None),
        ({"Report #": "LG123456789"}, True, None, None),
        ({"Cert Link": "https://lab.example/verify?r=LG123456789"}, True, None, None),
        ({"Lab": "IGI-LG"}, True, None, None),
        ({"Member Comments": "CVD, as grown"}, True, "CVD", False),
        ({"Type": "Natural", "Comments": "HPHT processed"}, False, None, True),
        ({"Treatment": "HPHT"}, False, None, True),
        ({"Type": "", "Lab Grown": "Yes"}, True, None, None),
        ({"Comments": "", "Remarks": "Lab grown"}, True, None, None),
        ({"Comments": "Eye clean", "Remarks": "Lab grown"}, True, None, None),
    ],
)
def test_every_column_that_bears_on_it_is_heard(
    cells: dict[str, str], grown: bool, method: str | None, treated: bool | None
) -> None:
    facts = mapped({**stone(), **cells})

    assert (facts.lab_grown, facts.growth_method, facts.treated, facts.shape) == (grown, method, treated, "ROUND")


@pytest.mark.parametrize(
    "last",
    [
        "TOTAL,,3.00,,,15000",
        "Total:,,3.00,,,15000",
        ",Grand Total,3.00,,,15000",
        ",,TOTAL,,,15000",
        "Average,,1.00,,,5000",
        ",,3.00,,,15000",
        "3,,3.00,,,15000",
        "Stones,,3.00,,,15000",
        "Total Stones: 3,,3.00,,,",
    ],
)
def test_a_sum_below_a_list_is_no_stone_and_no_letter_but_counted(tmp_path: Path, last: str) -> None:
    put(tmp_path, text(stones(3)) + last + "\r\n")

    offered, letters, left_out = read(adapter(tmp_path))

    assert (offered, letters, left_out) == (["A-1", "A-2", "A-3"], [], {"sums": 1})


@pytest.mark.parametrize(
    "last",
    [
        "Average,Round,1.00,G,VS1,5000",
        "AVG,Round,1.00,G-H,VS,5000",
        "TOTAL,Round,3.00,G,VS1,15000",
        "Grand Total:,Round,3.00,G,VS1,15000",
        "Total pcs,Round,3.00,G,VS1,15000",
        "ROUND TOTAL,Round,3.00,,,15000",
        "RD - Sub Total,Round,2.00,,,15000",
        "Total Round,,2.00,,,15000",
        "Total of rounds:,Round,2.00,G,VS1,15000",
        "3,PCS,3.00,,,15000",
        "7,Stones,3.20,,,15000",
        "3,Round,3.00,,,15000",
        ",Round,3.00,,,15000",
        "Round,,2.00,,,15000",
        "Selected,,1.10,,,15000",
        "Selected stones: 2,,1.10,,,15000",
        "Max,Round,1.00,D,IF,9000",
        "Minimum,Round,1.00,,,900",
        "Count,,,,,3",
    ],
)
def test_a_sum_that_is_described_as_a_stone_is_none(tmp_path: Path, last: str) -> None:
    put(tmp_path, text(stones(3)) + last + "\r\n")

    assert read(adapter(tmp_path)) == (["A-1", "A-2", "A-3"], [], {"sums": 1})


@pytest.mark.parametrize("word", ["Selected", "Totally clean", "Max", "Average cut"])
def test_the_first_cell_of_a_stone_may_be_any_word(tmp_path: Path, word: str) -> None:
    put(tmp_path, text([{"Note": word, **row} for row in stones(3)]))

    assert read(adapter(tmp_path))[::2] == (["A-1", "A-2", "A-3"], {})


def test_a_sum_whose_title_stands_before_the_number_of_stones_is_no_stone(tmp_path: Path) -> None:
    last = {**stone(), "Sr": "Total", "Stock #": "3", "Weight": "3.00", "Total Price": "15000"}
    put(tmp_path, text([{"Sr": f"{at}", **row} for at, row in enumerate(stones(3), 1)] + [{"Sr": "", **last}]))

    assert read(adapter(tmp_path))[::2] == (["A-1", "A-2", "A-3"], {"sums": 1})


@pytest.mark.parametrize(
    "cells",
    [
        {"Stock #": "MAX-1"},
        {"Stock #": "TOT12"},
        {"Stock #": "SELECT-9"},
        {"Stock #": "ROUND-1"},
        {"Stock #": "AVG001"},
        {"Stock #": "MINT"},
        {"Stock #": "ROUND 7", "Color": "", "Clarity": ""},
        {"Stock #": "B-9", "Color": "", "Clarity": "", "Weight": "3.00"},
        {"Stock #": "9", "Color": "", "Clarity": "", "Weight": "3.00"},
        {"Stock #": "3", "Color": "", "Clarity": "", "Weight": "1.50"},
    ],
)
def test_a_stone_that_only_resembles_a_sum_is_one(tmp_path: Path, cells: dict[str, str]) -> None:
    put(tmp_path, text([*stones(3), {**stone(), **cells}]))

    assert (sorted((found := read(adapter(tmp_path)))[0]), found[2]) == (
        sorted(["A-1", "A-2", "A-3", cells["Stock #"]]),
        {},
    )


def test_a_header_that_stands_again_inside_of_a_list_is_no_stone(tmp_path: Path) -> None:
    put(tmp_path, text(stones(3)) + ",".join(stone()) + "\r\n" + text(stones(2, first=4)).partition("\r\n")[2])

    offered, letters, left_out = read(adapter(tmp_path))

    assert (len(offered), letters, left_out) == (5, [], {"sums": 1})


def test_serial_numbers_and_bare_rows_of_stones_are_no_sums(tmp_path: Path) -> None:
    put(tmp_path, "Stock #,Weight,Total Price\r\n0,0.50,2000\r\n1,0.50,2000\r\n2,1.00,5000\r\n3,2.00,9000\r\n")

    offered, letters, left_out = read(adapter(tmp_path))

    assert (sorted(offered), letters, left_out) == (["0", "1", "2", "3"], [], {})


def test_stones_of_one_number_that_cannot_be_one_are_all_letters(tmp_path: Path) -> None:
    twins = [stone(**{"Stock #": "A-1", "Weight": weight}) for weight in ("0.70", "0.90", "1.10")]
    put(tmp_path, text([*twins, *stones(4, first=2)]))

    offered, letters, left_out = read(adapter(tmp_path))

    assert (sorted(offered), left_out) == (["A-2", "A-3", "A-4", "A-5"], {})
    assert (
        letters
        == ["Stock #: 'A-1' is the number of several stones: 0.700 carats and 0.900 carats and 1.100 carats"] * 3
    )


def test_stones_of_one_number_with_two_certificates_are_letters(tmp_path: Path) -> None:
    twins = [{**stone(), "Report #": number} for number in ("2141438171", "2141438172")]
    others = [{**row, "Report #": ""} for row in stones(4, first=2)]
    put(tmp_path, text([*twins, *others]))

    offered, letters, _ = read(adapter(tmp_path))

    assert (len(offered), len(letters)) == (4, 2)
    assert "certificates 2141438171 and 2141438172" in letters[0]


def test_of_one_stone_in_several_rows_the_last_counts_and_the_others_are_counted(tmp_path: Path) -> None:
    put(tmp_path, text([*stones(3), stone(**{"Stock #": "A-1", "Weight": "1.004", "Total Price": "9000"})]))
    reader = adapter(tmp_path)

    offered, letters, left_out = read(reader)

    assert (sorted(offered), letters, left_out) == (["A-1", "A-2", "A-3"], [], {"repeated": 1})
    (item,) = reader.lookup(["A-1"]).items
    assert reader.to_diamond(item).cost_cents == 900_000


def test_ruined_numbers_are_letters_each_and_a_list_of_nothing_else_is_refused_with_what_to_do(tmp_path: Path) -> None:
    ruined = [stone(**{"Stock #": "2.14E+09", "Weight": weight}) for weight in ("0.70", "0.90", "1.10")]
    put(tmp_path, text([*ruined, *stones(4)]))

    offered, letters, _ = read(adapter(tmp_path))

    assert (len(offered), len(letters)) == (4, 3)
    put(tmp_path, text(ruined))
    with pytest.raises(ListRefused, match="format the column as text in the spreadsheet"):
        adapter(tmp_path).server_time()


_WEIGHTS = st.lists(st.decimals("0.20", "9.99", places=2), min_size=2, max_size=12)


@given(_WEIGHTS, st.sampled_from(["", "TOTAL", "Grand Total", "Sum:", "Average"]))
def test_stones_are_never_taken_for_sums_and_a_sum_never_for_a_stone(weights: list[Decimal], title: str) -> None:
    columns = Columns.of(list(stone()), {})
    rows = [stone(**{"Stock #": f"A-{number}", "Weight": str(weight)}) for number, weight in enumerate(weights)]
    last = {**dict.fromkeys(stone(), ""), "Stock #": title, "Weight": str(sum(weights)), "Total Price": "9000"}
    sums = Sums()

    judged = [sums.is_sum(Cells(row, columns), Decimal(row["Weight"])) for row in [*rows, last]]

    assert judged == [*[False] * len(weights), True]


def test_the_payload_of_a_shared_number_keeps_its_cells_and_says_why(tmp_path: Path) -> None:
    twins = [stone(Weight="0.70"), stone(Weight="0.90")]
    put(tmp_path, text([*twins, *stones(2, first=2)]))
    reader = adapter(tmp_path)

    items = reader.page(StoneQuery(window_to=reader.server_time()), 0, 500).items

    marked = [row for item in items if (row := json.loads(item))["Stock #"] == "A-1"]
    assert [row["Weight"] for row in marked] == ["0.70", "0.90"]
    assert {row["(stones of one stock number)"] for row in marked} == {"0.700 carats and 0.900 carats"}


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        ({"Sieve Size": "+6.5-8"}, "is a sieve"),
        ({"Sieve": "-2"}, "is a sieve"),
        ({"Avg Size": "0.25"}, "is the average of several stones"),
        ({"Avg. Wt": "0.25-0.30"}, "is the average of several stones"),
        ({"Avg Size": "18 pts"}, "is the average of several stones"),
        ({"Average Weight": "pointers"}, "is the average of several stones"),
    ],
)
def test_stones_that_are_sorted_by_size_are_a_parcel(cells: dict[str, str], why: str) -> None:
    with pytest.raises(MappingError, match=why):
        mapped({**stone(Weight="1.26"), **cells})


@pytest.mark.parametrize("size", ["1.0-1.1", "1.0 - 1.1 mm", "0.01-0.02", "2.5-3.0", "1,0-1,1"])
def test_what_weighs_far_more_than_the_sizes_of_its_stones_is_a_parcel(size: str) -> None:
    with pytest.raises(MappingError, match="is the size of stones"):
        mapped({**stone(Weight="11.03", Total_Price="60000"), "Size": size})


@pytest.mark.parametrize(
    ("size", "weight"),
    [("1.00-1.19", "1.12"), ("6.4-6.5", "1.02"), ("10.0-10.5", "4.11"), ("1.00+", "3.01"), ("1", "1.20"), ("", "1.00")],
)
def test_a_stone_whose_size_is_its_own_is_one(size: str, weight: str) -> None:
    facts = mapped({**stone(Weight=weight, Total_Price="20000"), "Size": size})

    assert facts.carats == Decimal(weight)


@pytest.mark.parametrize(
    "cells", [{"Sieve": "", "Avg Size": ""}, {"Sieve": "-"}, {"Avg Size": "1.26"}, {"Avg Size": "N/A"}]
)
def test_a_stone_that_weighs_what_its_size_says_is_one(cells: dict[str, str]) -> None:
    assert mapped({**stone(Weight="1.26"), **cells}).offer_id == "A-1"


def reports(*cells: tuple[str, str, str]) -> str:
    """A list of stones with these laboratories, numbers of certificates and weights, and of others."""
    named = [
        stone(**{"Stock #": f"C-{row}", "Lab": lab, "Report #": number, "Weight": weight})
        for row, (lab, number, weight) in enumerate(cells, 1)
    ]
    others = [{**row, "Lab": "GIA", "Report #": f"21414380{number}"} for number, row in enumerate(stones(5), 10)]
    return text([{**dict.fromkeys(others[0], ""), **row} for row in [*named, *others]])


@pytest.mark.parametrize(
    "cells",
    [
        [("GIA", "6424945674", "0.44"), ("GIA", "6424945674", "0.73")],
        [("GIA", "6424945674", "0.44"), ("GIA", "GIA Report 6424945674", "0.73")],
        [("GIA", "6424945674", "0.44"), ("", "6424945674", "0.73")],
        [("IGI", "LG612345678", "0.44"), ("IGI", "612345678", "0.73")],
    ],
)
def test_stones_of_one_certificate_that_cannot_be_one_are_letters_that_name_each_other(
    tmp_path: Path, cells: list[tuple[str, str, str]]
) -> None:
    put(tmp_path, reports(*cells))

    offered, letters, _ = read(adapter(tmp_path))

    assert sorted(offered) == [f"A-{number}" for number in range(1, 6)]
    assert len(letters) == 2
    assert all("the certificate of several stones: 'C-1' of 0.440 carats and 'C-2' of 0.730" in why for why in letters)


@pytest.mark.parametrize(
    ("first", "second", "apart"),
    [
        (("G", "VS1"), ("H", "VS2"), True),
        (("G", "VS1"), ("J", "VS1"), True),
        (("G", "VS1"), ("G", "SI1"), True),
        (("G", "VS1"), ("", "SI1"), True),
        (("G", "VS1"), ("g", "VS-1"), False),
        (("G", "VS1"), ("H", "VS1"), False),
        (("G", "VS1"), ("", ""), False),
        (("G", "VS1"), ("Fancy Yellow", "VS1"), False),
    ],
)
def test_stones_of_one_certificate_and_other_grades_are_letters(
    tmp_path: Path, first: tuple[str, str], second: tuple[str, str], apart: bool
) -> None:
    rows = [{**row, "Report #": f"642494560{at}", "Lab": "GIA"} for at, row in enumerate(stones(6))]
    for row, (color, clarity) in zip(rows, (first, second), strict=False):
        row |= {"Report #": "6424945674", "Color": color, "Clarity": clarity}
    put(tmp_path, text(rows))

    offered, letters, _ = read(adapter(tmp_path))

    assert (len(offered), len(letters)) == ((4, 2) if apart else (6, 0))
    assert all("the certificate of several stones: 'A-1' is G VS1 and 'A-2' is" in why for why in letters)


@pytest.mark.parametrize("word", ["Sold", "On Memo", "Hold"])
@pytest.mark.parametrize("number", ["6424945674", "GIA 6424945674", "6424945674 "])
def test_a_stone_on_sale_whose_certificate_another_row_says_is_gone_is_a_letter(
    tmp_path: Path, word: str, number: str
) -> None:
    rows = [
        {**row, "Report #": f"642494560{at}", "Lab": "GIA", "Status": "Available"} for at, row in enumerate(stones(6))
    ]
    rows[1] |= {"Report #": "6424945674"}
    rows.append({**rows[1], "Stock #": "OLD-A-2", "Report #": number, "Status": word})
    put(tmp_path, text(rows))

    offered, letters, _ = read(adapter(tmp_path))

    assert sorted(set(offered) - {"OLD-A-2"}) == ["A-1", "A-3", "A-4", "A-5", "A-6"]
    assert len(letters) == 1
    assert f"'A-2' is available and 'OLD-A-2' is {'sold' if word == 'Sold' else 'on hold'}" in letters[0]


@pytest.mark.parametrize(
    "cells",
    [
        [("GIA", "6424945674", "0.73"), ("GIA", "6424945674", "0.73")],
        [("GIA", "6424945674", "0.73"), ("GIA", "6424945674", "0.735")],
        [("GIA", "6424945674", "0.44"), ("IGI", "6424945674", "0.73")],
        [("GIA", "0000000000", "0.44"), ("GIA", "0000000000", "0.73")],
        [("GIA", "N/A", "0.44"), ("GIA", "N/A", "0.73")],
        [("GIA", "123", "0.44"), ("GIA", "123", "0.73")],
        [("GIA", "", "0.44"), ("GIA", "", "0.73")],
    ],
)
def test_stones_that_may_be_one_or_have_no_number_of_a_certificate_are_offered(
    tmp_path: Path, cells: list[tuple[str, str, str]]
) -> None:
    put(tmp_path, reports(*cells))

    offered, letters, _ = read(adapter(tmp_path))

    assert (len(offered), letters) == (7, [])


@pytest.mark.parametrize("between", [" & ", ", ", ";", " + ", "\n", "|", " / ", " ", " and "])
def test_the_certificates_of_two_stones_in_a_cell_are_a_letter(between: str) -> None:
    with pytest.raises(MappingError) as refused:
        mapped({**stone(), "Report #": f"6446821283{between}6446821290"})

    assert refused.value.field == "Report #"


def test_a_second_column_of_certificates_is_a_second_stone() -> None:
    with pytest.raises(MappingError):
        mapped({**stone(), "Lab": "GIA", "Report #": "6446821283", "Report # 2": "6446821290"})


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("6446821283", "6446821283"),
        ("GIA 6446821283", "6446821283"),
        ("6446821283, 6446821283", "6446821283, 6446821283"),
        ("LG612345678", "LG612345678"),
        ("6,446,821,283", "6446821283"),
    ],
)
def test_one_certificate_in_a_cell_is_of_one_stone(cell: str, number: str) -> None:
    read = mapped({**stone(), "Report #": cell}, **({"labgrown": True} if "LG" in cell else {}))

    assert read.certificate_number == number


@pytest.mark.parametrize("between", [" / ", " & ", "\n", ", "])
def test_the_measures_of_two_stones_in_a_cell_are_a_letter(between: str) -> None:
    with pytest.raises(MappingError) as refused:
        mapped({**stone(), "Measurements": f"6.40x6.42x3.96{between}6.38x6.41x3.95"})

    assert refused.value.field == "Measurements"


@pytest.mark.parametrize("cell", ["6.40 - 6.42 x 3.96 mm", "6.40x6.42x3.96 / 0.25x0.25x0.16 in"])
def test_the_measures_of_one_stone_are_no_letter(cell: str) -> None:
    assert mapped({**stone(), "Measurements": cell}).carats == Decimal("1.000")


def test_a_slip_in_one_measure_is_no_second_stone() -> None:
    assert mapped(stone(Measurements="6.45x6.42x2.20")).carats == Decimal("1.000")

"""Columns that say of a stone that it is not sold alone, below headers that nobody knows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ingest.feeds.pricelist.tests.natural_stones import made, table
from ingest.feeds.pricelist.tests.test_few_filled import ROWS, refused, rows
from ingest.feeds.verdicts import SupplierAsks


@pytest.mark.parametrize(
    ("header", "cells", "not_alone"),
    [
        ("Match", {3: "AB0004", 4: "AB0003"}, {3, 4}),
        ("Match", {3: "AB0004"}, {3, 4}),
        ("Set", {3: "S1", 9: "S1", 15: "S2", 20: "S2"}, {3, 9, 15, 20}),
        ("Set", {3: "S1"}, set()),
        ("Layout", dict.fromkeys(range(12), "L12 (12 pcs)"), set(range(12))),
        ("Layout", {number: f"L{number % 3}" for number in range(ROWS)}, set(range(ROWS))),
        ("Twin", {3: "AB0004"}, {3, 4}),
        ("Companion", {3: "ZZ0077"}, {3}),
        ("Pair Ref", {3: "P1", 4: "P1"}, {3, 4}),
        ("Partner Stone", {3: "AB0004", 4: "AB0003"}, {3, 4}),
        ("Jodi", {3: "Yes", 4: "No"}, {3}),
        ("Group", {3: "P1", 4: "P1"}, {3, 4}),
        ("Group", dict.fromkeys(range(ROWS), "1.00-1.49"), set()),
        ("Single/Pair", {number: "Pair" if number == 3 else "Single" for number in range(ROWS)}, {3}),
        ("Lot Type", {3: "Pair", 4: "Parcel"}, {3, 4}),
        ("Item", {number: "Melee" if number == 3 else "Stone" for number in range(ROWS)}, {3}),
        ("Remarks II", {3: "12 pcs", 4: "can be sold as pair", 5: "Eye clean"}, {3}),
        ("Lot of", {3: "2"}, {3}),
        ("Aantal", {3: "2", 4: "1"}, {3}),
        ("Stück", {3: "2", 4: "1"}, {3}),
        ("粒数", {3: "2", 4: "1"}, {3}),
        ("Set", {3: "Yes", 4: "Yes"}, set()),
        ("Match", {number: f"M{number % 3}" for number in range(ROWS)}, set()),
    ],
)
def test_mates_are_stock_numbers_of_the_list_or_names_that_rows_share(
    tmp_path: Path, header: str, cells: dict[int, str], not_alone: set[int]
) -> None:
    assert refused(tmp_path, rows(header, cells)) == not_alone


def test_a_word_of_the_feed_for_the_column_goes_before_its_cells(tmp_path: Path) -> None:
    assert refused(tmp_path, rows("Set", {3: "S1", 4: "S1"}), columns={"Set": ""}) == set()


def test_numbers_of_other_stones_below_another_header_are_asked_about_and_the_answer_is_taken(tmp_path: Path) -> None:
    written = rows("See also", {3: "AB0004", 9: "AB0010"})

    with pytest.raises(
        SupplierAsks, match=r"'See also' names other stones of the list on 2 rows \('AB0004'\)"
    ) as asked:
        made(tmp_path, table(written))
    together, alone = (answer.parameters for answer in asked.value.verdict.question.answers)  # type: ignore[union-attr]

    for answer, not_alone in ((together, {3, 4, 9, 10}), (alone, set())):
        (folder := tmp_path / str(len(not_alone))).mkdir()
        assert refused(folder, written, **answer) == not_alone


@pytest.mark.parametrize("cell", [lambda row: f"AB{row:04}", lambda row: "", lambda row: f"old {row}"])
def test_a_stones_own_number_again_and_other_names_are_no_other_stones(
    tmp_path: Path, cell: Callable[[int], str]
) -> None:
    assert refused(tmp_path, rows("Mark", {number: cell(number) for number in range(ROWS)})) == set()

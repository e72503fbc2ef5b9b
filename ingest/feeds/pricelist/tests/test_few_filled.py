"""Columns whose headers mean several things: what their filled cells tell of parties and counts of stones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ingest.errors import MappingError
from ingest.feeds.pricelist.mapping import Mapper
from ingest.feeds.pricelist.parameters import parameters_of
from ingest.feeds.pricelist.tests.natural_stones import made, stone, table
from ingest.feeds.verdicts import SupplierAsks

ROWS = 24


def rows(header: str, cells: dict[int, str], other: str = "") -> list[dict[str, str]]:
    return [stone(number, **{header: cells.get(number, other)}) for number in range(ROWS)]


def refused(folder: Path, written: list[dict[str, str]], **parameters: object) -> set[int]:
    """The numbers of the rows that are no single stones."""
    mapper = Mapper(parameters_of({"source": "x", **parameters}))
    kept, found = made(folder, table(written), **parameters), set()
    for number in range(ROWS):
        (row,) = kept.lookup([f"AB{number:04}"])
        try:
            mapper.to_diamond(row)
        except MappingError:
            found.add(number)
    return found


PARTIES = ["Party", "Party Name", "Company", "Company Name", "Dealer", "Dealer Name"]


@pytest.mark.parametrize("header", PARTIES)
def test_a_party_on_some_rows_is_asked_about_and_the_answer_is_taken(tmp_path: Path, header: str) -> None:
    written = rows(header, {3: "RAJ EXPORTS", 9: "SHREE JEWELS"})

    with pytest.raises(SupplierAsks, match=rf"'{header}' is filled on 2 of 24 rows only \('RAJ EXPORTS'\)") as asked:
        made(tmp_path, table(written))
    sold, seller = (answer.parameters for answer in asked.value.verdict.question.answers)  # type: ignore[union-attr]

    for answer, offered in ((sold, ROWS - 2), (seller, ROWS)):
        (folder := tmp_path / str(offered)).mkdir()
        assert made(folder, table(written), **answer).census().offered == offered


@pytest.mark.parametrize("header", PARTIES)
@pytest.mark.parametrize("party", ["RAJ EXPORTS", ""])
def test_a_party_on_all_rows_sells_them(tmp_path: Path, header: str, party: str) -> None:
    kept, mapper = made(tmp_path, table(rows(header, {}, party))), Mapper(parameters_of({"source": "x"}))

    assert kept.census().offered == ROWS
    named = {mapper.to_diamond(payload).supplier_name for payload in kept.payloads()}
    assert named == {party or None}


@pytest.mark.parametrize("header", ["Company", "Dealer"])
def test_who_sells_is_no_buyer_though_some_rows_are_without(tmp_path: Path, header: str) -> None:
    written = rows(header, {3: "-", 9: "N/A"}, "ACME")

    assert made(tmp_path, table(written)).census().offered == ROWS


@pytest.mark.parametrize("header", ["Nos", "Count", "Pieces/Lot"])
def test_whole_numbers_most_of_which_are_one_count_stones(tmp_path: Path, header: str) -> None:
    assert refused(tmp_path, rows(header, {3: "2", 9: "5", 15: "3"}, "1")) == {3, 9, 15}


@pytest.mark.parametrize("cell", [lambda row: str(row + 1), lambda row: "1", lambda row: f"N{row}", lambda row: ""])
def test_numbers_of_rows_and_names_count_none(tmp_path: Path, cell: Callable[[int], str]) -> None:
    assert refused(tmp_path, rows("Nos", {number: cell(number) for number in range(ROWS)})) == set()


@pytest.mark.parametrize(("header", "cells"), [("Nos", {3: "2"})])
def test_what_the_feed_says_of_the_column_goes_before_its_cells(
    tmp_path: Path, header: str, cells: dict[int, str]
) -> None:
    assert refused(tmp_path, rows(header, cells, "1" if header == "Nos" else ""), columns={header: ""}) == set()

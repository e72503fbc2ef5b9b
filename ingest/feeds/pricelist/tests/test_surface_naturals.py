"""Columns "Natural" that say how a stone was made, and those that say whether a rest of the rough's skin is left on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ingest.feeds.pricelist.mapping import Mapper
from ingest.feeds.pricelist.parameters import parameters_of
from ingest.feeds.pricelist.tests.natural_stones import made, stone, table
from ingest.feeds.verdicts import SupplierAsks

ROWS = 24


def rows(*cells: str, **more: str) -> list[dict[str, str]]:
    return [stone(number, **{"Natural": cells[number % len(cells)], **more}) for number in range(ROWS)]


def grown(folder: Path, written: list[dict[str, str]], **parameters: Any) -> list[bool]:
    mapper = Mapper(parameters_of({"source": "x", **parameters}))
    return [mapper.to_diamond(payload).lab_grown for payload in made(folder, table(written), **parameters).payloads()]


@pytest.mark.parametrize(
    "cells", [("NO", "Girdle", "Small"), ("N", "Crown"), ("No", "No", "Y - Pavilion"), ("None", "Minor, girdle")]
)
def test_words_of_the_surface_say_nothing_of_how_a_stone_was_made(tmp_path: Path, cells: tuple[str, ...]) -> None:
    assert grown(tmp_path, rows(*cells)) == [False] * ROWS


@pytest.mark.parametrize(
    "beside",
    ["Table Open", "Open Table", "Extra Facet", "Crown Open", "Pavilion Open", "Indented Natural", "Open In Girdle"],
)
@pytest.mark.parametrize("cells", [("N",), ("N", "N", "Y")])
def test_columns_of_open_facets_beside_it_say_the_same(tmp_path: Path, beside: str, cells: tuple[str, ...]) -> None:
    assert grown(tmp_path, rows(*cells, **{beside: "N"})) == [False] * ROWS


@pytest.mark.parametrize(("cells", "made_of"), [(("N",), [True] * ROWS), (("N", "Y"), [True, False] * 12)])
def test_what_denies_stones_to_be_natural_that_are_priced_so_is_asked_about(
    tmp_path: Path, cells: tuple[str, ...], made_of: list[bool]
) -> None:
    written = rows(*cells)

    with pytest.raises(SupplierAsks, match="'Natural' says no on") as asked:
        made(tmp_path, table(written))
    question = asked.value.verdict.question
    assert question is not None

    for number, (answer, expected) in enumerate(zip(question.answers, (made_of, [False] * ROWS), strict=True)):
        (folder := tmp_path / str(number)).mkdir()
        assert grown(folder, written, **answer.parameters) == expected


@pytest.mark.parametrize("more", [{"Lab Grown": "Yes"}, {"Price/Ct": "150", "Total": ""}])
@pytest.mark.parametrize("no", ["No", "N", "FALSE"])
def test_stones_that_are_lab_grown_are_not_asked_about(tmp_path: Path, no: str, more: dict[str, str]) -> None:
    if "Total" in more:
        written = [{**row, "Price/Ct": "150", "Total": f"{150 * float(row['Carat']):.2f}"} for row in rows(no)]
    else:
        written = rows(no, **more)

    assert grown(tmp_path, written) == [True] * ROWS


def test_natural_stones_beside_grown_ones_are_read_by_it(tmp_path: Path) -> None:
    written = [
        {**row, "Price/Ct": "150", "Total": f"{150 * float(row['Carat']):.2f}"} if row["Natural"] == "No" else row
        for row in rows("Yes", "No")
    ]

    assert grown(tmp_path, written) == [False, True] * 12

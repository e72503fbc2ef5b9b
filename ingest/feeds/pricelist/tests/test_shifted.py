"""Rows whose cells stand under the headers of their neighbours."""

from __future__ import annotations

import pytest

from ingest.errors import MappingError
from ingest.feeds.pricelist.tests.lists import mapped

HEADERS = ("Stock #", "Shape", "Weight", "Color", "Clarity", "Cut", "Lab", "Report #", "Price/Ct", "Total", "Remark")
ROW = ("P-7", "OVAL", "1.50", "G", "VS1", "EX", "GIA", "5141438171", "6000.0", "9000.0", "")


def row(cells: tuple[str, ...]) -> dict[str, str]:
    """Cells under the headers, as they stand; what is missing at the end is blank."""
    padded = (*cells, *("",) * (len(HEADERS) - len(cells)))
    return dict(zip(HEADERS, padded, strict=True))


def test_a_row_in_its_place_is_offered() -> None:
    facts = mapped(row(ROW))

    assert (facts.cost_cents, facts.lab, facts.certificate_number) == (900_000, "GIA", "5141438171")


@pytest.mark.parametrize("left_out", HEADERS[1:8])
@pytest.mark.parametrize("blank", ["", "Cut", "Lab", "Color"])
@pytest.mark.parametrize("end", [".0", ""])
def test_a_row_that_lacks_a_cell_is_refused(left_out: str, blank: str, end: str) -> None:
    said = {header: cell.removesuffix(".0") + end * cell.endswith(".0") for header, cell in row(ROW).items()}
    said[blank or "Remark"] = ""
    del said[left_out]

    with pytest.raises(MappingError):
        mapped(row(tuple(said.values())))


@pytest.mark.parametrize("pushed_at", range(1, 9))
@pytest.mark.parametrize("blank", ["", "Cut", "Lab", "Color"])
def test_a_row_with_an_empty_cell_too_many_is_refused(pushed_at: int, blank: str) -> None:
    said = list((row(ROW) | {blank or "Remark": ""}).values())[:-1]
    said.insert(pushed_at, "")

    with pytest.raises(MappingError):
        mapped(row(tuple(said)))


def test_the_letter_says_where_the_cells_belong() -> None:
    with pytest.raises(MappingError) as refused:
        mapped(row((*ROW[:3], *ROW[4:])))

    assert str(refused.value) == (
        "row: its cells stand one column to the left: 'VS1' under 'Color' belongs under 'Clarity'"
    )


@pytest.mark.parametrize("grades", [("VS1", "G"), ("SI1", "I")])
def test_two_cells_that_changed_places_are_refused(grades: tuple[str, str]) -> None:
    with pytest.raises(MappingError, match=r"under .Color. and .* under .Clarity. stand in each other's columns"):
        mapped(row((*ROW[:3], *grades, *ROW[5:])))


@pytest.mark.parametrize(
    "cells",
    [
        {"Color": "Champagne-ish", "Clarity": "VS1"},
        {"Color": "", "Clarity": "eye clean"},
        {"Report #": "12345"},
        {"Report #": "GIA-5141438171"},
        {"Lab": "5141438171", "Report #": "5141438171"},
        {"Lab": "Somebody", "Cut": "?"},
        {"Total": "", "Remark": "1204"},
        {"Price/Ct": "", "Remark": "12"},
    ],
)
def test_a_cell_that_nobody_knows_moves_no_other(cells: dict[str, str]) -> None:
    assert mapped(row(ROW) | cells).cost_cents == 900_000

"""Rows of which cells stand in each other's columns."""

from __future__ import annotations

import pytest

from catalog.grades import Color
from ingest.errors import MappingError
from ingest.feeds.pricelist.tests.lists import mapped, stone

GRADED = {"Cut": "EX", "Lab": "GIA", "Certificate #": "2141438171"}


@pytest.mark.parametrize(
    "cells",
    [
        {"Color": "VS1", "Clarity": "G"},
        {"Color": "SI1", "Clarity": "I"},
        {"Color": "VVS2", "Clarity": "Fancy Yellow"},
        {"Shape": "G", "Color": "Round"},
        {"Shape": "VS1", "Clarity": "RB"},
        {"Clarity": "EX", "Cut": "VS1"},
        {"Color": "EX", "Cut": "G"},
        {"Lab": "2141438171", "Certificate #": "GIA"},
        {"Lab": "LG612345678", "Certificate #": "IGI"},
        {"Shape": "GIA", "Lab": "Round"},
    ],
)
def test_cells_in_each_other_s_columns_make_a_row_a_letter(cells: dict[str, str]) -> None:
    with pytest.raises(MappingError, match="stand in each other's columns"):
        mapped({**stone(), **GRADED, **cells})


@pytest.mark.parametrize(
    "cells",
    [
        {},
        {"Color": "F", "Clarity": "FL"},
        {"Color": "I", "Clarity": "I1"},
        {"Color": "N", "Clarity": "unknown"},
        {"Color": "", "Clarity": "VS1"},
        {"Color": "mixed", "Clarity": "VS1"},
        {"Color": "-", "Clarity": "-"},
        {"Cut": "good make", "Clarity": "VS1"},
        {"Cut": "G", "Color": "E"},
        {"Cut": "N", "Color": "F"},
        {"Lab": "GIA", "Certificate #": "pending"},
        {"Lab": "GIA 2141438171", "Certificate #": ""},
        {"Lab": "None", "Certificate #": "-"},
        {"Lab": "New Lab", "Certificate #": "2141438171"},
    ],
)
def test_words_that_nobody_knows_are_no_exchange(cells: dict[str, str]) -> None:
    mapped({**stone(), **GRADED, **cells})


def test_a_fancy_colour_without_a_grade_is_no_exchange() -> None:
    assert mapped({**stone(Color="Fancy Yellow"), **GRADED}).color == Color.FANCY

"""Amounts that no stone costs: beyond what its kind allows, placeholders, and one amount for all sizes."""

from __future__ import annotations

import msgspec
import pytest

from ingest.errors import MappingError
from ingest.feeds.pricelist.mapping import Mapper
from ingest.feeds.pricelist.parameters import parameters_of
from ingest.feeds.pricelist.tests.lists import mapped, stone


@pytest.mark.parametrize(
    ("weight", "color", "dollars"),
    [
        ("0.50", "G", "99,999.98"),
        ("0.50", "D", "20,000"),
        ("1.00", "D", "95,000"),
        ("3.00", "D", "900,000"),
        ("0.71", "P", "134,921.30"),
        ("0.50", "P", "5,500"),
        ("0.50", "Y", "5,500"),
        ("1.00", "L", "40,000"),
        ("1.00", "", "95,000"),
    ],
)
def test_a_price_that_no_white_stone_of_such_a_weight_and_colour_has_is_a_letter(
    weight: str, color: str, dollars: str
) -> None:
    with pytest.raises(MappingError, match="dollars a carat is no price of a natural stone"):
        mapped(stone(Weight=weight, Color=color, Total_Price=dollars))


@pytest.mark.parametrize(
    ("weight", "color", "dollars"),
    [
        ("0.50", "D", "7,500"),
        ("1.00", "D", "32,000"),
        ("3.00", "D", "330,000"),
        ("10.00", "D", "2,800,000"),
        ("0.50", "K", "1,800"),
        ("1.00", "L", "8,000"),
        ("10.00", "K", "450,000"),
        ("10.00", "W-X", "180,000"),
        ("0.71", "Fancy Vivid Pink", "134,921.30"),
    ],
)
def test_the_dearest_stones_of_a_weight_and_colour_are_offered(weight: str, color: str, dollars: str) -> None:
    read = mapped(stone(Weight=weight, Color=color, Clarity="IF", Total_Price=dollars))

    assert read.cost_cents == round(float(dollars.replace(",", "")) * 100)


def test_a_wider_band_takes_them() -> None:
    row = msgspec.json.encode(stone(Weight="0.71", Color="P", Total_Price="134,921.30"))

    read = Mapper(parameters_of({"source": "list.csv"}), band_factor=100).to_diamond(row)

    assert read.cost_cents == 13_492_130

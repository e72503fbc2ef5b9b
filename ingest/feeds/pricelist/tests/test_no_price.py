"""Amounts that no stone costs: beyond its weight and colour, placeholders, and one amount for stones of all sizes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from ingest.errors import MappingError
from ingest.feeds.pricelist import bands
from ingest.feeds.pricelist.mapping import Mapper
from ingest.feeds.pricelist.parameters import parameters_of
from ingest.feeds.pricelist.tests.lists import STONE, mapped, stone, text
from ingest.feeds.pricelist.tests.test_proof import stones_of


@pytest.mark.parametrize(
    ("weight", "color", "dollars"),
    [
        ("0.50", "G", "99,990"),
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


@pytest.mark.parametrize("amount", ["99999", "99,999.99", "999999", "9999999.00"])
def test_an_amount_of_nines_stands_for_a_price_on_request(amount: str) -> None:
    with pytest.raises(MappingError, match="is no price of a stone, but stands for one on request"):
        mapped(stone(Weight="5.00", Total_Price=amount))


def test_nines_that_another_column_proves_are_a_price() -> None:
    row = stone(Weight="5.01", Total_Price="99,999.60") | {"Price/Ct": "19,960"}

    assert mapped(row).cost_cents == 9_999_960


@pytest.mark.parametrize("amount", ["POR", "call", "on request", "1", "0.01", "0", ""])
def test_what_says_that_a_price_is_on_request_is_none(amount: str) -> None:
    with pytest.raises(MappingError):
        mapped(stone(Total_Price=amount))


def priced(totals: Callable[[int, float], float], rows: int = 40) -> str:
    """A list of totals, by number and weight."""
    weights = [round(0.3 * 1.06**number, 2) for number in range(rows)]
    return text(
        [
            {
                **STONE,
                "Stock #": f"S-{number}",
                "Weight": f"{weight:.2f}",
                "Total Price": f"{totals(number, weight):.0f}",
            }
            for number, weight in enumerate(weights)
        ]
    )


def usual(weight: float) -> float:
    """What such a stone costs, in dollars."""
    return (bands.usual(weight, bands.ORDINARY) or 0) * weight


def test_one_total_on_stones_of_all_sizes_is_no_price(tmp_path: Path) -> None:
    content = priced(lambda number, weight: 5_000 if number % 6 == 1 else usual(weight))

    read, verdict = stones_of(tmp_path, content)

    letters = {stone for stone, cents in read.items() if not isinstance(cents, int)}
    assert letters == {f"S-{number}" for number in range(40) if number % 6 == 1}
    assert "'5000' is no price of a stone, but stands for one on request" in str(read["S-1"])
    assert any("'5000' in 'Total Price' stands for a price on request" in note for note in verdict.notes)


def test_stones_of_about_one_size_may_cost_the_same(tmp_path: Path) -> None:
    content = priced(lambda _, weight: max(100, round(usual(weight) * 1.7, -3)))

    read, verdict = stones_of(tmp_path, content)

    assert not verdict.notes
    assert all(isinstance(cents, int) for cents in read.values())

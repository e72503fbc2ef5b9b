"""Weights in points, hundredths of a carat: said by a cell or a header, proven by a list's rows, or asked about."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.feeds.adapter import StoneQuery
from ingest.feeds.pricelist import numbers
from ingest.feeds.pricelist.tests.lists import adapter, mapped, put, stone, text
from ingest.feeds.verdicts import SupplierAsks

#: Hundredths of a carat, with dollars a carat and the measures of round stones of these weights.
STONES = [
    (101, 3_888, "6.45-6.48x3.98"),
    (120, 2_150, "6.85-6.82x4.21"),
    (30, 896, "4.32-4.30x2.65"),
    (41, 1_056, "4.79-4.77x2.94"),
    (90, 2_511, "6.23-6.20x3.82"),
]


def write(folder: Path, *columns: str, header: str = "Carat", carats: bool = False) -> None:
    """A list whose weights are in points, or in carats, with some of its other columns."""
    rows = []
    for number, (points, per_carat, measures) in enumerate(STONES):
        row = {
            "Stock #": f"WP-{number}",
            "Shape": "Round",
            header: f"{points / 100:.2f}" if carats else f"{points}",
            "Color": "G",
            "Clarity": "VS1",
            "Measurements": measures,
            "Price/Ct": f"{per_carat}",
            "Total": f"{per_carat * points / 100:.2f}",
        }
        rows.append({name: row[name] for name in ("Stock #", "Shape", header, "Color", "Clarity", *columns)})
    put(folder, text(rows))


def read(folder: Path, **parameters: object) -> list[tuple[Decimal | None, int | None]]:
    """Weight and cost in cents of each stone, in the order of the list."""
    reader = adapter(folder, **parameters)
    items = reader.page(StoneQuery(window_to=reader.server_time()), 0, 500).items
    facts = sorted(map(reader.to_diamond, items), key=lambda fact: fact.offer_id)
    return [(fact.carats, fact.cost_cents) for fact in facts]


RIGHT = [(Decimal(points) / 100, points * per_carat) for points, per_carat, _ in STONES]


@pytest.mark.parametrize(
    "columns",
    [("Price/Ct", "Total"), ("Total", "Measurements"), ("Price/Ct", "Measurements"), ("Price/Ct", "Total", "Measurements")],
)  # fmt: skip
def test_whole_weights_that_prices_or_measures_prove_to_be_points_are_read_as_such(
    tmp_path: Path, columns: tuple[str, ...]
) -> None:
    write(tmp_path, *columns)

    assert read(tmp_path) == RIGHT


@pytest.mark.parametrize("columns", [("Price/Ct", "Total"), ("Total", "Measurements")])
def test_weights_in_carats_stay(tmp_path: Path, columns: tuple[str, ...]) -> None:
    write(tmp_path, *columns, carats=True)

    assert read(tmp_path) == RIGHT


@pytest.mark.parametrize("header", ["Points", "Weight (pts)", "PTS"])
def test_a_header_of_points_is_one(tmp_path: Path, header: str) -> None:
    write(tmp_path, "Total", header=header)

    assert read(tmp_path) == RIGHT


def test_whole_weights_that_nothing_proves_are_asked_about_and_read_as_the_answer_says(tmp_path: Path) -> None:
    write(tmp_path, "Total")

    with pytest.raises(SupplierAsks, match="are they points") as asked:
        adapter(tmp_path).server_time()

    (points, _) = asked.value.verdict.question.answers if asked.value.verdict.question else ()
    assert read(tmp_path, **points.parameters) == RIGHT


def test_what_weights_are_in_is_asked_before_what_prices_are(tmp_path: Path) -> None:
    rows = [
        stone(**{"Stock #": f"W-{points}", "Weight": f"{points}", "Price": "3000"}) for points in (30, 41, 101, 120)
    ]
    put(tmp_path, text([{header: cell for header, cell in row.items() if header != "Total Price"} for row in rows]))

    with pytest.raises(SupplierAsks, match="are they points"):
        adapter(tmp_path).server_time()


def test_great_stones_of_whole_carats_are_no_points(tmp_path: Path) -> None:
    rows = [
        stone(
            **{
                "Stock #": f"G-{carats}",
                "Weight": f"{carats}",
                "Price/Ct": "50000",
                "Total Price": f"{carats * 50_000}",
            }
        )
        for carats in (10, 11, 15, 20)
    ]
    put(tmp_path, text(rows))

    assert [carats for carats, _ in read(tmp_path)] == [10, 11, 15, 20]


@pytest.mark.parametrize(
    ("cell", "carats"),
    [
        *[("37 pts", "0.37"), ("152 points", "1.52"), ("2.04c", "2.04"), ("0.51 CTW", "0.51"), ("1.01 ct.", "1.01")],
        *[("1.00 (1)", "1.00"), ("0.52(1 pc)", "0.52")],
    ],
)
def test_a_weight_is_read_in_the_unit_beside_it(cell: str, carats: str) -> None:
    assert mapped(stone(Weight=cell)).carats == Decimal(carats)


@pytest.mark.parametrize("cell", ["about 1", "1.02 g", "3 pcs", "0.50+0.52", "pts"])
def test_what_is_no_weight_in_carats_or_points_is_none(cell: str) -> None:
    assert numbers.carats(cell) is None


@given(st.integers(1, 9_999))
def test_points_are_hundredths_of_a_carat(points: int) -> None:
    assert numbers.carats(f"{points} pts") == Decimal(numbers.of_points(f"{points}")) == Decimal(points) / 100

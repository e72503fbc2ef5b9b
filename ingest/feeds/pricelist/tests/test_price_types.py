"""Columns that say beside a lone price whether it is of a carat or of the stone."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.feeds.pricelist.tests.prices import Row, asked, carats_of, costs, unpriced


def lone(header: str, *cells: str, price: float = 3_000) -> list[Row]:
    """Stones near one carat, of which nothing else tells what their price is of."""
    rows = []
    for number in range(24):
        row = unpriced(number) | {"Carat": f"{0.9 + number / 100:.2f}"}
        rows.append(row | {"Price": f"{price + number}", header: cells[number % len(cells)]})
    return rows


@pytest.mark.parametrize(
    ("header", "cell", "per_carat"),
    [
        *[("Unit", cell, True) for cell in ("per ct", "Per Carat", "/ct", "USD/ct", "$ / carat")],
        *[("Price Type", cell, True) for cell in ("Per Carat", "Carat", "per cts.")],
        *[("Price Type", cell, False) for cell in ("Total", "Per Stone", "per piece")],
        ("Unit", "per stone", False),
    ],
)
def test_a_column_says_what_a_lone_price_is_of(tmp_path: Path, header: str, cell: str, per_carat: bool) -> None:
    rows = lone(header, cell)

    paid = costs(tmp_path, rows)

    for row in rows:
        assert abs(paid[row["Stock #"]] - float(row["Price"]) * (carats_of(row) if per_carat else 1) * 100) <= 1


@pytest.mark.parametrize(
    ("header", "cells"),
    [
        *[
            ("Unit", ("ct",)),
            ("Unit", ("pcs",)),
            ("Price Type", ("Per Carat", "Total")),
            ("Price Type", ("Per Carat", "")),
        ],
        *[("Price Type", ("Fixed",)), ("Type of unit", ("per ct",))],
    ],
)
def test_what_does_not_say_it_of_all_rows_is_asked(tmp_path: Path, header: str, cells: tuple[str, ...]) -> None:
    assert "'Price'" in asked(tmp_path, lone(header, *cells)).words


def test_what_levels_deny_is_asked_whatever_the_column_says(tmp_path: Path) -> None:
    rows = [
        row | {"Carat": f"{0.05 + number / 1000:.3f}", "Price": f"{1_000 * (0.05 + number / 1000):.2f}"}
        for number, row in enumerate(lone("Unit", "per ct"))
    ]

    assert "'Price'" in asked(tmp_path, rows).words

"""Depth and table that stand in each other's columns, as the measures of a list's rows prove."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.feeds.adapter import StoneQuery
from ingest.feeds.pricelist.mapping import Mapper
from ingest.feeds.pricelist.parameters import parameters_of
from ingest.feeds.pricelist.proving import depth_and_table, finding
from ingest.feeds.pricelist.tests.lists import adapter, put, stone, text

#: Measures in mm, and the depth and the table in percent.
STONES = [
    ("7.02-6.99x4.31", "61.7", "57"),
    ("7.40-7.36x4.54", "61.5", "56"),
    ("8.33x5.55x3.66", "65.9", "55"),
    ("6.25-6.22x3.84", "61.7", "58"),
    ("7.31x4.87x3.22", "66.1", "60"),
    # The same within what is rounded: it tells nothing.
    ("5.19-5.16x3.18", "61.6", "62"),
]


def rows(
    depth: str = "Depth %", table: str = "Table %", *, swapped: int = 0, measures: bool = True
) -> list[dict[str, str]]:
    """Rows of which the first so many have depth and table in each other's column."""
    written = []
    for number, (size, deep, wide) in enumerate(STONES):
        first, second = (wide, deep) if number < swapped else (deep, wide)
        cells = {"Stock #": f"D-{number}", "Measurements": size if measures else "", depth: first, table: second}
        written.append({**stone(), **cells})
    return written


def read(
    folder: Path, written: list[dict[str, str]], **parameters: object
) -> list[tuple[Decimal | None, Decimal | None]]:
    """Depth and table of each stone."""
    put(folder, text(written))
    reader = adapter(folder, **parameters)
    items = reader.page(StoneQuery(window_to=reader.server_time()), 0, 10).items
    facts = sorted(map(reader.to_diamond, items), key=lambda fact: fact.offer_id)
    return [(fact.depth_pct, fact.table_pct) for fact in facts]


RIGHT = [(Decimal(deep), Decimal(wide)) for _, deep, wide in STONES]


@pytest.mark.parametrize(("depth", "table"), [("Depth %", "Table %"), ("Depth", "Table"), ("Total Depth", "Tbl")])
def test_what_the_measures_prove_to_be_the_depth_is_read_as_it(tmp_path: Path, depth: str, table: str) -> None:
    assert read(tmp_path, rows(depth, table, swapped=len(STONES))) == RIGHT


def test_columns_that_hold_what_they_are_called_stay(tmp_path: Path) -> None:
    assert read(tmp_path, rows()) == RIGHT


@pytest.mark.parametrize("swapped", [1, 3])
def test_some_rows_prove_nothing_of_all(tmp_path: Path, swapped: int) -> None:
    wrong = [(wide, deep) for deep, wide in RIGHT[:swapped]]

    assert read(tmp_path, rows(swapped=swapped)) == [*wrong, *RIGHT[swapped:]]


def test_without_measures_nothing_is_proven(tmp_path: Path) -> None:
    assert read(tmp_path, rows(swapped=len(STONES), measures=False)) == [(wide, deep) for deep, wide in RIGHT]


def test_what_the_feed_says_of_a_column_counts(tmp_path: Path) -> None:
    written = rows(swapped=len(STONES))

    assert read(tmp_path, written, columns={"Depth %": "depth_pct"}) == [(wide, deep) for deep, wide in RIGHT]


@given(st.lists(st.tuples(st.integers(400, 900), st.integers(570, 660), st.integers(52, 64)), min_size=5, max_size=20))
def test_true_depths_are_never_taken_for_tables(stones: list[tuple[int, int, int]]) -> None:
    chosen = parameters_of({"source": "x"})
    sample = [
        (
            row,
            {
                **stone(),
                "Measurements": f"{width / 100:.2f}x{width / 100:.2f}x{width * deep / 100_000:.2f}",
                "Depth": f"{deep / 10}",
                "Table": f"{wide}",
            },
        )
        for row, (width, deep, wide) in enumerate(stones, 1)
    ]

    found = depth_and_table.find([*stone(), "Measurements", "Depth", "Table"], sample, chosen, Mapper(chosen))

    assert found == finding.NOTHING

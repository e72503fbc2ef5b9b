"""A column "Cut" in lists that have no other column of shapes: shapes or grades, as its words say."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from ingest.feeds.adapter import StoneQuery
from ingest.feeds.pricelist import inspecting
from ingest.feeds.pricelist.parameters import parameters_of
from ingest.feeds.pricelist.tests.lists import adapter, put, stone, text


def write(folder: Path, cuts: Sequence[str], **cells: str) -> Path:
    rows = []
    for number, cut in enumerate(cuts):
        row = {**stone(), **cells, "Stock #": f"A-{number}", "Cut": cut}
        rows.append({header: cell for header, cell in row.items() if header != "Shape"})
    return put(folder, text(rows))


def read(folder: Path, **parameters: object) -> list[tuple[str | None, int | None]]:
    """Shape and cut of each stone."""
    reader = adapter(folder, **parameters)
    items = reader.page(StoneQuery(window_to=reader.server_time()), 0, 500).items
    return [(facts.shape, facts.cut) for facts in map(reader.to_diamond, items)]


@pytest.mark.parametrize(
    ("cuts", "shapes"),
    [
        (["RBC", "EMERALD", "Old European", "Oval", ""], ["ROUND", "EMERALD", "OLD_EUROPEAN", "OVAL", None]),
        # `E` and `P` are grades as well.
        (["O", "M", "E", "P"], ["OVAL", "MARQUISE", "EMERALD", "PEAR"]),
        (["Princess"], ["PRINCESS"]),
    ],
)
def test_words_that_are_shapes_make_it_the_shape(tmp_path: Path, cuts: list[str], shapes: list[str | None]) -> None:
    path = write(tmp_path, cuts)

    inspected = inspecting.inspect(
        path, parameters_of({"source": "x"}), most_bytes=1_000_000, price=lambda _: None, error_budget=1.0
    )

    assert read(tmp_path) == [(shape, None) for shape in shapes]
    assert {column.header: column.field for column in inspected.columns}["Cut"] == "shape"
    assert "'Cut' holds shapes and no grades" in inspected.notes[0]
    assert not inspected.words


@pytest.mark.parametrize(
    "cuts", [["EX", "VG", "G", "F"], ["E", "E", "P"], ["Ideal", "Excellent", "", "Wibble"], ["", ""]]
)
def test_words_that_are_grades_leave_it_the_cut(tmp_path: Path, cuts: list[str]) -> None:
    write(tmp_path, cuts)

    assert {shape for shape, _ in read(tmp_path)} == {None}


def test_what_the_feed_says_of_it_counts(tmp_path: Path) -> None:
    write(tmp_path, ["Oval", "Princess", "Pear"])

    assert read(tmp_path, columns={"Cut": "cut"}) == [(None, None)] * 3


def test_beside_a_column_of_shapes_it_is_the_cut(tmp_path: Path) -> None:
    rows = [{**stone(), "Stock #": f"A-{number}", "Cut": "Oval"} for number in range(3)]
    put(tmp_path, text(rows))

    assert read(tmp_path) == [("ROUND", None)] * 3

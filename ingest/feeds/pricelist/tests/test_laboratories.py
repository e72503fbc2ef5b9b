"""Columns called by reports that hold the laboratories of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.feeds.pricelist.mapping import Mapper
from ingest.feeds.pricelist.parameters import parameters_of
from ingest.feeds.pricelist.tests.natural_stones import STONES, made
from ingest.feeds.pricelist.tests.prices import Row, plain


def reports(folder: Path, rows: list[Row]) -> list[tuple[str | None, str | None]]:
    mapper = Mapper(parameters_of({"source": "x"}))
    facts = [mapper.to_diamond(payload) for payload in made(folder, plain(rows)).payloads()]
    return [(fact.lab, fact.certificate_number) for fact in facts]


def with_report(header: str, *cells: str, number: str = "Report No") -> list[Row]:
    kept = [{name: cell for name, cell in row.items() if name not in ("Lab", "Report #")} for row in STONES]
    return [
        row | {header: cells[at % len(cells)], number: full["Report #"]}
        for at, (row, full) in enumerate(zip(kept, STONES, strict=True))
    ]


@pytest.mark.parametrize("header", ["Report", "Cert ID"])
def test_a_column_called_by_reports_that_names_laboratories_is_read_as_that(tmp_path: Path, header: str) -> None:
    found = reports(tmp_path, with_report(header, "GIA", "IGI", "", "gia"))

    assert [lab for lab, _ in found[:4]] == ["GIA", "IGI", None, "GIA"]
    assert {number for _, number in found} == {row["Report #"] for row in STONES}


@pytest.mark.parametrize("cells", [("pending", "GIA"), ("Yes",), ("Dossier", "Full")])
def test_other_words_name_no_laboratory(tmp_path: Path, cells: tuple[str, ...]) -> None:
    assert {lab for lab, _ in reports(tmp_path, with_report("Report", *cells))} == {None}

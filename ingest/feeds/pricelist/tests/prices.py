"""Prices of lists for tests: stones with any columns of money, what they cost by a list, and what is asked of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ingest.feeds.pricelist.mapping import Mapper
from ingest.feeds.pricelist.parameters import parameters_of
from ingest.feeds.pricelist.tests.natural_stones import made, stone
from ingest.feeds.verdicts import Question, SupplierAsks

Row = dict[str, str]


def unpriced(number: int) -> Row:
    return {header: cell for header, cell in stone(number).items() if header not in ("Price/Ct", "Total")}


def carats_of(row: Row) -> float:
    return float(row["Carat"])


def asked(folder: Path, rows: Sequence[Row], **parameters: Any) -> Question:
    with pytest.raises(SupplierAsks) as raised:
        made(folder, plain(rows), **parameters)
    question = raised.value.verdict.question
    assert question is not None
    return question


def plain(rows: Sequence[Row]) -> list[list[str]]:
    """The rows of cells of a list with just these columns."""
    headers = list(dict.fromkeys(header for row in rows for header in row))
    return [headers, *([row.get(header, "") for header in headers] for row in rows)]


def costs(folder: Path, rows: Sequence[Row], **parameters: Any) -> dict[str, int]:
    """What stones cost by a list, in cents, by stock number."""
    mapper = Mapper(parameters_of({"source": "x", **parameters}))
    facts = [mapper.to_diamond(payload) for payload in made(folder, plain(rows), **parameters).payloads()]
    return {fact.offer_id: fact.cost_cents for fact in facts}

"""The list price of a list and the discount of it: of a carat or of whole stones, and what is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.feeds.pricelist.tests.natural_stones import HEADERS, made, stone
from ingest.feeds.verdicts import SupplierAsks


def test_a_list_price_that_is_of_whole_stones_is_asked_about_and_the_answer_is_taken(tmp_path: Path) -> None:
    header = [*HEADERS[:-2], "List Price", "Discount"]
    rows = []
    for number in range(40):
        row = stone(number)
        carats = float(row["Carat"])
        rows.append([*(row[name] for name in HEADERS[:-2]), f"{4_000 * carats**2:.0f}", "20%"])

    with pytest.raises(SupplierAsks, match="as prices of whole stones are"):
        made(tmp_path, [header, *rows])
    assert made(tmp_path, [header, *rows], columns={"List Price": "list_price"}).census().offered == 40

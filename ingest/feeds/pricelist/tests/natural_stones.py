"""Lists of natural stones for tests, priced as such stones are, and the snapshots that are made of them."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ingest import first_day
from ingest.drift import Counts
from ingest.feeds.pricelist import snapshot
from ingest.feeds.pricelist.mapping import Mapper
from ingest.feeds.pricelist.parameters import Parameters, parameters_of

HEADERS = ("Stock #", "Shape", "Carat", "Color", "Clarity", "Lab", "Report #", "Price/Ct", "Total")


def stone(number: int, **others: str) -> dict[str, str]:
    """A natural stone, priced as such stones are."""
    carats = 0.5 + number % 20 / 10
    per_carat = round(3_000 * carats**0.8)
    row = {
        "Stock #": f"AB{number:04}",
        "Shape": "Round",
        "Carat": f"{carats:.2f}",
        "Color": "FGH"[number % 3],
        "Clarity": "VS1",
        "Lab": "GIA",
        "Report #": f"{6_200_000_000 + number * 7_919}",
        "Price/Ct": f"{per_carat}",
        "Total": f"{per_carat * carats:.2f}",
    }
    return {**row, **others}


def made(folder: Path, rows: Sequence[Sequence[str]], **parameters: Any) -> snapshot.Snapshot:
    """A snapshot of a CSV list with these rows of cells."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    source = folder / "list.csv"
    source.write_text(text.getvalue())
    told: Parameters = parameters_of({"source": str(source), **parameters})
    snapshot.make(source, folder / "made", told, Mapper(told), most_bytes=10_000_000)
    return snapshot.Snapshot(folder / "made", 1, None)


def table(rows: Sequence[dict[str, str]]) -> list[list[str]]:
    headers = list(dict.fromkeys([*HEADERS, *(header for row in rows for header in row)]))
    return [headers, *([row.get(header, "") for header in headers] for row in rows)]


def faults(census: Any, received: int) -> list[str]:
    counts = Counts()
    counts.mapped = received
    return [fault.words for fault in first_day.judge(census, counts, received=received)]


STONES = [stone(number) for number in range(24)]

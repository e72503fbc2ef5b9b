"""Price lists for tests: rows of the trade in a file of a folder, and the adapter of a feed that reads it."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from catalog.rows import StoneFacts
from ingest.feeds.pricelist.adapter import PricelistAdapter
from ingest.feeds.pricelist.mapping import Mapper
from ingest.feeds.pricelist.parameters import parameters_of
from ingest.feeds.pricelist.source import Limits
from ingest.feeds.pricelist.spool import Spool

#: A row that lacks nothing.
STONE = {
    "Stock #": "A-1",
    "Shape": "Round",
    "Weight": "1.00",
    "Color": "G",
    "Clarity": "VS1",
    "Total Price": "5,000",
}


def stone(**cells: str) -> dict[str, str]:
    """A row with some cells changed; `_` stands for a space in a header."""
    return {**STONE, **{header.replace("_", " "): cell for header, cell in cells.items()}}


def stones(count: int, *, first: int = 1) -> list[dict[str, str]]:
    """Rows of one carat, a hundred dollars apart, and a dollar apart where a carat cannot cost much more."""
    return [
        {**STONE, "Stock #": f"A-{number}", "Total Price": f"{1000 + 100 * min(number, 800) + max(0, number - 800)}"}
        for number in range(first, first + count)
    ]


def text(rows: Sequence[Mapping[str, str]], *, delimiter: str = ",", quoting: int = csv.QUOTE_MINIMAL) -> str:
    """A price list of rows with the headers of the first one."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, quoting=quoting)  # type: ignore[arg-type]  # any of the four
    writer.writerow(rows[0])
    writer.writerows(list(row.values()) for row in rows)
    return out.getvalue()


def limits(folder: Path, *, hosts: Sequence[str] = (), most_bytes: int = 50_000_000, seconds: float = 10.0) -> Limits:
    """Lists may come from a folder below this one."""
    lists = folder / "lists"
    lists.mkdir(exist_ok=True)
    return Limits(lists, hosts, most_bytes, seconds)


def put(folder: Path, content: str | bytes, name: str = "list.csv") -> Path:
    """Put a list into the folder."""
    path = limits(folder).folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def adapter(folder: Path, **parameters: Any) -> PricelistAdapter:
    """The adapter of a feed that reads `list.csv`, as a process of its own would build it."""
    chosen = parameters_of({"source": "list.csv", **parameters})
    return PricelistAdapter(chosen, Spool(folder / "spool", chosen, limits(folder, hosts=["127.0.0.1"])))


def mapped(row: Mapping[str, Any], **parameters: Any) -> StoneFacts:
    """A row in the catalogue's terms."""
    return Mapper(parameters_of({"source": "list.csv", **parameters})).to_diamond(msgspec.json.encode(row))

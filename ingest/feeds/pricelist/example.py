"""An example price list of 53,940 real stones, as the trade writes one: `python3 -m ingest.feeds.pricelist.example FILE`.

The stones are those of the sandbox (see `ingest/sandbox/diamonds.csv.gz.LICENSE.txt`), with a stock number each.
"""

from __future__ import annotations

import csv
import gzip
import io
import sys
from collections.abc import Iterator
from pathlib import Path

STONES = Path(__file__).resolve().parents[2] / "sandbox" / "diamonds.csv.gz"
HEADERS = (
    *("Stock #", "Availability", "Shape", "Weight", "Color", "Clarity", "Cut Grade"),
    *("Measurements", "Depth %", "Table %", "Price/Ct", "Total Price", "Country"),
)
#: The data set says "Premium" for what laboratories call excellent.
_CUTS = {"Ideal": "ID", "Premium": "EX", "Very Good": "VG", "Good": "GD", "Fair": "F"}


def example_rows() -> Iterator[list[str]]:
    """The cells of every stone, in the order of `HEADERS`."""
    with gzip.open(STONES, "rt", newline="") as file:
        for number, stone in enumerate(csv.DictReader(file), 1):
            carats, total = float(stone["carat"]), int(stone["price"])
            yield [
                f"EX-{number:05}",
                "Available",
                "Round",
                stone["carat"],
                stone["color"],
                stone["clarity"],
                _CUTS[stone["cut"]],
                f"{stone['x']}-{stone['y']}x{stone['z']}",
                stone["depth"],
                stone["table"],
                f"{total / carats:,.2f}",
                f"{total:,}",
                "",
            ]


def write_example(path: Path) -> int:
    """Write the list, packed if the name ends in `.gz`; returns the number of stones."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(HEADERS)
    number = 0
    for row in example_rows():
        writer.writerow(row)
        number += 1
    content = text.getvalue().encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return number


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python3 -m ingest.feeds.pricelist.example FILE.csv[.gz]")
    print(f"{write_example(Path(sys.argv[1])):,} stones in {sys.argv[1]}")

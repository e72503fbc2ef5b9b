"""The trade's words, as tables: what suppliers and lists write, what it means, and who says so.

Each table is a CSV file beside this one. `word` is folded (`catalog.grades.fold`); `source` is who documents the word:
`rapaport` (fields and values of its upload format), `idex`, `gemfind`, `nivoda`, a laboratory's reports, or `trade` for what
lists are seen to write without anybody's document, `terms` for the trade's own terms in other languages than English. An
empty meaning is a word for nothing.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parent
SOURCES = frozenset({"rapaport", "idex", "gemfind", "nivoda", "gia", "igi", "trade", "terms"})


@cache
def table(name: str) -> Mapping[str, str]:
    """Word → meaning of a table with one meaning for each word."""
    return {row["word"]: row["meaning"] for row in rows(name)}


@cache
def parted(name: str, by: str) -> Mapping[str, Mapping[str, str]]:
    """A table of several parts, told apart by the column `by`: part → word → meaning."""
    parts: dict[str, dict[str, str]] = {}
    for row in rows(name):
        parts.setdefault(row[by], {})[row["word"]] = row["meaning"]
    return parts


def rows(name: str) -> list[dict[str, str]]:
    """A table as it stands in its file."""
    with (_FOLDER / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def names() -> list[str]:
    """The tables that there are."""
    return sorted(path.stem for path in _FOLDER.glob("*.csv"))

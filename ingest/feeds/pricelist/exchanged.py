"""Cells of a row that stand in each other's columns: a clarity below "Color" and a colour below "Clarity".

Such a row is refused: what was moved in it, and what else with that, only the supplier can tell.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import permutations

from catalog.grades import Clarity, LabFinish
from catalog.labs import KNOWN_LABS, normal_lab
from catalog.shapes import known_shape
from ingest.errors import MappingError
from ingest.feeds import nature, values
from ingest.feeds.fancy import fancy_facts
from ingest.feeds.pricelist.columns import Cells, is_filled

_LABS = frozenset(KNOWN_LABS)
_REPORT = re.compile(r"[A-Z]{0,3}[\s-]?\d{7,14}", re.IGNORECASE | re.ASCII)

_PARTS = re.compile(r"[\s/,;|]+")
#: Single letters are words of too many fields: "N" below a cut and "F" below a colour.
_MIN_LETTERS = 2


def _is_color(cell: str) -> bool:
    facts = fancy_facts(cell, None, None, None)
    # "EX/EX/blue" has a colour in it and is none.
    return bool(facts.color or facts.tint) and not any(
        len(part) >= _MIN_LETTERS and values.grade(LabFinish, part) for part in _PARTS.split(cell)
    )


#: Whether a cell is a word of a field.
_IS: dict[str, Callable[[str], bool]] = {
    "shape": lambda cell: known_shape(nature.without_growth(cell)) is not None,
    "color": _is_color,
    "clarity": lambda cell: values.grade(Clarity, nature.grade_alone(cell)) is not None,
    "cut": lambda cell: values.grade(LabFinish, cell) is not None,
    "lab": lambda cell: normal_lab(cell) in _LABS,
    "certificate_number": lambda cell: _REPORT.fullmatch(cell.strip()) is not None,
}


def refuse_exchanged(cells: Cells) -> None:
    """Raise `MappingError` if a cell is no word of its column, but of another one whose cell is likewise one of its."""
    for field, other in permutations((field for field in _IS if is_filled(cells[field])), 2):
        cell, beside = cells[field], cells[other]
        if max(len(cell), len(beside)) < _MIN_LETTERS:
            continue
        if not _IS[field](cell) and _IS[other](cell) and _IS[field](beside):
            raise MappingError(
                cells.header(field),
                f"{cell[:60]!r} and {beside[:60]!r} of {cells.header(other)!r} stand in each other's columns: what "
                "else of the row was moved, nothing tells",
            )

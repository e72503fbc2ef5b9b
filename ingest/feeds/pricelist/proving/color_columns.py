"""Colours whose columns their headers do not tell apart: that of fluorescence behind it, and fancy ones below "Fancy".

A second column "Color", or an "F Color", directly behind fluorescence is its colour if its cells are such colours.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from catalog.fancy_colors import MIN_LETTERS, said_of_color, said_of_fancy
from catalog.fluorescence_colors import KNOWN_FLUORESCENCE_COLORS, SPELLINGS
from catalog.grades import Fluorescence, fold
from ingest.feeds.fluorescence import fluorescence_facts
from ingest.feeds.pricelist.columns import RESERVED, is_filled
from ingest.feeds.pricelist.headers import REPEATED, key, ranked_columns, unknown_headers
from ingest.feeds.pricelist.headers import fold as header_fold
from ingest.feeds.pricelist.parameters import Parameters
from ingest.feeds.pricelist.proving.finding import NOTHING, Finding, Sample, cells_below

if TYPE_CHECKING:
    from ingest.feeds.pricelist.mapping import Mapper

#: The share of rows that may say otherwise: stones that shine in a colour are graded as fluorescent.
_SLIPS = 0.1
_OF_FLUORESCENCE = frozenset({*SPELLINGS, *KNOWN_FLUORESCENCE_COLORS})
#: Headers that may be of a fancy colour or of fluorescence's, and those that may name a fancy colour or say yes and no.
_EITHER, _FANCY = "FCOLOR", frozenset({"FANCY", "FC", "FCY", "FNC", "FNCY"})
_NO = frozenset({"N", "NO", "NIL"})


def find(headers: Sequence[str], sample: Sample, parameters: Parameters, _mapper: Mapper) -> Finding:
    """The columns of these two kinds."""
    ranked = ranked_columns(headers, parameters.chosen)
    found = NOTHING
    if "fluorescence_color" not in ranked:
        fluorescent, colors = ranked.get("fluorescence", ()), ranked.get("color", ())
        for before, header in pairwise(header for header in headers if header not in RESERVED):
            if before in fluorescent and key(header) not in parameters.chosen:
                if header in colors[1:] and REPEATED.search(header):
                    found |= _of_fluorescence(before, header, colors[0], sample)
                elif header_fold(header) == _EITHER and colors:
                    found |= _of_fluorescence(before, header, None, sample)
    if "fancy_color" not in ranked:
        for header in unknown_headers(headers, parameters.chosen):
            if header_fold(header) in _FANCY:
                found |= _of_fancies(header, cells_below(header, sample))
    return found


def _of_fluorescence(fluorescence: str, header: str, color: str | None, sample: Sample) -> Finding:
    """Whether a column is of colours that fluorescent stones shine in; beside grades in `color` one that shines in none may
    have one, too."""
    said = [
        (cell, shines, color is not None and said_of_color(grade).letter is not None)
        for cell, shines, grade in zip(
            cells_below(header, sample),
            cells_below(fluorescence, sample),
            cells_below(color or header, sample),
            strict=True,
        )
        if is_filled(cell)
    ]
    cells = [cell for cell, _, _ in said]
    named = sum(fold(cell) in _OF_FLUORESCENCE for cell in cells)
    others = sum(not is_graded and not _shines(shines) for _, shines, is_graded in said)
    if max(len(cells) - named, others) > _SLIPS * len(cells) or all(len(cell) == 1 for cell in cells):
        return NOTHING
    note = f"{header!r} is the colour of {fluorescence!r}: {named:,} of its {len(cells):,} cells are one"
    return Finding({header: "fluorescence_color"}, (note,))


def _shines(cell: str) -> bool:
    intensity = fluorescence_facts(cell, None)[0]
    return intensity is not None and intensity > Fluorescence.NONE


def _of_fancies(header: str, cells: Sequence[str]) -> Finding:
    said = [cell for cell in cells if is_filled(cell) and fold(cell) not in _NO]
    if not said or not all(said_of_fancy(cell).fancy for cell in said) or all(len(cell) < MIN_LETTERS for cell in said):
        return NOTHING
    note = f"{header!r} holds names of fancy colours: all of its {len(said):,} cells are one"
    return Finding({header: "fancy_color"}, (note,))

"""Intensities of fancy colours below any header, and letters beside them that name colours: FI and Y, FV and P.

A column of colours whose letters are Y, P, G or O is read as the scale from D to Z unless the list says that its stones are
fancy: then P is pink. Beside FI and FV an F is fancy, beside FC it is faint, as the biggest market has both.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from catalog.fancy_colors import color_name, intensity_of
from catalog.grades import FancyIntensity, fold
from ingest.feeds.pricelist import vocabulary
from ingest.feeds.pricelist.columns import is_filled
from ingest.feeds.pricelist.headers import fold as header_fold
from ingest.feeds.pricelist.headers import key, ranked_columns, unknown_headers
from ingest.feeds.pricelist.parameters import Parameters
from ingest.feeds.pricelist.proving.finding import NOTHING, Finding, Sample, cells_below
from ingest.feeds.verdicts import Answer, Question

if TYPE_CHECKING:
    from ingest.feeds.pricelist.mapping import Mapper

#: The share of the letters beside intensities that must be names of colours. Others are abbreviations of two of them.
NAMES = 0.8
#: Characters of cells that a question shows.
_SHOWN = 60
#: Longest code of a colour (letters), and the grades of nearly all stones on the scale, which are names of few or none.
_CODE, _USUAL_GRADES = 3, frozenset("DEFGHIJKLMN")
#: Intensities that are words or letters of other grades, too, after `fold`: Flawless, Very Good, Light, a deep cut.
_OF_OTHERS = frozenset({"FL", "DK", "DP", "DARK", "DEEP"})
#: How a header may begin of a column of which the cells alone do not tell.
_BEGINS = ("INT", "FANCY", "FCY", "FNCY")
#: The two things that an F may say, and what tells that it is the first of them.
_F, _WITHOUT_FANCY = "F", frozenset({"FC", "FCY", "FNCY", "FCL", "FCI", "FCV", "FCD", "FANCY", "FNT", "FT", "FAINT"})
_BEHIND_F = frozenset({"FI", "FV", "FD", "FL", "FDK", "FDP", "FINT", "FLT", "FVI"})


def find(headers: Sequence[str], sample: Sample, parameters: Parameters, mapper: Mapper) -> Finding:
    """The column of intensities, of colours by their names, and what F says; a question where cells may be intensities."""
    ranked = ranked_columns(headers, parameters.chosen)
    found = NOTHING
    intensities = ranked.get("fancy_intensity", ())
    if not intensities:
        for header in unknown_headers(headers, parameters.chosen):
            cells = [cell for cell in cells_below(header, sample) if is_filled(cell)]
            if cells and all(map(vocabulary.FIELDS["fancy_intensity"].understood.__getitem__, cells)):
                if any(map(_is_sure, cells)):
                    note = f"{header!r} is the intensity of fancy colours: all of its {len(cells):,} cells are one"
                    found |= Finding({header: "fancy_intensity"}, (note,))
                    intensities = (header,)
                    break
                if header_fold(header).startswith(_BEGINS):
                    found |= _asked(header, cells)
    if not intensities:
        return found
    degrees = cells_below(intensities[0], sample)
    folded = {fold(cell) for cell in degrees if is_filled(cell)}
    if _F in folded and folded & _BEHIND_F and not folded & _WITHOUT_FANCY:
        note = f"an F in {intensities[0]!r} is fancy and not faint, as beside it stands {min(folded & _BEHIND_F)}"
        found |= Finding(notes=(note,), words={"fancy_intensity": {_F: FancyIntensity.FANCY.name}})
    colors = ranked.get("color", ())
    if len(colors) == 1 and "fancy_color" not in ranked and key(colors[0]) not in parameters.chosen:
        found |= _names(colors[0], cells_below(colors[0], sample), degrees)
    return found


def _is_sure(cell: str) -> bool:
    """Whether a cell is the intensity of a fancy colour and nothing else."""
    folded, intensity = fold(cell), intensity_of(cell)
    return (
        intensity is not None
        and intensity >= FancyIntensity.FANCY_LIGHT
        and len(folded) > 1
        and folded not in _OF_OTHERS
    )


def _asked(header: str, cells: Sequence[str]) -> Finding:
    shown = ", ".join(map(repr, dict.fromkeys(cells)))[:_SHOWN]
    return Finding(
        question=Question(
            f"{header!r} may hold intensities of fancy colours ({shown}): does it?",
            (
                Answer("It does", {"columns": {header: "fancy_intensity"}}),
                Answer("It does not", {"columns": {header: ""}}),
            ),
        )
    )


def _names(header: str, cells: Sequence[str], degrees: Sequence[str]) -> Finding:
    """Whether codes of colours that stand beside an intensity are names, and few of them can be a grade."""
    codes = [fold(cell) for cell, degree in zip(cells, degrees, strict=True) if is_filled(cell) and is_filled(degree)]
    if _USUAL_GRADES.issuperset(codes) or not all(len(code) <= _CODE and code.isalpha() for code in codes):
        return NOTHING
    if sum(color_name(code) is not None for code in codes) < NAMES * len(codes):
        return NOTHING
    note = f"{header!r} names a fancy colour and no grade where an intensity stands beside it, on {len(codes):,} rows"
    # A list has one code for green.
    gray = {"fancy_color": {"GR": "GRAY"}} if "GR" in codes and "G" in codes and "GY" not in codes else {}
    return Finding(notes=(note,), words=gray, named_beside=True)

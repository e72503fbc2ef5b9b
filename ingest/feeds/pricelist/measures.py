"""The measures of a stone in mm, in any of the trade's writings, held against its weight.

A carat of diamond has 57 cubic millimetres, so a weight says how large a stone can be: it tells hundredths of a millimetre
from millimetres, a depth that stands first, and measures of which no stone consists.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from ingest.feeds import values

_NUMBER = re.compile(r"\d+(?:[.,]\d+)?|[.,]\d+", re.ASCII)
#: What stands beside measures and is none.
_BESIDE = re.compile(r"\d+(?:[.,]\d+)?\s*(?:%|CTS?\b|CARATS?\b|°)|MM2|\b(?:[1-9]\s*:\s*1)\b", re.IGNORECASE)
_LABELLED = re.compile(
    r"\b(LENGTH|LEN|L|WIDTH|WID|W|DEPTH|DEP|D|HEIGHT|HT|H)\b\s*[.:=]?\s*(\d+(?:[.,]\d+)?)", re.IGNORECASE | re.ASCII
)
_LABELLED_BEHIND = re.compile(
    r"(\d+(?:[.,]\d+)?)\s*(?:MM)?\s*\(?\b(LENGTH|LEN|L|WIDTH|WID|W|DEPTH|DEP|D|HEIGHT|HT|H)\b\)?",
    re.IGNORECASE | re.ASCII,
)
_CENTIMETRES, _INCHES = (
    re.compile(r"(?<![A-Z])CM\b", re.IGNORECASE),
    re.compile(r"(?<![A-Z])(?:IN|INCH(?:ES)?)\b|\"", re.IGNORECASE),
)
_GLUED = re.compile(r"(?<=\d)[xX*×](?=[\d.,])", re.ASCII)

#: Longest text that is read (characters).
_MAX_LENGTH = 120
#: No stone of the trade is longer, and none shorter (mm).
_MAX_MM, _MIN_MM = Decimal(100), Decimal("0.3")
#: Carats to length x width x depth: those of the thinnest rose cut, and half as many again as a block of diamond has
#: (0.0176). In between a wrong figure is likelier than a second stone; beyond, no rounding explains it.
_THINNEST, _FULLEST = 0.0022, 0.0264
#: Depth to width of a stone: outside of these a measure is wrong, whatever the weight.
_FLATTEST, _DEEPEST = 0.35, 1.15
#: Below this weight two decimals of a millimetre say too little (carats).
_SMALL = 0.05


#: The commonest writing.
PLAIN = re.compile(r"(\d+\.\d+) ?[-xX*] ?(\d+\.\d+) ?[-xX*] ?(\d+\.\d+)", re.ASCII)


class Measures(NamedTuple):
    """Length, width and depth in mm, None where unknown."""

    length: Decimal | None = None
    width: Decimal | None = None
    depth: Decimal | None = None
    #: Whether measures were given that cannot be true of such a stone.
    implausible: bool = False
    #: Whether the weight is more than one stone of these measures can have.
    several: bool = False


class Written(NamedTuple):
    """Measures as one cell has them."""

    length: Decimal | None = None
    width: Decimal | None = None
    depth: Decimal | None = None
    #: Whether all of them are whole numbers, as hundredths of a millimetre would be.
    whole: bool = False
    #: Whether the text itself says which is which.
    labelled: bool = False


NOTHING = Written()


def is_ordinary(length: Decimal, width: Decimal, depth: Decimal, carats: Decimal) -> bool:
    """Whether measures in their usual order are those of a stone of this weight, by the quickest look."""
    if not (depth < width and depth < length < 100 and width < 100):
        return False
    return _THINNEST < float(carats) / (float(length) * float(width) * float(depth)) < _FULLEST


#: Carats to length x width x depth of a stone by its shape, after the trade's tables.
_BY_SHAPE = {"ROUND": 0.0061, "OVAL": 0.0062, "PEAR": 0.0061, "MARQUISE": 0.0060, "HEART": 0.0061, "PRINCESS": 0.0083}
_BY_SHAPE |= dict.fromkeys(("CUSHION", "RADIANT", "ASSCHER"), 0.0083) | {"EMERALD": 0.0092}
#: So many times heavier no girdle makes a stone; stones of melee are rounded too much to tell (carats).
_HEAVIER, _TELLING_FROM = 1.6, 0.1
#: Depth to width of measures that are those of a stone, whatever it weighs; others have a slip in one of them.
_ORDINARY_DEPTH, _ORDINARY_DEPTH_OF_ROUND = (0.5, 0.85), (0.5, 0.72)
#: Length to width of a round stone is less.
_ROUND = 1.1


def are_of_less(
    shape: str | None, carats: Decimal | None, length: Decimal | None, width: Decimal | None, depth: Decimal | None
) -> bool:
    """Whether good measures (mm) are of a stone far lighter than the weight (carats), as one of a parcel's is."""
    usual = _BY_SHAPE.get(shape or "")
    if usual is None or not carats or not length or not width or not depth:
        return False
    long, narrow, deep, weight = float(length), float(width), float(depth), float(carats)
    if weight < _HEAVIER * usual * long * narrow * deep or weight < _TELLING_FROM:
        return False
    low, high = _ORDINARY_DEPTH_OF_ROUND if shape == "ROUND" else _ORDINARY_DEPTH
    sides = max(long, narrow) / min(long, narrow)
    return low <= deep / min(long, narrow) <= high and (shape != "ROUND" or sides < _ROUND)


def written(cell: str) -> Written:
    """Two or three measures of a cell: "6.42-6.45x3.98", "L 6.42 W 6.45 D 3.98", "(6,42 - 6,45) x 3,98 mm"."""
    text = _GLUED.sub(" x ", _BESIDE.sub(" ", cell[:_MAX_LENGTH]))
    labelled = _labelled(text)
    if labelled:
        return labelled
    numbers = _NUMBER.findall(text)
    if not 2 <= len(numbers) <= 3:
        return NOTHING
    scale = Decimal(10) if _CENTIMETRES.search(text) else Decimal("25.4") if _INCHES.search(text) else Decimal(1)
    first, second, *rest = (_decimal(number) * scale for number in numbers)
    whole = not any("." in number or "," in number for number in numbers)
    return Written(first, second, rest[0] if rest else None, whole)


def _labelled(text: str) -> Written | None:
    pairs = [(name[0].upper(), number) for name, number in _LABELLED.findall(text)]
    if len(pairs) < 2:
        pairs = [(name[0].upper(), number) for number, name in _LABELLED_BEHIND.findall(text)]
    named = {"D" if name == "H" else name: _decimal(number) for name, number in pairs}
    if len(named) < 2:
        return None
    whole = not any("." in number or "," in number for _, number in pairs)
    return Written(named.get("L"), named.get("W"), named.get("D"), whole, labelled=True)


def _decimal(number: str) -> Decimal:
    return Decimal(number.replace(",", "."))


def judged(measures: Written, carats: Decimal | None, depth_pct: Decimal | None = None) -> Measures:
    """Measures as they can be true of a stone of this weight (carats) and depth (%); unknown if they cannot."""
    length, width, depth = (_known(measure) for measure in measures[:3])
    if length is None or width is None:
        # One alone says too little to be held against a weight.
        sane = [
            measure if measure is None or _MIN_MM <= measure < _MAX_MM else None for measure in (length, width, depth)
        ]
        return _measures(sane, implausible=sane != [length, width, depth])
    weight = float(carats) if carats else None
    ordered = _ordered(length, width, depth) if not measures.labelled else (length, width, depth)
    verdict = _verdict(ordered, weight, depth_pct)
    if verdict == _TRUE:
        return _measures(ordered)
    if verdict == _WRONG and measures.whole and weight is not None:
        for scale in (Decimal(100), Decimal(10)):
            scaled = (ordered[0] / scale, ordered[1] / scale, None if ordered[2] is None else ordered[2] / scale)
            if _verdict(scaled, weight, depth_pct) == _TRUE:
                return _measures(scaled)
    return Measures(implausible=True, several=verdict == _SEVERAL_STONES)


_TRUE, _WRONG, _SEVERAL_STONES = "true", "wrong", "several"


def _verdict(
    measures: tuple[Decimal, Decimal, Decimal | None],
    weight: float | None,
    depth_pct: Decimal | None,
) -> str:
    length, width = float(measures[0]), float(measures[1])
    depth = None if measures[2] is None else float(measures[2])
    if not (0.3 <= length < 100 and 0.3 <= width < 100) or (depth is not None and not 0.2 <= depth < 100):
        return _WRONG
    if weight is None:
        return _TRUE
    narrow = width if width < length else length
    slack = 1.0 if weight >= _SMALL else 1.5
    least, most = narrow * 0.25, narrow
    if depth is not None:
        least = most = depth
    elif depth_pct is not None and 20 <= depth_pct <= 120:
        least = most = narrow * float(depth_pct) / 100
    if weight > length * width * most * _FULLEST * slack:
        proportioned = _FLATTEST <= most / narrow <= _DEEPEST and length < 4 * width and width < 4 * length
        return _SEVERAL_STONES if proportioned else _WRONG
    return _WRONG if weight < length * width * least * _THINNEST / slack else _TRUE


def _ordered(length: Decimal, width: Decimal, depth: Decimal | None) -> tuple[Decimal, Decimal, Decimal | None]:
    """Length, width, depth; a depth that stands first is told by the other two, which are alike."""
    if depth is not None and length < width and length < depth and depth * 5 >= width * 4:
        return width, depth, length
    return length, width, depth


def _known(measure: Decimal | None) -> Decimal | None:
    return measure or None


def _measures(sides: Sequence[Decimal | None], *, implausible: bool = False) -> Measures:
    length, width, depth = map(_rounded, sides)
    return Measures(length, width, depth, implausible)


def _rounded(measure: Decimal | None) -> Decimal | None:
    return None if measure is None else values.rounded(measure, 2, 10_000)

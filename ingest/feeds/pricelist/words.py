"""Words and abbreviations of price lists for shapes, availability, shades and places."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from catalog import words as tables
from catalog.countries import is_country
from catalog.grades import LabFinish, fold
from catalog.models import Availability
from catalog.shapes import known_shape, listed_shape
from ingest.feeds import nature, values
from ingest.feeds.values import Reader

#: No round stone is longer than wide by more.
MAX_ROUND_RATIO = Decimal("1.05")
#: Carats a cubic millimetre of length, width and depth.
ROUND_DENSITY = Decimal("0.0056"), Decimal("0.0066")
RADIANT_DENSITY = Decimal("0.0070"), Decimal("0.0092")
#: Words that say it in any column, and those that mean something else where another thing is spoken of.
_ANYWHERE = tables.table("availability_anywhere")
_AVAILABILITY = {**tables.table("availability"), **_ANYWHERE}
_SHADES, _CITIES = tables.table("shades"), tables.table("cities")
#: Of several words for one stone the one counts that promises least.
_LEAST = (Availability.SOLD, Availability.UNAVAILABLE, Availability.ON_HOLD, Availability.AVAILABLE)

_tinge = Reader(values.tinge)
_country = Reader(values.country)
_town = Reader(lambda cell: values.text(cell, 80))


def shape(cell: str) -> str | None:
    """The catalogue's name of a shape; a grade is none: "Cut" may hold either."""
    name = nature.without_growth(values.text(cell, 200) or "")
    if known_shape(name) is None and values.grade(LabFinish, name) is not None:
        return None
    return listed_shape(name)


def shape_by_measures(
    cell: str, carats: Decimal | None, length: Decimal | None, width: Decimal | None, depth: Decimal | None
) -> str | None:
    """What an `R` means: the biggest market documents it as radiant, some suppliers mean round; None if nothing tells.

    A round stone is as long as it is wide and weighs some 0.0061 carats a cubic millimetre of its measures, a radiant some
    0.0081 (the trade's formulas for estimating weights).
    """
    if fold(cell) != "R" or length is None or width is None:
        return None
    if max(length, width) > MAX_ROUND_RATIO * min(length, width):
        return "RADIANT"
    if carats is None or depth is None:
        return None
    density = carats / (length * width * depth)
    if ROUND_DENSITY[0] <= density <= ROUND_DENSITY[1]:
        return "ROUND"
    return "RADIANT" if RADIANT_DENSITY[0] <= density <= RADIANT_DENSITY[1] else None


def availability(cell: str) -> str:
    """A stone that is listed without a word is offered; a word that we do not know promises nothing."""
    if not fold(cell):
        return Availability.AVAILABLE.value
    return _promise[cell] or Availability.UNAVAILABLE.value


def _promised(cell: str) -> str | None:
    """What a cell promises: a word with something beside it that is not said of the stone ("Hold - JB", "In Stock (NY)").

    Of a sentence that begins with a known word ("Reserved for X") only what keeps a stone from being sold counts; a place
    behind it ("Available NY") is none.
    """
    if known := _AVAILABILITY.get(fold(cell)):
        return known
    head = re.split(r"[(\[:;,]|\s[-–]\s", cell, maxsplit=1)[0]
    if known := _AVAILABILITY.get(fold(head)):
        # "Available (memo out)" is not to be had, nor is "Available - memo to JB"; a place or a name says nothing.
        rest = cell[len(head) :]
        beside = {_AVAILABILITY.get(fold(part)) for part in re.findall(r"[^\W\d_]+(?:\s+[^\W\d_]+)?", rest)}
        beside.add(_said_in_passing(rest))
        return least(beside | {known})
    parts = head.split()
    for count in range(len(parts) - 1, 0, -1):
        known = _AVAILABILITY.get(fold("".join(parts[:count])))
        if known is not None and (len(fold("".join(parts[:count]))) > 1):
            place = " ".join(parts[count:])
            is_place = fold(place) in _CITIES or is_country(place)
            return None if known == Availability.AVAILABLE.value and not is_place else known
    return None


_promise = Reader(_promised)


def least(promised: Iterable[str | None]) -> str:
    """Of several promises of a stone the one that promises least."""
    promised = set(promised)
    return next(state.value for state in _LEAST if state.value in promised)


def least_availability(words: Sequence[str], flags: Sequence[tuple[str, str]]) -> str:
    """What all columns together promise: that of the first, unless another one, or a flag such as "Locked", promises less.

    `words` are the cells of columns of availability, the best first; `flags` headers and cells of columns that say that a
    stone is not to be had. A word of the further columns that nobody knows says nothing.
    """
    promised = {availability(words[0] if words else "")}
    promised |= {said for cell in words[1:] if (said := _promise[cell]) is not None}
    for header, cell in flags:
        if values.yes_or_no(cell) is not False and fold(cell) not in values.NOTHING | _FREE:
            promised.add((Availability.SOLD if "SOLD" in header.upper() else Availability.ON_HOLD).value)
    return least(promised)


#: What makes of such a word an offer, or what was.
_IS_POSSIBLE = r"(?!.*\b(?:POSSIBLE|ALLOWED|WELCOME|OK|PRICES?|TERMS?|RETURNED|BACK|OVER|CANCELL?ED|AVAILABLE|FOUND)\b)"
_LABORATORY = r"(?:GIA|IGI|HRD|AGS|GCAL|GSI|LAB(?:ORATORY)?)"
#: What a remark says at its beginning of a stone that is not to be had; "sold as single" is something else.
_NOT_TO_BE_HAD = re.compile(
    r"\W*(?:(SOLD)(?:\W|$)(?! ?(?:AS|WITH|TOGETHER|IN|SEPARATE|INDIVIDUAL|BY|PER|ONLY))"
    r"|(?:ON )?HOLD(?:\W|$)(?!.*\b(?:POSSIBLE|ALLOWED|OK)\b)|(?:OUT )?ON MEMO(?:\W|$)"
    r"|MEMO OUT(?:\W|$)|RESERVED(?:\W|$)|NOT AVAILABLE(?:\W|$)"
    r"|(?:(PAID)|(?:MEMO|CONSIGN(?:ED)?)(?=\W*$|\W*[-/:.,]| TO\b| WITH\b)|(?:ON |OUT ON )?JANGAD|BOOKED|WITHDRAWN"
    r"|(?:STONE )?(?:IS )?LOST|(?:NOT|NO LONGER) FOR SALE|(?:DO NOT|DON'?T) (?:SELL|OFFER|SHOW|LIST|PUBLISH|UPLOAD|DISPLAY)"
    r"|(?:RECUT(?:TING)? IN PROGRESS|(?:BEING|IN|UNDER) RECUT\w*)"
    r"|(?:SENT|GONE|OUT) FOR (?:RE-?)?(?:GRADING|CERTIF\w*|CUT\w*|POLISH\w*)|OUT\W*$"
    rf"|(?:(?:SENT|GONE|OUT) TO|AT|IN) (?:THE )?{_LABORATORY}(?=\W*$| FOR\b)|(?:IN|UNDER) RE-?(?:CERT(?:IFICATION)?|GRADING)"
    r"|(?:IN|UNDER) (?:CERTIFICATION|GRADING)(?=\W*$))"
    rf"(?:\W|$){_IS_POSSIBLE})",
    re.IGNORECASE,
)
#: The same as a part of a remark that has nothing else in it ("Eye clean - SOLD"), and beside a name ("JB HOLD").
_PARTS = re.compile(r"[;,|*()\[\]\n]|(?<!\bPREV)(?<!\bEX)[.!](?:\s|$)|\s[-–—/]+\s", re.IGNORECASE)
_PART = re.compile(
    r"(SOLD(?: OUT)?|SLD|SALE DONE|DEAL (?:IS )?(?:DONE|CLOSED))"
    r"|(?:OUT )?ON (?:MEMO|HOLD|JANGAD|CONSIGNMENT)|MEMO OUT|RESERVED|BOOKED|WITHDRAWN|NFS|NOT (?:FOR SALE|AVAILABLE)"
    r"|(?:STONE )?(?:IS )?(?:BROKEN|MISSING|LOST)"
    r"|(?!(?:NO|NOT|CAN|MAX|MAY|ANY|FOR|THE|HRS|DAY|YES|EX|OK|WE|TO)\b)(?-i:[A-Z]{2,3}) (?:ON )?(?:HOLD|MEMO)"
    r"|(?:CLIENT|CUSTOMER|BUYER|BROKER|OFFICE)(?:'?S)? (?:ON )?(?:HOLD|MEMO)",
    re.IGNORECASE,
)
#: Of remarks with none of these no part says it.
_OF_PARTS = re.compile(
    r"SOLD|SLD|DONE|CLOSED|MEMO|HOLD|JANGAD|CONSIGN|RESERV|BOOKED|WITHDRAWN|NFS|NOT |BROKEN|MISSING|LOST|CANCEL|DELETED",
    re.IGNORECASE,
)
#: What is said of a stone, where nothing else is: of a hold it means that the stone is free.
_CANCELLED = re.compile(r"\W*(?:CANCELL?ED|DELETED)\W*", re.IGNORECASE)
_POSSIBLE = re.compile(_IS_POSSIBLE, re.IGNORECASE)
#: The same within the name of a place, where hardly any other words stand: "NY - memo", "with client HK".
_NOT_AT_HOME = re.compile(
    r"(?<!\bNO )(?<!\bNOT )(?<!\bNOT ON )\b(?:(SOLD)|MEMO|HOLD|RESERVED|CONSIGN(?:ED|MENT)?|JANGAD"
    rf"|(?:WITH|AT) (?:AN? |THE |OUR )?(?:CLIENT|CUSTOMER|BUYER|BROKER)S?)\b{_IS_POSSIBLE}",
    re.IGNORECASE,
)
#: How a stock number ends behind its own letters: `A-1009-SOLD`, `A-1013 [HOLD]`, `A-1022/MEMO`.
_ENDS_TAKEN = re.compile(r"\w[\s\-_/(\[*]+(?:(SOLD)|(?:ON[\s-]?)?(?:HOLD|MEMO)|RESERVED)[)\]*]*$", re.IGNORECASE)
#: What is typed over any cell of a stone that is gone, after `fold`.
_TYPED_OVER = re.compile(
    r"(SOLD(?:OUT|TO\w+)?|SLD)|(?:OUT)?(?:ON)?(?:MEMO|HOLD)(?:OUT)?|RESERVED|BOOKED|WITHDRAWN|NOTFORSALE|NOTAVAILABLE"
)
#: Signs by which what is typed over a cell is made to be seen.
_AROUND = "*!()[]{}<>\"' "


def _said_in_passing(cell: str) -> str | None:
    found = _NOT_TO_BE_HAD.match(cell)
    if found is None:
        return _typed_over(cell) or _said_in_part(cell)
    return (Availability.SOLD if found[1] or found[2] else Availability.ON_HOLD).value


def _said_in_part(cell: str) -> str | None:
    if not _OF_PARTS.search(cell):
        return None
    found = [part for text in _PARTS.split(cell) if (part := _PART.fullmatch(" ".join(text.split())))]
    if any(part[1] for part in found):
        return Availability.SOLD.value
    is_held = (found and _POSSIBLE.match(cell)) or _CANCELLED.fullmatch(cell)
    return Availability.ON_HOLD.value if is_held else None


def _said_in_place(cell: str) -> str | None:
    if (said := _said_in_passing(cell)) is not None or (found := _NOT_AT_HOME.search(cell)) is None:
        return said
    return (Availability.SOLD if found[1] else Availability.ON_HOLD).value


def said_behind(number: str) -> str | None:
    """What a stock number says at its end of whether its stone is to be had; None for nearly all."""
    found = None if number[-1:].isdigit() else _ENDS_TAKEN.search(number)
    return None if found is None else (Availability.SOLD if found[1] else Availability.ON_HOLD).value


def _typed_over(cell: str) -> str | None:
    folded = fold(cell.strip(_AROUND))
    found = _TYPED_OVER.fullmatch(folded)
    if found is not None:
        return (Availability.SOLD if found[1] else Availability.ON_HOLD).value
    said = _ANYWHERE.get(folded)
    return None if said == Availability.AVAILABLE.value else said


#: What a cell of a grade, a measure or a price says of that, if somebody wrote it over what stood there.
typed_over = Reader(_typed_over)


#: What a remark, and what a place, says of whether its stone is to be had; None for nearly all.
said_in_passing = Reader(_said_in_passing)
said_in_place = Reader(_said_in_place)


def _said_beside(text: str) -> str | None:
    """What a heading ("ON MEMO", "Status: sold"), or a word over a column that is not read, takes from its rows."""
    if nature.of_text[text] is not nature.SILENT:
        # "LAB GROWN" is at no laboratory; "SOLD - LAB GROWN" is gone.
        return _said_in_passing(text)
    said = _promised(text) or _promised(text.rpartition(": ")[2])
    return None if said == Availability.AVAILABLE.value else said


said_beside = Reader(_said_beside)

#: Words by which a flag of stones that are not to be had says that this one is.
_FREE = frozenset({"NIL", "NOTHOLD", "UNHOLD", "FREE", "AVAILABLE", "OPEN", "UNLOCKED", "NOTLOCKED", "NOTSOLD"})


def is_availability(cell: str) -> bool:
    """Whether a word for an availability is one that we know."""
    return _promise[cell] is not None


def promises(cell: str) -> bool:
    """Whether a cell is a word for a stone that is to be had."""
    return _promise[cell] == Availability.AVAILABLE.value


def shaded(own: str, shades: Shades, name: str, *, tint: str | None = None) -> bool | None:
    """Whether a stone has a shade: by the column of its own, else by those that name all ("No BGM", "Light Brown").

    `tint` is what the grade of the colour says of it ("K, Faint Brown").
    """
    if own:
        return _tinge[own]
    if tint == name or name in shades.present:
        return True
    return False if name in shades.absent else None


class Shades(NamedTuple):
    """The shades that a stone has and those that it has not; of the rest nothing is said."""

    present: frozenset[str] = frozenset()
    absent: frozenset[str] = frozenset()
    #: Whether words were there that nobody knows.
    strange: bool = False


NO_SHADES = Shades()
_TINGES = frozenset({"BROWN", "GREEN", "BLUE", "GRAY"})
_MILKY = "MILKY"


def _shades_of(cell: str) -> Shades:
    folded = fold(cell)
    meaning = _SHADES.get(folded)
    parts = re.findall(r"[A-Z]+", cell.upper())
    milky = any(part.startswith("MILK") for part in parts)
    if meaning is None and folded not in values.NOTHING:
        named = {_SHADES[part] for part in parts if _SHADES.get(part) not in (None, "", "NONE")}
        if folded.startswith("NOB") or (parts and parts[0] in ("NO", "NON", "NOT", "WITHOUT")):
            whole = not named or "BGM" in folded
            absent = (_TINGES if whole else frozenset(named)) | ({_MILKY} if milky or "BGM" in folded else set())
            return Shades(absent=frozenset(absent))
        if not named:
            # "MT1" is a mixed tinge of some degree.
            strange = not milky and not all(part in _SHADES for part in parts)
            return Shades(frozenset({_MILKY}) if milky else frozenset(), strange=strange)
        return Shades(frozenset(named) | ({_MILKY} if milky else set()), _TINGES - named)
    if not meaning:
        return NO_SHADES
    return Shades(absent=_TINGES) if meaning == "NONE" else Shades(frozenset({meaning}), _TINGES - {meaning})


_shades = Reader(_shades_of)


def shades(cells: Iterable[str]) -> Shades:
    """What all columns say of shades: one that a column names is there whatever the others do not name."""
    said = [_shades[cell] for cell in cells]
    if len(said) < 2:
        return said[0] if said else NO_SHADES
    present = frozenset().union(*(shade.present for shade in said))
    return Shades(present, frozenset().union(*(shade.absent for shade in said)) - present)


def are_shades(cell: str) -> bool:
    """Whether we know what a cell says of shades."""
    return not _shades[cell].strange


@lru_cache(maxsize=4096)
def location(country: str, city: str, place: str) -> tuple[str | None, str | None]:
    """Country and city where a stone is; lists write one in each column, or both in one: "Mumbai, India"."""
    named, town = _country[country], _town[city]
    if named is not None and (of_town := _CITIES.get(fold(named))) is not None and not is_country(named):
        # A town in the column of countries.
        named, town = of_town, town or named
    parts = [
        part
        for part in map(str.strip, re.split(r"[,/|()]| - ", values.text(place, 200) or ""))
        if values.text(part, 80)
    ]
    if named is None:
        named = next((_country[part] for part in parts if is_country(part)), None)
    if town is None:
        town = next((_town[part] for part in parts if not is_country(part)), None)
    if named is None and town is not None:
        # The trade's towns are few.
        named = _CITIES.get(fold(town)) or next(
            (_CITIES[part] for part in map(fold, town.split()) if part in _CITIES), None
        )
    return named, town

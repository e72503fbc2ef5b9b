"""Fancy colours: one normal form for names in any order, and what a text says of a colour: name, intensity, or a letter.

The words and their abbreviations are in `catalog/words/fancy.csv`; the order of intensities is GIA's.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from catalog import words
from catalog.grades import Color, FancyIntensity, UnknownGrade, alone, fold, written
from catalog.letters import plain

_PARTS = words.parted("fancy", "role")
_COLORS, _OVERTONES, _DEGREES = _PARTS["color"], _PARTS["overtone"], _PARTS["degree"]
#: Abbreviations of intensities, which are no names of colours.
_INTENSITIES = words.parted("grades", "scale")["fancy_intensity"]
_FANCY, _NOTHING, _TINTS = _PARTS["fancy"], _PARTS["nothing"], _PARTS["tint"]
#: Words in other scripts, the longest first, which stand in a text without spaces: "浓彩黄".
_TERMS = sorted(_PARTS["term"].items(), key=lambda term: -len(term[0]))
#: The commonest names, and those of overtones.
KNOWN_COLORS = (
    *("YELLOW", "BROWN", "PINK", "ORANGE", "GREEN", "BLUE", "GRAY", "BLACK", "PURPLE", "RED", "VIOLET", "WHITE"),
    *("CHAMPAGNE", "COGNAC", "BROWN_ORANGE", "BROWN_YELLOW", "GREEN_YELLOW", "ORANGE_YELLOW", "PINK_PURPLE"),
)
KNOWN_OVERTONES = (
    *("YELLOWISH", "BROWNISH", "PINKISH", "ORANGISH", "GREENISH", "BLUISH", "GRAYISH", "PURPLISH", "REDDISH"),
    *("YELLOW", "BROWN", "PINK", "ORANGE", "GREEN", "BLUE", "GRAY", "PURPLE"),
)
#: Longest name that the catalogue keeps (characters).
MAX_LENGTH = 64
#: Words of fewer letters in a name are a grade ("U-V") or a code, which only stands alone.
MIN_LETTERS = 3
#: Found in every name of a fancy colour, as schemas have it: a word, or a code alone.
PATTERN = r"[A-Za-z]{3}|^[A-Za-z]{1,2}$"

#: An abbreviation of a fancy colour: degree and colour behind an F. What may be two colours (B, G) names none of them.
_ABBREVIATED = re.compile(r"F(?:C|CY)?(V|I|INT|LT|L|DP|DK|D)?(Y|P|O|BN|BR|GY|PL|R|B|G)")
_DEGREE_OF = {
    "": FancyIntensity.FANCY,
    "V": FancyIntensity.FANCY_VIVID,
    "VIVID": FancyIntensity.FANCY_VIVID,
    "I": FancyIntensity.FANCY_INTENSE,
    "INT": FancyIntensity.FANCY_INTENSE,
    "INTENSE": FancyIntensity.FANCY_INTENSE,
    "L": FancyIntensity.FANCY_LIGHT,
    "LT": FancyIntensity.FANCY_LIGHT,
    "LIGHT": FancyIntensity.FANCY_LIGHT,
    "DP": FancyIntensity.FANCY_DEEP,
    "DEEP": FancyIntensity.FANCY_DEEP,
    "DK": FancyIntensity.FANCY_DARK,
    "DARK": FancyIntensity.FANCY_DARK,
}
_AMBIGUOUS = frozenset({"B", "G", "GY"})
#: More colours than one behind an F, as letters that may mean several: fancy, but which it is nobody can tell.
_ABBREVIATED_MORE = re.compile(r"F(?:C|CY)?(V|I|INT|LT|L|DP|DK|D)?[YPOBGRV]{2,3}")
#: The same with the colour in full: "F.L.YELLOW", "FVPINK".
_DEGREE_AND_WORD = re.compile(
    r"F(?:C|CY)?[\s.]*(VIVID|VIV|V|INTENSE|INT|I|LIGHT|LT|L|DEEP|DP|DARK|DK|D)[\s.]*([A-Z]{3,}(?:[\s-]+[A-Z]{3,})*)"
)
#: Two colours as letters, which a column of fancy colours alone may hold; "VG" is a grade of a cut.
_TWO_COLORS = re.compile(r"(?!VG)[YPOBGRV]{2}|BL")
#: What is said to be no fancy colour.
_NOT_FANCY = re.compile(r"\bN(?:O|ON|OT)\W*(?:A\W+)?F(?:ANCY|NCY|CY|NC|C)\b")
#: What no stone from D to J is, so that an F before it stands for fancy.
_NOT_OF_A_LETTER = re.compile(r"\b(?:VIVID|VIV|INTENSE|INT|DEEP|DARK|DK|LIGHT|LT)\b")
#: The grades of one mine's house: degree, then colour ("Argyle 5PP").
_ARGYLE = re.compile(r"ARGYLE\W*(?:[1-9]|BL[123])?\W*(PP|PR|PC|P|BL)?\W*[1-9]?")
_OF_ARGYLE = {
    "PP": "PURPLISH PINK",
    "P": "PINK",
    "PR": "PINK RED",
    "PC": "PINK CHAMPAGNE",
    "BL": "BLUE VIOLET",
    None: "",
}
#: Light shades of a colour that is not on the scale.
_LIGHT_PINK = re.compile(r"(VL|LT|L)(?:P|PK|PINK)")
_BESIDE = re.compile(r"\([^)]*\)|\*")
#: Deep is a degree of light colours, dark one of these (GIA): a D alone means the one that there is.
_DARK_COLORS = frozenset({"BROWN", "GRAY"})
#: Words for the end of the scale D to Z, by degree: the last letter that GIA calls so. Brown and gray have no letter there.
_END_OF_SCALE = {FancyIntensity.FAINT: Color.M, FancyIntensity.VERY_LIGHT: Color.R, FancyIntensity.LIGHT: Color.Z}
#: Degrees by which no colour is fancy, and none.
_WEAK = frozenset({"", "FAINT", "VERY", "LIGHT"})
_WHITE = "WHITE"
_ON_THE_SCALE = frozenset({"YELLOW", "BROWN", "GRAY"})
_LETTER_AND_WORDS = re.compile(r"\s*([D-Z](?:\s*(?:[-/]|\bTO\b)\s*[D-Z])?)(?![A-Z])[\s,;:(-]+([A-Z].*?)\)?\s*")
#: The same the other way round, and with a stroke. Letters that are codes of colours or degrees, too, are no grades there.
_WORDS_AND_LETTER = re.compile(
    r"\s*([A-Z][A-Z\s.]*[A-Z]{2})[\s,;:(/-]+([HJKMQSTUZ]|[D-Z]\s*(?:[-/]|\bTO\b)\s*[D-Z])\s*\)?\s*"
)
_LETTER_BY_STROKE = re.compile(r"\s*([EHJKMNQSTUZ])\s*/\s*([A-Z][A-Z\s.]*[A-Z]{2})\s*")
#: A grade in brackets behind its old name: "Top Wesselton (G)".
_BEFORE_LETTER = re.compile(r"([^()]*)\(\s*([D-Z](?:\s*[-/]\s*[D-Z])?)\s*\)")


class Said(NamedTuple):
    """What a text says of a stone's colour.

    `letter` is its grade from D to Z, `fancy` whether it is none of these, `tint` what a stone on that scale tends to.
    """

    letter: Color | None = None
    fancy: bool = False
    name: str | None = None
    intensity: FancyIntensity | None = None
    tint: str | None = None


def _english(text: str) -> str:
    """A text in upper case, without accents, and with English words for those in other scripts."""
    upper = text.upper()
    if upper.isascii():
        return upper
    upper = plain(upper)
    for term, english in _TERMS:
        upper = upper.replace(term, f" {english} ")
    return upper


#: What words say that name no colour, or white.
_UNTINTED = (Said(), Said(name=_WHITE))


@lru_cache(maxsize=4096)
def color_name(text: str) -> str | None:
    """The normal form of a fancy colour's name: `"orange-Brown"` and `"BROWN ORANGE"` are both `"BROWN_ORANGE"`.

    Modifiers (`-ISH`) come first, colours in alphabetical order. A code stands for its colour when it stands alone (`"Y"`).
    None for noise such as `"EVEN"` and `"U-V"`.
    """
    parts = re.findall(r"[A-Z]+", _NOT_FANCY.sub(" ", _english(text)))
    if len(parts) == 1 and len(parts[0]) < MIN_LETTERS:
        return _COLORS.get(parts[0])
    return _name_of(parts)


@lru_cache(maxsize=4096)
def said_of_fancy(text: str) -> Said:
    """What a column of fancy colours says: `fancy` is what makes a stone with a grade from D to Z fancy all the same.

    That takes a colour that is known as one, or the intensity of a fancy colour. A name that nobody knows, white, and what
    GIA calls the end of the scale ("Faint Brown", its colour in `tint`) do not.
    """
    upper = _english(text).strip()
    parts = re.findall(r"[A-Z]+", upper)
    if (coded := _abbreviated("".join(parts)) or _coded(upper)) is not None:
        return coded
    name = color_name(text)
    if name is None:
        return Said()
    degree = intensity_of(text)
    is_fancy = any(part in _FANCY for part in parts) and not _NOT_FANCY.search(upper)
    if is_fancy or (degree is not None and degree >= FancyIntensity.FANCY_LIGHT):
        return Said(fancy=True, name=name, intensity=degree)
    if name in _ON_THE_SCALE and degree in _END_OF_SCALE:
        return Said(name=name, intensity=degree, tint=name)
    known = any(part in _COLORS or part in _OVERTONES for part in parts if len(part) >= MIN_LETTERS or len(parts) == 1)
    return Said(fancy=known and name != _WHITE, name=name, intensity=degree)


def may_be_two_colors(text: str) -> bool:
    """Whether a text is a code of two colours ("OY"), or of either of two, as a column of fancy ones may hold it."""
    return _TWO_COLORS.fullmatch(fold(text)) is not None


def _name_of(parts: Sequence[str]) -> str | None:
    # What no table knows is a supplier's own name for a colour.
    colors = {
        _COLORS.get(part) or _OVERTONES.get(part) or part
        for part in parts
        if len(part) >= MIN_LETTERS
        and part not in _DEGREES
        and part not in _FANCY
        and part not in _NOTHING
        and (part not in _INTENSITIES or part in _COLORS)
    }
    ordered = sorted(colors, key=lambda color: (not color.endswith("ISH"), color))
    return "_".join(ordered)[:MAX_LENGTH] or None


@lru_cache(maxsize=16_384)
def said_of_color(text: str) -> Said:
    """Read a text about a colour, its parts in any order: `"G"`, `"K, Faint Brown"`, `"VIVID FANCY YELLOW"`, `"FIY"`."""
    upper = _english(text).strip()
    letter = _letter(upper)
    if letter is Color.FANCY:
        return Said(fancy=True)
    if letter is not None:
        return Said(letter=letter)
    if tint := _TINTS.get(fold(upper)):
        return Said(tint=tint)
    if (
        len(upper) > 1
        and (plain := _BESIDE.sub(" ", upper).strip()) != upper
        and _letter(plain) not in (None, Color.FANCY)
    ):
        return Said(letter=_letter(plain))
    if (plain := alone(upper)) != upper and _letter(plain) not in (None, Color.FANCY):
        return Said(letter=_letter(plain))
    if behind := _LETTER_AND_WORDS.fullmatch(upper):
        if behind[1] == "F" and _NOT_OF_A_LETTER.search(behind[2]) and re.search(r"[A-Z]{3,}\W*$", behind[2]):
            return said_of_color(f"FANCY {behind[2]}")
        told = said_of_color(behind[2])
        if told.name is not None or told.tint is not None:
            return Said(letter=_letter(behind[1]), tint=told.tint or told.name)
    if (beside := _tinted(upper)) is not None:
        return beside
    if (named := _BEFORE_LETTER.fullmatch(upper)) and _of_words(re.findall(r"[A-Z]+", named[1])) in _UNTINTED:
        return Said(letter=_letter(named[2]))
    if (coded := _abbreviated(re.sub(r"[^A-Z]", "", upper)) or _coded(upper)) is not None:
        return coded
    return _of_words(re.findall(r"[A-Z]+", _NOT_FANCY.sub(" ", upper)))


def _tinted(text: str) -> Said | None:
    """A grade behind the words for its tint, or before a stroke: "Light Yellow (U-V)", "Brown J", "J/Brown"."""
    if found := _WORDS_AND_LETTER.fullmatch(text):
        words, letter = found[1], found[2]
    elif found := _LETTER_BY_STROKE.fullmatch(text):
        letter, words = found[1], found[2]
    else:
        return None
    parts = re.findall(r"[A-Z]+", words)
    tint = _name_of(parts)
    degrees = {_DEGREES.get(part, "") for part in parts}
    if tint not in _ON_THE_SCALE or not degrees <= _WEAK or _COLORS.get(letter) == tint:
        return None
    return None if any(part in _FANCY for part in parts) else Said(letter=_letter(letter), tint=tint)


def _abbreviated(letters: str) -> Said | None:
    found = _ABBREVIATED.fullmatch(letters)
    return None if found is None else _of_abbreviation(found[1] or "", found[2])


def _coded(text: str) -> Said | None:
    """What a code says that names a colour in full, several colours, or a light shade."""
    spelled = _DEGREE_AND_WORD.fullmatch(text)
    if spelled and all(part in _COLORS or part in _OVERTONES for part in re.findall(r"[A-Z]+", spelled[2])):
        degree = {"VIV": "V"}.get(spelled[1], spelled[1])
        return Said(fancy=True, name=color_name(spelled[2]), intensity=_DEGREE_OF.get(degree))
    if argyle := _ARGYLE.fullmatch(text):
        return Said(fancy=True, name=color_name(_OF_ARGYLE[argyle[1]]))
    letters = re.sub(r"[^A-Z]", "", text)
    if more := _ABBREVIATED_MORE.fullmatch(letters):
        return _of_abbreviation(more[1] or "", "G")
    if light := _LIGHT_PINK.fullmatch(letters):
        intensity = FancyIntensity.VERY_LIGHT if light[1] == "VL" else FancyIntensity.LIGHT
        return Said(fancy=True, name="PINK", intensity=intensity)
    return None


def intensity_of(text: str) -> FancyIntensity | None:
    """The intensity that a text names in full or by an abbreviation."""
    try:
        return written(FancyIntensity, text)
    except UnknownGrade:
        parts = re.findall(r"[A-Z]+", _english(text))
        coded = [part for part in parts if len(part) >= MIN_LETTERS and part in _INTENSITIES and part not in _DEGREES]
        return FancyIntensity[_INTENSITIES[coded[0]]] if coded and coded[0] not in _FANCY else _degree(parts)


def _letter(text: str) -> Color | None:
    try:
        return written(Color, text)
    except UnknownGrade:
        return None


def _of_abbreviation(degree: str, color: str) -> Said:
    name = None if color in _AMBIGUOUS else _COLORS[color]
    if degree == "D":
        intensity = FancyIntensity.FANCY_DARK if name in _DARK_COLORS else FancyIntensity.FANCY_DEEP if name else None
    else:
        intensity = _DEGREE_OF[degree]
    return Said(fancy=True, name=name, intensity=intensity)


def _of_words(parts: list[str]) -> Said:
    named = [part for part in parts if len(part) >= MIN_LETTERS and (part in _COLORS or part in _OVERTONES)]
    is_fancy = any(part in _FANCY for part in parts)
    if not named and not is_fancy:
        return Said()
    intensity = _degree(parts)
    name = _name_of(named)
    if not is_fancy and name == _WHITE:
        # Lists call any stone on the scale white: without a word for fancy it is none.
        return Said(name=name)
    if not is_fancy and name in _ON_THE_SCALE and intensity in _END_OF_SCALE:
        return Said(letter=_END_OF_SCALE[intensity] if name == "YELLOW" else None, tint=name)
    return Said(fancy=True, name=name, intensity=intensity)


def _degree(parts: list[str]) -> FancyIntensity | None:
    """The intensity that words name together; "fancy" with a colour and nothing else is one of its own."""
    degrees = {_DEGREES[part] for part in parts if part in _DEGREES}
    is_fancy = any(part in _FANCY for part in parts)
    for degree in ("VIVID", "INTENSE", "DEEP", "DARK"):
        if degree in degrees:
            return FancyIntensity[f"FANCY_{degree}"]
    if "LIGHT" in degrees:
        if is_fancy:
            return FancyIntensity.FANCY_LIGHT
        return FancyIntensity.VERY_LIGHT if "VERY" in degrees else FancyIntensity.LIGHT
    if "FAINT" in degrees:
        return FancyIntensity.FAINT
    return FancyIntensity.FANCY if is_fancy and len(parts) > 1 else None

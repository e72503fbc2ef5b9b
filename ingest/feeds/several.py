"""What a text says of more than one stone: a pair, a set, a parcel, or another stone that this one is not sold without.

Texts are upper case with single spaces, as `nature` reads them. Words that say it alone are in `catalog/words/several.csv`.
"""

from __future__ import annotations

import re

from catalog import words
from catalog.grades import fold
from catalog.shapes import known_shape

PAIR, PARCEL = "a pair", "a parcel"
#: Words that say it alone, in the languages of the trade's towns.
_ALONE = {word: PAIR if meaning == "PAIR" else PARCEL for word, meaning in words.table("several").items()}
#: Longest text that is read as such a word (characters).
_MAX_ALONE = 40

#: The same where nothing but the kind of a stone belongs.
_PARCEL = re.compile(r"\b(?:PARCELS?|MELEES?|LOTS?|ASSORTED|ASSORTMENT)\b")
_PAIR = re.compile(r"\bPAIRS?\b")
_SAID_PARCEL = re.compile(
    r"\bPARCEL (?:OF|LOT|ONLY)\b|\b[2-9]\d* ?(?:PCS?|PIECES?|STONES?) (?:LOT|PARCEL|SET)\b"
    r"|(?<!BE )\bSOLD AS (?:A )?(?:PARCEL|LOT|SET)\b|\bMELEE (?:PARCEL|LOT|DIAMONDS)\b"
    r"|\b(?:SET|SUITE|LAYOUT|LOT|PARCEL) OF (?:[2-9]|[1-9]\d{1,5}|TWO|THREE|FOUR|FIVE|SIX)\b(?![.,]\d)"
    r"|\bPART OF (?:A |THE )?(?:LAYOUT|SET|SUITE|PARCEL|LOT)\b"
    r"|^(?:MIX(?:ED)?|MELEE|WHOLE|FULL) (?:LOTS?|PARCELS?)\b"
    r"|^(?:[3-9]|[1-9]\d{1,5}|THREE|FOUR|FIVE|SIX) ?(?:PCS?|PIECES?|STONES|DIAMONDS)\.?$"
    r"|^(?:QTY|QUANTITY|PCS|PIECES|STONES)[ .:=]*(?:[2-9]|[1-9]\d{1,5})$"
)
_PIECES = re.compile(r"\b(\d{1,6}) ?(?:PCS|PIECES|STONES|DIAMONDS)\b")
#: A stock number, as far as a text without its list tells: no report of a laboratory, weight, measure or time.
_STOCK = (
    r"(?!(?:GIA|IGI|HRD|AGS|GSI|EGL|GCAL|CERT|REPORT)\b)(?:[A-Z]{1,4} ?)?\d{2,}\w*\b"
    r"(?! ?(?:%|[.,]\d|(?:CTS?|CARATS?|MM|PTS?|POINT\w*|YEARS?|DAYS?|MONTHS?)\b))"
)
_NOT_ALONE = r"(?:SEPARATE|SEPARATELY|SEPARATED|SINGLY|ALONE|INDIVIDUALLY)"
_SAID_PAIR = re.compile(
    r"(?<!BE )\bSOLD AS (?:A )?PAIR\b|\bPAIR ONLY\b|\bONLY AS (?:A )?PAIR\b|\b(?:NOT|NON) ?SEPARABLE\b|\bINSEPARABLE\b"
    r"|\bPRICE (?:IS )?(?:FOR|PER|OF) (?:THE |A )?(?:PAIR|BOTH|TWO|2(?: STONES| PCS)?)\b(?![.,]\d)|\bPAIR(?:'S)? PRICE\b"
    r"|(?<!BE )(?<!CAN )\b(?:PAIR|PR)\.? (?:W /|WITH) +\S|\b(?:WITH|W /) ITS (?:PAIR|MATE|TWIN|MATCH|COMPANION|PARTNER)\b"
    r"|\b(?:SOLD|SELL|SELLS|ONLY|OFFERED) TOGETHER\b|\bTOGETHER (?:ONLY|WITH (?:ITS|THE)\b)|\bMUST BE SOLD WITH\b"
    rf"|\bSOLD (?:ONLY )?WITH {_STOCK}|\bSOLD WITH (?!CERT|REPORT|GIA|IGI|HRD)\S+(?: \S+)? ONLY\b"
    rf"|\b(?:NOT|NEVER|CANNOT|CAN'?T) (?:BE |TO BE )?(?:SOLD |OFFERED |AVAILABLE )?{_NOT_ALONE}\b"
    r"|\b(?:NOT|NEVER|CANNOT|CAN'?T) (?:BE |TO BE )?(?:SPLIT|BREAK|PARTED)\b|\bDON'?T (?:BREAK|SPLIT)\b"
    r"|^(?:STONE |PIECE |PC |NO\.? )?(?:[1-9]|ONE) OF (?:[2-9]|TWO|A PAIR)$"
)
#: What a pair is of: no feathers or pinpoints.
_STONES = (
    r"(?:STONES?|DIAMONDS?|ROUNDS?|RDS?|RBS?|OVALS?|PEARS?|CUSHIONS?|EMERALDS?|PRINCESS(?:ES)?|RADIANTS?|MARQUISES?|HEARTS?"
    r"|ASSCHERS?|TRILL?IONS?|TRILLIANTS?|BAGUETTES?|TRAPEZOIDS?|HALF ?MOONS?)"
)
#: A stone that a pair needs, or that it has: said of what may be as well, unlike the above.
_SAID_OF_ANOTHER = re.compile(
    rf"\bMATCH(?:ES|ED|ING)?(?: PAIR| STONE)?(?: TO| WITH| OF| W /)? {_STOCK}"
    r"|\b(?:COMPANION|TWIN|MATE|PARTNER|SISTER)(?: STONE)? (?:OF|TO|WITH|W /) \S"
    r"|^(?:\w+ ){1,2}PAIRS?$"
    rf"|^MATCH(?:ED|ING)? PAIRS?\b|^PAIRS?(?: STONES?\b| OF (?:TWO |2 )?{_STONES}\b|[ :=]*Y(?:ES)?$| ?[,;(]| [A-Z]$)"
    r"|^(?:PAIR|PRS?)[ .:]*# ?\w+$|^PAIR [A-Z]?\d{1,4}[A-Z]?$"
    r"|^(?:TWO|BOTH) (?:STONES|DIAMONDS|PCS|PIECES)$|^BOTH STONES\b"
)
#: What makes of a pair one that may be had, and not one that is.
_IS_POSSIBLE = re.compile(
    r"\b(?:CAN|COULD|MAY|MIGHT|WOULD|POSSIBL[EY]|AVAILABLE|OPTIONAL|IF|ALSO|MAKES?|IDEAL|PERFECT|NO|NOT|WITHOUT|SINGLE"
    r"|FOR|AS|SEPARATELY|INDIVIDUALLY|SEPARABLE)\b"
)
#: Words of belonging beside the stock number of another stone of the list.
_BELONGS = re.compile(
    r"\b(?:PAIR(?:S|ED)?|PR|MATCH\w*|MTCH|MATES?|TWINS?|COMPANIONS?|PARTNERS?|SISTERS?|COUPLE|SETS?|SUITE|LAYOUT|TOGETHER"
    r"|BOTH|HALF|(?:SOLD|SELLS?|GOES|ONLY) (?:ONLY )?WITH|PAAR|PAIRE|JODI)\b"
)
_COUNTED_SHAPE = re.compile(
    r"(?P<first>[2-9]|[1-9]\d{1,3}) ?(?:X )?(?P<behind>[A-Z][A-Z ]+)"
    r"|(?P<before>[A-Z][A-Z ]*) ?(?:X ?|\()(?P<last>[2-9]|[1-9]\d{1,3})\)?"
)
#: Two numbers in a cell of one, written alike; a slash without space around it is part of many a number.
_BETWEEN_NUMBERS = re.compile(r"\s+/\s+|\s*[&+]\s*|\s+AND\s+|,\s+", re.IGNORECASE)
_TWO_NUMBERS = re.compile(
    rf"(?=\S*\d{{2}})[\w.-]+(?:{_BETWEEN_NUMBERS.pattern})(?=\S*\d{{2}})[\w.-]+", re.IGNORECASE | re.ASCII
)
_MAY_NAME_SEVERAL = re.compile(r"[ &+(]|PAIR|PARCEL|LAYOUT", re.IGNORECASE)
#: A number with a word for several stones at an end, or with how many there are.
_COUNTED_NUMBER = re.compile(
    r"(?:MATCHED )?(?:PAIRS?|PARCEL|LAYOUT|LOT OF)[\s#.:-]+\w.*|.*\w[\s/_(-]+(?:PAIRS?|PARCEL|LAYOUT)\)?"
    r"|.*\w\s+\((?:[2-9]|[1-9]\d)(?: ?(?:PCS?|STONES))?\)",
    re.IGNORECASE | re.ASCII,
)
#: Parts of words without which no phrase says anything; see `nature`.
TELLING = (
    r"PARCEL|MELEE|LOT(?![A-Z])|SETS?(?![A-Z])|SUITE|LAYOUT|PCS|PIECES|STONES|DIAMONDS|SOLD|SELL|PAIR|SEPARA|BOTH"
    r"|PR(?![A-Z])|TOGETHER|SPLIT|PRICE|BREAK|MATCH|COMPANION|TWIN|MATE(?![A-Z])|PARTNER|SISTER|PARTED|SINGLY|ALONE"
    r"|INDIVIDUALLY|(?:W[ _]?/|WITH)[ _-]+ITS"
)


def alone(cell: str) -> str:
    """What a cell says that is one word for it: `PAIR`, `PARCEL` or nothing."""
    return _ALONE.get(fold(cell), "") if len(cell) <= _MAX_ALONE else ""


def in_text(text: str) -> str:
    """What a person or a laboratory wrote of it: `PAIR`, `PARCEL` or nothing."""
    if _SAID_PARCEL.search(text) or _pieces(text) > 1:
        return PARCEL
    is_pair = _SAID_PAIR.search(text) or (_SAID_OF_ANOTHER.search(text) and not _IS_POSSIBLE.search(text))
    return PAIR if is_pair else alone(text)


def in_kind(text: str) -> str:
    """What a field says where nothing but the kind of a stone belongs."""
    return PARCEL if _PARCEL.search(text) else PAIR if _PAIR.search(text) else alone(text)


def in_shape(text: str) -> str:
    """What a shape says of it by a number beside it: "2 RD", "RD X 2", "OVALS (2)"."""
    counted = _COUNTED_SHAPE.fullmatch(text)
    if counted is None or known_shape(counted["before"] or counted["behind"]) is None:
        return ""
    return PAIR if "2" in (counted["first"], counted["last"]) else PARCEL


def in_number(number: str) -> str:
    """What a stock number says of it: "A1031 / A1032", "A1031 PAIR", "A1031 (2)", "Parcel 9"."""
    if not _MAY_NAME_SEVERAL.search(number):
        return ""
    if _TWO_NUMBERS.fullmatch(number):
        first, second = (re.sub(r"\d", "0", part.strip()) for part in _BETWEEN_NUMBERS.split(number, maxsplit=1))
        return PAIR if first == second else ""
    said = _COUNTED_NUMBER.fullmatch(number)
    return "" if said is None else PAIR if "PAIR" in number.upper() else PARCEL


def belongs(text: str) -> bool:
    """Whether a text that names another stone of the list says that the two belong together."""
    return _BELONGS.search(text) is not None and not (_IS_POSSIBLE.search(text) and not in_text(text))


def _pieces(text: str) -> int:
    counted = _PIECES.search(text)
    return int(counted[1]) if counted else 0

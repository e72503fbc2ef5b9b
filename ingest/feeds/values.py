"""Reading single values as suppliers send them: numbers as text, booleans in a dozen spellings, text with NULs.

Every function takes a JSON scalar and answers a clean value, or None for what says nothing or cannot be read. Inventories
repeat their values, so adapters read through a `Reader`, which remembers.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, TypeVar

from catalog import grades, words
from catalog.certificates import is_placeholder
from catalog.countries import normal_country

#: What JSON holds where a number or a text belongs, and what it holds where a boolean does.
Written = str | int | float | None
Scalar = str | int | float | bool | None

#: Words that say nothing, after `grades.fold`.
NOTHING = frozenset({"", "NA", "NONE", "NULL", "UNDEFINED", "UNKNOWN", "NOTSPECIFIED", "NAN"})
_YES = frozenset({"TRUE", "T", "YES", "Y", "1", "100%"})
_NO = frozenset({"FALSE", "F", "NO", "N", "0", "0%"})
#: Words for a stone without a tinge, after `grades.fold`. A luster that is less than excellent may be milky or not.
_WITHOUT = frozenset(
    {
        "NONE",
        "NIL",
        "NILL",
        "NON",
        "NN",
        "NM",
        "WHITE",
        "WHT",
        "WH",
        "W",
        "CLEAR",
        "CLEAN",
        "NOSHADE",
        "NOSHADES",
        "NOBGM",
    }
    | {"EX", "EXC", "EXCELLENT", "LUSTEREX", "LUSTEREXC", "LUSTEREXCELLENT", "EXLUSTER", "EXCELLENTLUSTER"}
)
_OF_TINGE = (
    r"MILKY|MILK|MLK|ML|MK|MT|M|BROWN(?:ISH)?|BRW?N|BR|BLUE|BLUISH|BLU|B|GREEN(?:ISH)?|GRN"
    r"|GR[AE]Y(?:ISH)?|GRY|LS|L|TG|T"
)
#: Degrees and names of a tinge, after `grades.fold`, as many as stand together; a number is a degree of what it follows.
_TINGE = re.compile(
    rf"(NOT?|NON|WITHOUT)?(?:[2-9]|(?=(?P<said>(?:(?:{_OF_TINGE}|GN|GR|G)[1-9]|VERY|V|EXTREMELY|FAINT|FNT|SLIGHT(?:LY)?|SLT|SL"
    r"|LIGHT(?:LY)?|LGT|LT|MEDIUM|MED|MODERATE|STRONG|STG|STR|ST|HEAVY|HVY|H|DARK|DEEP|MINOR|TRACE|LITTLE|YES|TTLB|TLB|FB|DB"
    rf"|TO|TINGED?|TINT(?:ED)?|YELLOW(?:ISH)?|MIXED|MIX|{_OF_TINGE}|[(),])+))(?P=said))"
)
_NO_DEGREE = re.compile(rf"(?:{_OF_TINGE}|GN|GR|G)0")
_EYE_CLEAN = words.table("eye_clean")
_DAYS = re.compile(
    r"(\d{1,3})\s*(?:(?:-|–|TO|/)\s*(\d{1,3})\s*)?(?:(?:BUSINESS|WORKING|BUS\.?)\s*)?(DAYS?|WEEKS?|WKS?|HOURS?|HRS?|D|W)?\.?",
    re.ASCII,
)
_BACKSLASHES = re.compile(r"https?:\\", re.IGNORECASE)
_NUMBER = re.compile(r"[+-]?(\d{1,18}(\.\d{0,18})?|\.\d{1,18})", re.ASCII)
# Nobody groups the digits of zero: "0,345" is a decimal comma.
_GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d*)?", re.ASCII)
_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+", re.ASCII)
_UNIT = re.compile(r"(mm|cts?|carats?|%|°)$", re.IGNORECASE)
_URL = re.compile(r"https?://[^\s/?#@:\[\]]+(:\d{1,5})?([/?#]\S*)?", re.IGNORECASE | re.ASCII)
# What nearly all are, told by one look.
_PLAIN_URL = re.compile(r"https?://[A-Za-z0-9.-]+/[!#-;=?-\[\]_a-z~]*", re.ASCII)
#: What no URL may hold as it is (RFC 3986), and what could end an attribute of a page that it is put into.
_ENCODED = str.maketrans({character: f"%{ord(character):02X}" for character in '"<>\\^`{|}'})
#: More days than anybody waits.
MAX_DAYS = 365
#: Longest URL that the catalogue keeps (characters).
MAX_URL_LENGTH = 2000
Found = TypeVar("Found")
_PLACES = {places: Decimal(1).scaleb(-places) for places in range(5)}


class Reader(dict[Scalar, Found]):
    """Reads one kind of value and remembers what it read: `reader[value]`.

    It is not for fields where `True` and 1, or 1 and 1.0, mean different things, for these are one key.
    """

    __slots__ = ("_read",)

    #: Values remembered; then it begins anew.
    LIMIT = 65_536

    def __init__(self, read: Callable[[Any], Found]) -> None:
        super().__init__()
        self._read = read

    def __missing__(self, value: Scalar) -> Found:
        if len(self) >= self.LIMIT:
            self.clear()
        found = self[value] = self._read(value)
        return found


def decimal(value: Scalar) -> Decimal | None:
    """A finite number, from a JSON number or from text with spaces, thousands commas, a decimal comma or a unit sign."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, str):
        return _decimal_from_text(value)
    number = Decimal(value) if isinstance(value, int) else Decimal(repr(value))
    return number if number.is_finite() and abs(number) < 10**18 else None


def _decimal_from_text(written: str) -> Decimal | None:
    compact = _UNIT.sub("", "".join(written.split()).lstrip("$"))
    if _GROUPED.fullmatch(compact):
        compact = compact.replace(",", "")
    elif _DECIMAL_COMMA.fullmatch(compact):
        compact = compact.replace(",", ".")
    return Decimal(compact) if _NUMBER.fullmatch(compact) else None


def measure(value: Scalar, places: int, below: int) -> Decimal | None:
    """A positive number rounded half-up to `places`; None for 0, for negative ones, and from `below` on."""
    number = decimal(value)
    return None if number is None else rounded(number, places, below)


def rounded(number: Decimal, places: int, below: int) -> Decimal | None:
    """A positive number rounded half-up to `places`; None if what is left is 0 or less, or `below` or more."""
    if not 0 < number < below:
        return None
    result = number.quantize(_PLACES[places], rounding=ROUND_HALF_UP)
    return result if 0 < result < below else None


def days(value: Scalar) -> int | None:
    """A whole number of days (or an index) from 0 to `MAX_DAYS`."""
    number = decimal(value)
    if number is None or number != number.to_integral_value() or not 0 <= number <= MAX_DAYS:
        return None
    return int(number)


def days_from_to(value: Scalar) -> tuple[int | None, int | None]:
    """The least and the most days that a text names: "3-5 days", "2 weeks", "48 hours", 7."""
    if not isinstance(value, str):
        whole = days(value)
        return whole, whole
    named = _DAYS.fullmatch(value.upper().strip())
    if named is None:
        return None, None
    unit = (named[3] or "D")[0]
    least, most = (_in_days(int(number), unit) for number in (named[1], named[2] or named[1]))
    return (least, most) if least <= most <= MAX_DAYS else (None, None)


def _in_days(number: int, unit: str) -> int:
    # Days are business days.
    return number * 5 if unit == "W" else -(-number // 24) if unit == "H" else number


def text(value: Scalar, longest: int) -> str | None:
    """Text without control characters, its white space folded, cut at `longest` characters. Numbers are text, too."""
    if value is None or isinstance(value, bool):
        return None
    written = _as_text(value)
    if not written.isprintable():
        written = "".join(letter if letter.isprintable() else " " for letter in written)
    folded = " ".join(written.split())[:longest].rstrip()
    return None if grades.fold(folded) in NOTHING else folded


def _as_text(value: str | float) -> str:
    """A number as people write it: without an exponent, and without decimals if it is whole."""
    if isinstance(value, str):
        return value
    number = decimal(value)
    if number is None:
        return ""
    return f"{number:f}" if number != number.to_integral_value() else str(int(number))


def name(value: Scalar, longest: int) -> str | None:
    """A name as the API speaks it: upper case, words joined by underscores."""
    written = text(value, longest) or ""
    return re.sub(r"[^A-Z0-9]+", "_", written.replace(".", "").upper(), flags=re.ASCII)[:longest].strip("_") or None


def no_culet(value: Scalar) -> str | None:
    """The grade "None" of a culet, which is a finding and no absence of one."""
    return "None" if isinstance(value, str) and grades.fold(value) == "NONE" else None


def number_text(value: Scalar, longest: int) -> str | None:
    """A number that is a name, such as that of a certificate: text, unknown rather than cut if it is too long.

    What stands in the place of a number, such as `PENDING` or `0000000000`, is none.
    """
    if isinstance(value, str) and value.isascii() and len(value) <= longest:
        # Nearly all are digits, IGI's of grown stones after `LG`, and every one is another: no cache would help.
        digits = value.removeprefix("LG")
        if digits.isdigit() and digits.strip(digits[0]):
            return value
    whole = text(value, longest + 1)
    return None if whole is None or len(whole) > longest or is_placeholder(whole) else whole


def url(value: Scalar) -> str | None:
    """An absolute http or https URL; characters that none may hold are percent-encoded."""
    if not isinstance(value, str) or not 0 < len(value) <= MAX_URL_LENGTH:
        return None
    if _PLAIN_URL.fullmatch(value):
        return value
    value = value.strip()
    if _BACKSLASHES.match(value):
        value = value.replace("\\", "/")
    elif value[:4].lower() == "www.":
        value = f"https://{value}"
    if not _URL.fullmatch(value) or not value.isprintable():
        return None
    value = value.translate(_ENCODED)
    return value if len(value) <= MAX_URL_LENGTH else None


def yes_or_no(value: Scalar) -> bool | None:
    """A boolean in any of its spellings; of numbers, 1 and 0."""
    if isinstance(value, str):
        word = "".join(value.upper().split())
        return word in _YES if word in _YES or word in _NO else None
    return bool(value) if value in (0, 1) else None


#: Where one address ends and the next begins in a cell of several.
_NEXT_URL = re.compile(r"[\s,;|]+(?=https?://)", re.IGNORECASE)
_WORDS_BEFORE = re.compile(r"^[^/?&=]*?[\s:(](?=https?://)", re.IGNORECASE)


def urls(value: Scalar) -> list[str]:
    """The addresses of a cell, which may hold several, or words before one."""
    if not isinstance(value, str) or not value:
        return []
    if len(value) <= MAX_URL_LENGTH and _PLAIN_URL.fullmatch(value) and value.find("://", 8) < 0:
        return [value]
    if value.count("://") > 1 or " " in value.strip():
        parts = _NEXT_URL.split(_WORDS_BEFORE.sub("", value, count=1).strip())
        if len(parts) > 1 or parts[0] != value.strip():
            return [address for part in parts if (address := url(part))]
    address = url(value)
    return [address] if address else []


def eye_clean(value: Scalar) -> bool | None:
    """Whether nothing is seen in a stone without a loupe: yes, no, or a degree of which the best and the worst are known."""
    if isinstance(value, str) and (word := _EYE_CLEAN.get(grades.fold(value))) is not None:
        return word == "yes" if word else None
    return yes_or_no(value)


def says_eye_clean(text: str) -> bool:
    """Whether we know what a text says of that, be it that it is unknown."""
    word = grades.fold(text)
    return word in _EYE_CLEAN or word in NOTHING or yes_or_no(text) is not None


def tinge(value: Scalar) -> bool | None:
    """Whether a stone has a tinge, milkiness or the like, said as yes or no or by a degree: "None", "Faint", "M1".

    None also for words that nobody knows.
    """
    said = yes_or_no(value)
    if said is not None or not isinstance(value, str):
        return said
    word = grades.fold(value)
    if word in _WITHOUT or _NO_DEGREE.fullmatch(word):
        return False
    if found := _TINGE.fullmatch(word):
        return not found[1]
    degree = None if word in NOTHING else grade(grades.Fluorescence, value)
    return None if degree is None else degree != grades.Fluorescence.NONE


def growth_method(value: Scalar) -> str | None:
    """How a stone was grown, `"CVD"` or `"HPHT"`; what names both or another says nothing."""
    word = grades.fold(value) if isinstance(value, str) else ""
    named = [method for method in ("CVD", "HPHT") if method in word]
    return named[0] if len(named) == 1 else None


def country(value: Scalar) -> str | None:
    """The name of a country, in one form for all its spellings."""
    return normal_country(text(value, 80) or "")


def grade(kind: type[grades.Grade], value: Scalar) -> int | None:
    """The small integer of a grade; None where there is none, or none that we know."""
    if not isinstance(value, str):
        return None
    try:
        known = grades.written(kind, value[:100])
    except grades.UnknownGrade:
        return None
    return None if known is None else int(known)

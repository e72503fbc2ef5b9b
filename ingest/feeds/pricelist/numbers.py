"""Numbers in price lists, whose signs depend on who wrote the list: `1,234.50`, `1.234,50`, `1 234,50`, `1'234.50`.

A row's own weight and measures show which sign is its decimal one: nobody weighs a thousand carats. Its prices are then
read by that sign.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal

_SPACES = re.compile(r"[\s'’]+")
_AROUND = re.compile(r"^(?:US\s*\$|USD|\$)|(?:US\s*\$|USD|\$|mm|cts?\.?|carats?|%|°|/-)$", re.IGNORECASE | re.ASCII)
#: What stands around money: a unit of anything else makes it no price.
_AROUND_MONEY = re.compile(
    r"^(?:US\s*\$|USD|\$)|(?:US\s*\$|USD|\$|/-|(?<=\d)[.,]-|(?:\bUS\s*)?\bDOLLARS?|\bNETT?O?\b\.?)$",
    re.IGNORECASE | re.ASCII,
)
_PLAIN = re.compile(r"[+-]?(?:\d{1,15}(?:\.\d{0,30})?|\.\d{1,30})", re.ASCII)
#: More decimals than this are the noise of binary fractions, and what they mean is the number with fewer.
_MOST_DECIMALS, _NOISELESS = 9, Decimal("0.000001")
#: By decimal sign: thousands grouped by the other one, as in 1,234,567.50 and, in India, 12,34,567.50.
_GROUPED = {
    ".": re.compile(r"[+-]?[1-9]\d{0,2}(?:,\d{2,3})*,\d{3}(?:\.\d*)?", re.ASCII),
    ",": re.compile(r"[+-]?[1-9]\d{0,2}(?:\.\d{2,3})*\.\d{3}(?:,\d*)?", re.ASCII),
}
_NUMBER = re.compile(r"[\d.,]+", re.ASCII)
_WEIGHED = re.compile(r"(\d*[.,]?\d+)\s*(?:(PTS?|POINTS?|POINTERS?)|C|CTW|CTTW|CRTS?)\.?", re.IGNORECASE | re.ASCII)
#: Behind a weight, that it is of one stone.
_ONE_STONE = re.compile(r"\s*\(\s*0?1\s*(?:PCS?|STONE)?\.?\s*\)\Z", re.IGNORECASE | re.ASCII)
_OTHER = {".": ",", ",": "."}
_SIGN = re.compile(r"(?<![^\s\d-])\d*([.,])\d", re.ASCII)


def is_count(cell: str, *, digits: int) -> bool:
    """Whether a cell is a whole number of so many digits at most, without a sign or anything else."""
    return cell.isascii() and cell.isdigit() and len(cell) <= digits


def decimal_sign(cells: Iterable[str]) -> str:
    """The decimal sign of a row, told by its weight and measures; a point if they do not tell."""
    for cell in cells:
        signs = set(_SIGN.findall(cell))
        if len(signs) == 1:
            return str(signs.pop())
    return "."


def measure(cell: str) -> Decimal | None:
    """A weight, length, angle or percentage: its one sign, whichever it is, is the decimal one. None if it is no number."""
    number = _bare(cell)
    return _decimal(number.replace(",", ".") if number.count(",") == 1 and "." not in number else number)


def carats(cell: str) -> Decimal | None:
    """A weight in carats, also of a cell that names points, hundredths of a carat: "37 pts". None if it is none."""
    number = measure(cell)
    if number is None and cell.endswith(")"):
        cell = _ONE_STONE.sub("", cell)
        number = measure(cell)
    if number is None and (weighed := _WEIGHED.fullmatch(cell.strip())):
        number = measure(weighed[1])
        return number / 100 if number is not None and weighed[2] else number
    return number


def of_points(cell: str) -> str:
    """A cell of a column of points in carats; one that has a fraction or names its unit stays."""
    return str(number / 100) if (number := measure(cell)) is not None and number % 1 == 0 else cell


def amount(cell: str, sign: str) -> Decimal | None:
    """An amount of US dollars; `sign` is the row's decimal sign. None if it is none.

    What cannot be doubted is read in the other writing, too: `1.234,50` in a row of points.
    """
    if cell.isascii() and cell.isdigit():
        return Decimal(cell) if len(cell) <= 15 else None
    number, other = _bare(cell, _AROUND_MONEY), _OTHER[sign]
    if _GROUPED[sign].fullmatch(number):
        return _decimal(number.replace(other, "").replace(sign, "."))
    if other in number and sign in number:
        return _decimal(number.replace(sign, "").replace(other, ".")) if _GROUPED[other].fullmatch(number) else None
    return _decimal(number.replace(",", "."))


def _bare(cell: str, around: re.Pattern[str] = _AROUND) -> str:
    if _NUMBER.fullmatch(cell):
        return cell
    bare = cell.strip()
    for _ in range(2):
        bare = around.sub("", bare).strip()
    return _SPACES.sub("", bare)


def _decimal(number: str) -> Decimal | None:
    if not _PLAIN.fullmatch(number):
        return None
    read = Decimal(number)
    return read.quantize(_NOISELESS) if len(number) - number.find(".") > _MOST_DECIMALS + 1 and "." in number else read

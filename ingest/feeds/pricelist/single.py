"""What is not one stone: parcels, pairs that are sold together only, and the sums below a list."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

from catalog.grades import fold
from catalog.shapes import known_shape
from ingest.errors import MappingError
from ingest.feeds import nature, several, values
from ingest.feeds.deciding_nature import Evidence
from ingest.feeds.pricelist import numbers
from ingest.feeds.pricelist.columns import Cells, is_filled
from ingest.feeds.pricelist.headers import PRICES
from ingest.feeds.pricelist.reading import OTHER_HALF
from ingest.feeds.values import Reader

#: A weight of several stones: "1.01+1.02", "1.83/2", "2 = 1.83", "1.43 (2)", "2 x 1.01", "6.03 pr", "1.01 avg".
_WEIGHT = r"\d*[.,]?\d+\s*(?:CTS?|CARATS?)?\.?"
_TWO_WEIGHTS = re.compile(
    rf"{_WEIGHT}\s*(?:[+/&,;=X*×]|\bAND\b)\s*{_WEIGHT}(?:\s*(?:PCS?|STONES?))?|{_WEIGHT}\s*\(\s*\d+\s*(?:PCS?|STONES?)?\s*\)"
    rf"|{_WEIGHT}\s*(?:/\s*)?\(?\b(?:PRS?|PAIRS?|TW|T\.W|TOTAL(?: WEIGHT)?|EACH|EA|AVG|AVERAGE|PCS?)\b\.?\)?",
    re.IGNORECASE | re.ASCII,
)
#: Numbers of two reports, and measures of two stones, in one cell.
_REPORTS = re.compile(r"(?:([A-Z]{3,4})[\s:#-]*)?((?:[A-Z]{1,2})?\d{7,})", re.IGNORECASE | re.ASCII)
_BETWEEN = re.compile(r"(?:[\s,;+&/|]|AND)*", re.IGNORECASE)
_SET = re.compile(r"(\d+[.,]\d+)\s*[-xX*×]\s*(\d+[.,]\d+)\s*[-xX*×]\s*(\d+[.,]\d+)", re.ASCII)
#: Characters that one set of measures has at least, and two have more.
ONE_SET = 20
#: The same in inches or centimetres is so many times smaller.
_OTHER_UNIT = 3
_COUNT = re.compile(r"(\d{1,6})(?:\.0+)?\s*(?:PCS?|PIECES?|STONES?)?\.?", re.IGNORECASE | re.ASCII)
#: A line of text and no stock number: a page, what is carried over to it, or words.
_PAGE = (
    r"(?:TOTALS?|AMOUNT|BALANCE|WEIGHT)?[\s-]*(?:(?:CARRIED|BROUGHT)[\s-]*(?:FORWARD|OVER|DOWN)|[CB]\s?/\s?[FD])\.?\s*[:=]?\s*[\d.,\s$]*"
    r"|[-\s]*PAGE\s*(?:NO\b\.?|#)?[\s:#-]*\d+(?:\s*(?:OF|/)\s*\d+)?[-\s]*|CONT(?:D|INUED)\b.*"
)
_MIN_WORDS = 3
#: Words of a row that adds others up.
_SUM = re.compile(
    r"(?:GRAND|SUB|NET|LIST|STOCK|OVERALL|FINAL|PAGE)?[\s-]*(?:TOTALS?|SUMS?|AVERAGES?|AVG|MEAN|SUMMARY)"
    r"(?:\s+(?:STONES?|PCS|PIECES|DIAMONDS?|CARATS?|CTS|WEIGHT|AMOUNT|VALUE|PRICE|OF|STOCK|COUNT|QTY|IN|USD))*\.?\s*[:=]?\s*[\d.,\s$]*"
    rf"|{_PAGE}",
    re.IGNORECASE | re.ASCII,
)
#: The same beside a shape, and where nothing but a number of a stone belongs.
_TOTAL = r"(?:(?:GRAND|SUB)[\s-]*)?(?:TOTALS?|TTL|SUMS?|AVERAGES?|AVG|MEAN)"
_SUM_OF_SHAPE = re.compile(
    rf"(?P<front>[A-Z][A-Z ]*?)[\s:-]+{_TOTAL}\.?\s*[:=]?\s*[\d.,\s$]*"
    rf"|{_TOTAL}(?:\s+OF)?[\s.:-]+(?P<behind>[A-Z][A-Z ]*?)\s*:?",
    re.IGNORECASE | re.ASCII,
)
_SUM_AS_NUMBER = re.compile(
    r"(?:TTL|TOT|MIN(?:IMUM)?|MAX(?:IMUM)?|MEDIAN|COUNT|HIGHEST|LOWEST|SELECTED|SELECTION)"
    r"(?:\s+(?:STONES?|PCS|PIECES|DIAMONDS?|CARATS?|CTS|WEIGHT|AMOUNT|VALUE|PRICE|ROWS?|ITEMS?))*\.?(?:\s*[:=]\s*[\d.,\s$]*)?",
    re.IGNORECASE | re.ASCII,
)
#: What a number of stones is counted in, where a shape belongs.
_UNIT = re.compile(r"(?:PCS?|PIECES?|STONES?|STNS?|NOS?|DIAMONDS?|CTS?|CARATS?)\.?", re.IGNORECASE)
#: A title begins with so many letters, and has so many characters at most.
_MIN_TITLE, _MOST_TITLE = 3, 60
_DESCRIBING = ("shape", "color", "clarity", "fancy_color", "lab", "certificate_number", "certificate")
_AMOUNTS = ("carats", *PRICES)
_WEIGHTS_AGREE_WITHIN = Decimal("0.015")
_SIZES, _POINTS = re.compile(r"\d*[.,]?\d+", re.ASCII), re.compile(r"PTS?\b|POINT", re.IGNORECASE)
_RANGE = re.compile(r"(\d*[.,]\d+)\s*(?:-|–|TO)\s*(\d*[.,]\d+)\s*(?:MM|CTS?)?\.?", re.IGNORECASE | re.ASCII)
#: A stone that weighs so many times what stones do on the average is several.
_OF_AVERAGE = Decimal("1.5")
#: Where the title of a sum stands: in a row's first cells, or in one of these fields.
_FIRST_CELLS, _TITLED = 3, ("stock_number", "shape", "color", "clarity")

_flag = Reader(values.yes_or_no)
#: The mate of a stone in a remark: "Matching pair w/ A-1010", "must be sold with A-1010".
_MATE = re.compile(r"\b(?:PAIR|PR|SOLD)\.?\s*(?:W/|WITH\b)\s*([\w./-]*\w)", re.IGNORECASE)
#: A flag has so many words at most.
_FLAG = 3
#: A shorter number in a remark counts something (characters).
_SHORTEST = 3


def _says_sum(cell: str) -> bool:
    cell = cell.strip()
    if _SUM.fullmatch(cell):
        return any(map(str.isalpha, cell))
    named = _SUM_OF_SHAPE.fullmatch(cell)
    return named is not None and known_shape((named["front"] or named["behind"]).strip()) is not None


_sums = Reader(_says_sum)
#: A stock number that is a shape and nothing else.
_is_shape = Reader(lambda cell: cell.isalpha() and known_shape(cell) is not None)
_sums_as_number = Reader(lambda cell: _sums[cell] or _SUM_AS_NUMBER.fullmatch(cell.strip()) is not None)
#: The same of a row that says of all else what one of a stone says: "AVG 12" may be a stock number.
_begins_sum = Reader(lambda cell: len(cell) < _MOST_TITLE and not any(map(str.isdigit, cell)) and _sums[cell])
_is_title_of_sum = Reader(lambda cell: not any(map(str.isdigit, cell)) and _sums_as_number[cell])


def is_title(text: str) -> bool:
    """Whether the only filled cell of a row is a title or the like: three words, or letters alone."""
    words = text.split()
    return len(words) >= _MIN_WORDS or all(map(str.isalpha, words))


def _count(cell: str) -> int:
    """The number of stones that a cell names; 0 where it names none."""
    counted = _COUNT.fullmatch(cell.strip().replace(",", ""))
    if counted:
        return int(counted[1])
    # "Parcel" as a flag, or a remark.
    read = nature.of_grown_flag if len(cell.split()) <= _FLAG else nature.of_text
    return 2 if _flag[cell] or read[cell].several else 0


_counted = Reader(_count)


def refuse_several(cells: Cells, evidence: Sequence[Evidence], carats: Decimal | None, *, too_heavy: bool) -> None:
    """Raise `MappingError` if the row is a parcel, or a pair of which the supplier does not sell one stone."""
    is_pair = names_a_pair(cells)
    stones = 0
    if cells["stones"]:
        for cell in cells.each("stones"):
            stones = max(stones, _counted[cell])
    if other := cells.row.get(OTHER_HALF):
        raise MappingError(
            "pair", f"{str(other)[:60]!r} names the stone as the half of a pair that it is not sold without"
        )
    if is_pair or stones == 2 or evidence:
        said = next((spoken for spoken in evidence if spoken.said.several), None)
        if said is not None and said.said.several != several.PAIR:
            raise MappingError(
                said.field, f"{said.cell[:60]!r} is {said.said.several} and cannot be offered as one stone"
            )
        if is_pair or (said is not None and stones < 3):
            may_part = _may_part(cells)
            if not may_part:
                header = cells.header("pair") if is_pair else (said or evidence[0]).field
                why = (
                    "cannot be separated"
                    if may_part is False
                    else "may be inseparable, and nothing says that it is not"
                )
                raise MappingError(header, f"the stone is one of a pair that {why}, so it is not offered alone")
            if stones == 2:
                stones = 0
    if stones > 1:
        raise MappingError(cells.header("stones"), f"{cells['stones'][:60]!r}: a parcel is not offered as one stone")
    if not carats and "carats" in cells.columns:
        _refuse_unweighed(cells)
    if too_heavy:
        header = cells.header("measurements" if cells["measurements"] else "length")
        raise MappingError(
            header, f"no stone of such measures weighs {carats} carats: a parcel, or a wrong measure or weight"
        )


def _refuse_unweighed(cells: Cells) -> None:
    """Refuse a row of a list with weights that has none of one stone: what it weighs decides what it is and costs."""
    said = cells["carats"]
    if _TWO_WEIGHTS.fullmatch(said):
        raise MappingError(
            cells.header("carats"), f"{said[:60]!r} is the weight of several stones: a pair, or a parcel"
        )
    why = f"{said[:60]!r} is no weight of a stone" if said else "is missing"
    raise MappingError(cells.header("carats"), f"{why}, and none is offered without its weight")


def refuse_sizes(cells: Cells, carats: Decimal | None) -> None:
    """Raise `MappingError` for what is sorted by a sieve, and what weighs far more than the stones of its average size."""
    if is_filled(cells["sieve"]):
        raise MappingError(cells.header("sieve"), f"{cells['sieve'][:60]!r} is a sieve: a parcel is not one stone")
    if is_filled(size := cells["average_size"]):
        sizes = [weight for part in _SIZES.findall(size) if (weight := numbers.measure(part))]
        largest = max(sizes, default=Decimal(0)) / (100 if _POINTS.search(size) else 1)
        if carats is None or carats > _OF_AVERAGE * largest:
            raise MappingError(
                cells.header("average_size"),
                f"{size[:60]!r} is the average of several stones: a parcel is not one stone",
            )
    if "carats" in cells.of_list.others:
        _refuse_range(cells, carats)


def _refuse_range(cells: Cells, carats: Decimal | None) -> None:
    """Raise `MappingError` for what weighs far more than the largest of the sizes between which its stones are.

    A size in millimetres is a larger number than the weight of such a stone, one in carats is that weight.
    """
    if carats is None:
        return
    for header, cell in cells.all("carats"):
        if header != cells.header("carats") and (largest := _largest[cell]) and carats > _OF_AVERAGE * largest:
            raise MappingError(
                header, f"{cell[:60]!r} is the size of stones that together weigh {carats} carats: a parcel"
            )


def _largest_of(cell: str) -> Decimal | None:
    sizes = _RANGE.fullmatch(cell.strip())
    if sizes is None:
        return None
    least, most = (numbers.measure(size) for size in sizes.groups())
    return most if least and most and least < most else None


_largest = Reader(_largest_of)


def names_a_pair(cells: Cells) -> bool:
    """Whether a row says that its stone is one of a pair."""
    return bool(cells["pair"]) and fold(cells["pair"]) not in _NO_PAIR


def other_half(cells: Cells) -> str:
    """What a row calls the other stone of its pair, if the two are not sold apart; it may be the name of the pair."""
    if names_a_pair(cells):
        return "" if _may_part(cells) else cells["pair"]
    remark = cells["comments"]
    if not remark or nature.of_text[remark].several != several.PAIR or _may_part(cells):
        return ""
    named = _MATE.search(remark)
    if named is None:
        return ""
    number, mate = cells["stock_number"], named[1]
    # "Matching pair w/ B" of A-1009A is A-1009B.
    return number[:-1] + mate if len(mate) == 1 and number[-1:].isalpha() else mate


def named_beside(cells: Cells) -> tuple[str, list[str]]:
    """A remark that says that its stone and another belong together, and what in it may be that one's stock number."""
    if not cells["comments"] or _may_part(cells):
        return "", []
    for remark in cells.each("comments"):
        if numbers_of := _numbers_beside[remark]:
            return remark, numbers_of
    return "", []


def _named_in(remark: str) -> list[str]:
    if not several.belongs(remark.upper()):
        return []
    tokens = [token.strip("#.,;:()[]") for token in re.split(r"[\s,;]+|(?<=\bW)/", remark, flags=re.IGNORECASE)]
    return [token for token in tokens if len(token) >= _SHORTEST and any(map(str.isdigit, token))]


_numbers_beside = Reader(_named_in)


def refuse_two(cells: Cells) -> None:
    """Raise `MappingError` for cells with the certificates or the measures of two stones."""
    field = "certificate_number" if cells["certificate_number"] else "certificate"
    if not cells[field].isalnum() and _are_reports[cells[field]]:
        raise MappingError(cells.header(field), f"{cells[field][:60]!r} are the certificates of several stones")
    if _are_sets[cells["measurements"]]:
        raise MappingError(
            cells.header("measurements"), f"{cells['measurements'][:60]!r} are the measures of several stones"
        )


def _several_reports(cell: str) -> bool:
    """Whether a cell holds nothing but the numbers of several reports, of one laboratory or of none that is named."""
    found = _REPORTS.findall(cell)
    if len(found) < 2 or not _BETWEEN.fullmatch(_REPORTS.sub("", cell)):
        return False
    labs = {lab.upper() for lab, _ in found if lab}
    numbers_of = {number.upper().removeprefix("LG") for _, number in found}
    return len(labs) < 2 and len(numbers_of) > 1


def _several_sets(cell: str) -> bool:
    found = [tuple(Decimal(side.replace(",", ".")) for side in sides) for sides in _SET.findall(cell)]
    return any(
        sides != found[0] and sides[0] < _OTHER_UNIT * found[0][0] and found[0][0] < _OTHER_UNIT * sides[0]
        for sides in found[1:]
    )


_are_reports = Reader(_several_reports)
_are_sets = Reader(lambda cell: len(cell) > ONE_SET and _several_sets(cell))


def _may_part(cells: Cells) -> bool | None:
    return _flag[cells["pair_separable"]] if cells["pair_separable"] else None


_NO_PAIR = frozenset({"N", "NO", "NONE", "NA", "FALSE", "0", "NIL", "NULL", "SINGLE", "NOTSPECIFIED", "UNKNOWN", ""})


class Sums:
    """Finds the rows of one list that add up the rows above them, in the order of the list."""

    def __init__(self) -> None:
        self._all = self._since = Decimal(0)
        self._rows = self._rows_since = 0

    def is_sum(self, cells: Cells, carats: Decimal | None) -> bool:
        """Whether the next row is a sum, an average or a repeated header, and no stone."""
        if self._is_sum(cells, carats):
            self.restart()
            return True
        self._rows += 1
        self._rows_since += 1
        if carats is not None:
            self._all += carats
            self._since += carats
        return False

    def restart(self) -> None:
        """Take a row that is no stone, after which sums may begin anew."""
        self._since, self._rows_since = Decimal(0), 0

    def _is_sum(self, cells: Cells, carats: Decimal | None) -> bool:
        number = cells["stock_number"]
        if number.casefold() == cells.columns.get("stock_number", "").casefold() and number:
            # A header that stands again inside of the list.
            return True
        described = sum(1 for field in _DESCRIBING if cells[field])
        if described > 2:
            # Nearly every row.
            if number[:_MIN_TITLE].isalpha() and _is_title_of_sum[number]:
                return True
            opening = next(iter(cells.row.values()))
            return isinstance(opening, str) and opening[:_MIN_TITLE].isalpha() and _begins_sum[opening]
        if number and _sums_as_number[number]:
            return True
        first = [*list(cells.row.values())[:_FIRST_CELLS], *(cells[field] for field in _TITLED)]
        if any(_sums[cell] for cell in first if cell and isinstance(cell, str)):
            return True
        if not self._rows or not any(cells[field] for field in _AMOUNTS):
            return False
        if described == 1 and cells["shape"]:
            # A number of stones, or a sum of those of one shape.
            counts = _UNIT.fullmatch(cells["shape"]) is not None
            return (counts and (not number or number.isdigit())) or (self._adds_up(carats) and self._is_count(number))
        if described:
            return False
        adds_up = self._adds_up(carats)
        if "shape" not in cells.columns and "color" not in cells.columns:
            return adds_up and not number
        return self._is_count(number) or adds_up or _is_shape[number]

    def _is_count(self, number: str) -> bool:
        """Whether a stock number is none, or that of the rows before."""
        return not number or (number.isdigit() and int(number[:9]) in (self._rows, self._rows_since))

    def _adds_up(self, carats: Decimal | None) -> bool:
        """Whether a weight is that of the rows before, which may have been rounded."""
        return carats is not None and any(
            rows > 1 and abs(carats - weight) <= _WEIGHTS_AGREE_WITHIN
            for rows, weight in ((self._rows, self._all), (self._rows_since, self._since))
        )

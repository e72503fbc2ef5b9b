"""How a list is read: the rows above its header, its headers as keys, and what it is refused for.

Every format gives the first rows of a list as plain cells; what makes one of them the header is the same for all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

from ingest.feeds.pricelist.errors import ListRefused
from ingest.feeds.pricelist.formats.groups import named_by_groups
from ingest.feeds.pricelist.headers import columns_of, foreign, has_price
from ingest.feeds.pricelist.numbers import carats
from ingest.feeds.pricelist.parameters import Parameters

#: Rows in which a header is looked for.
HEADER_WITHIN = 30
#: Columns of a list at most; the widest that the trade writes have some 150.
MAX_COLUMNS = 500
#: What names goods that are sold by weight and not by stones, in headers and titles.
_PARCELS = re.compile(
    r"\b(?:PARCELS?|MELL?EES?|SIEVES?|ASSORT\w*|POINTERS?|STARS?\s?/\s?MELEE|AVG\.?\s*SIZE)\b", re.IGNORECASE
)
#: What a stone has, and a sum of stones of one shape has not.
_OF_STONES = ("color", "clarity", "color_clarity", "fancy_color", "certificate_number")
#: Longest cell (characters), in every format.
MAX_CELL = 131_072
#: Key of a row's cells that have no header.
BEYOND = "(beyond the header)"
#: Key of the stock number of a pair's other half, which names this row though the row does not say that it is one.
OTHER_HALF = "(half of a pair with)"
#: Keys of what is said of a row beside its columns, and of what may be; see `ingest.feeds.pricelist.beside`.
BESIDE, PERHAPS = "(said beside its columns)", "(said of it or of others)"
#: Key of a header within the list that is another than its own, of the rows below it.
OTHER_HEADER = "(below another header)"
#: Key of a row's shape in a list without a column of shapes, by the heading above it or the name of its sheet.
SHAPE = "(shape above)"
#: Key of what the whole list proved of its columns; see `ingest.feeds.pricelist.proving.proof`.
PROVEN = "(proven of prices)"
#: Key of what tells a row's stone from others of the same stock number, if they cannot be one stone.
AMBIGUOUS = "(stones of one stock number)"
#: Key of what tells a row's stone from others of the same certificate, if they cannot be one stone.
ONE_CERTIFICATE = "(stones of one certificate)"


@dataclass(frozen=True, slots=True)
class Part:
    """A sheet of a workbook that holds rows of the list: `skip` rows stand above its header."""

    name: str
    skip: int
    headers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """The way in which a list is read: `skip` rows stand above the header.

    `form` is what the list is written in, `member` the file of an archive that it is, `parts` the sheets of a workbook, and
    `within` where in a JSON document its array lies.
    """

    encoding: str
    delimiter: str
    skip: int
    headers: tuple[str, ...]
    form: str = "CSV"
    member: str = ""
    parts: tuple[Part, ...] = ()
    within: str = ""
    #: The filled cells of the rows above the header.
    above: tuple[str, ...] = ()
    #: Rows of a workbook that are not read: "hidden" and "struck" out ones, counted.
    left_out: Mapping[str, int] = field(default_factory=dict)

    @property
    def described(self) -> str:
        """What the list is, for a person."""
        what = f"{self.form} in {self.encoding}" if self.encoding else self.form
        if self.parts:
            what += f", sheet {', '.join(repr(part.name) for part in self.parts)}"
        return f"{what}, {self.member!r} of an archive" if self.member else what


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its line in the file and its cells word for word, by header; cells that it lacks at its end are blank."""

    line: int
    cells: dict[str, str | list[str]]
    #: The name of its sheet in a workbook, and whether blank rows stand above it.
    part: str = ""
    gap: bool = False


@dataclass(frozen=True, slots=True)
class Heading:
    """The best header among a list's first rows, and whether it has a stock number and a price."""

    skip: int
    headers: tuple[str, ...]
    required: int
    known: int
    #: The filled cells of the rows above it.
    above: tuple[str, ...] = ()

    @property
    def rank(self) -> tuple[int, int]:
        """How good a header this is."""
        return self.required, self.known

    @property
    def is_of_a_list(self) -> bool:
        """Whether a list can be read by it."""
        return self.required == 2


def heading_of(first_rows: Iterable[Sequence[str]], parameters: Parameters) -> Heading | None:
    """The best header among rows: one with stock number and price, and most known columns; None if there are no rows.

    A header may stand in two rows, of which the upper one has the names of groups of columns. What stands below a row of a
    stone is another table's.
    """
    best: Heading | None = None
    above: list[str] = []
    before: Sequence[str] = ()
    for skip, cells in enumerate(first_rows):
        if best is not None and best.is_of_a_list and _is_stone(best.headers, cells, parameters):
            break
        for names in named_by_groups(before, cells):
            headers = distinct(names)
            columns = columns_of(headers, parameters.chosen)
            required = ("stock_number" in columns) + has_price(columns)
            if best is None or (required, len(columns)) > best.rank:
                best = Heading(skip, headers, required, len(columns), tuple(above))
        above += [cell for cell in cells if cell.strip()]
        before = cells
    return best


def _is_stone(headers: Sequence[str], cells: Sequence[str], parameters: Parameters) -> bool:
    """Whether a row below a header is one of a stone, and none of sums by shape."""
    columns = columns_of(headers, parameters.chosen)
    row = dict(zip(headers, map(str.strip, cells), strict=False))
    weight, number = row.get(columns.get("carats", ""), ""), row.get(columns["stock_number"], "")
    is_graded = any(row.get(columns[field]) for field in _OF_STONES if field in columns)
    return bool(number) and is_graded and carats(weight) is not None


def by_header(headers: tuple[str, ...], cells: Sequence[str]) -> dict[str, str | list[str]]:
    """A row's cells by header. Raises `ListRefused` for a row of very many."""
    refuse_wide(cells)
    width = len(headers)
    row: dict[str, str | list[str]] = dict(zip_longest(headers, cells[:width], fillvalue=""))
    if len(cells) > width and any(map(str.strip, cells[width:])):
        row[BEYOND] = list(cells[width:])
    return row


def refuse_wide(cells: Sequence[str]) -> None:
    """Each cell is kept with its header, so a list of very many columns would become many times as large on disk."""
    if len(cells) > MAX_COLUMNS:
        raise ListRefused(f"the price list has {len(cells):,} columns; at most {MAX_COLUMNS} are read")


def distinct(cells: Sequence[str]) -> tuple[str, ...]:
    """Headers as keys: those without a name are numbered, and those of one name told apart."""
    last = max((number for number, cell in enumerate(cells, 1) if cell.strip()), default=0)
    names: dict[str, None] = {}
    for number, cell in enumerate(cells[:last], 1):
        name = plain = cell.strip() or f"column {number}"
        again = 2
        while name in names or name in (BEYOND, PROVEN):
            name = f"{plain} ({again})"
            again += 1
        names[name] = None
    return tuple(names)


def _of_parcels(heading: Heading, columns: Mapping[str, str]) -> str:
    """What says that a list is one of goods that are sold by weight; empty if nothing does."""
    if "certificate_number" in columns:
        return ""
    if header := columns.get("sieve") or columns.get("average_size"):
        return header
    return next((text[:60] for text in (*heading.headers, *heading.above) if _PARCELS.search(text)), "")


def what_is_missing(heading: Heading, parameters: Parameters) -> str:
    """Why no list can be read by this header."""
    columns = columns_of(heading.headers, parameters.chosen)
    shown = ", ".join(repr(header[:40]) for header in heading.headers[:40]) or "none"
    if not columns:
        return f"the price list has no header that we know; its row {heading.skip + 1} reads: {shown}"
    others = [header for header in heading.headers if foreign(header)]
    if "stock_number" in columns and others:
        return f"the price list has no price in US dollars: {others[0]!r} names another currency"
    what = "price" if "stock_number" in columns else "stock number"
    if what == "stock number" and (said := _of_parcels(heading, columns)):
        return (
            f"the price list is one of parcels or melee, by {said!r}, and names no stone: lots are not sold as stones here; "
            "ask the supplier for the list of single stones"
        )
    return (
        f"the price list has no {what} column among: {shown}; name it in the feed's parameters, "
        f'e.g. "columns": {{"<its header>": "{"stock_number" if what == "stock number" else "price"}"}}'
    )

"""The columns of one list: which of them each field is read from, row by row, and which bear on what a stone is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Any

from catalog.certificates import folded
from catalog.fancy_colors import said_of_color
from catalog.grades import fold as word_fold
from ingest.errors import MappingError
from ingest.feeds import nature, values
from ingest.feeds.deciding_nature import Evidence
from ingest.feeds.pricelist import artefacts, color_clarity, numbers
from ingest.feeds.pricelist.discounts import Writing
from ingest.feeds.pricelist.headers import OF_MONEY, REPEATED, SPELLINGS, fold, ranked_columns
from ingest.feeds.pricelist.reading import (
    AMBIGUOUS,
    BESIDE,
    BEYOND,
    ONE_CERTIFICATE,
    OTHER_HALF,
    OTHER_HEADER,
    PERHAPS,
    PROVEN,
    SHAPE,
)
from ingest.feeds.values import Reader

#: Keys of a payload that are no headers.
RESERVED = frozenset({BEYOND, AMBIGUOUS, ONE_CERTIFICATE, OTHER_HALF, OTHER_HEADER, PROVEN, BESIDE, PERHAPS, SHAPE})
#: Names rather than amounts: what a spreadsheet did to them is told, not hidden.
NAMES = frozenset({"stock_number", "certificate_number"})
_LINKS = frozenset({"certificate_url", "image", "video"})
#: How the columns of a field are read that say what a stone is.
_READERS: Mapping[str, Reader[nature.Said]] = {
    "lab_grown": nature.of_grown_flag,
    "natural": nature.of_natural_flag,
    "growth": nature.of_growth,
    "material": nature.of_material,
    "origin": nature.of_origin,
    "treatment": nature.of_treatment,
    "treated_by": nature.of_treatment_flag,
    "treated_color": nature.of_treatment,
    "report_type": nature.of_text,
    "report_comments": nature.of_text,
    "comments": nature.of_text,
    "key_to_symbols": nature.of_text,
    "shape": nature.of_shape,
    "color": nature.of_grade,
    "clarity": nature.of_grade,
    "color_clarity": nature.of_grade,
    "lab": nature.of_lab,
    "certificate": nature.of_lab,
    "supplier_name": nature.of_name,
    "brand": nature.of_brand,
}
#: Headers that name both kinds of stones, after `fold`.
_EITHER = frozenset({"NATURALLABGROWN", "NATURALORLABGROWN", "LABGROWNORNATURAL", "NATLAB", "NATURALLAB"})
#: Spellings of a weight that also name a range of sizes, a measure, or the weight of several stones.
_WEAK_WEIGHTS = frozenset({"SIZE", "SZ", "TCW", "TOTALCARATWEIGHT"})
#: Two weights of one stone may be rounded differently by so many carats.
_WEIGHTS_AGREE_WITHIN = Decimal("0.011")
#: Fields whose columns say different things of a stone, or the same in different words, and are weighed elsewhere.
_MAY_DIFFER = frozenset(
    {
        *OF_MONEY,
        *(_READERS.keys() - {"color", "clarity"}),
        "carats",
        "certificate_number",
        "stock_number",
        "depth",
        *_LINKS,
        "stones",
    }
    | {"pair", "pair_separable", "supplier_name", "location", "country", "city", "measurements"}
    # Of these all columns count together.
    | {"availability", "off_market", "shade", "fancy_color", "fancy_color_second", "fancy_overtone"}
)
#: A number of a certificate has so many characters; fewer are no number of any laboratory's.
_MIN_CERTIFICATE = 5

#: A list with this column has its currency in it, and dollars in the others.
_IN_CURRENCY = frozenset({"TOTALSALESPRICEINCURRENCY"})

_BLANK = dict.fromkeys(SPELLINGS, "")
_MARKS = frozenset("='#<")


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a list. `best` is field → its best column, `others` field → the rest of them, best first."""

    best: Mapping[str, str]
    others: Mapping[str, tuple[str, ...]]
    #: Columns that say what a stone is, and how each is read.
    telling: tuple[tuple[str, Reader[nature.Said]], ...]
    #: How discounts are written, where the list proved it.
    discounts: Writing | None = None
    #: What the feed says or the list proves that words mean: field → folded word → what is read in its place.
    meanings: Mapping[str, Mapping[str, str]] | None = None
    #: The decimal sign of amounts, where the list proved it; empty where each row tells its own.
    decimal: str = ""
    #: Whether a price that list and discount of its row deny is wrong.
    binding: bool = False
    #: Header → cells of it that stand for a price on request.
    placeholders: Mapping[str, Sequence[str]] | None = None
    #: Whether the column of weights is in points, hundredths of a carat.
    points: bool = False
    #: Whether a column holds colour and clarity together.
    together: bool = False
    #: Whether a column may name the size of the stones of a parcel.
    sized: bool = False
    #: Whether a colour that stands beside an intensity is the name of a fancy one.
    named_beside: bool = False
    #: Of a list with prices of the stone and of a carat: columns of these, and the one of anything else behind them.
    behind_prices: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(
        cls,
        headers: Sequence[str],
        chosen: Mapping[str, str],
        discounts: Writing | None = None,
        meanings: Mapping[str, Mapping[str, str]] | None = None,
        decimal: str = "",
        *,
        binding: bool = False,
        placeholders: Mapping[str, Sequence[str]] | None = None,
        named_beside: bool = False,
    ) -> Columns:
        """The columns of a list with these headers; `chosen` as in `headers.columns_of`."""
        ranked = ranked_columns([header for header in headers if header not in RESERVED], chosen)
        if "currency" in ranked and any(fold(header) in _IN_CURRENCY for header in headers):
            del ranked["currency"]
        if SHAPE in headers:
            ranked.setdefault("shape", (SHAPE,))
        in_points = "points" in ranked and "carats" not in ranked
        if in_points:
            ranked["carats"] = ranked.pop("points")
        of_kinds = (meanings or {}).get("lab_grown")
        telling = [
            (header, _meant(nature.of_either if fold(header) in _EITHER else reader, field, of_kinds))
            for field, reader in _READERS.items()
            for header in ranked.get(field, ())
        ]
        return cls(
            {field: columns[0] for field, columns in ranked.items()},
            {field: columns[1:] for field, columns in ranked.items() if len(columns) > 1},
            tuple(telling),
            discounts,
            meanings,
            decimal,
            binding,
            placeholders,
            in_points,
            "color_clarity" in ranked,
            "sieve" in ranked or "average_size" in ranked or len(ranked.get("carats", ())) > 1,
            named_beside,
            _behind_prices(headers, ranked),
        )


def _behind_prices(headers: Sequence[str], ranked: Mapping[str, Sequence[str]]) -> tuple[tuple[str, str], ...]:
    if "total_price" not in ranked or "price_per_carat" not in ranked:
        return ()
    of_money = {header for field in OF_MONEY for header in ranked.get(field, ())}
    prices = {ranked["total_price"][0], ranked["price_per_carat"][0]}
    named = [header for header in headers if header not in RESERVED]
    return tuple((price, behind) for price, behind in pairwise(named) if price in prices and behind not in of_money)


class Cells(dict[str, str]):
    """One row: its cells by the fields that they mean, without the space around them; blank for a field that it lacks.

    Of several columns of a field the first that the row fills is read. A row that is not `marked` has no cell that begins
    as those do that a spreadsheet has written.
    """

    __slots__ = ("beyond", "columns", "of_list", "read_from", "row")

    def __init__(self, row: dict[str, Any], columns: Columns, *, marked: bool = True) -> None:
        super().__init__(_BLANK)
        self.row = row
        self.of_list = columns
        #: Field → what the list calls it, for the columns that it has.
        self.columns = columns.best
        #: The same of fields that this row has from another column than the best.
        self.read_from: dict[str, str] = {}
        #: Whether the row has cells that no header names: then all of them may stand in the wrong place.
        self.beyond = BEYOND in row
        for field, header in columns.best.items():
            cell = row[header]
            if cell and isinstance(cell, str):
                self[field] = cell.strip()
        if marked:
            for field in columns.best:
                cell = self[field]
                if cell and cell[0] in _MARKS:
                    self[field] = _mended(field, cell)
        for field, headers in columns.others.items():
            if not is_filled(self[field]):
                for header in headers:
                    if is_filled(cell := self.cell(field, header)):
                        self[field], self.read_from[field] = cell, header
                        break
        if columns.points or columns.together:
            self._unfold()
        if columns.meanings or columns.named_beside:
            self._translate(columns)

    def _unfold(self) -> None:
        """Put weights in carats in the place of points, and colour and clarity in the place of a cell of both.

        What is not both is left as a colour that nobody knows, to be told of.
        """
        if self.of_list.points:
            self["carats"] = numbers.of_points(self["carats"])
        if both := self["color_clarity"]:
            color, clarity = color_clarity.parts[both] or (both, "")
            self["color"], self["clarity"] = self["color"] or color, self["clarity"] or clarity

    def _translate(self, columns: Columns) -> None:
        """Put what the feed says, or the list proves, that its words mean in the place of cells."""
        if columns.named_beside and is_filled(self["fancy_intensity"]):
            self["fancy_color"], self["color"] = self["color"], ""
        for field, said in (columns.meanings or {}).items():
            if (cell := self[field]) and (meaning := said.get(word_fold(cell))) is not None:
                self[field] = meaning

    def header(self, field: str) -> str:
        """The list's own name for a field, of the column that this row has it from."""
        return self.read_from.get(field) or self.columns.get(field, field)

    def cell(self, field: str, header: str) -> str:
        """What stands in one column of a field."""
        cell = self.row[header]
        cell = cell.strip() if isinstance(cell, str) else ""
        return cell if not cell or cell[0] not in _MARKS else _mended(field, cell)

    def all(self, field: str) -> list[tuple[str, str]]:
        """The filled columns of a field, the best first: header and cell."""
        best = self.columns.get(field)
        headers = () if best is None else (best, *self.of_list.others.get(field, ()))
        return [(header, cell) for header in headers if (cell := self.cell(field, header))]

    def each(self, field: str) -> Iterator[str]:
        """The filled cells of a field, the one that is read first; a 0 in another column is one of them."""
        if cell := self[field]:
            yield cell
            if field in self.of_list.others:
                read = self.header(field)
                yield from (other for header, other in self.all(field) if header != read)

    def evidence(self, number: str | None, link: str | None) -> list[Evidence]:
        """The columns that say what the stone is, its certificate's `number` and the `link` to it among them."""
        row, silent = self.row, nature.SILENT
        spoken = []
        for header, read in self.of_list.telling:
            cell = row[header]
            if cell and isinstance(cell, str) and (said := read[cell]) is not silent:
                spoken.append(Evidence(header, cell, said))
        if BESIDE in row or PERHAPS in row:
            spoken += _beside(row)
        report = self["certificate_number"]
        if not report.isalnum() and (said := nature.of_lab[report]) is not silent:
            # "IGI Lab Grown 612345678"
            spoken.append(Evidence(self.header("certificate_number"), report, said))
        if number and not number.isdigit() and (said := nature.of_certificate(number)) is not silent:
            spoken.append(Evidence(self.header("certificate_number"), number, said))
        stock, image, video = self["stock_number"], self["image"], self["video"]
        # Of nearly all rows one look at all four is enough.
        if nature.may_name_kind(f"{stock} {link} {image} {video}"):
            if (said := nature.of_stock_number(stock)) is not silent:
                spoken.append(Evidence(self.header("stock_number"), stock, said))
            for field, address in (("certificate_url", link), ("image", image), ("video", video)):
                if address and (said := nature.of_address(address)) is not silent:
                    spoken.append(Evidence(self.header(field), address, said))
        return spoken


def _meant(reader: Reader[nature.Said], field: str, said: Mapping[str, str] | None) -> Reader[nature.Said]:
    """A reader of a column that says what a stone is, by what the feed says that words of kinds mean."""
    if field != "lab_grown" or not said:
        return reader
    return Reader(lambda cell: reader[said.get(word_fold(cell), cell)])


def is_filled(cell: str) -> bool:
    """Whether a cell says anything: a dash, a zero and "N/A" do not."""
    return bool(cell) and cell.strip("0.,$-* ") != "" and word_fold(cell) not in values.NOTHING


def refuse_disagreement(cells: Cells) -> None:
    """Raise `MappingError` if two columns give the row two weights, or two numbers of certificates."""
    others = cells.of_list.others
    if "carats" in others:
        weights = [
            (header, cell, weight)
            for header, cell in cells.all("carats")
            if (weight := numbers.carats(cell))
            and (header == cells.header("carats") or fold(header) not in _WEAK_WEIGHTS)
        ]
        for header, cell, weight in weights[1:]:
            if abs(weight - weights[0][2]) > _WEIGHTS_AGREE_WITHIN:
                raise _disagreement(header, cell, weights[0][0], weights[0][1])
    if "certificate_number" in others:
        certificates = [
            (header, cell, number)
            for header, cell in cells.all("certificate_number")
            if (number := folded(artefacts.without_lab(artefacts.numbered(cell))[1]))
            and len(number) >= _MIN_CERTIFICATE
            and any(map(str.isdigit, number))
        ]
        for header, cell, number in certificates[1:]:
            known = certificates[0][2]
            if not (number.endswith(known) or known.endswith(number)) and not _of_another_lab(cells, header):
                raise _disagreement(header, cell, certificates[0][0], certificates[0][1])


def _of_another_lab(cells: Cells, header: str) -> bool:
    """Whether a repeated column of numbers is of a second report, with a laboratory of its own beside it: "Lab (2)"."""
    again = REPEATED.search(header)
    if again is None:
        return False
    labs = cells.all("lab")
    return any(lab.endswith(again[0]) and is_filled(cell) and cell != labs[0][1] for lab, cell in labs[1:])


def disagreements(cells: Cells) -> Iterator[tuple[str, str]]:
    """What several columns of one field say differently and nobody stops at: field, and "G / H"."""
    for field in cells.of_list.others:
        if field in _MAY_DIFFER:
            continue
        said = list(dict.fromkeys(cell.upper() for _, cell in cells.all(field) if is_filled(cell)))
        if field == "color" and len({said_of_color(cell)[:2] for cell in said}) == 1:
            continue
        if len(said) > 1 and not _same(said):
            yield field, " / ".join(said)


def _same(said: Sequence[str]) -> bool:
    """Whether all cells are one number, or one word."""
    amounts = [numbers.measure(cell) for cell in said]
    if None not in amounts:
        return len(set(amounts)) == 1
    return len({word_fold(cell) for cell in said}) == 1


def _disagreement(header: str, cell: str, best: str, best_cell: str) -> MappingError:
    return MappingError(header, f"{cell[:60]!r} is not what {best} says: {best_cell[:60]!r}")


def _beside(row: Mapping[str, Any]) -> Iterator[Evidence]:
    """What headings say of what a row's stone is; one whose part may have ended says only that it may be so."""
    for text in row.get(BESIDE, ()):
        yield Evidence("heading", text, nature.of_text[text])
    for text in row.get(PERHAPS, ()):
        yield Evidence("heading", text, nature.Said(unclear=True))


def _mended(field: str, cell: str) -> str:
    if cell[0] == "#" and field in NAMES:
        return cell
    return artefacts.plain(cell, link=field in _LINKS)

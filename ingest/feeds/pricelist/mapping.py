"""A row of a price list in the catalogue's terms.

A payload is a JSON object of the row's cells, word for word, by header; which header means what is found anew for every
set of headers and remembered. Only stock number and price are required; anything else that cannot be read is unknown.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from catalog.girdles import girdle_ends
from catalog.grades import Bowtie, Clarity, Color, CuletSize, LabFinish
from catalog.rows import StoneFacts
from catalog.shapes import spelled_shape
from ingest.errors import MappingError
from ingest.feeds import nature, several, values
from ingest.feeds.adapter import Look, StoneIdentity
from ingest.feeds.deciding_nature import Evidence, Nature, decide, hint_of
from ingest.feeds.fluorescence import fluorescence_facts
from ingest.feeds.pricelist import (
    artefacts,
    bands,
    certificates,
    dimensions,
    doubts,
    exchanged,
    finishes,
    proven,
    shifted,
    single,
    vocabulary,
    words,
)
from ingest.feeds.pricelist.availability import availability_of
from ingest.feeds.pricelist.colors import color_of
from ingest.feeds.pricelist.columns import RESERVED, Cells, Columns, disagreements, refuse_disagreement
from ingest.feeds.pricelist.costs import Costs, Price
from ingest.feeds.pricelist.headers import unknown_headers
from ingest.feeds.pricelist.parameters import Parameters
from ingest.feeds.pricelist.reading import AMBIGUOUS, ONE_CERTIFICATE, OTHER_HALF, OTHER_HEADER, PROVEN
from ingest.feeds.pricelist.strange import lost, strange_words
from ingest.feeds.values import Reader

MAPPER_VERSION = "pricelist-mapper-5"

#: Stands for the number of a certificate where there is none.
_NO_NUMBER = "0" * shifted.MIN_REPORT
#: Longest stock number that the catalogue keeps (characters).
MAX_ID_LENGTH = 100

_below_90 = Reader(lambda cell: dimensions.measure(cell, 2, 90))
_below_100 = Reader(lambda cell: dimensions.measure(cell, 2, 100))
_days = Reader(values.days)
_clarity = Reader(lambda cell: values.grade(Clarity, nature.grade_alone(cell)))
_finish = Reader(lambda cell: values.grade(LabFinish, cell))
_eye_clean = Reader(values.eye_clean)
_days_from_to = Reader(values.days_from_to)
_country = Reader(values.country)
_bowtie = Reader(lambda cell: values.grade(Bowtie, cell))
_culet_size = Reader(lambda cell: values.grade(CuletSize, cell.partition("(")[0]))
_text_300 = Reader(lambda cell: values.text(cell, 300))
_text_120 = Reader(lambda cell: values.text(cell, 120))
_text_200 = Reader(lambda cell: values.text(cell, 200))
_culet = Reader(lambda cell: values.text(cell, 120) or values.no_culet(cell))
_shape = Reader(words.shape)

_decoder = msgspec.json.Decoder(dict[str, Any])


class Judged(NamedTuple):
    """What of a row bears on the level of its price."""

    kind: bands.Kind
    #: Header and cell that only hint at a grown stone, if neither another column nor the feed says what it is.
    hint: tuple[str, str] | None
    #: Whether no column says that the stone was grown, or is natural, or was treated.
    is_silent: bool
    #: The colour of an intense or vivid stone without an overtone; empty of any other.
    strong: str


class Mapper:
    """Maps the rows of one feed's lists."""

    #: Sets of headers that are remembered.
    _REMEMBERED = 64

    def __init__(self, parameters: Parameters, *, band_factor: float = 1.0) -> None:
        self._parameters = parameters
        self._chosen, self._meanings = parameters.chosen, parameters.meanings
        #: What the rows say of their prices.
        self.costs = Costs(parameters)
        #: A stone of whose nature no column says anything.
        self._grown = bool(parameters.labgrown)
        self._silent = Nature(self._grown, None, None)
        self._columns: dict[tuple[tuple[str, ...], object], Columns] = {}
        self._band_factor = band_factor
        #: A cell of a weight → cents that a carat of any kind of stone can cost.
        self._ordinary: Reader[tuple[float, float]] = Reader(
            lambda cell: bands.ordinary(float(dimensions.carats_in[cell] or 0), 100.0, band_factor)
        )

        #: A cell of a weight → cents a carat below which a stone of which nothing says that it is natural may be grown.
        self._doubtful: Reader[float] = Reader(
            lambda cell: (
                bands.doubtful_below(float(weight), band_factor) * 100
                if (weight := dimensions.carats_in[cell])
                else 0.0
            )
        )

    def cells(self, item: bytes) -> Cells:
        """A payload's cells. Raises `MappingError` if it is no row."""
        try:
            row = _decoder.decode(item)
        except msgspec.DecodeError as error:
            raise MappingError("row", f"is no JSON object: {error}") from error
        return self._cells(row, marked=b':"=' in item or b":\"'" in item or b':"#' in item or b':"<' in item)

    def cells_of(self, row: dict[str, Any]) -> Cells:
        """A row's cells by field."""
        return self._cells(row, marked=True)

    def _cells(self, row: dict[str, Any], *, marked: bool) -> Cells:
        known = (tuple(row), row.get(PROVEN))
        columns = self._columns.get(known)
        if columns is None:
            if len(self._columns) >= self._REMEMBERED:
                self._columns.clear()
            columns = self._columns[known] = self._columns_of(*known)
        return Cells(row, columns, marked=marked)

    def _columns_of(self, headers: tuple[str, ...], carried: object) -> Columns:
        proof = proven.read(carried)
        # What the feed says goes before what the list proved, but "price" says nothing that could be proven.
        chosen = self._chosen | {
            header: field for header, field in proof.chosen.items() if self._chosen.get(header, "price") == "price"
        }
        # A word of a field of which the feed says something means what the feed says.
        meanings = proof.words | {field: proof.words.get(field, {}) | said for field, said in self._meanings.items()}
        return Columns.of(
            headers,
            chosen,
            proof.discounts,
            meanings,
            proof.decimal,
            binding=proof.binding,
            named_beside=proof.named_beside,
            placeholders=proof.placeholders,
        )

    def identify(self, item: bytes) -> StoneIdentity:
        """The identity of a row: its stock number is the stone's and the offer's. Raises `MappingError`."""
        number = stock_number(self.cells(item))
        return StoneIdentity(number, number)

    def to_diamond(self, item: bytes) -> StoneFacts:
        """Map one row. Raises `MappingError` with the header if it has no stock number or no price in US dollars."""
        cells = self.cells(item)
        number = stock_number(cells)
        if cells.beyond:
            raise MappingError("row", "has more cells than the list has headers, so its cells may be shifted")
        carats = dimensions.carats_in[cells["carats"]]
        if cells.of_list.others:
            refuse_disagreement(cells)
        price = self.price(cells, carats)
        fancy = color_of(cells)
        intensity, color_of_fluorescence = fluorescence_facts(cells["fluorescence"], cells["fluorescence_color"])
        depth_pct = dimensions.depth_pct_of[cells["depth_pct"]]
        if depth_pct is None:
            depths = (dimensions.depth_pct_of[cell] for cell in cells.each("depth"))
            depth_pct = next((said for said in depths if said and said >= dimensions.MILLIMETRES_BELOW), None)
        certificate = cells["certificate"]
        laboratory = cells["lab"]
        laboratory, number_beside = (
            certificates.laboratory(laboratory) if laboratory[-1:].isdigit() else (laboratory, "")
        )
        number_of = cells["certificate_number"] or certificate or "0"
        certificate_number, lab = certificates.certified(cells["certificate_number"] or number_beside, certificate)
        if ONE_CERTIFICATE in cells.row:
            why = f"{str(certificate_number)[:60]!r} is the certificate of several stones: {cells.row[ONE_CERTIFICATE]}"
            raise MappingError(cells.header("certificate_number"), why)
        certificate_url = certificates.certificate_url(cells)
        evidence = cells.evidence(certificate_number, certificate_url)
        stone = self._nature(evidence)
        clarity = _clarity[cells["clarity"]]
        if _may_be_shifted(cells, color=fancy.color, clarity=clarity, carats=carats, laboratory=laboratory):
            shifted.refuse_shifted(cells)
        length, width, depth, too_heavy = dimensions.dimensions(cells, carats, depth_pct)
        shape = _shape[cells["shape"]] or words.shape_by_measures(cells["shape"], carats, length, width, depth)
        is_one = cells["stones"] in ("", "1", "0") and not cells["pair"] and OTHER_HALF not in cells.row
        if not number_of.isalnum() or len(cells["measurements"]) > single.ONE_SET:
            single.refuse_two(cells)
        if cells.of_list.sized:
            single.refuse_sizes(cells, carats)
        if evidence or too_heavy or not carats or not is_one:
            single.refuse_several(cells, evidence, carats, too_heavy=too_heavy)
        if price.per_carat is not None and price.per_carat < self._doubtful[cells["carats"]] and not stone.lab_grown:
            doubts.refuse_doubtful(price.per_carat, fancy.color, clarity, stone, evidence)
        if not stone.lab_grown:
            doubts.refuse_dear(price, carats, fancy.color, cells["color"], cells.header("color"), self._band_factor)
            doubts.refuse_doubtful_fancy(price, carats, fancy, stone, evidence, self._band_factor)
        images, videos = values.urls(cells["image"]), values.urls(cells["video"])
        shades = words.shades(cells.each("shade")) if cells["shade"] else words.NO_SHADES
        soonest, latest = _days_from_to[cells["delivery_days"]]
        cut, polish, symmetry = _finishes(cells)
        is_read = shape is not None and fancy.color is not None and clarity is not None
        if not is_read or (cut is None and cells["cut"]) or (certificate_number is None and number_of != "0"):
            exchanged.refuse_exchanged(cells)
        girdle = _girdle(cells)
        thinnest, thickest = girdle_ends(girdle or "")
        culet_size = _culet_size[cells["culet"]]
        location_country, location_city = words.location(cells["country"], cells["city"], cells["location"])
        return StoneFacts(
            offer_id=number,
            shape=shape,
            carats=carats,
            color=fancy.color,
            clarity=clarity,
            cut=cut,
            polish=polish,
            symmetry=symmetry,
            fluorescence_intensity=intensity,
            fluorescence_color=color_of_fluorescence,
            fancy_color=fancy.name,
            fancy_intensity=fancy.intensity,
            fancy_overtone=fancy.overtone,
            lab_grown=stone.lab_grown,
            growth_method=stone.growth_method,
            treated=stone.treated,
            lab=certificates.lab[laboratory]
            or (None if any(map(str.isdigit, certificate)) else certificates.lab[certificate])
            or lab,
            certificate_number=certificate_number,
            certificate_url=certificate_url,
            length_mm=length,
            width_mm=width,
            depth_mm=depth,
            ratio=dimensions.length_to_width(cells, length, width),
            table_pct=dimensions.table_pct_of[cells["table_pct"]],
            depth_pct=depth_pct,
            crown_angle=_below_90[cells["crown_angle"]],
            crown_height=_below_100[cells["crown_height"]],
            pavilion_angle=_below_90[cells["pavilion_angle"]],
            pavilion_depth=_below_100[cells["pavilion_depth"]],
            girdle=girdle,
            girdle_from=thinnest,
            girdle_to=thickest,
            culet=_culet[cells["culet"]] or _text_120[cells["culet_condition"]],
            culet_size=culet_size if culet_size is not None else _culet_size[cells["culet_condition"]],
            eye_clean=_eye_clean[cells["eye_clean"]],
            brown=words.shaded(cells["brown"], shades, "BROWN", tint=fancy.tint),
            green=words.shaded(cells["green"], shades, "GREEN"),
            blue=words.shaded(cells["blue"], shades, "BLUE"),
            gray=words.shaded(cells["gray"], shades, "GRAY", tint=fancy.tint),
            milky=words.shaded(cells["milky"], shades, "MILKY"),
            bowtie=_bowtie[cells["bowtie"]],
            key_to_symbols=_text_300[cells["key_to_symbols"]],
            image_url=images[0] if images else None,
            video_url=videos[0] if videos else None,
            images=images,
            supplier_name=_text_200[cells["supplier_name"]] or _text_200[self._parameters.supplier],
            country_of_origin=None
            if nature.of_origin[cells["origin"]] is not nature.SILENT
            else _country[cells["origin"]],
            location_country=location_country,
            location_city=location_city,
            delivery_days_min=soonest,
            delivery_days_max=latest,
            return_days=_days[cells["return_days"]],
            cost_cents=price.total,
            cost_per_carat_cents=price.per_carat,
            availability=availability_of(cells),
        )

    def price(self, cells: Cells, carats: Decimal | None) -> Price:
        """A stone's price, if it is one that such a stone can have. Raises `MappingError`."""
        said, column = self.costs.said(cells, carats)
        if cells.of_list.behind_prices and not (cells["total_price"] and cells["price_per_carat"]):
            shifted.refuse_pushed_prices(cells, carats)
        if carats and said.per_carat is not None:
            low, high = self._ordinary[cells["carats"]]
            if not low <= said.per_carat <= high:
                # What kind of stone it is costs more to find out than most rows need.
                self._refuse_impossible(cells, column, said.per_carat, carats)
        return said

    def _refuse_impossible(self, cells: Cells, column: str, per_carat: int, carats: Decimal) -> None:
        """Refuse a price of a carat (cents) that no such stone can have."""
        kind = self.kind(cells)
        low, high = bands.possible(float(carats), kind, self._band_factor)
        if not 100 * low <= per_carat <= 100 * high:
            raise MappingError(
                cells.header(column),
                f"{per_carat / 100:,.2f} dollars a carat is no price of a {kind.words} of {carats} carats: "
                f"{low:,.0f} to {high:,.0f} is possible",
            )

    def carats(self, cells: Cells) -> Decimal | None:
        """A row's weight."""
        return dimensions.carats_of(cells)

    def kind(self, cells: Cells) -> bands.Kind:
        """What decides the level of a stone's price, besides its weight."""
        return self.judge(cells).kind

    def _nature(self, evidence: Sequence[Evidence]) -> Nature:
        if not evidence:
            return self._silent
        return decide(evidence, default=self._grown, told=self._parameters.labgrown is not None)

    def judge(self, cells: Cells) -> Judged:
        """What of a row bears on the level of its price."""
        fancy, evidence = color_of(cells), _evidence(cells)
        try:
            grown = self._nature(evidence).lab_grown
        except MappingError:
            # Columns that contradict each other are told of where the row is mapped.
            grown = self._grown
        hint = None if self._parameters.labgrown is not None else hint_of(evidence)
        return Judged(
            bands.Kind(lab_grown=grown, fancy=fancy.color == Color.FANCY),
            None if hint is None else (hint.field, hint.cell),
            not any(spoken.said.grown is not None or spoken.said.treated for spoken in evidence),
            fancy.name or "" if fancy.intensity in doubts.STRONG and not fancy.overtone else "",
        )

    def look(self, item: bytes) -> Look:
        """The unknown of a row: its headers, and what stands where a grade or a shape belongs."""
        try:
            row = _decoder.decode(item)
        except msgspec.DecodeError as error:
            raise MappingError("row", f"is no JSON object: {error}") from error
        cells = self.cells_of(row)
        strange = []
        for field, cell in strange_words(cells):
            # A shape as it would be named.
            strange.append((vocabulary.FIELDS[field].column, (field == "shape" and spelled_shape(cell)) or cell))
        strange += disagreements(cells)
        strange += lost(cells)
        headers = [header for header in row if header not in RESERVED]
        known = proven.read(row.get(PROVEN)).chosen | self._chosen
        return Look(tuple(unknown_headers(headers, known)), tuple(strange))


#: What stands for a stock number where there is none, without signs.
_NO_NUMBERS = frozenset({"", "NA", "NONE", "NIL", "NULL", "NAN", "TBA", "TBD", "TBC", "TRUE", "FALSE", "YES", "NO"}) | {
    *("UNKNOWN", "UNDEFINED", "NOTSPECIFIED", "NOTAVAILABLE", "NOTASSIGNED", "NOTGIVEN", "PENDING", "BLANK", "EMPTY")
}
_NOT_ALPHANUMERIC = re.compile(r"[\W_]+")


def stock_number(cells: Cells) -> str:
    """The row's stock number. Raises `MappingError` if it has none that the catalogue can keep."""
    number, header = cells["stock_number"], cells.header("stock_number")
    if OTHER_HEADER in cells.row:
        raise MappingError(
            "row", f"stands below another header, {cells.row[OTHER_HEADER]!r}: send its table as a list of its own"
        )
    if not number:
        raise MappingError(header, "is missing")
    if not number[-1].isdigit() and number[0] != "#" and _NOT_ALPHANUMERIC.sub("", number.upper()) in _NO_NUMBERS:
        raise MappingError(header, f"is missing: {number[:60]!r} is no number of a stone")
    # Of the usual numbers a spreadsheet makes nothing else.
    if not number.isalnum() and (number[0].isdigit() or number[0] == "#" or number[3:4] == "-"):
        number = artefacts.named(number)
        if ruin := artefacts.ruin(number):
            raise MappingError(
                header, f"{number[:60]!r} was {ruin}, and several stones may have become one: {artefacts.REMEDY}"
            )
    if not number.isalnum() and (stones := several.in_number(number)):
        raise MappingError(header, f"{number[:60]!r} is the number of several stones: {stones}")
    if AMBIGUOUS in cells.row:
        raise MappingError(header, f"{number[:60]!r} is the number of several stones: {cells.row[AMBIGUOUS]}")
    if len(number) > MAX_ID_LENGTH:
        raise MappingError(header, f"is longer than {MAX_ID_LENGTH} characters")
    if not number.isprintable():
        raise MappingError(header, "has characters that cannot be printed")
    # Columns of a fixed width are padded, and a list of tomorrow may be padded otherwise.
    return " ".join(number.split()) if "  " in number else number


def _evidence(cells: Cells) -> list[Evidence]:
    """What the row's columns say of what the stone is."""
    return cells.evidence(certificates.certificate_number(cells), certificates.certificate_url(cells))


def _girdle(cells: Cells) -> str | None:
    whole = _text_120[cells["girdle"]]
    if whole or not (cells["girdle_thin"] or cells["girdle_thick"]):
        return whole
    ends = [end for field in ("girdle_thin", "girdle_thick") if (end := _text_120[cells[field]])]
    return " - ".join(dict.fromkeys(ends))[:120] or None


def _may_be_shifted(
    cells: Cells, *, color: int | None, clarity: int | None, carats: Decimal | None, laboratory: str
) -> bool:
    """Whether a cell of the row is what its column hardly holds, so that all of them are worth a look."""
    number = cells["certificate_number"] or _NO_NUMBER
    return (
        (color is None and bool(cells["color"]))
        or (clarity is None and bool(cells["clarity"]))
        or (carats is None and bool(cells["carats"]))
        or "." in number
        or len(number) < shifted.MIN_REPORT
        or laboratory.isdigit()
    )


def _finishes(cells: Cells) -> tuple[int | None, int | None, int | None]:
    """Cut, polish and symmetry from columns of their own, else from one of several: "EX/EX/VG"."""
    cell, several = cells["cut"], cells["finishes"]
    polish, symmetry = _finish[cells["polish"]], _finish[cells["symmetry"]]
    three = finishes.all_three[cell]
    cut = _finish[cell] if three is finishes.NONE else three.cut
    together = finishes.of_finish[several] if several else three
    if symmetry is None and (three := finishes.all_three[cells["polish"]]) is not finishes.NONE:
        # "Finish" may name all three.
        together, polish = three, three.polish
    if together is finishes.NONE:
        return cut, polish, symmetry
    return (
        together.cut if cut is None else cut,
        together.polish if polish is None else polish,
        together.symmetry if symmetry is None else symmetry,
    )

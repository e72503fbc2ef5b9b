"""A row of a price list in the catalogue's terms.

A payload is a JSON object of the row's cells, word for word, by header; which header means what is found anew for every
set of headers and remembered. Only stock number and price are required; anything else that cannot be read is unknown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec

from catalog.girdles import girdle_ends
from catalog.grades import NOT_GRADED, Bowtie, Clarity, CuletSize, FancyIntensity, Grade, LabFinish, fold
from catalog.labs import normal_lab
from catalog.models import Availability
from catalog.rows import StoneFacts
from catalog.shapes import KNOWN_SHAPES
from diamondhub import money
from ingest.errors import MappingError
from ingest.feeds import values
from ingest.feeds.adapter import Look, StoneIdentity
from ingest.feeds.fancy import fancy_facts
from ingest.feeds.pricelist import numbers, words
from ingest.feeds.pricelist.headers import SPELLINGS, columns_of, unknown_headers
from ingest.feeds.pricelist.parameters import Parameters
from ingest.feeds.pricelist.reading import BEYOND
from ingest.feeds.values import Reader

MAPPER_VERSION = "pricelist-mapper-2"

#: Longest stock number that the catalogue keeps (characters).
MAX_ID_LENGTH = 100
#: More than any stone costs (cents): 10 billion dollars.
MAX_PRICE = 10**12
#: A total and a price per carat that differ by more than this share cannot both be right.
PRICES_AGREE_WITHIN = Decimal("0.02")
#: No stone is as deep as this (mm), and no stone as shallow (%): it tells what a column "Depth" holds.
_MILLIMETRES_BELOW = 30

_THREE_MEASURES = re.compile(r"(\d+(?:[.,]\d+)?)\D+?(\d+(?:[.,]\d+)?)(?:\D+?(\d+(?:[.,]\d+)?))?\D*", re.ASCII)
#: Columns of numbers other than money, in the order in which they tell a row's decimal sign.
_MEASURES = ("carats", "depth_pct", "table_pct", "measurements", "length", "width", "depth_mm", "depth", "ratio")

_carats = Reader(lambda cell: _measure(cell, 3, 100_000))
_millimetres = Reader(lambda cell: _measure(cell, 2, 10_000))
_below_90 = Reader(lambda cell: _measure(cell, 2, 90))
_below_100 = Reader(lambda cell: _measure(cell, 2, 100))
_below_1000 = Reader(lambda cell: _measure(cell, 2, 1_000))
_ratio = Reader(lambda cell: _measure(cell, 3, 10_000))
_days = Reader(values.days)
_clarity = Reader(lambda cell: values.grade(Clarity, cell))
_finish = Reader(lambda cell: values.grade(LabFinish, cell))
_flag = Reader(values.yes_or_no)
_lab = Reader(lambda cell: normal_lab(values.text(cell, 200) or ""))
_growth = Reader(values.growth_method)
_country = Reader(values.country)
_bowtie = Reader(lambda cell: values.grade(Bowtie, cell))
_culet_size = Reader(lambda cell: values.grade(CuletSize, cell))
_text_300 = Reader(lambda cell: values.text(cell, 300))
_text_120 = Reader(lambda cell: values.text(cell, 120))
_text_200 = Reader(lambda cell: values.text(cell, 200))
_culet = Reader(lambda cell: values.text(cell, 120) or values.no_culet(cell))
_shape = Reader(words.shape)
_availability = Reader(words.availability)

_BLANK = dict.fromkeys(SPELLINGS, "")
_decoder = msgspec.json.Decoder(dict[str, Any])


@dataclass(frozen=True, slots=True)
class Price:
    """The cost of a stone: cents, and cents per carat where the weight is known."""

    total: int
    per_carat: int | None


class Cells(dict[str, str]):
    """One row: its cells by the fields that they mean, without the space around them; blank for a field that it lacks."""

    __slots__ = ("beyond", "columns")

    def __init__(self, row: dict[str, Any], columns: Mapping[str, str]) -> None:
        super().__init__(_BLANK)
        #: Field → what the list calls it, for the columns that it has.
        self.columns = columns
        #: Whether the row has cells that no header names: then all of them may stand in the wrong place.
        self.beyond = BEYOND in row
        for field, header in columns.items():
            cell = row[header]
            if cell and isinstance(cell, str):
                self[field] = cell.strip()

    def header(self, field: str) -> str:
        """The list's own name for a field."""
        return self.columns.get(field, field)


class Mapper:
    """Maps the rows of one feed's lists."""

    #: Sets of headers that are remembered.
    _REMEMBERED = 64

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
        self._chosen = parameters.chosen
        self._columns: dict[tuple[str, ...], dict[str, str]] = {}

    def cells(self, item: bytes) -> Cells:
        """A payload's cells. Raises `MappingError` if it is no row."""
        try:
            return self.cells_of(_decoder.decode(item))
        except msgspec.DecodeError as error:
            raise MappingError("row", f"is no JSON object: {error}") from error

    def cells_of(self, row: dict[str, Any]) -> Cells:
        """A row's cells by field."""
        headers = tuple(row)
        columns = self._columns.get(headers)
        if columns is None:
            if len(self._columns) >= self._REMEMBERED:
                self._columns.clear()
            columns = self._columns[headers] = columns_of(headers, self._chosen)
        return Cells(row, columns)

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
        carats = _carats[cells["carats"]]
        price = self.price(cells, carats)
        length, width, depth = _dimensions(cells)
        fancy = fancy_facts(cells["color"], cells["fancy_color"], cells["fancy_intensity"], cells["fancy_overtone"])
        intensity, color_of_fluorescence = words.fluorescence(cells["fluorescence"], cells["fluorescence_color"])
        depth_pct = _below_1000[cells["depth_pct"]]
        if depth_pct is None and (said := _below_1000[cells["depth"]]) and said >= _MILLIMETRES_BELOW:
            depth_pct = said
        certificate = cells["certificate"]
        image, video, shade = values.url(cells["image"]), values.url(cells["video"]), cells["shade"]
        days = _days[cells["delivery_days"]]
        grown = words.lab_grown(cells["lab_grown"], cells["growth"], default=self._parameters.labgrown)
        girdle = _girdle(cells)
        thinnest, thickest = girdle_ends(girdle or "")
        culet_size = _culet_size[cells["culet"]]
        location_country, location_city = words.location(cells["country"], cells["city"], cells["location"])
        return StoneFacts(
            offer_id=number,
            shape=_shape[cells["shape"]],
            carats=carats,
            color=fancy.color,
            clarity=_clarity[cells["clarity"]],
            cut=_finish[cells["cut"]],
            polish=_finish[cells["polish"]],
            symmetry=_finish[cells["symmetry"]],
            fluorescence_intensity=intensity,
            fluorescence_color=color_of_fluorescence,
            fancy_color=fancy.name,
            fancy_intensity=fancy.intensity,
            fancy_overtone=fancy.overtone,
            lab_grown=grown,
            growth_method=(_growth[cells["growth"]] or _growth[cells["lab_grown"]]) if grown else None,
            treated=words.treated(cells["treatment"]),
            lab=_lab[cells["lab"]] or (None if any(map(str.isdigit, certificate)) else _lab[certificate]),
            certificate_number=_certificate_number(cells["certificate_number"], certificate),
            certificate_url=values.url(cells["certificate_url"]) or values.url(certificate),
            length_mm=length,
            width_mm=width,
            depth_mm=depth,
            ratio=_length_to_width(cells, length, width),
            table_pct=_below_100[cells["table_pct"]],
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
            eye_clean=_flag[cells["eye_clean"]],
            brown=words.shaded(cells["brown"], shade, "BROWN"),
            green=words.shaded(cells["green"], shade, "GREEN"),
            blue=words.shaded(cells["blue"], shade, "BLU"),
            gray=words.shaded(cells["gray"], shade, "GRAY", "GREY"),
            milky=words.shaded(cells["milky"], shade, "MILKY"),
            bowtie=_bowtie[cells["bowtie"]],
            key_to_symbols=_text_300[cells["key_to_symbols"]],
            image_url=image,
            video_url=video,
            images=[image] if image else [],
            supplier_name=_text_200[cells["supplier_name"]] or _text_200[self._parameters.supplier],
            country_of_origin=_country[cells["origin"]],
            location_country=location_country,
            location_city=location_city,
            delivery_days_min=days,
            delivery_days_max=days,
            return_days=_days[cells["return_days"]],
            cost_cents=price.total,
            cost_per_carat_cents=price.per_carat,
            availability=_availability[cells["availability"]],
        )

    def price(self, cells: Cells, carats: Decimal | None) -> Price:
        """A stone's price from its total, its price per carat, or both. Raises `MappingError`."""
        currency = cells["currency"].upper().replace(".", "")
        if currency not in ("", "USD", "US$", "$", "US", "DOLLAR", "US DOLLAR", "US DOLLARS"):
            raise MappingError(cells.header("currency"), f"{currency[:20]!r} is not US dollars")
        total_column, per_carat_column = self._price_columns(cells)
        sign = self._parameters.decimal or numbers.decimal_sign(cells[field] for field in _MEASURES)
        total = _cents(cells, total_column, sign)
        per_carat = _cents(cells, per_carat_column, sign)
        if total is None and per_carat is not None and carats is not None:
            total = per_carat * carats
        if total is None:
            column = total_column if total_column in cells.columns else per_carat_column
            why = "is per carat, and the weight is unknown" if per_carat is not None else "is missing"
            raise MappingError(cells.header(column), why)
        if per_carat is not None and carats and abs(per_carat * carats - total) > PRICES_AGREE_WITHIN * total:
            raise MappingError(
                cells.header(per_carat_column),
                f"{money.to_text(int(per_carat))} a carat and {money.to_text(int(total))} for {carats} carats disagree",
            )
        cents = money.round_half_up(total)
        if not 0 < cents <= MAX_PRICE:
            raise MappingError(cells.header(total_column), f"{money.to_text(cents)} is no price of a stone")
        return Price(cents, money.round_half_up(total / carats) if carats else None)

    def _price_columns(self, cells: Cells) -> tuple[str, str]:
        """The fields of the total and of the price per carat: a plain "Price" is whichever has no column of its own."""
        has_total, has_per_carat = "total_price" in cells.columns, "price_per_carat" in cells.columns
        means = self._parameters.price_means or ("per_carat" if has_total else "total")
        if means == "total":
            return "total_price" if has_total else "price", "price_per_carat"
        return "total_price", "price_per_carat" if has_per_carat else "price"

    def look(self, item: bytes) -> Look:
        """The unknown of a row: its headers, and what stands where a grade or a shape belongs."""
        try:
            row = _decoder.decode(item)
        except msgspec.DecodeError as error:
            raise MappingError("row", f"is no JSON object: {error}") from error
        cells = self.cells_of(row)
        strange = []
        for field, reader in _GRADED.items():
            cell = cells[field]
            if cell and reader(cell) is None and fold(cell) not in _NOTHING:
                strange.append((_COLUMNS.get(field, field), cell))
        shape = _shape[cells["shape"]]
        if shape is not None and shape not in KNOWN_SHAPES:
            strange.append(("shape", shape))
        status = cells["availability"]
        if status and not words.is_availability(status):
            strange.append(("availability", status))
        headers = [header for header in row if header != BEYOND]
        return Look(tuple(unknown_headers(headers, self._chosen)), tuple(strange))


def stock_number(cells: Cells) -> str:
    """The row's stock number. Raises `MappingError` if it has none that the catalogue can keep."""
    number, header = cells["stock_number"], cells.header("stock_number")
    if not number:
        raise MappingError(header, "is missing")
    if len(number) > MAX_ID_LENGTH:
        raise MappingError(header, f"is longer than {MAX_ID_LENGTH} characters")
    if not number.isprintable():
        raise MappingError(header, "has characters that cannot be printed")
    return number


def carats_of(cells: Cells) -> Decimal | None:
    """The row's weight."""
    return _carats[cells["carats"]]


def is_available(cells: Cells) -> bool:
    """Whether the row offers its stone now."""
    return _availability[cells["availability"]] == Availability.AVAILABLE.value


def _cents(cells: Cells, field: str, sign: str) -> Decimal | None:
    cell = cells[field]
    if not cell:
        return None
    dollars = numbers.amount(cell, sign)
    if dollars is None:
        if fold(cell) in values.NOTHING:
            return None
        raise MappingError(cells.header(field), f"{cell[:60]!r} is no amount of US dollars")
    if dollars == 0:
        return None
    return dollars * 100


def _measure(cell: str, places: int, below: int) -> Decimal | None:
    number = numbers.measure(cell)
    return None if number is None else values.rounded(number, places, below)


def _dimensions(cells: Cells) -> tuple[Decimal | None, Decimal | None, Decimal | None]:
    """Length, width and depth in mm, from columns of their own or from "6.45-6.48x3.99"."""
    length, width = _millimetres[cells["length"]], _millimetres[cells["width"]]
    depth = _millimetres[cells["depth_mm"]]
    if depth is None and (said := _millimetres[cells["depth"]]) and said < _MILLIMETRES_BELOW:
        depth = said
    measures = _THREE_MEASURES.fullmatch(cells["measurements"])
    if measures:
        first, second, third = (_millimetres[part or ""] for part in measures.groups())
        length, width, depth = length or first, width or second, depth or third
    return length, width, depth


def _length_to_width(cells: Cells, length: Decimal | None, width: Decimal | None) -> Decimal | None:
    """Length to width, the longer side first; the list's own word if it does not give both."""
    if length is None or width is None:
        return _ratio[cells["ratio"]]
    return values.rounded(max(length, width) / min(length, width), 3, 10_000)


def _girdle(cells: Cells) -> str | None:
    whole = _text_120[cells["girdle"]]
    if whole:
        return whole
    ends = [end for field in ("girdle_thin", "girdle_thick") if (end := _text_120[cells[field]])]
    return " - ".join(dict.fromkeys(ends))[:120] or None


def _certificate_number(number: str, certificate: str) -> str | None:
    """The number of the certificate; a column "Certificate" may hold it, a laboratory or a link."""
    if number:
        return values.number_text(number, 64)
    plain = any(map(str.isdigit, certificate)) and "://" not in certificate
    return values.number_text(certificate, 64) if plain else None


def _graded_by(kind: type[Grade]) -> Any:
    return lambda cell: values.grade(kind, cell)


#: Words that are no finding, and fields that the catalogue calls otherwise.
_NOTHING = values.NOTHING | NOT_GRADED
_COLUMNS = {"fluorescence": "fluorescence_intensity"}
#: Fields that hold grades, and how each is read.
_GRADED: dict[str, Any] = {
    "color": lambda cell: fancy_facts(cell, None, None, None).color,
    "clarity": _graded_by(Clarity),
    "cut": _graded_by(LabFinish),
    "polish": _graded_by(LabFinish),
    "symmetry": _graded_by(LabFinish),
    "fluorescence": lambda cell: words.fluorescence(cell, "")[0],
    "fancy_intensity": _graded_by(FancyIntensity),
    "bowtie": _graded_by(Bowtie),
}

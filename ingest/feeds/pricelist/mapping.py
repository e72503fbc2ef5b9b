"""A row of a price list in the catalogue's terms.

A payload is a JSON object of the row's cells, word for word, by header; which header means what is found anew for every
set of headers and remembered. Only stock number and price are required; anything else that cannot be read is unknown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from catalog.certificates import folded, proving
from catalog.fancy_colors import color_name, said_of_color
from catalog.girdles import girdle_ends
from catalog.grades import Bowtie, Clarity, Color, CuletSize, FancyIntensity, LabFinish, fold
from catalog.labs import normal_lab
from catalog.models import Availability
from catalog.rows import StoneFacts
from catalog.shapes import spelled_shape
from ingest.errors import MappingError
from ingest.feeds import nature, values
from ingest.feeds.adapter import Look, StoneIdentity
from ingest.feeds.fancy import FancyFacts, fancy_facts
from ingest.feeds.fluorescence import fluorescence_facts
from ingest.feeds.pricelist import artefacts, bands, finishes, measures, numbers, proven, single, vocabulary, words
from ingest.feeds.pricelist.columns import RESERVED, Cells, Columns, disagreements, is_filled, refuse_disagreement
from ingest.feeds.pricelist.costs import Costs, Price
from ingest.feeds.pricelist.headers import PRICES, unknown_headers
from ingest.feeds.pricelist.headers import fold as header_fold
from ingest.feeds.pricelist.parameters import Parameters
from ingest.feeds.pricelist.reading import AMBIGUOUS, ONE_CERTIFICATE, OTHER_HALF, PROVEN
from ingest.feeds.values import Reader

MAPPER_VERSION = "pricelist-mapper-5"

#: Longest stock number that the catalogue keeps (characters).
MAX_ID_LENGTH = 100
#: No stone is as deep as this (mm), and no stone as shallow (%): it tells what a column "Depth" holds.
_MILLIMETRES_BELOW = 30

_carats = Reader(lambda cell: _weight(cell))
_millimetres = Reader(lambda cell: _measure(cell, 2, 10_000))
_below_90 = Reader(lambda cell: _measure(cell, 2, 90))
_below_100 = Reader(lambda cell: _measure(cell, 2, 100))
_depth_pct = Reader(lambda cell: _share(cell, 1_000))
_table_pct = Reader(lambda cell: _share(cell, 100))
_ratio = Reader(lambda cell: _measure(cell, 3, 10_000))
_days = Reader(values.days)
_clarity = Reader(lambda cell: values.grade(Clarity, nature.grade_alone(cell)))
_finish = Reader(lambda cell: values.grade(LabFinish, cell))
_eye_clean = Reader(values.eye_clean)
_days_from_to = Reader(values.days_from_to)
#: What is with a laboratory has no report of it.
_UNGRADED = re.compile(r"\b(?:PENDING|APPLIED|AWAIT\w*|SENT TO|IN PROCESS|SUBMITTED)\b", re.IGNORECASE)
_lab = Reader(lambda cell: None if _UNGRADED.search(cell) else _named_lab(cell))
_country = Reader(values.country)
_bowtie = Reader(lambda cell: values.grade(Bowtie, cell))
_culet_size = Reader(lambda cell: values.grade(CuletSize, cell.partition("(")[0]))
_text_300 = Reader(lambda cell: values.text(cell, 300))
_text_120 = Reader(lambda cell: values.text(cell, 120))
_text_200 = Reader(lambda cell: values.text(cell, 200))
_culet = Reader(lambda cell: values.text(cell, 120) or values.no_culet(cell))
_shape = Reader(words.shape)
_availability = Reader(words.availability)

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
        self._silent = nature.Nature(self._grown, None, None)
        self._columns: dict[tuple[tuple[str, ...], object], Columns] = {}
        self._band_factor = band_factor
        #: A cell of a weight → cents that a carat of any kind of stone can cost.
        self._ordinary: Reader[tuple[float, float]] = Reader(
            lambda cell: bands.ordinary(float(_carats[cell] or 0), 100.0, band_factor)
        )

        #: A cell of a weight → cents a carat below which a stone of which nothing says that it is natural may be grown.
        self._doubtful: Reader[float] = Reader(
            lambda cell: bands.doubtful_below(float(weight), band_factor) * 100 if (weight := _carats[cell]) else 0.0
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
        return Columns.of(headers, chosen, proof.discounts, self._meanings, proof.decimal, binding=proof.binding)

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
        if cells.of_list.others:
            refuse_disagreement(cells)
        price = self.price(cells, carats)
        fancy = _fancy(cells)
        intensity, color_of_fluorescence = fluorescence_facts(cells["fluorescence"], cells["fluorescence_color"])
        depth_pct = _depth_pct[cells["depth_pct"]]
        if depth_pct is None:
            depths = (_depth_pct[cell] for cell in cells.each("depth"))
            depth_pct = next((said for said in depths if said and said >= _MILLIMETRES_BELOW), None)
        certificate = cells["certificate"]
        laboratory = cells["lab"]
        laboratory, number_beside = _laboratory(laboratory) if laboratory[-1:].isdigit() else (laboratory, "")
        number_of = cells["certificate_number"] or certificate or "0"
        certificate_number, lab = _certified(cells["certificate_number"] or number_beside, certificate)
        if ONE_CERTIFICATE in cells.row:
            why = f"{str(certificate_number)[:60]!r} is the certificate of several stones: {cells.row[ONE_CERTIFICATE]}"
            raise MappingError(cells.header("certificate_number"), why)
        certificate_url = _certificate_url(cells)
        evidence = cells.evidence(certificate_number, certificate_url)
        stone = self._nature(evidence)
        clarity = _clarity[cells["clarity"]]
        length, width, depth, several = _dimensions(cells, carats, depth_pct)
        shape = _shape[cells["shape"]] or words.shape_by_measures(cells["shape"], carats, length, width, depth)
        is_one = cells["stones"] in ("", "1", "0") and not cells["pair"] and OTHER_HALF not in cells.row
        if not number_of.isalnum() or len(cells["measurements"]) > single.ONE_SET:
            single.refuse_two(cells)
        if cells.of_list.sized:
            single.refuse_sizes(cells, carats)
        if evidence or several or carats is None or not is_one:
            single.refuse_several(cells, evidence, carats, several=several)
        if price.per_carat is not None and price.per_carat < self._doubtful[cells["carats"]] and not stone.lab_grown:
            _refuse_doubtful(price.per_carat, fancy.color, clarity, stone, evidence)
        if fancy.intensity in _STRONG and not stone.lab_grown:
            _refuse_doubtful_fancy(price, carats, fancy, stone, evidence, self._band_factor)
        images, videos = values.urls(cells["image"]), values.urls(cells["video"])
        shades = words.shades(cells.each("shade")) if cells["shade"] else words.NO_SHADES
        soonest, latest = _days_from_to[cells["delivery_days"]]
        cut, polish, symmetry = _finishes(cells)
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
            lab=_lab[laboratory] or (None if any(map(str.isdigit, certificate)) else _lab[certificate]) or lab,
            certificate_number=certificate_number,
            certificate_url=certificate_url,
            length_mm=length,
            width_mm=width,
            depth_mm=depth,
            ratio=_length_to_width(cells, length, width),
            table_pct=_table_pct[cells["table_pct"]],
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
        return carats_of(cells)

    def kind(self, cells: Cells) -> bands.Kind:
        """What decides the level of a stone's price, besides its weight."""
        return self.judge(cells).kind

    def _nature(self, evidence: Sequence[nature.Evidence]) -> nature.Nature:
        if not evidence:
            return self._silent
        return nature.decide(evidence, default=self._grown, told=self._parameters.labgrown is not None)

    def judge(self, cells: Cells) -> Judged:
        """What of a row bears on the level of its price."""
        fancy, evidence = _fancy(cells), _evidence(cells)
        try:
            grown = self._nature(evidence).lab_grown
        except MappingError:
            # Columns that contradict each other are told of where the row is mapped.
            grown = self._grown
        hint = None if self._parameters.labgrown is not None else nature.hint_of(evidence)
        return Judged(
            bands.Kind(lab_grown=grown, fancy=fancy.color == Color.FANCY),
            None if hint is None else (hint.field, hint.cell),
            not any(spoken.said.grown is not None or spoken.said.treated for spoken in evidence),
            fancy.name or "" if fancy.intensity in _STRONG and not fancy.overtone else "",
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
        strange += _lost(cells)
        headers = [header for header in row if header not in RESERVED]
        return Look(tuple(unknown_headers(headers, self._chosen)), tuple(strange))


def _shape_by_measures(cells: Cells) -> str | None:
    """The shape of a word that may mean two."""
    carats, depth_pct = carats_of(cells), _depth_pct[cells["depth_pct"]]
    return words.shape_by_measures(cells["shape"], carats, *_dimensions(cells, carats, depth_pct)[:3])


def strange_words(cells: Cells) -> Iterator[tuple[str, str]]:
    """The words of a row that nobody knows, nothing else of it tells what they stand for either: field, and cell."""
    for field, cell in vocabulary.strange(cells):
        if field == "color" and fold(cell) in _SEE_ELSEWHERE and _fancy(cells).color is not None:
            continue
        if field == "shape" and _shape_by_measures(cells) is not None:
            continue
        yield field, cell
    if "shade" in cells.of_list.others:
        yield from (("shade", cell) for cell in list(cells.each("shade"))[1:] if not words.are_shades(cell))


def _lost(cells: Cells) -> Iterator[tuple[str, str]]:
    """Cells that say something of which nothing could be kept: column of the catalogue, and the cell."""
    number = artefacts.numbered(cells["certificate_number"])
    if ruin := artefacts.ruin(number):
        yield "certificate_number", f"{number} ({ruin})"
    carats = _carats[cells["carats"]]
    if carats is None and is_filled(cells["carats"]):
        yield "carats", cells["carats"]
    said = _said_measures(cells)
    written_somehow = any(map(str.isdigit, cells["measurements"])) and cells["measurements"].strip("0xX .,-*/|") != ""
    if measures.judged(said, carats, _depth_pct[cells["depth_pct"]]).implausible:
        yield "length_mm", " x ".join(str(side) for side in said[:3] if side is not None)
    elif said == measures.NOTHING and written_somehow:
        yield "length_mm", cells["measurements"]


def stock_number(cells: Cells) -> str:
    """The row's stock number. Raises `MappingError` if it has none that the catalogue can keep."""
    number, header = cells["stock_number"], cells.header("stock_number")
    if not number:
        raise MappingError(header, "is missing")
    # Of the usual numbers a spreadsheet makes nothing else.
    if not number.isalnum() and (number[0].isdigit() or number[0] == "#" or number[3:4] == "-"):
        number = artefacts.named(number)
        if ruin := artefacts.ruin(number):
            raise MappingError(
                header, f"{number[:60]!r} was {ruin}, and several stones may have become one: {artefacts.REMEDY}"
            )
    if AMBIGUOUS in cells.row:
        raise MappingError(header, f"{number[:60]!r} is the number of several stones: {cells.row[AMBIGUOUS]}")
    if len(number) > MAX_ID_LENGTH:
        raise MappingError(header, f"is longer than {MAX_ID_LENGTH} characters")
    if not number.isprintable():
        raise MappingError(header, "has characters that cannot be printed")
    # Columns of a fixed width are padded, and a list of tomorrow may be padded otherwise.
    return " ".join(number.split()) if "  " in number else number


def carats_of(cells: Cells) -> Decimal | None:
    """The row's weight."""
    return _carats[cells["carats"]]


def _certificate_url(cells: Cells) -> str | None:
    for field in ("certificate_url", "certificate", "certificate_number"):
        cell = cells[field]
        if cell and (address := values.url(cell)):
            return address
    return None


def _evidence(cells: Cells) -> list[nature.Evidence]:
    """What the row's columns say of what the stone is."""
    return cells.evidence(_certificate_number(cells), _certificate_url(cells))


def _certificate_number(cells: Cells) -> str | None:
    return _certified(cells["certificate_number"] or _laboratory(cells["lab"])[1], cells["certificate"])[0]


def certificate_of(cells: Cells) -> str | None:
    """The number of the row's certificate as numbers are compared."""
    return folded(_certificate_number(cells))


def report_of(cells: Cells) -> tuple[str | None, str | None]:
    """The laboratory of the row's certificate and its number as numbers are compared, None if it proves nothing."""
    laboratory, number_beside = _laboratory(cells["lab"])
    number, lab = _certified(cells["certificate_number"] or number_beside, cells["certificate"])
    return lab or _lab[laboratory] or _lab[cells["certificate"]], proving(number)


def availability_of(cells: Cells) -> str:
    """What the row promises of its stone, by all of its columns that say so."""
    said = {passing for field in _REMARKS if (passing := words.said_in_passing[cells[field]]) is not None}
    if (behind := words.said_behind(cells["stock_number"])) is not None:
        said.add(behind)
    for field in _OVERWRITTEN:
        if (cell := cells[field]) and cell[0] not in _DIGITS and (over := words.typed_over[cell]) is not None:
            said.add(over)
    if (_none_left(cells["stones"]) or "stones" in cells.of_list.others) and _is_out_of_stock(cells):
        said.add(Availability.SOLD.value)
    if not cells["availability"] and "availability" in cells.columns and _failed(cells):
        said.add(Availability.UNAVAILABLE.value)
    if "off_market" not in cells.columns and "availability" not in cells.of_list.others and not said:
        return _availability[cells["availability"]]
    return words.least({words.least_availability(list(cells.each("availability")), cells.all("off_market")), *said})


#: Fields of words in which suppliers write down in passing that a stone is not to be had.
_REMARKS = ("comments", "location", "city")
#: Headers of a number of pieces of which none means that nothing is left, after `fold`.
_IN_STOCK = frozenset(
    {
        "STOCK",
        "QTY",
        "QUANTITY",
        "STOCKQTY",
        "STOCKQUANTITY",
        "QTYINSTOCK",
        "QTYONHAND",
        "INVENTORYQTY",
        "INVENTORYQUANTITY",
    }
)
_NONE_LEFT = frozenset({"0", "0.0", "0.00", "NIL", "Nil", "nil"})
#: Fields of few words in whose cells suppliers write that a stone is gone.
_OVERWRITTEN = (
    *("shape", "color", "clarity", "cut", "polish", "symmetry", "fluorescence", "lab", "measurements", "depth_pct"),
    *("depth", "table_pct", *PRICES),
)
_DIGITS = frozenset("0123456789")


def _none_left(cell: str) -> bool:
    """Whether a number of pieces says that nothing is left: none, or what was taken more than there was."""
    return cell in _NONE_LEFT or (cell[:1] == "-" and cell[1:2].isdigit())


def _is_out_of_stock(cells: Cells) -> bool:
    return any(_none_left(cell) and header_fold(header) in _IN_STOCK for header, cell in cells.all("stones"))


def _failed(cells: Cells) -> bool:
    """Whether a formula that should say if the stone is to be had has failed: "#N/A"."""
    headers = (cells.columns["availability"], *cells.of_list.others.get("availability", ()))
    return any(artefacts.is_error(cells.row[header]) for header in headers)


def is_available(cells: Cells) -> bool:
    """Whether the row offers its stone now."""
    return availability_of(cells) == Availability.AVAILABLE.value


def _laboratory(cell: str) -> tuple[str, str]:
    """The laboratory in a cell, and the number of a certificate beside it: "GIA 2411001101"."""
    if not cell[-1:].isdigit():
        return cell, ""
    lab, number = artefacts.without_lab(cell)
    return (lab, number) if lab else (cell, "")


def _named_lab(cell: str) -> str | None:
    return normal_lab(nature.without_growth_of_lab(values.text(cell, 200) or ""))


def _fancy(cells: Cells) -> FancyFacts:
    """The stone's colour, by all the columns that say something of it."""
    name, intensity, overtone = cells["fancy_color"], cells["fancy_intensity"], cells["fancy_overtone"]
    others = cells.of_list.others
    if "fancy_color" in others and color_name(name) is None:
        # The best column may hold an intensity only: "FCI" beside "Yellow".
        name = " ".join(cells.each("fancy_color"))
    if second := cells["fancy_color_second"]:
        name = f"{second} {name}"
    if "fancy_overtone" in others:
        overtone = " ".join(cells.each("fancy_overtone"))
    if not name and "treated_color" in cells.columns:
        name = cells["treated_color"]
    facts = fancy_facts(cells["color"], name, intensity, overtone)
    if facts.name is None and "color" in others:
        # A letter beside "Fancy Intense Yellow" is no grade.
        fancies = [cell for cell in cells.each("color") if said_of_color(cell).fancy]
        if told := next((cell for cell in fancies if said_of_color(cell).name), fancies[0] if fancies else ""):
            facts = fancy_facts(told, name, intensity, overtone)
    if facts.tint is None and "color" in others:
        tints = (said_of_color(cell).tint for cell in cells.each("color"))
        facts = facts._replace(tint=next((tint for tint in tints if tint), None))
    return facts


def _refuse_doubtful(
    per_carat: int,
    color: int | None,
    clarity: int | None,
    stone: nature.Nature,
    evidence: Sequence[nature.Evidence],
) -> None:
    """Refuse a stone of good grades that is far too cheap to be natural, if no column says that it is."""
    good = color is not None and color <= Color.J and clarity is not None and clarity <= Clarity.SI2
    if good and not stone.treated and not any(spoken.said.grown is not None for spoken in evidence):
        raise MappingError(
            "lab-grown or natural",
            f"no column says it, and {per_carat / 100:,.2f} dollars a carat are far too few "
            "for a natural stone of its grades",
        )


def _refuse_doubtful_fancy(
    price: Price,
    carats: Decimal | None,
    fancy: FancyFacts,
    stone: nature.Nature,
    evidence: Sequence[nature.Evidence],
    band_factor: float,
) -> None:
    """Refuse an intense or vivid colour that is far too cheap to be natural, if no column says that it is."""
    if price.per_carat is None or carats is None or carats < bands.INTENSE_FROM or fancy.overtone or stone.treated:
        return
    if price.per_carat < 100 * bands.doubtful_fancy_below(fancy.name, band_factor) and not any(
        spoken.said.grown is not None for spoken in evidence
    ):
        raise MappingError(
            "lab-grown or natural",
            f"no column says it, and {price.per_carat / 100:,.2f} dollars a carat are far too few "
            f"for a natural {str(fancy.name).lower()} of such an intensity",
        )


def _measure(cell: str, places: int, below: int) -> Decimal | None:
    number = numbers.measure(cell)
    return None if number is None else values.rounded(number, places, below)


def _weight(cell: str) -> Decimal | None:
    number = numbers.carats(cell)
    return None if number is None else values.rounded(number, 3, 100_000)


def _share(cell: str, below: int) -> Decimal | None:
    """A depth or a table in percent. None is below one: what spreadsheets show as 62.5 % they may write as 0.625."""
    number = numbers.measure(cell)
    if number is not None and 0 < number < 1 and "%" not in cell:
        number *= 100
    return None if number is None else values.rounded(number, 2, below)


def _dimensions(
    cells: Cells, carats: Decimal | None, depth_pct: Decimal | None
) -> tuple[Decimal | None, Decimal | None, Decimal | None, bool]:
    """Length, width and depth in mm as far as they can be true, and whether they are of several stones."""
    plain = measures.PLAIN.fullmatch(cells["measurements"])
    if plain and not (cells["length"] or cells["width"]):
        # What nearly all rows write.
        length, width, depth = (_millimetres[side] for side in plain.groups())
        if length and width and depth and carats and measures.is_ordinary(length, width, depth, carats):
            return length, width, depth, False
    if (
        not cells["measurements"]
        and not cells["length"]
        and not cells["width"]
        and not cells["depth_mm"]
        and not cells["depth"]
    ):
        return None, None, None, False
    sizes = measures.judged(_said_measures(cells), carats, depth_pct)
    return sizes.length, sizes.width, sizes.depth, sizes.several


def _said_measures(cells: Cells) -> measures.Written:
    """Length, width and depth in mm as the row gives them, from columns of their own or from "6.45-6.48x3.99"."""
    length, width = _millimetres[cells["length"]], _millimetres[cells["width"]]
    depth = _millimetres[cells["depth_mm"]]
    if depth is None:
        depth = next(
            (mm for cell in cells.each("depth") if (mm := _millimetres[cell]) and mm < _MILLIMETRES_BELOW), None
        )
    said = cells["measurements"]
    written = measures.written(said) if said else measures.NOTHING
    if length is None and width is None and depth is None:
        return written
    whole = not any("." in cells[field] or "," in cells[field] for field in ("length", "width"))
    # Columns of their own say which measure is which.
    return measures.Written(
        length or written.length,
        width or written.width,
        depth or written.depth,
        whole and length is not None,
        labelled=True,
    )


def _length_to_width(cells: Cells, length: Decimal | None, width: Decimal | None) -> Decimal | None:
    """Length to width, the longer side first; the list's own word if it does not give both."""
    if length is None or width is None:
        return _ratio[cells["ratio"]]
    return values.rounded(max(length, width) / min(length, width), 3, 10_000)


def _girdle(cells: Cells) -> str | None:
    whole = _text_120[cells["girdle"]]
    if whole or not (cells["girdle_thin"] or cells["girdle_thick"]):
        return whole
    ends = [end for field in ("girdle_thin", "girdle_thick") if (end := _text_120[cells[field]])]
    return " - ".join(dict.fromkeys(ends))[:120] or None


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


def _certified(number: str, certificate: str) -> tuple[str | None, str | None]:
    """The number of the certificate and the laboratory before it.

    A column "Certificate" may hold it, a laboratory or a link.
    """
    if not number:
        if not certificate:
            return None, None
        number = certificate if any(map(str.isdigit, certificate)) else ""
    if number.isdigit():
        return values.number_text(number, 64), None
    if not any(map(str.isdigit, number)):
        # "pending", "in lab".
        return None, None
    if "://" in number:
        lab, number = artefacts.of_report_link(number)
        return number or None, lab or None
    lab, plain = artefacts.without_lab(artefacts.numbered(number))
    # A number that a spreadsheet has ruined is none; `look` tells.
    return (None if artefacts.ruin(plain) else values.number_text(plain, 64)), normal_lab(lab) if lab else None


#: Intensities of the dearest fancy colours.
_STRONG = frozenset({FancyIntensity.FANCY_INTENSE, FancyIntensity.FANCY_VIVID})
#: What stands in a column of colours where another one has the colour.
_SEE_ELSEWHERE = frozenset({"*", "FANCY", "F", "SEEFANCY"})

"""An item of Nivoda's in the catalogue's terms: which field becomes which, and what wins when two disagree.

What the values themselves look like, with all the dirt that suppliers send, is read by `ingest.feeds.values`. Only what
identifies or prices a stone is required; anything else that cannot be read is unknown (None).
"""

from __future__ import annotations

import json
import typing
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from catalog.girdles import girdle_ends
from catalog.grades import Bowtie, Clarity, CuletSize, LabFinish
from catalog.labs import normal_lab
from catalog.models import Availability
from catalog.rows import StoneFacts
from catalog.shapes import listed_shape
from diamondhub import money
from ingest.errors import MappingError
from ingest.feeds import nature, values
from ingest.feeds.adapter import StoneIdentity
from ingest.feeds.deciding_nature import Evidence, Nature, decide
from ingest.feeds.fancy import fancy_facts
from ingest.feeds.fluorescence import fluorescence_facts
from ingest.feeds.values import Reader, Scalar, Written

MAPPER_VERSION = "nivoda-mapper-4"

#: Longest id that the catalogue keeps (characters).
MAX_ID_LENGTH = 100
#: More than any stone costs (cents): 10 billion dollars.
MAX_PRICE = 10**12

AVAILABILITY = {
    "AVAILABLE": Availability.AVAILABLE.value,
    "ON_HOLD": Availability.ON_HOLD.value,
    "HOLD": Availability.ON_HOLD.value,
    "MEMO": Availability.ON_HOLD.value,
    "SOLD": Availability.SOLD.value,
}


class _Named(msgspec.Struct, gc=False):
    name: Written = None
    legal_name: Written = None


class _Url(msgspec.Struct, gc=False):
    url: Written = None
    display_index: Written = None


class _DeliveryTime(msgspec.Struct, gc=False):
    min_business_days: Written = None
    max_business_days: Written = None


class _Certificate(msgspec.Struct, gc=False):
    lab: Written = None
    certNumber: Written = None  # noqa: N815 - the supplier's names
    pdfUrl: Written = None  # noqa: N815
    shape: Written = None
    carats: Written = None
    cut: Written = None
    polish: Written = None
    symmetry: Written = None
    color: Written = None
    clarity: Written = None
    length: Written = None
    width: Written = None
    depth: Written = None
    depthPercentage: Written = None  # noqa: N815
    table: Written = None
    crownAngle: Written = None  # noqa: N815
    crownHeight: Written = None  # noqa: N815
    pavAngle: Written = None  # noqa: N815
    pavDepth: Written = None  # noqa: N815
    floInt: Written = None  # noqa: N815
    floCol: Written = None  # noqa: N815
    girdle: Written = None
    culetSize: Written = None  # noqa: N815
    culet_condition: Written = None
    f_color: Written = None
    f_intensity: Written = None
    f_overtone: Written = None
    treated: Scalar = None
    labgrown: Scalar = None
    labgrown_type: Written = None
    keyToSymbols: Written = None  # noqa: N815
    comments: Written = None
    country_of_origin: Written = None
    image: Written = None
    video: Written = None
    product_images: list[_Url] | None = None
    product_videos: list[_Url] | None = None


class _Diamond(msgspec.Struct, gc=False):
    id: Scalar = None
    availability: Written = None
    image: Written = None
    video: Written = None
    eyeClean: Scalar = None  # noqa: N815
    brown: Scalar = None
    green: Scalar = None
    blue: Scalar = None
    gray: Scalar = None
    milky: Scalar = None
    bowtie: Scalar = None
    return_window: Scalar = None
    CertificateType: Written = None
    mine_of_origin: Written = None
    supplier_video_link: Written = None
    v360: _Url | None = None
    delivery_time: _DeliveryTime | None = None
    certificate: _Certificate | None = None
    supplier: _Named | None = None


class _Item(msgspec.Struct, gc=False):
    id: Scalar = None
    price: Scalar = None
    diamond: _Diamond | None = None


class _DiamondId(msgspec.Struct, gc=False):
    id: Scalar = None


class _ItemIdentity(msgspec.Struct, gc=False):
    id: Scalar = None
    diamond: _DiamondId | None = None


# One for each kind of field.
_carats = Reader(lambda value: values.measure(value, 3, 100_000))
_thousandths_of_carats = Reader(lambda value: _whole(_carats[value], 1_000))
_millimetres = Reader(lambda value: values.measure(value, 2, 10_000))
_hundredths = Reader(lambda value: _whole(_millimetres[value], 100))
#: Ratios by their thousandths, of which few differ.
_ratios = Reader(lambda thousandths: Decimal(thousandths).scaleb(-3) if thousandths < 10_000_000 else None)
_below_90 = Reader(lambda value: values.measure(value, 2, 90))
_below_100 = Reader(lambda value: values.measure(value, 2, 100))
_below_1000 = Reader(lambda value: values.measure(value, 2, 1_000))
_days = Reader(values.days)
_clarity = Reader(lambda value: values.grade(Clarity, value))
_finish = Reader(lambda value: values.grade(LabFinish, value))
_flag = Reader(values.yes_or_no)
_eye_clean = Reader(values.eye_clean)
_tinge = Reader(values.tinge)
_bowtie = Reader(lambda value: values.grade(Bowtie, value))
_origin = Reader(lambda value: None if _told(value) else values.country(value))
_lab = Reader(lambda value: normal_lab(nature.without_growth_of_lab(values.text(value, 200) or "")))
_girdle = Reader(lambda value: girdle_ends(values.text(value, 120) or ""))
_culet_size = Reader(lambda value: values.grade(CuletSize, value))
_symbols = Reader(lambda value: values.text(value, 300))
_name = Reader(lambda value: values.name(value, 32))
_text_120 = Reader(lambda value: values.text(value, 120))
_text_200 = Reader(lambda value: values.text(value, 200))
_culet = Reader(lambda value: values.text(value, 120) or values.no_culet(value))
_shape = Reader(lambda value: listed_shape(nature.without_growth(_text_200[value] or "")))

_availability = Reader(lambda value: AVAILABILITY.get(_name[value] or "", Availability.UNAVAILABLE.value))
_growth = Reader(lambda cell: nature.quiet(_said_of_growth(cell)))

_item_decoder = msgspec.json.Decoder(_Item)
_identity_decoder = msgspec.json.Decoder(_ItemIdentity)
_NO_CERTIFICATE, _NOBODY = _Certificate(), _Named()


def identify(item: bytes) -> StoneIdentity:
    """The identity of an item. Raises `MappingError` if it does not say so in words that the catalogue can keep."""
    try:
        decoded = _identity_decoder.decode(item)
    except msgspec.DecodeError:
        decoded = msgspec.convert(_repaired(item), _ItemIdentity)
    return StoneIdentity(
        _identifier("diamond.id", decoded.diamond.id if decoded.diamond else None), _identifier("id", decoded.id)
    )


def to_diamond(item: bytes, *, labgrown: bool) -> StoneFacts:
    """Map one item; `labgrown` is what the feed asked for, if the item itself does not say.

    Raises `MappingError` with the field's path if the item has no identity or no price.
    """
    try:
        offer = _item_decoder.decode(item)
    except msgspec.DecodeError:
        offer = msgspec.convert(_repaired(item), _Item)
    diamond = offer.diamond
    if diamond is None:
        raise MappingError("diamond", "is missing")
    certificate = diamond.certificate or _NO_CERTIFICATE
    cost = _cost(offer.price)
    thousandths = _thousandths_of_carats[certificate.carats]
    stone = _nature(diamond, certificate, labgrown)
    thinnest, thickest = _girdle[certificate.girdle]
    culet_size = _culet_size[certificate.culetSize]
    fancy = fancy_facts(certificate.color, certificate.f_color, certificate.f_intensity, certificate.f_overtone)
    intensity, color_of_fluorescence = fluorescence_facts(certificate.floInt, certificate.floCol)
    delivery_days = _delivery_days(diamond.delivery_time)
    images = _images(diamond, certificate)
    supplier = diamond.supplier or _NOBODY
    # In the order of the fields: to find 55 of them by name takes an eighth of a mapping.
    return StoneFacts(
        _identifier("id", offer.id),  # offer_id
        _shape[certificate.shape],  # shape
        _carats[certificate.carats],  # carats
        fancy.color,  # color
        _clarity[certificate.clarity],  # clarity
        _finish[certificate.cut],  # cut
        _finish[certificate.polish],  # polish
        _finish[certificate.symmetry],  # symmetry
        intensity,  # fluorescence_intensity
        color_of_fluorescence,  # fluorescence_color
        fancy.name,  # fancy_color
        fancy.intensity,  # fancy_intensity
        fancy.overtone,  # fancy_overtone
        stone.lab_grown,  # lab_grown
        stone.growth_method,  # growth_method
        stone.treated,  # treated
        _lab[certificate.lab],  # lab
        values.number_text(certificate.certNumber, 64),  # certificate_number
        values.url(certificate.pdfUrl),  # certificate_url
        _millimetres[certificate.length],  # length_mm
        _millimetres[certificate.width],  # width_mm
        _millimetres[certificate.depth],  # depth_mm
        _ratio(certificate.length, certificate.width),  # ratio
        _below_100[certificate.table],  # table_pct
        _below_1000[certificate.depthPercentage],  # depth_pct
        _below_90[certificate.crownAngle],  # crown_angle
        _below_100[certificate.crownHeight],  # crown_height
        _below_90[certificate.pavAngle],  # pavilion_angle
        _below_100[certificate.pavDepth],  # pavilion_depth
        _text_120[certificate.girdle],  # girdle
        thinnest,  # girdle_from
        thickest,  # girdle_to
        _culet[certificate.culetSize] or _text_120[certificate.culet_condition],  # culet
        culet_size if culet_size is not None else _culet_size[certificate.culet_condition],  # culet_size
        _eye_clean[diamond.eyeClean],  # eye_clean
        _tinge[diamond.brown],  # brown
        _tinge[diamond.green],  # green
        _tinge[diamond.blue],  # blue
        _tinge[diamond.gray],  # gray
        _tinge[diamond.milky],  # milky
        _bowtie[diamond.bowtie],  # bowtie
        _symbols[certificate.keyToSymbols],  # key_to_symbols
        images[0] if images else None,  # image_url
        _video(diamond, certificate),  # video_url
        images,  # images
        _text_200[supplier.name] or _text_200[supplier.legal_name],  # supplier_name
        _origin[certificate.country_of_origin] or _origin[diamond.mine_of_origin],  # country_of_origin
        # The supplier does not say where a stone is.
        None,  # location_country
        None,  # location_city
        delivery_days[0],  # delivery_days_min
        delivery_days[1],  # delivery_days_max
        _days[diamond.return_window],  # return_days
        cost,  # cost_cents
        money.per_unit(cost, thousandths) if thousandths else None,  # cost_per_carat_cents
        _availability[diamond.availability],  # availability
    )


def _repaired(item: bytes) -> Any:
    """An item with something else where an object, a list or a scalar belongs, or with text that is not quite Unicode."""
    try:
        loose = json.loads(item)
    except (ValueError, RecursionError) as error:
        raise MappingError("item", f"is not JSON: {error}") from error
    if not isinstance(loose, dict):
        raise MappingError("item", "is not an object")
    return _shaped(loose, _Item)


def _shaped(said: dict[str, Any], shape: type[msgspec.Struct]) -> dict[str, Any]:
    """The fields of `shape` in `said`; whatever is not of a field's kind is left out."""
    kept: dict[str, Any] = {}
    for field in msgspec.structs.fields(shape):
        value = said.get(field.name)
        parts = [part for part in typing.get_args(field.type) if part is not type(None)]
        (part,) = parts if len(parts) == 1 else (None,)
        if part is None:
            # A scalar of entry of several types; exactly, because a bool is an int as well.
            kept[field.name] = value if type(value) in parts else None
        elif typing.get_origin(part) is list:
            (inner,) = typing.get_args(part)
            listed = value if isinstance(value, list) else []
            kept[field.name] = [_shaped(entry, inner) for entry in listed if isinstance(entry, dict)]
        else:
            kept[field.name] = _shaped(value, part) if isinstance(value, dict) else None
    return kept


def _identifier(field: str, value: Scalar) -> str:
    if not isinstance(value, str) or not value.strip():
        raise MappingError(field, "is missing")
    if len(value) > MAX_ID_LENGTH:
        raise MappingError(field, f"is longer than {MAX_ID_LENGTH} characters")
    if not value.isprintable():
        raise MappingError(field, "has characters that cannot be printed")
    return value


def _cost(value: Scalar) -> int:
    if type(value) is int and 0 < value <= MAX_PRICE:
        return value
    if value is None or value == "":
        raise MappingError("price", "is missing")
    cents = values.decimal(value)
    if cents is None or cents != cents.to_integral_value():
        raise MappingError("price", f"{str(value)[:60]!r} is not a whole number of cents")
    if not 0 < cents <= MAX_PRICE:
        raise MappingError("price", f"{cents} cents is not between 1 and {MAX_PRICE}")
    return int(cents)


class _Told(NamedTuple):
    """What of an item bears on what its stone is."""

    labgrown: Scalar
    treated: Scalar
    labgrown_type: Written
    shape: Written
    lab: Written
    comments: Written
    report: Written
    country: Written
    mine: Written
    number: Written
    link: Written


def _nature(diamond: _Diamond, certificate: _Certificate, asked_for: bool) -> Nature:
    """What the stone is by all that the item says of it, else by what the feed asked for. Raises `MappingError`."""
    number, link = certificate.certNumber, certificate.pdfUrl
    # A bare tuple of what `_Told` has, since this is done for every stone; without what says nothing, so that few differ.
    told = (
        certificate.labgrown,
        certificate.treated,
        certificate.labgrown_type,
        _telling_shape[certificate.shape],
        _telling_lab[certificate.lab],
        _telling_text[certificate.comments],
        diamond.CertificateType,
        _telling_origin[certificate.country_of_origin],
        _telling_origin[diamond.mine_of_origin],
        _A_NUMBER if isinstance(number, str) and nature.of_certificate(number) is not nature.SILENT else None,
        _A_LINK if isinstance(link, str) and nature.of_link(link) is not nature.SILENT else None,
    )
    decided = _decided(told, asked_for)
    if decided is None:
        # The error names what the item itself says.
        return decide(_evidence(_Told(*told)._replace(number=number, link=link)), default=asked_for)
    return decided


def _telling(read: Reader[nature.Said]) -> Reader[str | None]:
    """Reads values of which most say nothing of that: those that do as they are, None for all others."""
    return Reader(
        lambda value: value if isinstance(value, str) and value and read[value] is not nature.SILENT else None
    )


_telling_shape, _telling_lab = _telling(nature.of_shape), _telling(nature.of_lab)
_telling_text, _telling_origin = _telling(nature.of_text), _telling(nature.of_origin)
#: Stand for all numbers of certificates, and addresses of reports, that say that a stone was grown.
_A_NUMBER, _A_LINK = "LG000000000", "https://reports.example/LG000000000"


@lru_cache(maxsize=Reader.LIMIT)
def _decided(told: tuple[Any, ...], asked_for: bool) -> Nature | None:
    """What a stone is of which this is told, once for all such stones; None if it cannot be decided."""
    try:
        return decide(_evidence(_Told(*told)), default=asked_for)
    except MappingError:
        return None


def _evidence(told: _Told) -> list[Evidence]:
    evidence = []
    flag = _flag[told.labgrown]
    if flag is not None:
        said = nature.GROWN if flag else nature.NATURAL
        evidence.append(Evidence("certificate.labgrown", str(told.labgrown), said))
    treated = _flag[told.treated]
    if treated is not None:
        said = nature.TREATED if treated else nature.UNTREATED
        evidence.append(Evidence("certificate.treated", str(told.treated), said))
    for field, value, read in (
        ("certificate.labgrown_type", told.labgrown_type, _growth),
        ("certificate.shape", told.shape, nature.of_shape),
        ("certificate.lab", told.lab, nature.of_lab),
        ("certificate.comments", told.comments, nature.of_text),
        ("CertificateType", told.report, nature.of_text),
        ("certificate.country_of_origin", told.country, nature.of_origin),
        ("mine_of_origin", told.mine, nature.of_origin),
    ):
        if isinstance(value, str) and value and (said := read[value]) is not nature.SILENT:
            evidence.append(Evidence(field, value, said))
    if isinstance(told.number, str) and nature.of_certificate(told.number) is not nature.SILENT:
        evidence.append(Evidence("certificate.certNumber", told.number, nature.GROWN))
    if isinstance(told.link, str) and nature.of_link(told.link) is not nature.SILENT:
        evidence.append(Evidence("certificate.pdfUrl", told.link, nature.GROWN))
    return evidence


def _told(value: Scalar) -> bool:
    """Whether an origin says what a stone is instead of a country."""
    return isinstance(value, str) and nature.of_origin[value] is not nature.SILENT


def _said_of_growth(cell: str) -> nature.Said:
    """A type of growth, of which any word says that the stone was grown."""
    said = nature.of_growth[cell]
    if said.grown is None and not said.unclear and not said.treated and values.name(cell, 32) is not None:
        return said._replace(grown=True)
    return said


def _delivery_days(promised: _DeliveryTime | None) -> tuple[int | None, int | None]:
    """Least and most business days; one alone stands for both, and swapped ones are put right."""
    if promised is None:
        return None, None
    least, most = _days[promised.min_business_days], _days[promised.max_business_days]
    if least is None or most is None:
        only = most if least is None else least
        return only, only
    return (least, most) if least <= most else (most, least)


def _whole(number: Decimal | None, parts: int) -> int:
    """A number in whole parts of which there are `parts` in 1; 0 if it is unknown."""
    return 0 if number is None else int(number * parts)


def _ratio(length: Written, width: Written) -> Decimal | None:
    """Length to width, the longer side first whichever the supplier calls length; to thousandths, halves up."""
    shorter, longer = sorted((_hundredths[length], _hundredths[width]))
    return _ratios[(2_000 * longer + shorter) // (2 * shorter)] if shorter else None


def _images(diamond: _Diamond, certificate: _Certificate) -> list[str]:
    """Every picture once: the stone's own first, then the certificate's, then the product's by their index."""
    own, again, product = diamond.image, certificate.image, certificate.product_images
    # Most say one address twice.
    urls = [values.url(own), None if again == own else values.url(again)]
    if product:
        if len(product) > 1:
            product = sorted(product, key=_display_index)
        urls += [values.url(image.url) for image in product]
    told = [url for url in urls if url]
    return told if len(set(told)) == len(told) else list(dict.fromkeys(told))


def _display_index(image: _Url) -> int:
    return _days[image.display_index] or 0


def _video(diamond: _Diamond, certificate: _Certificate) -> str | None:
    """The stone's own video, else the supplier's, the certificate's, the turning picture, the product's."""
    for candidate in (diamond.video, diamond.supplier_video_link, certificate.video, diamond.v360 and diamond.v360.url):
        if candidate and (url := values.url(candidate)):
            return url
    product = (values.url(video.url) for video in certificate.product_videos or [])
    return next(filter(None, product), None)

"""What the catalogue should hold of a supplier's item, worked out a second time, slowly and from the facts alone.

Tests that compare the catalogue with the supplier's truth call `expected`. It shares no code with the adapters, on purpose:
a mistake has to be made twice to stay hidden. Where the two disagree, the rules written here decide which one is wrong.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from urllib.parse import urlsplit

from catalog.grades import (
    Bowtie,
    Clarity,
    Color,
    CuletSize,
    FancyIntensity,
    Fluorescence,
    GirdleThickness,
    LabFinish,
)

Json = dict[str, Any]

#: What suppliers write for "nothing", after `_squeezed`.
NOTHING = {"", "NA", "NONE", "NULL", "UNDEFINED", "UNKNOWN", "NOTSPECIFIED", "NAN"}

COLORS: dict[str, Color] = {color.name: color for color in Color}
COLORS["FCY"] = Color.FANCY
COLORS.update({"OP": Color.P, "QR": Color.R, "ST": Color.T, "UV": Color.V, "WX": Color.X, "YZ": Color.Z})

CLARITIES: dict[str, Clarity] = {clarity.name: clarity for clarity in Clarity}
CLARITIES.update(
    {
        "FLAWLESS": Clarity.FL,
        "INTERNALLYFLAWLESS": Clarity.IF,
        "LC": Clarity.IF,
        "LOUPECLEAN": Clarity.IF,
        "P1": Clarity.I1,
        "P2": Clarity.I2,
        "P3": Clarity.I3,
    }
)

FINISHES: dict[str, LabFinish] = {}
for _grade, _spellings in {
    LabFinish.IDEAL: "IDEAL ID IDL SUPERIDEAL",
    LabFinish.EXCELLENT: "EX EXC EXCELLENT 3EX X XXX EXCEPTIONAL",
    LabFinish.VERY_GOOD: "VG VERYGOOD VGOOD",
    LabFinish.GOOD: "GD G GOOD",
    LabFinish.FAIR: "FR F FAIR",
    LabFinish.POOR: "PR P POOR",
}.items():
    FINISHES.update(dict.fromkeys(_spellings.split(), _grade))

FLUORESCENCES: dict[str, Fluorescence] = {}
for _intensity, _words in {
    Fluorescence.NONE: "NON NONE N NIL",
    Fluorescence.FAINT: "FNT FAINT F SLIGHT VERYSLIGHT",
    Fluorescence.MEDIUM: "MED MEDIUM M",
    Fluorescence.STRONG: "STG STR STRONG S",
    Fluorescence.VERY_STRONG: "VST VSTG VS VERYSTRONG",
}.items():
    FLUORESCENCES.update(dict.fromkeys(_words.split(), _intensity))

INTENSITIES: dict[str, FancyIntensity] = {
    "FAINT": FancyIntensity.FAINT,
    "VERYLIGHT": FancyIntensity.VERY_LIGHT,
    "LIGHT": FancyIntensity.LIGHT,
    "FANCYLIGHT": FancyIntensity.FANCY_LIGHT,
    "FANCY": FancyIntensity.FANCY,
    "INTENSE": FancyIntensity.FANCY_INTENSE,
    "FANCYINTENSE": FancyIntensity.FANCY_INTENSE,
    "VIVID": FancyIntensity.FANCY_VIVID,
    "FANCYVIVID": FancyIntensity.FANCY_VIVID,
    "DARK": FancyIntensity.FANCY_DARK,
    "FANCYDARK": FancyIntensity.FANCY_DARK,
    "DEEP": FancyIntensity.FANCY_DEEP,
    "FANCYDEEP": FancyIntensity.FANCY_DEEP,
}

CULETS: dict[str, CuletSize] = {
    "NON": CuletSize.NONE,
    "NONE": CuletSize.NONE,
    "POINTED": CuletSize.NONE,
    "VERYSMALL": CuletSize.VERY_SMALL,
    "SMALL": CuletSize.SMALL,
    "MEDIUM": CuletSize.MEDIUM,
    "LARGE": CuletSize.LARGE,
}

BOWTIES: dict[str, Bowtie] = {
    "NONE": Bowtie.NONE,
    "SLIGHT": Bowtie.SLIGHT,
    "MEDIUM": Bowtie.MEDIUM,
    "STRONG": Bowtie.STRONG,
}

#: Words for a girdle's thickness, the long ones first.
GIRDLES = [
    (re.compile(words), thickness)
    for words, thickness in [
        (r"SLIGHTLY THICK|STK", GirdleThickness.SLIGHTLY_THICK),
        (r"VERY THICK|VTK", GirdleThickness.VERY_THICK),
        (r"VERY THIN|VTN", GirdleThickness.VERY_THIN),
        (r"THICK", GirdleThickness.THICK),
        (r"THIN|THN", GirdleThickness.THIN),
        (r"MEDIUM|MED", GirdleThickness.MEDIUM),
    ]
]

SAME_COUNTRY = {"US": "USA", "United States": "USA"}
#: Mines that have one country.
COUNTRY_OF_MINE = {
    "Catoca": "Angola",
    "Cullinan": "South Africa",
    "Diavik": "Canada",
    "Ekati": "Canada",
    "Gahcho Kué": "Canada",
    "Jwaneng": "Botswana",
    "Karowe": "Botswana",
    "Letšeng": "Lesotho",
    "Orapa": "Botswana",
    "Venetia": "South Africa",
}

SAME_SHAPE = {
    "ASCHER": "ASSCHER",
    "CUSHION_B": "CUSHION_BRILLIANT",
    "CUSHION_MOD": "CUSHION_MODIFIED",
    "HALFMOON": "HALF_MOON",
    "RECTANGLE": "RECTANGULAR",
    "ROUND_BRILLIANT": "ROUND",
    "TRAPEZE": "TRAPEZOID",
    "TRILLION": "TRILLIANT",
}

#: Words in a colour's field that name no hue.
NO_HUE = re.compile(
    "EVEN|UNEVEN|NATURAL|FANCY|INTENSE|VIVID|DARK|DEEP|LIGHT|FAINT|VERY|COLOR|COLOUR|NONE|NULL|OTHER|UNKNOWN"
)

AVAILABILITIES = {
    "AVAILABLE": "available",
    "ON HOLD": "on_hold",
    "HOLD": "on_hold",
    "MEMO": "on_hold",
    "SOLD": "sold",
}


def culet(certificate: dict[str, Any]) -> str | None:
    """The size of the culet, where "None" is a finding (there is none) and not an absence; else its condition."""
    size = certificate.get("culetSize")
    if isinstance(size, str) and size.strip().upper() == "NONE":
        return "None"
    return text(size, 120) or text(certificate.get("culet_condition"), 120)


def expected(item: Json, *, labgrown: bool) -> dict[str, object]:
    """The columns of `catalog.rows.StoneFacts` for a parsed item; `labgrown` is what the feed asked the supplier for.

    Raises ValueError for an item without a diamond, an offer id that a column can hold or a price of whole cents between 1
    and 10**12: no row can be made of it.
    """
    diamond = item.get("diamond")
    if not isinstance(diamond, dict):
        raise ValueError("the item has no diamond")
    certificate = _object(diamond.get("certificate"))
    return {
        **_money(item, certificate),
        **_appearance(certificate),
        **_fancy(certificate),
        **_origin(diamond, certificate, labgrown),
        **_paper(certificate),
        **_proportions(certificate),
        **_eye(diamond),
        **_media(diamond, certificate),
        **_delivery(_object(diamond.get("delivery_time"))),
        "availability": _availability(diamond.get("availability")),
    }


def _money(item: Json, certificate: Json) -> dict[str, object]:
    offer, price = item.get("id"), number(item.get("price"))
    if not isinstance(offer, str) or not offer.strip() or len(offer) > 100 or not offer.isprintable():
        raise ValueError("the item has no offer id")
    if price is None or not 1 <= price <= 10**12 or price != int(price):
        raise ValueError(f"the price of {offer} is not a positive number of whole cents")
    carats = measure(certificate.get("carats"), places=3, below=100_000)
    per_carat = None if carats is None else int(_half_up(price / carats, 0))
    return {"offer_id": offer, "carats": carats, "cost_cents": int(price), "cost_per_carat_cents": per_carat}


def _appearance(certificate: Json) -> dict[str, object]:
    return {
        "shape": shape(certificate.get("shape")),
        "clarity": _graded(certificate.get("clarity"), CLARITIES),
        "cut": _graded(certificate.get("cut"), FINISHES),
        "polish": _graded(certificate.get("polish"), FINISHES),
        "symmetry": _graded(certificate.get("symmetry"), FINISHES),
        "fluorescence_intensity": _fluorescence(certificate),
        "fluorescence_color": _code(certificate.get("floCol"), 32),
        "key_to_symbols": text(certificate.get("keyToSymbols"), 300),
    }


def _fluorescence(certificate: Json) -> object:
    """The intensity; where its own field says nothing, the colour's field may say that there is none."""
    said = certificate.get("floInt")
    color = certificate.get("floCol")
    if said in (None, "") and isinstance(color, str) and color[:1].isalpha():
        return _graded(color, FLUORESCENCES)
    return _graded(said, FLUORESCENCES)


def _fancy(certificate: Json) -> dict[str, object]:
    written = text(certificate.get("color"), 1_000) or ""
    name = fancy_name(certificate.get("f_color"))
    if name is None and not written.upper().startswith("FANCY"):
        return {
            "color": color(written),
            "fancy_color": None,
            "fancy_intensity": None,
            "fancy_overtone": None,
        }
    return {
        "color": int(Color.FANCY),
        "fancy_color": name or fancy_name(written),
        "fancy_intensity": _graded(certificate.get("f_intensity"), INTENSITIES),
        "fancy_overtone": fancy_name(certificate.get("f_overtone")),
    }


def _origin(diamond: Json, certificate: Json, labgrown: bool) -> dict[str, object]:
    grown = yes_or_no(certificate.get("labgrown"))
    if grown is None:
        grown = labgrown or text(certificate.get("labgrown_type"), 1_000) is not None
    supplier = _object(diamond.get("supplier"))
    method = (_written(certificate.get("labgrown_type")) or "").upper()
    origin = text(certificate.get("country_of_origin"), 80) or text(diamond.get("mine_of_origin"), 80)
    return {
        "lab_grown": grown,
        "growth_method": method if grown and method in {"CVD", "HPHT"} else None,
        "location_country": None,
        "location_city": None,
        "return_days": _days(diamond.get("return_window")),
        "treated": yes_or_no(certificate.get("treated")),
        "supplier_name": text(supplier.get("name"), 200) or text(supplier.get("legal_name"), 200),
        "country_of_origin": None if origin is None else COUNTRY_OF_MINE.get(origin, SAME_COUNTRY.get(origin, origin)),
    }


def _paper(certificate: Json) -> dict[str, object]:
    certificate_number = text(certificate.get("certNumber"), 1_000)
    if certificate_number is not None and (certificate_number == "0" or len(certificate_number) > 64):
        certificate_number = None
    laboratory = (_written(certificate.get("lab")) or "").replace(".", "")
    return {
        "lab": _code(laboratory, 32),
        "certificate_number": certificate_number,
        "certificate_url": url(certificate.get("pdfUrl")),
    }


def _proportions(certificate: Json) -> dict[str, object]:
    def millimetres(field: str) -> Decimal | None:
        return measure(certificate.get(field), places=2, below=10_000)

    def bounded(field: str, below: int) -> Decimal | None:
        return measure(certificate.get(field), places=2, below=below)

    length, width = millimetres("length"), millimetres("width")
    return {
        "length_mm": length,
        "width_mm": width,
        "depth_mm": millimetres("depth"),
        "ratio": _ratio(length, width),
        "table_pct": bounded("table", 100),
        "depth_pct": bounded("depthPercentage", 1_000),
        "crown_angle": bounded("crownAngle", 90),
        "crown_height": bounded("crownHeight", 100),
        "pavilion_angle": bounded("pavAngle", 90),
        "pavilion_depth": bounded("pavDepth", 100),
        "girdle": text(certificate.get("girdle"), 120),
        **girdle(certificate.get("girdle")),
        "culet": culet(certificate),
        "culet_size": _first(_graded(certificate.get(name), CULETS) for name in ("culetSize", "culet_condition")),
    }


def _ratio(length: Decimal | None, width: Decimal | None) -> Decimal | None:
    if length is None or width is None:
        return None
    ratio = _half_up(max(length, width) / min(length, width), 3)
    # The column ends there.
    return ratio if ratio < 10_000 else None


def _eye(diamond: Json) -> dict[str, object]:
    return {
        "eye_clean": yes_or_no(diamond.get("eyeClean")),
        **{name: tinge(diamond.get(name)) for name in ("brown", "green", "blue", "gray", "milky")},
        "bowtie": _graded(diamond.get("bowtie"), BOWTIES),
    }


def _media(diamond: Json, certificate: Json) -> dict[str, object]:
    def place(picture: Json) -> Decimal:
        index = number(picture.get("display_index"))
        return Decimal("Infinity") if index is None else index

    pictures = sorted(_objects(certificate.get("product_images")), key=place)
    stills = [diamond.get("image"), certificate.get("image"), *[picture.get("url") for picture in pictures]]
    images = list(dict.fromkeys(_urls(stills)))
    films = [
        diamond.get("video"),
        diamond.get("supplier_video_link"),
        certificate.get("video"),
        _object(diamond.get("v360")).get("url"),
        *[film.get("url") for film in _objects(certificate.get("product_videos"))],
    ]
    return {
        "images": images,
        "image_url": next(iter(images), None),
        "video_url": next(iter(_urls(films)), None),
    }


def _delivery(delivery: Json) -> dict[str, object]:
    ends = (_days(delivery.get(field)) for field in ("min_business_days", "max_business_days"))
    known = [value for value in ends if value is not None]
    return {"delivery_days_min": min(known, default=None), "delivery_days_max": max(known, default=None)}


def _days(said: object) -> int | None:
    value = number(said)
    return int(value) if value is not None and 0 <= value <= 365 and value == int(value) else None


def girdle(value: object) -> dict[str, object]:
    """The ends of a girdle that is written as laboratories and the supplier do."""
    written = value.upper() if isinstance(value, str) else ""
    named = []
    for words, thickness in GIRDLES:
        written, times = words.subn(" ", written)
        named += [int(thickness)] * times
    return {"girdle_from": min(named, default=None), "girdle_to": max(named, default=None)}


def tinge(value: object) -> bool | None:
    """Whether a tinge is there: said as a truth, or by a degree of which "None" is one."""
    said = yes_or_no(value)
    if said is not None or not isinstance(value, str):
        return said
    if value.strip().upper() == "NONE":
        return False
    return None if _squeezed(value) in NOTHING else True


def _first(values: Iterable[int | None]) -> int | None:
    return next((value for value in values if value is not None), None)


def _availability(value: object) -> str:
    words = " ".join(re.findall("[A-Z]+", value.upper())) if isinstance(value, str) else ""
    return AVAILABILITIES.get(words, "unavailable")


# The kinds of values.


def number(value: object) -> Decimal | None:
    """A JSON number, or a text with spaces, commas or a unit at its end, as a number."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return Decimal(value)
    if isinstance(value, Decimal):
        return value if value.is_finite() else None
    if isinstance(value, float):
        return Decimal(repr(value)) if math.isfinite(value) else None
    if not isinstance(value, str):
        return None
    written = "".join(value.split())
    for unit in ("%", "mm", "ct"):
        if written.lower().endswith(unit):
            written = written[: -len(unit)]
            break
    if re.fullmatch(r"[+-]?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]*)?", written):
        written = written.replace(",", "")
    elif re.fullmatch(r"[+-]?[0-9]*,[0-9]+", written):
        written = written.replace(",", ".")
    if re.fullmatch(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)", written):
        return Decimal(written)
    return None


def measure(value: object, *, places: int, below: int) -> Decimal | None:
    """A positive number below a bound, rounded half-up; what is zero once rounded is unknown too."""
    found = number(value)
    if found is None or not 0 < found < below:
        return None
    rounded = _half_up(found, places)
    return rounded if 0 < rounded < below else None


def _half_up(value: Decimal, places: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)


def text(value: object, longest: int) -> str | None:
    """A printable text on one line, at most `longest` characters; a number is the text of its digits."""
    value = _written(value)
    if value is None:
        return None
    printable = "".join(character if character.isprintable() else " " for character in value)
    folded = " ".join(printable.split())
    return None if _squeezed(folded) in NOTHING else folded[:longest].strip()


def _written(value: object) -> str | None:
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return str(int(value)) if value == int(value) else repr(value)


def _squeezed(value: str) -> str:
    return re.sub(r"[\s_\-.+/]", "", value.upper())


def yes_or_no(value: object) -> bool | None:
    """A truth in any of the spellings of suppliers."""
    word = str(value).strip().lower()
    if word in {"true", "yes", "y", "t", "1", "100%"}:
        return True
    if word in {"false", "no", "n", "f", "0", "0%"}:
        return False
    return None


def _graded(value: object, grades: dict[str, Any]) -> int | None:
    if not isinstance(value, str):
        return None
    grade = grades.get(_squeezed(value))
    return None if grade is None else int(grade)


def color(written: str) -> int | None:
    """A letter of the colour scale; of a range of letters the worse one."""
    found = COLORS.get(_squeezed(written))
    if found is not None:
        return int(found)
    # Without anything between them two letters may be a word: "NO" is no range.
    between = re.fullmatch("([D-Z])[-_/]([D-Z])", "".join(written.split()).upper())
    return max(int(Color[letter]) for letter in between.groups()) if between else None


def fancy_name(value: object) -> str | None:
    """The hues in a text, the modifying ones (-ISH) first, the rest by the alphabet: one name for one colour."""
    if not isinstance(value, str) or _squeezed(value) in NOTHING:
        return None
    words: set[str] = set()
    for word in "".join(letter if letter.isalpha() else " " for letter in value.upper()).split():
        if len(word) > 2 and not NO_HUE.fullmatch(word):
            words.add({"GREY": "GRAY", "GREYISH": "GRAYISH"}.get(word, word))
    return "_".join(sorted(words, key=lambda word: (not word.endswith("ISH"), word)))[:64] or None


def shape(value: object) -> str | None:
    """The name of a shape, one for all its spellings."""
    name = _code(value, 40)
    return None if name is None else SAME_SHAPE.get(name, name)


def _code(value: object, longest: int) -> str | None:
    """A text as one upper-case word of letters, digits and underscores."""
    written = _written(value)
    if written is None or _squeezed(written) in NOTHING:
        return None
    return re.sub("[^A-Z0-9]+", "_", written.upper()).strip("_")[:longest].strip("_") or None


def url(value: object) -> str | None:
    """An absolute address on the web."""
    if not isinstance(value, str):
        return None
    value = value.strip()
    if len(value) > 2_000 or any(character.isspace() or not character.isprintable() for character in value):
        return None
    try:
        parts = urlsplit(value)
        return value if parts.scheme in {"http", "https"} and parts.hostname else None
    except ValueError:
        return None


def _urls(values: Iterable[object]) -> list[str]:
    return [found for found in map(url, values) if found is not None]


def _object(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _objects(values: object) -> list[Json]:
    return [value for value in values if isinstance(value, dict)] if isinstance(values, list) else []

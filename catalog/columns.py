"""A diamond's columns in one table: each one's name outside, its kind, who may see it, and how it is asked for.

Filters and sorts (`catalog.searching`), answers (`catalog.api`), the index (`catalog.index`), the vocabulary and their
descriptions are made from it. Its order is that of the answers.

Every attribute that can be asked for or sorted by is one stored column (`source`), so one condition means the same to SQL,
to the index and to `catalog.searching.conditions.holds`: grades are whole numbers (`LabFinish` has 0 for ideal), names are
texts, flags are booleans. Two attributes are asked of several columns, still by conditions over stored columns alone:
`color_type` of `color` and `fancy_color` (`catalog.searching.color_types`), and what has two ends (`girdle_from` and
`girdle_to`, `delivery_days_min` and `delivery_days_max`), each of whose ends has a column of its own. `ids` asks `AnyOf` of
the column `id`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import IntEnum
from functools import partial
from typing import Any, Literal

from catalog import countries, fancy_colors, fluorescence_colors, grades, labs, shapes
from catalog.certificates import folded
from catalog.currencies.fields import Amount
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
from catalog.models import Availability, Diamond
from diamondhub.access.scopes import Scope
from diamondhub.api import fields

#: How laboratory-grown stones are made.
GROWTH_METHODS = ("CVD", "HPHT")


class Kind:
    """What kind of value a column holds."""

    def field(self, **options: Any) -> fields.Field | None:
        """The field that answers one value; None where Django's own field answers it."""
        return None

    def read(self, key: Any) -> Any:
        """The value that a cursor's JSON keeps."""
        return key


class Plain(Kind):
    """Only shown."""


_PLAIN = Plain()


@dataclass(frozen=True)
class Listed(Kind):
    """A text of an alphabet of its own, asked for by one or several. `spellings` are the values that one may stand for."""

    pattern: str
    accepted: str
    spellings: Callable[[str], Sequence[str]] = lambda text: (text,)

    def field(self, **options: Any) -> fields.Field:
        return fields.Text(self.pattern, self.accepted, **options)


class Identity(Kind):
    """The id, asked for by one or several."""


@dataclass(frozen=True)
class Named(Kind):
    """A name of the trade, asked for by one or several, in any spelling of which `normal` makes the name that is kept.

    `known` are names that are used; the list is open where `normal` makes others as well. `pattern` is a regular
    expression that is found in every spelling of a name.
    """

    max_length: int
    example: str
    normal: Callable[[str], str | None]
    known: tuple[str, ...] = ()
    #: Whether a name that is neither known nor of any stone is a mistake of who asks for it.
    checked: bool = True
    pattern: str = ""


@dataclass(frozen=True)
class Chosen(Kind):
    """One of a few states, asked for by one or several."""

    values: tuple[str, ...]

    def field(self, **options: Any) -> fields.Field:
        return fields.OneOf(self.values, **options)


@dataclass(frozen=True)
class Graded(Kind):
    """A grade, asked for by one or several and in ranges, in every spelling of the trade.

    `beyond` are grades that the scale of what can be asked for does not have, each with what to ask for instead.
    """

    grades: type[IntEnum]
    beyond: tuple[tuple[IntEnum, str], ...] = ()

    def field(self, **options: Any) -> fields.Field:
        return fields.Grade(self.grades, read=partial(grades.parse, self.grades), **options)

    @property
    def scale(self) -> tuple[IntEnum, ...]:
        """The grades that can be asked for, in their order."""
        return tuple(grade for grade in self.grades if grade not in dict(self.beyond))


@dataclass(frozen=True)
class Measured(Kind):
    """A decimal number from 0 to `high`, asked for in ranges."""

    places: int
    high: str
    unit: str = ""

    def field(self, **options: Any) -> fields.Field:
        return fields.Number(self.places, 0, Decimal(self.high), **options)

    def read(self, key: Any) -> Decimal:
        return Decimal(key)


@dataclass(frozen=True)
class Counted(Kind):
    """A whole number, asked for in ranges. Django's own field answers it."""

    low: int
    high: int
    unit: str = ""


class Money(Kind):
    """US cents, which are amounts in the client's currency outside; asked for in ranges."""

    def field(self, **options: Any) -> fields.Field:
        return Amount(**options)


class Flag(Kind):
    """Yes or no."""


class Address(Kind):
    """An address of a picture or a film, asked for by whether there is one."""


class Time(Kind):
    """A point in time, asked for by the earliest."""

    def field(self, **options: Any) -> fields.Field:
        return fields.Moment(**options)

    def read(self, key: Any) -> datetime:
        return datetime.fromisoformat(key)


@dataclass(frozen=True)
class Column:
    """One column. Without `asked` nothing can be searched by it; `words` begin what the document says of its filters.

    `scope` is what a client needs to see it, to search and to sort by it; None: nobody does.
    """

    name: str
    kind: Kind = _PLAIN
    #: The name of its filters.
    asked: str = ""
    words: str = ""
    #: The model's name, if it is another.
    column: str = ""
    #: The name of the order by it, with a `-` before it if the order begins with the greatest value.
    sort: str = ""
    scope: Scope | None = Scope.CATALOG_READ
    #: Which end it is of something that has two: only that end of a range is asked of it.
    end: Literal["", "low", "high"] = ""

    @property
    def source(self) -> str:
        """The model's name."""
        return self.column or self.name

    @property
    def nullable(self) -> bool:
        """Whether a stone may lack it."""
        return bool(Diamond._meta.get_field(self.source).null)

    @property
    def sortable(self) -> bool:
        """Whether stones can be sorted by it."""
        return bool(self.sort)

    @property
    def facet(self) -> Literal["", "values", "range"]:
        """How the stones of a search are counted by it: by its values, or by ranges of them; empty if not at all."""
        own = isinstance(self.kind, Identity | Time) or (isinstance(self.kind, Listed) and self.name != "feed")
        if not self.asked or self.end or own:
            return ""
        return "range" if isinstance(self.kind, Measured | Money | Counted) else "values"

    @property
    def names(self) -> frozenset[str]:
        """Every name under which a client may ask for something of it: of filters, sorts, facets and fields."""
        asked = [f"{self.asked}{end}" for end in ("", "_min", "_max", "_from", "_to")] if self.asked else []
        return frozenset({self.name, self.source, self.sort.lstrip("-"), *asked}) - {""}


def _slug(name: str, words: str) -> Column:
    return Column(name, Listed(r"[a-z0-9][a-z0-9_-]{0,49}", "the slug of a feed"), asked=name, words=words)


def _measured(
    name: str, words: str, *, asked: str = "", high: str = "9999.99", places: int = 2, unit: str = "", sort: str = ""
) -> Column:
    return Column(name, Measured(places, high, unit), asked=asked or name, words=words, sort=sort)


def _flag(name: str, words: str) -> Column:
    return Column(name, Flag(), asked=name, words=words)


def _ours(*names: str, scope: Scope | None) -> Iterable[Column]:
    return (Column(name, scope=scope) for name in names)


def _certificate_numbers(text: str) -> Sequence[str]:
    """The ways in which a certificate's number may be kept: IGI's begin with `LG` on some lists and without on others."""
    plain = folded(text)
    return tuple(dict.fromkeys((text, plain, f"LG{plain}") if plain and plain[0].isdigit() else (text, plain or text)))


def _supplier(text: str) -> str | None:
    return " ".join(text.split()) or None


#: What to ask for instead of a colour that is on no scale.
_FANCY = ((Color.FANCY, "does not take FANCY, which is no color of the scale from D to Z: say color_type=fancy"),)
_COUNTRY = Named(countries.MAX_LENGTH, "Botswana", countries.normal_country, tuple(countries.COUNTRIES))

COLUMNS: tuple[Column, ...] = (
    Column("id", Identity(), asked="ids", words="One or several ids of stones"),
    _slug("feed", "One or several feeds"),
    Column("supplier_stone_id"),
    Column("offer_id"),
    Column("availability", Chosen(tuple(Availability.values)), asked="availability", words="One or several states"),
    Column("price", Money(), asked="price", words="Price of the stone in your currency, such as 1234.50",
           column="price_cents", sort="price"),
    Column("price_per_carat", Money(), asked="price_per_carat", words="Price per carat in your currency, such as 1234.50",
           column="price_per_carat_cents", sort="price_per_carat"),
    Column("rating", Counted(1, 10), asked="rating", words="Rating, the higher the better", sort="rating"),
    Column("shape", Named(shapes.MAX_LENGTH, "ROUND", shapes.spelled_shape, shapes.KNOWN_SHAPES),
           asked="shape", words="One or several shapes, e.g. `ROUND`"),
    Column("carats", Measured(3, "99999.999", "ct"), asked="carats", words="Weight in carats", sort="carats"),
    Column("color", Graded(Color, _FANCY), asked="color", words="Color", sort="color"),
    Column("clarity", Graded(Clarity), asked="clarity", words="Clarity", sort="clarity"),
    Column("cut", Graded(LabFinish), asked="cut", words="Cut", sort="cut"),
    Column("polish", Graded(LabFinish), asked="polish", words="Polish"),
    Column("symmetry", Graded(LabFinish), asked="symmetry", words="Symmetry"),
    Column("fluorescence_intensity", Graded(Fluorescence), asked="fluorescence", words="Fluorescence"),
    Column("fluorescence_color",
           Named(fluorescence_colors.MAX_LENGTH, "BLUE", fluorescence_colors.fluorescence_color,
                 fluorescence_colors.KNOWN_FLUORESCENCE_COLORS),
           asked="fluorescence_color", words="One or several colours of the fluorescence, e.g. `BLUE`"),
    Column("fancy_color", Named(fancy_colors.MAX_LENGTH, "YELLOW", fancy_colors.color_name, fancy_colors.KNOWN_COLORS,
                 pattern=fancy_colors.PATTERN),
           asked="fancy_color", words="One or several fancy colours, e.g. `YELLOW`"),
    Column("fancy_intensity", Graded(FancyIntensity), asked="fancy_intensity", words="Fancy intensity"),
    Column("fancy_overtone",
           Named(fancy_colors.MAX_LENGTH, "ORANGISH", fancy_colors.color_name, fancy_colors.KNOWN_OVERTONES,
                 pattern=fancy_colors.PATTERN),
           asked="fancy_overtone", words="One or several overtones of a fancy colour, e.g. `ORANGISH`"),
    _flag("lab_grown", "Only lab-grown stones, or only natural ones"),
    Column("growth_method", Chosen(GROWTH_METHODS), asked="growth_method", words="How lab-grown stones were made"),
    _flag("treated", "Treated stones, or untreated ones"),
    Column("lab", Named(labs.MAX_LENGTH, "GIA", labs.normal_lab, labs.KNOWN_LABS), asked="lab",
           words="One or several laboratories, e.g. `GIA`"),
    Column("certificate_number",
           Listed(r"[A-Za-z0-9][A-Za-z0-9 ./_-]{0,63}", "a certificate number", _certificate_numbers),
           asked="certificate_number", words="One or several certificate numbers; IGI's with `LG` or without"),
    Column("certificate_url"),
    _measured("length_mm", "Length in millimetres", unit="mm"),
    _measured("width_mm", "Width in millimetres", unit="mm"),
    _measured("depth_mm", "Depth in millimetres", unit="mm"),
    _measured("ratio", "Length to width", places=3, high="9999.999", sort="ratio"),
    _measured("table_pct", "Table in percent", asked="table", unit="%"),
    _measured("depth_pct", "Depth in percent", asked="depth", unit="%"),
    _measured("crown_angle", "Crown angle in degrees", high="90", unit="°"),
    _measured("crown_height", "Crown height in percent", high="100", unit="%"),
    _measured("pavilion_angle", "Pavilion angle in degrees", high="90", unit="°"),
    _measured("pavilion_depth", "Pavilion depth in percent", high="100", unit="%"),
    Column("girdle"),
    Column("girdle_from", Graded(GirdleThickness), asked="girdle", words="Girdle at its thinnest", end="low"),
    Column("girdle_to", Graded(GirdleThickness), asked="girdle", words="Girdle at its thickest", end="high"),
    Column("culet"),
    Column("culet_size", Graded(CuletSize), asked="culet", words="Culet"),
    _flag("eye_clean", "Eye-clean stones, or others"),
    _flag("brown", "Stones with a brown tinge, or without"),
    _flag("green", "Stones with a green tinge, or without"),
    _flag("blue", "Stones with a blue tinge, or without"),
    _flag("gray", "Stones with a gray tinge, or without"),
    _flag("milky", "Milky stones, or others"),
    Column("bowtie", Graded(Bowtie), asked="bowtie", words="Bow tie"),
    Column("key_to_symbols"),
    Column("image_url", Address(), asked="has_image", words="With a picture, or without"),
    Column("video_url", Address(), asked="has_video", words="With a video, or without"),
    Column("images"),
    Column("supplier_name", Named(200, "Northern Stones", _supplier, checked=False), asked="supplier",
           words="One or several suppliers by their names", scope=Scope.CATALOG_SUPPLIER),
    Column("country_of_origin", _COUNTRY, asked="country", words="One or several countries of origin, e.g. `Botswana`"),
    Column("location_country", _COUNTRY, asked="location",
           words="One or several countries in which the stone is now, e.g. `India`"),
    Column("location_city"),
    Column("delivery_days_min", Counted(0, 365, "days"), asked="delivery_days",
           words="Business days until the stone is delivered at the soonest", end="low"),
    Column("delivery_days_max", Counted(0, 365, "days"), asked="delivery_days",
           words="Business days until the stone is delivered at the latest", end="high", sort="delivery"),
    Column("return_days", Counted(0, 365, "days"), asked="return_days",
           words="Days within which the stone can be returned"),
    Column("source_updated_at"),
    Column("first_seen_at", Time(), asked="first_seen_since", words="First seen at this time or later", sort="-newest"),
    Column("changed_at", Time(), asked="changed_since", words="Changed at this time or later", sort="changed"),
    Column("cost", Money(), asked="cost", words="Cost of the stone in your currency, such as 1234.50",
           column="cost_cents", sort="cost", scope=Scope.CATALOG_COST),
    Column("cost_per_carat", Money(), asked="cost_per_carat", words="Cost per carat in your currency, such as 1234.50",
           column="cost_per_carat_cents", sort="cost_per_carat", scope=Scope.CATALOG_COST),
    # What priced a stone is the seller's own.
    *_ours("rule_set", "rule", "experiment_arm", "priced_on", scope=Scope.PRICING_READ),
    *_ours("payload_hash", "raw_id", scope=None),
)  # fmt: skip

_NEEDS = {
    name: column.scope for column in COLUMNS for name in column.names if column.scope not in (None, Scope.CATALOG_READ)
}


def seen_with(*scopes: Scope) -> tuple[Column, ...]:
    """The columns that a client with these scopes may see."""
    return tuple(column for column in COLUMNS if column.scope in scopes)


def needs(name: str) -> Scope | None:
    """The scope besides `catalog:read` that a client needs to ask by this name; None if it needs no other.

    The name is a filter's parameter, a sort's (with `-` or without), a facet's or a field's. `catalog.api.permissions`
    refuses clients that lack it.
    """
    return _NEEDS.get(name.removeprefix("-"))

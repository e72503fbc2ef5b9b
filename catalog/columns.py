"""A diamond's columns in one table: each one's name outside, its kind, who may see it, and how it is asked for.

Filters and sorts (`catalog.searching`), answers (`catalog.api`) and their descriptions are made from it. Its order is that
of the answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import IntEnum
from functools import partial
from typing import Any

from catalog import grades
from catalog.grades import Clarity, Color, FancyIntensity, Finish, Fluorescence
from catalog.models import Availability, Diamond
from catalog.shapes import normal_shape
from diamondhub.access.scopes import Scope
from diamondhub.api import fields

#: Prices up to here can be asked for (dollars); the table holds no higher cost.
MAX_DOLLARS = 1_000_000_000


class Kind:
    """What kind of value a column holds."""

    def field(self, **options: Any) -> fields.Field | None:
        """The field that reads and answers one value; None where Django's own field answers it, and nothing reads it."""
        return None

    def read(self, key: Any) -> Any:
        """The value that a cursor's JSON keeps."""
        return key


class Plain(Kind):
    """Only shown."""


_PLAIN = Plain()


@dataclass(frozen=True)
class Listed(Kind):
    """A text of an alphabet of its own, asked for by one or several."""

    pattern: str
    accepted: str

    def field(self, **options: Any) -> fields.Field:
        return fields.Text(self.pattern, self.accepted, **options)


@dataclass(frozen=True)
class Named(Kind):
    """A name in upper case, asked for by one or several."""

    max_length: int
    example: str
    normal: Callable[[str], str | None] | None = None

    def field(self, **options: Any) -> fields.Field:
        return fields.Name(self.max_length, self.example, normal=self.normal, **options)


@dataclass(frozen=True)
class Chosen(Kind):
    """One of a few states, asked for by one or several."""

    values: tuple[str, ...]

    def field(self, **options: Any) -> fields.Field:
        return fields.OneOf(self.values, **options)


@dataclass(frozen=True)
class Graded(Kind):
    """A grade, asked for by one or several and in ranges, in every spelling of the trade."""

    grades: type[IntEnum]

    def field(self, **options: Any) -> fields.Field:
        return fields.Grade(self.grades, read=partial(grades.parse, self.grades), **options)


@dataclass(frozen=True)
class Measured(Kind):
    """A decimal number from 0 to `high`; asked for in ranges if it has a bound."""

    places: int
    high: str = ""

    def field(self, **options: Any) -> fields.Field:
        return fields.Number(self.places, 0, Decimal(self.high) if self.high else None, **options)

    def read(self, key: Any) -> Decimal:
        return Decimal(key)


class Money(Kind):
    """Cents, which are dollars outside; asked for in ranges."""

    def field(self, **options: Any) -> fields.Field:
        return fields.Dollars(MAX_DOLLARS, **options)


class Flag(Kind):
    """Yes or no."""

    def field(self, **options: Any) -> fields.Field:
        return fields.YesNo(**options)


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

    `scope` is what a client needs to see it; None: nobody does.
    """

    name: str
    kind: Kind = _PLAIN
    #: The name of its filters.
    asked: str = ""
    words: str = ""
    #: The model's name, if it is another.
    column: str = ""
    sortable: bool = False
    scope: Scope | None = Scope.CATALOG_READ

    @property
    def source(self) -> str:
        """The model's name."""
        return self.column or self.name

    @property
    def nullable(self) -> bool:
        """Whether a stone may lack it."""
        return bool(Diamond._meta.get_field(self.source).null)


def _slug(name: str, words: str) -> Column:
    return Column(name, Listed(r"[a-z0-9][a-z0-9_-]{0,49}", "the slug of a feed"), asked=name, words=words)


def _measured(name: str, *, asked: str = "", words: str = "", places: int = 2, high: str = "") -> Column:
    return Column(name, Measured(places, high), asked=asked, words=words)


def _ours(*names: str, scope: Scope | None) -> Iterable[Column]:
    return (Column(name, scope=scope) for name in names)


COLUMNS: tuple[Column, ...] = (
    Column("id"),
    _slug("feed", "One or several feeds"),
    Column("supplier_stone_id"),
    Column("offer_id"),
    Column("availability", Chosen(tuple(Availability.values)), asked="availability", words="One or several states"),
    Column("price", Money(), asked="price", words="Price of the stone in dollars, such as 1234.50",
           column="price_cents", sortable=True),
    Column("price_per_carat", Money(), asked="price_per_carat", words="Price per carat in dollars, such as 1234.50",
           column="price_per_carat_cents", sortable=True),
    Column("rating"),
    Column("shape", Named(40, "ROUND", normal_shape), asked="shape", words="One or several, e.g. `ROUND`"),
    Column("carats", Measured(3, "99999.999"), asked="carats", words="Weight in carats", sortable=True),
    Column("color", Graded(Color), asked="color", words="Color", sortable=True),
    Column("clarity", Graded(Clarity), asked="clarity", words="Clarity", sortable=True),
    Column("cut", Graded(Finish), asked="cut", words="Cut"),
    Column("polish", Graded(Finish), asked="polish", words="Polish"),
    Column("symmetry", Graded(Finish), asked="symmetry", words="Symmetry"),
    Column("fluorescence_intensity", Graded(Fluorescence), asked="fluorescence", words="Fluorescence"),
    Column("fluorescence_color"),
    Column("fancy_color", Named(64, "YELLOW"), asked="fancy_color", words="One or several, e.g. `YELLOW`"),
    Column("fancy_intensity", Graded(FancyIntensity), asked="fancy_intensity", words="Fancy intensity"),
    Column("fancy_overtone"),
    Column("lab_grown", Flag(), asked="lab_grown", words="Only lab-grown stones, or only natural ones"),
    Column("treated"),
    Column("lab", Named(32, "GIA"), asked="lab", words="One or several, e.g. `GIA`"),
    Column("certificate_number", Listed(r"[A-Za-z0-9][A-Za-z0-9 ./_-]{0,63}", "a certificate number"),
           asked="certificate_number", words="One or several certificate numbers"),
    Column("certificate_url"),
    _measured("length_mm"),
    _measured("width_mm"),
    _measured("depth_mm"),
    _measured("ratio", asked="ratio", words="Length to width", places=3, high="9999.999"),
    _measured("table_pct", asked="table", words="Table in percent", high="9999.99"),
    _measured("depth_pct", asked="depth", words="Depth in percent", high="9999.99"),
    _measured("crown_angle"),
    _measured("crown_height"),
    _measured("pavilion_angle"),
    _measured("pavilion_depth"),
    Column("girdle"),
    Column("culet"),
    Column("eye_clean"),
    Column("brown"),
    Column("green"),
    Column("milky"),
    Column("image_url", Address(), asked="has_image", words="With a picture, or without"),
    Column("video_url", Address(), asked="has_video", words="With a video, or without"),
    Column("images"),
    Column("supplier_name"),
    Column("country_of_origin"),
    Column("delivery_days_min"),
    Column("delivery_days_max"),
    Column("source_updated_at"),
    Column("first_seen_at"),
    Column("changed_at", Time(), asked="changed_since", words="Changed at this time or later", sortable=True),
    # What a stone costs us and what priced it are the seller's own.
    Column("cost", Money(), column="cost_cents", scope=Scope.PRICING_READ),
    Column("cost_per_carat", Money(), column="cost_per_carat_cents", scope=Scope.PRICING_READ),
    *_ours("rule_set", "rule", "experiment_arm", "priced_on", scope=Scope.PRICING_READ),
    *_ours("payload_hash", "raw_id", scope=None),
)  # fmt: skip


def seen_with(*scopes: Scope) -> tuple[Column, ...]:
    """The columns that a client with these scopes may see."""
    return tuple(column for column in COLUMNS if column.scope in scopes)

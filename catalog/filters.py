"""What a search can ask for: the query parameters of the diamonds' API, and the condition that each one means.

Grades are ranged in the trade's order, best first: `clarity_min=FL` with `clarity_max=VS2` asks for FL to VS2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum
from typing import Any

from django.db.models import Q

from catalog.grades import Clarity, Color, FancyIntensity, Finish, Fluorescence
from catalog.models import Availability
from diamondhub.api.parameters import Kind, ListOf, Moment, Money, Number, OneOf, Order, Parameter, Text, YesNo


@dataclass(frozen=True)
class Filter:
    """A parameter and its condition; a stone that lacks the value never matches."""

    parameter: Parameter
    condition: Callable[[Any], Q]


_NAME = r"[A-Z0-9][A-Z0-9_]*"


def _names(name: str, longest: int, example: str) -> Filter:
    kind = ListOf(
        Text(rf"(?=.{{1,{longest}}}$){_NAME}", f"a name in upper case with underscores, such as {example}"),
    )
    return Filter(
        Parameter(name, kind, f"One or several, e.g. `{example}`."), lambda values: Q(**{f"{name}__in": values})
    )


def _bounds(name: str, column: str, kind: Kind[Any], words: str) -> list[Filter]:
    return [
        Filter(Parameter(f"{name}_min", kind, f"{words} from here."), lambda low: Q(**{f"{column}__gte": low})),
        Filter(Parameter(f"{name}_max", kind, f"{words} up to here."), lambda high: Q(**{f"{column}__lte": high})),
    ]


def _grades(name: str, grades: type[IntEnum], column: str = "") -> list[Filter]:
    column = column or name
    kind: OneOf[int] = OneOf.members(grades)
    order = f"in the order {', '.join(list(kind.values)[:3])} … {list(kind.values)[-1]}"
    spoken = name.replace("_", " ").capitalize()
    return [
        Filter(
            Parameter(name, ListOf(kind), f"{spoken}: one or several grades."),
            lambda values: Q(**{f"{column}__in": values}),
        ),
        *_bounds(name, column, kind, f"{spoken} {order},"),
    ]


def _number(high: str, places: int) -> Number:
    return Number(Decimal(0), Decimal(high), places)


_DOLLARS = Money(1_000_000_000)

FILTERS: tuple[Filter, ...] = (
    _names("shape", 40, "ROUND"),
    *_bounds("carats", "carats", _number("99999.999", 3), "Weight in carats,"),
    *_grades("color", Color),
    *_grades("clarity", Clarity),
    *_grades("cut", Finish),
    *_grades("polish", Finish),
    *_grades("symmetry", Finish),
    *_grades("fluorescence", Fluorescence, "fluorescence_intensity"),
    _names("lab", 32, "GIA"),
    Filter(
        Parameter("lab_grown", YesNo(), "Only lab-grown stones, or only natural ones."),
        lambda value: Q(lab_grown=value),
    ),
    _names("fancy_color", 64, "YELLOW"),
    *_grades("fancy_intensity", FancyIntensity),
    *_bounds("price", "price_cents", _DOLLARS, "Price of the stone in dollars, such as 1234.50,"),
    *_bounds("price_per_carat", "price_per_carat_cents", _DOLLARS, "Price per carat in dollars, such as 1234.50,"),
    *_bounds("table", "table_pct", _number("9999.99", 2), "Table in percent,"),
    *_bounds("depth", "depth_pct", _number("9999.99", 2), "Depth in percent,"),
    *_bounds("ratio", "ratio", _number("9999.999", 3), "Length to width,"),
    Filter(
        Parameter(
            "certificate_number",
            ListOf(Text(r"[A-Za-z0-9][A-Za-z0-9 ./_-]{0,63}", "a certificate number")),
            "One or several certificate numbers.",
        ),
        lambda values: Q(certificate_number__in=values),
    ),
    Filter(
        Parameter("feed", ListOf(Text(r"[a-z0-9][a-z0-9_-]{0,49}", "the slug of a feed")), "One or several feeds."),
        lambda values: Q(feed__in=values),
    ),
    Filter(
        Parameter("has_image", YesNo(), "With a picture, or without."), lambda value: Q(image_url__isnull=not value)
    ),
    Filter(Parameter("has_video", YesNo(), "With a video, or without."), lambda value: Q(video_url__isnull=not value)),
    Filter(
        Parameter("changed_since", Moment(), "Changed at this time or later."), lambda since: Q(changed_at__gte=since)
    ),
    Filter(
        Parameter(
            "availability",
            ListOf(OneOf({state.value: state.value for state in Availability})),
            "One or several states.",
            default=Availability.AVAILABLE.value,
        ),
        lambda values: Q(availability__in=values),
    ),
)

#: Lower bounds with their upper bounds.
ORDERS: tuple[Order, ...] = tuple(
    Order(low, high, f"must not be beyond {high}; grades go from the best to the worst")
    if isinstance(found.parameter.kind, OneOf)
    else Order(low, high, f"must not be above {high}")
    for found in FILTERS
    if (low := found.parameter.name).endswith("_min")
    for high in [low.removesuffix("_min") + "_max"]
)


def conditions(values: Mapping[str, Any]) -> Q:
    """The condition of all filters that `values` names, by parameter name."""
    wanted = Q()
    for found in FILTERS:
        if found.parameter.name in values:
            wanted &= found.condition(values[found.parameter.name])
    return wanted

"""What to change where a search finds nothing: which single filter, left out or widened, gives how many."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

from catalog.columns import COLUMNS, Counted, Graded, Measured, Money
from catalog.currencies.converting import Exchange
from catalog.searching.filters import DEFAULTS, FILTERS, normal
from catalog.searching.hits import Hits
from catalog.searching.pages import Search, count_of
from diamondhub.api import fields

#: Changes that are tried at most: each is a count of its own.
MAX_TRIED = 24
#: Of these the ones that find something, the smallest changes first, and no more than people read.
MAX_SHOWN = 8
#: By how much ranges of numbers are widened.
_WIDER = Decimal("0.1")

_FILTERS = {known.name: known for known in FILTERS}
_KINDS = {column.asked: column.kind for column in COLUMNS if column.asked}


@dataclass(frozen=True)
class Suggestion:
    """A change of the filters of one attribute; `parameters` are what stays of them, as JSON has them."""

    attribute: str
    change: str
    parameters: Mapping[str, Any]
    count: int


def suggestions(hits: Hits, wanted: Search) -> list[Suggestion]:
    """What finds stones where `wanted` finds none; nothing where counting is slow."""
    if hits.found_by != "index":
        return []
    made = []
    for number, (attribute, change, values) in enumerate(_changes(normal(wanted.filters), wanted.view.exchange)):
        if number == MAX_TRIED:
            break
        others = {name: value for name, value in wanted.filters.items() if _FILTERS[name].attribute != attribute}
        # What holds where nothing is said holds where a filter is left out.
        left_out = {name: value for name, value in DEFAULTS.items() if _FILTERS[name].attribute == attribute}
        count = count_of(wanted, hits.of(wanted.asking({**others, **left_out, **values}))).number
        if count:
            made.append(Suggestion(attribute, change, _written(values), count))
    return sorted(made, key=lambda suggestion: (suggestion.change == "without", -suggestion.count))[:MAX_SHOWN]


def _changes(filters: Mapping[str, Any], exchange: Exchange) -> Iterator[tuple[str, str, dict[str, Any]]]:
    by_attribute: dict[str, dict[str, Any]] = {}
    for name, value in filters.items():
        if DEFAULTS.get(name) != value:
            by_attribute.setdefault(_FILTERS[name].attribute, {})[name] = value
    for attribute, values in by_attribute.items():
        wider = {name: _wider(_KINDS.get(attribute), name, value, exchange) for name, value in values.items()}
        if wider != values:
            yield attribute, "wider", wider
    for attribute in by_attribute:
        yield attribute, "without", {}


def _wider(kind: Any, name: str, value: Any, exchange: Exchange) -> Any:
    lower = name.endswith(("_min", "_from"))
    if isinstance(kind, Graded):
        return _wider_grades(kind, value, lower=lower)
    if isinstance(kind, Measured | Money | Counted) and name.endswith(("_min", "_max")):
        factor, rounding = (1 - _WIDER, ROUND_FLOOR) if lower else (1 + _WIDER, ROUND_CEILING)
        if isinstance(kind, Money):
            # Amounts are hundredths of the unit, whatever the smallest part of the currency.
            part = Decimal(1).scaleb(2 - exchange.places)
            widened = (Decimal(value) * factor / part).quantize(Decimal(1), rounding=rounding) * part
            return int(widened) if widened == int(widened) else widened
        places = Decimal(1).scaleb(-kind.places) if isinstance(kind, Measured) else Decimal(1)
        widened = (Decimal(value) * factor).quantize(places, rounding=rounding)
        if isinstance(kind, Counted):
            return min(max(int(widened), kind.low), kind.high)
        return min(widened, Decimal(kind.high))
    return value


def _wider_grades(kind: Graded, value: Any, *, lower: bool) -> Any:
    best, worst = int(kind.scale[0]), int(kind.scale[-1])
    if isinstance(value, tuple | list):
        known = [grade for grade in value if grade is not None]
        near = {near for grade in known for near in (grade - 1, grade, grade + 1) if best <= near <= worst}
        return (*sorted(near), *([None] if None in value else []))
    return max(best, value - 1) if lower else min(worst, value + 1)


def _written(values: Mapping[str, Any]) -> dict[str, Any]:
    written = {}
    for name, value in values.items():
        field = _FILTERS[name].field
        written[name] = field.to_representation(list(value) if isinstance(field, fields.ListOf) else value)
    return written

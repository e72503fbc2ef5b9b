"""What a search can be asked in, as data: filters with their grades, spellings and bounds, sorts and facets.

It is made from the tables that searches are read by, so what it says is what is taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from catalog import countries, fluorescence_colors, grades, labs, shapes
from catalog.columns import (
    COLUMNS,
    Address,
    Chosen,
    Column,
    Counted,
    Flag,
    Graded,
    Identity,
    Measured,
    Money,
    Named,
    Time,
    needs,
)
from catalog.currencies.fields import MAX_DOLLARS
from catalog.facets.table import ATTRIBUTES
from catalog.searching.color_types import COLOR_TYPES
from catalog.searching.filters import DEFAULTS, FILTERS, Filter
from catalog.searching.parameters import LACKING, Several
from catalog.searching.sorts import SORTS

_ENDS = ("_from", "_to", "_min", "_max")
_UPPER = ("color", "clarity", "lab")
_COLUMNS = {column.source: column for column in COLUMNS}
_EXAMPLES = {
    "ids": "5c1f7a52-2c51-5f0e-9a44-8d1a5a2f6f10",
    "feed": "nivoda-natural",
    "certificate_number": "2141438171",
    "carats": "1.5",
    "rating": "8",
    "ratio": "1.4",
    "table": "57.5",
    "depth": "61.8",
}
#: In which order stones come by a sort without its `-`.
_BEGINS = {
    "newest": "the latest first seen",
    "changed": "the earliest changed",
    "changed_at": "the earliest changed",
    "delivery": "the soonest",
    "ratio": "the least",
    "rating": "the lowest",
}


@dataclass(frozen=True)
class Value:
    """One value that a filter takes: its name, what people read, and how else it is written."""

    value: str
    label: str
    spellings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Described:
    """One filter."""

    name: str
    attribute: str
    #: One of `grade`, `name`, `state`, `flag`, `number`, `money`, `text`, `id`, `time`.
    kind: str
    description: str
    several: bool
    #: Values that one list holds in a query and in a body.
    most: tuple[int, int] | None
    #: `from`, `to`, `min` or `max`; empty for a filter that is no end of a range.
    end: str
    unit: str
    low: str | None
    high: str | None
    #: In the trade's order, where they have one.
    values: tuple[Value, ...]
    ordered: bool
    #: Whether there are other values than these.
    open: bool
    #: Words for stones of which it is not known.
    lacking: tuple[str, ...]
    default: tuple[str, ...]
    example: str
    scope: str


@dataclass(frozen=True)
class Order:
    """One sort."""

    name: str
    description: str
    scope: str


@dataclass(frozen=True)
class Counts:
    """One facet."""

    name: str
    label: str
    kind: str
    scope: str


@dataclass(frozen=True)
class Vocabulary:
    """All of it."""

    filters: tuple[Described, ...]
    sorts: tuple[Order, ...]
    facets: tuple[Counts, ...]


@cache
def vocabulary() -> Vocabulary:
    """The vocabulary of this release."""
    return Vocabulary(
        filters=tuple(_filter(known) for known in FILTERS),
        sorts=tuple(Order(name, _in_words(name), _scope(name)) for name in SORTS),
        facets=tuple(
            Counts(name, label_of(name), "histogram" if attribute.is_histogram else "values", _scope(name))
            for name, attribute in ATTRIBUTES.items()
        ),
    )


def label_of(name: str, *, upper: bool = False) -> str:
    """A name as people read it: `VERY_GOOD` is `Very good`; letters and clarities stay as the trade writes them."""
    return name if upper else name.replace("_", " ").capitalize()


def _filter(known: Filter) -> Described:
    column = _COLUMNS[known.column]
    end = next((end for end in _ENDS if known.name == f"{known.attribute}{end}"), "")
    of_two = known.attribute == "color_type"
    values = tuple(_of_color_types() if of_two else _values(column))
    several = isinstance(known.field, Several)
    low, high = (None, None) if of_two else _bounds(column)
    names = [value.value for value in values]
    default = DEFAULTS.get(known.name, ())
    return Described(
        name=known.name,
        attribute=known.attribute,
        kind="state" if of_two else _kind(column),
        description=str(known.field.help_text),
        several=several,
        most=(known.field.max_length, known.body_field.max_length) if isinstance(known.field, Several) else None,  # type: ignore[attr-defined]
        end=end.removeprefix("_"),
        unit="" if of_two else _unit(column),
        low=low,
        high=high,
        values=values,
        ordered=isinstance(column.kind, Graded) and not of_two,
        open=isinstance(column.kind, Named) and not of_two,
        lacking=_lacking(column, names) if several else (),
        default=tuple(map(str, default)),
        example=_example(known, column, names),
        scope=_scope(known.name),
    )


def _kind(column: Column) -> str:
    match column.kind:
        case Graded():
            return "grade"
        case Named():
            return "name"
        case Chosen():
            return "state"
        case Flag() | Address():
            return "flag"
        case Measured() | Counted():
            return "number"
        case Money():
            return "money"
        case Identity():
            return "id"
        case Time():
            return "time"
    return "text"


def _unit(column: Column) -> str:
    match column.kind:
        case Measured(unit=unit) | Counted(unit=unit):
            return unit
        case Money():
            return "USD"
    return ""


def _bounds(column: Column) -> tuple[str | None, str | None]:
    match column.kind:
        case Measured(high=high):
            return "0", high
        case Counted(low=low, high=most):
            return str(low), str(most)
        case Money():
            return "0", str(MAX_DOLLARS)
    return None, None


def _values(column: Column) -> Iterator[Value]:
    kind = column.kind
    upper = column.name in _UPPER
    match kind:
        case Graded():
            written = grades.spellings(kind.grades)
            for grade in kind.scale:
                yield Value(grade.name, label_of(grade.name, upper=upper), written[grade.name])
        case Named():
            others = _spellings_of(column)
            for name in kind.known:
                is_code = upper or column.asked in ("country", "location")
                yield Value(name, label_of(name, upper=is_code), tuple(others.get(name, ())))
        case Chosen():
            for name in kind.values:
                yield Value(name, label_of(name, upper=name.isupper()))
        case Flag() | Address():
            yield Value("true", "Yes")
            yield Value("false", "No")


def _of_color_types() -> Iterator[Value]:
    for name in COLOR_TYPES:
        yield Value(name, label_of(name))


def _spellings_of(column: Column) -> dict[str, list[str]]:
    if column.asked in ("country", "location"):
        return {name: list(others) for name, others in countries.COUNTRIES.items()}
    by_spelling: Mapping[str, str] = {
        "shape": shapes.ASKED_SPELLINGS,
        "lab": labs.SPELLINGS,
        "fluorescence_color": fluorescence_colors.SPELLINGS,
    }.get(column.asked, {})
    others: dict[str, list[str]] = {}
    for spelling, name in by_spelling.items():
        others.setdefault(name, []).append(spelling)
    return others


def _lacking(column: Column, names: Sequence[str]) -> tuple[str, ...]:
    if not column.nullable or not isinstance(column.kind, Graded | Named | Chosen | Flag):
        return ()
    return tuple(word for word in LACKING if word not in names)


def _example(known: Filter, column: Column, names: Sequence[str]) -> str:
    if known.attribute in _EXAMPLES:
        return _EXAMPLES[known.attribute]
    match column.kind:
        case Named(example=example):
            return example
        case Money():
            return "1234.50"
        case Time():
            return "2026-03-01T08:00:00Z"
        case Measured() | Counted():
            return "5"
    return names[min(1, len(names) - 1)] if known.name.endswith("_to") else names[0]


def _in_words(name: str) -> str:
    plain = name.removeprefix("-")
    sort = SORTS[plain]
    column = _COLUMNS[sort.column]
    first = "the best" if isinstance(column.kind, Graded) else _BEGINS.get(plain, "the lowest")
    first = "the lightest" if plain == "carats" else first
    way = f"{first} first" if plain == name else f"{first} last"
    return f"By {label_of(plain).lower()}, {way}; stones without the value last."


def _scope(name: str) -> str:
    return str(needs(name) or "")

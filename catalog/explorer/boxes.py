"""The explorer's form: which boxes to tick there are, with their counts, which ranges, and what is asked besides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from catalog.columns import COLUMNS, Address, Counted, Flag, Measured, Money
from catalog.explorer.asking import Wanted
from catalog.explorer.columns import label
from catalog.facets.table import ATTRIBUTES, HISTOGRAMS
from catalog.searching.color_types import COLOR_TYPES, of_color_type
from catalog.searching.filters import FILTERS
from catalog.searching.hits import Hits

#: Attributes that are always seen, in the order of a buyer's questions; the others are folded away.
FIRST = (
    "lab_grown",
    "shape",
    "color_type",
    "color",
    "clarity",
    "cut",
    "polish",
    "symmetry",
    "fluorescence",
    "lab",
    "availability",
    "fancy_color",
    "fancy_intensity",
)
#: Facets that are counted.
FACETS = tuple(ATTRIBUTES)
#: Asks for stones that lack a value, whatever the scale.
UNKNOWN = "UNKNOWN"
#: Values of one attribute that are shown at most: what is ticked, and the commonest.
MAX_SHOWN = 24
#: Of these so many are not folded away.
MAX_SEEN = 9
#: Whose choices are one scale, of which no part is folded away.
_SCALES = frozenset({"color", "clarity"})
_TITLES = {
    "lab_grown": "Kind",
    "color_type": "White or fancy",
    "has_image": "With a picture",
    "has_video": "With a video",
    "location": "Where it is now",
    "bowtie": "Bow tie",
}
_FILTERS = {known.name: known for known in FILTERS}
_ATTRIBUTES = {name: known.attribute for name, known in _FILTERS.items()}


@dataclass(frozen=True)
class Choice:
    """One box."""

    value: str
    label: str
    #: None where counting takes too long.
    count: int | None
    ticked: bool

    @property
    def count_text(self) -> str:
        """The count for people."""
        return "" if self.count is None else f"{self.count:,}"


@dataclass(frozen=True)
class Box:
    """The boxes of one attribute; of those that are `single` only one can be ticked.

    All of a few are `seen` at once; of many the commonest and what is ticked, and the others are folded away.
    """

    name: str
    title: str
    seen: Sequence[Choice]
    folded: Sequence[Choice]
    single: bool
    #: Stones of values that are not shown.
    others: int

    @property
    def choices(self) -> Sequence[Choice]:
        """All."""
        return [*self.seen, *self.folded]

    @property
    def ticked(self) -> int:
        """How many are ticked."""
        return sum(choice.ticked for choice in self.choices)


@dataclass(frozen=True)
class Range:
    """Two ends of a number."""

    name: str
    title: str
    unit: str
    low_name: str
    high_name: str
    low: str
    high: str

    @property
    def is_set(self) -> bool:
        """Whether either end is asked for."""
        return bool(self.low or self.high)


@dataclass(frozen=True)
class Chip:
    """One thing that is asked, in words, and the query without it."""

    words: str
    query: str


def boxes(hits: Hits, wanted: Wanted, facets: Mapping[str, Any]) -> dict[str, Box]:
    """The boxes by attribute, those of `FIRST` first."""
    made = {name: _box(name, facet, wanted) for name, facet in facets.items() if name not in HISTOGRAMS}
    made["color_type"] = _color_types(hits, wanted)
    in_order = [made[name] for name in (*FIRST, *(name for name in made if name not in FIRST))]
    # That nothing is known of any stone is nothing to choose by.
    return {
        box.name: box for box in in_order if any(choice.value != UNKNOWN or choice.ticked for choice in box.choices)
    }


def ranges(wanted: Wanted) -> list[Range]:
    """The ranges of numbers that have no histogram."""
    made = {}
    for column in COLUMNS:
        if isinstance(column.kind, Measured | Money | Counted) and column.asked not in HISTOGRAMS:
            low, high = f"{column.asked}_min", f"{column.asked}_max"
            unit = "$" if isinstance(column.kind, Money) else column.kind.unit
            made[column.asked] = Range(
                column.asked, label(column.asked), unit, low, high, _first(wanted, low), _first(wanted, high)
            )
    return list(made.values())


def chips(wanted: Wanted) -> list[Chip]:
    """All that is asked, each with the query without it."""
    made = [Chip(among.title, wanted.query(without=("cursor", name))) for name, among in wanted.among.items()]
    if wanted.text:
        made.append(Chip(f"“{wanted.text}”", wanted.query(without=("cursor", "q"))))
    for name, texts in wanted.texts.items():
        if name in _FILTERS:
            made.append(Chip(_in_words(name, texts), wanted.query(without=("cursor", name))))
    return made


def hidden(wanted: Wanted, shown: Sequence[Box], shown_ranges: Sequence[Range]) -> Iterator[tuple[str, str]]:
    """Parameters that no control of the form carries, which must not be lost with the next change."""
    carried = {box.name for box in shown} | {end for name in HISTOGRAMS for end in (f"{name}_min", f"{name}_max")}
    carried |= {end for of_range in shown_ranges for end in (of_range.low_name, of_range.high_name)}
    values = {box.name: {choice.value for choice in box.choices} for box in shown}
    for name, texts in wanted.texts.items():
        if (name not in carried and name not in ("sort", "columns", "cursor")) or (
            name in values and name in wanted.filters and not any(box.ticked for box in shown if box.name == name)
        ):
            for text in texts:
                yield name, text


def _box(name: str, facet: Mapping[str, Any], wanted: Wanted) -> Box:
    attribute = ATTRIBUTES[name]
    kind = attribute.column.kind
    single = isinstance(kind, Address) or (isinstance(kind, Flag) and not attribute.column.nullable)
    asked = wanted.filters.get(name, ())
    values = asked if isinstance(asked, tuple | list) else (asked,)
    ticked = {attribute.shown(value) for value in values if value is not None}
    counts = {value["value"]: value["count"] for value in facet["values"]}
    # What is ticked stays to be seen where the other filters leave none of it.
    counts |= dict.fromkeys(sorted(ticked - counts.keys(), key=str), 0)
    choices = [
        Choice(_text(value), _label(name, value), count, value in ticked)
        for value, count in counts.items()
        # The colour FANCY is no grade: `color_type` asks for it.
        if value in ticked or (count and (name, value) != ("color", "FANCY"))
    ]
    others = facet["others"]
    if len(choices) > MAX_SHOWN:
        kept = {choice.value for choice in _foremost(choices, MAX_SHOWN)}
        others += sum(choice.count or 0 for choice in choices if choice.value not in kept)
        choices = [choice for choice in choices if choice.value in kept]
    if facet["unknown"] or None in values:
        choices.append(Choice(UNKNOWN, "unknown", facet["unknown"], None in values))
    return Box(name, _title(name), *_parted(name, choices), single, others)


def _parted(name: str, choices: Sequence[Choice]) -> tuple[Sequence[Choice], Sequence[Choice]]:
    if len(choices) <= MAX_SEEN + 2 or name in _SCALES:
        return choices, []
    kept = {choice.value for choice in _foremost(choices, MAX_SEEN)}
    seen = [choice for choice in choices if choice.value in kept]
    return seen, [choice for choice in choices if choice.value not in kept]


def _foremost(choices: Sequence[Choice], most: int) -> list[Choice]:
    return sorted(choices, key=lambda choice: (not choice.ticked, -(choice.count or 0)))[:most]


def _color_types(hits: Hits, wanted: Wanted) -> Box:
    others = {name: condition for name, condition in wanted.asked.items() if name != "color_type"}
    ticked = wanted.filters.get("color_type")
    choices = []
    for name in COLOR_TYPES:
        # The database would read the table once more for each.
        is_counted = hits.found_by == "index"
        count = hits.of({**others, "color_type": of_color_type(name)}).count().number if is_counted else None
        if count != 0 or name == ticked:
            choices.append(Choice(name, name.capitalize(), count, name == ticked))
    return Box("color_type", _TITLES["color_type"], choices, [], single=True, others=0)


def _title(name: str) -> str:
    return _TITLES.get(name, label(name).capitalize())


def _label(name: str, value: Any) -> str:
    if name == "lab_grown":
        return "Lab-grown" if value else "Natural"
    return ATTRIBUTES[name].label(value)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _first(wanted: Wanted, name: str) -> str:
    return next(iter(wanted.texts.get(name, ())), "")


def _in_words(name: str, texts: Sequence[str]) -> str:
    for end, word in (("_min", "from"), ("_max", "up to"), ("_from", "from"), ("_to", "to")):
        if name.endswith(end) and name.removesuffix(end) in _ATTRIBUTES.values():
            return f"{_title(name.removesuffix(end))} {word} {texts[0]}"
    said = [text.replace("_", " ") if text.isupper() and len(text) > 5 else text for text in texts]
    listed = ", ".join(said[:4]) + (f" and {len(said) - 4} more" if len(said) > 4 else "")
    if name == "lab_grown":
        return "Lab-grown" if texts[0] == "true" else "Natural"
    return f"{_title(name)}: {listed}"

"""The columns that the explorer's table can show, and a stone's cells of them."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from catalog.columns import COLUMNS, Address, Column, Graded, Money
from catalog.models import Diamond
from diamondhub import money
from diamondhub.admin.display import NOTHING, address_of, badge, dollars, field_value, outside_link, spoken
from diamondhub.audit.export import harmless

#: What is shown where nobody chose.
USUAL = (
    "availability",
    "price",
    "shape",
    "carats",
    "color",
    "clarity",
    "cut",
    "lab_grown",
    "lab",
    "certificate_number",
    "feed",
    "cost",
)
_BY_NAME = {
    column.name: column
    for column in COLUMNS
    if column.scope is not None and column.name not in ("images", "certificate_url", "priced_on")
}
#: By name, the usual ones first; what is ours alone, or as long as a page, has no column.
CHOICES: Mapping[str, Column] = {
    name: _BY_NAME[name] for name in (*USUAL, *(name for name in _BY_NAME if name not in USUAL))
}
_AS_WRITTEN = frozenset({"color", "clarity"})
_LABELS = {
    "lab_grown": "kind",
    "certificate_number": "certificate",
    "fluorescence_intensity": "fluorescence",
    "table_pct": "table, %",
    "depth_pct": "depth, %",
    "supplier_name": "supplier",
    "country_of_origin": "country",
    "image_url": "image",
    "video_url": "video",
}


class _Echo:
    """A file whose lines are given back."""

    def write(self, line: str) -> str:
        return line


def address(identity: UUID) -> str:
    """The address of a stone's page."""
    return address_of("admin:catalog_diamond_change", identity)


def label(name: str) -> str:
    """A column's heading."""
    return _LABELS.get(name, name.replace("_", " "))


def cells(stone: Diamond, names: Iterable[str]) -> list[Any]:
    """What the table shows of a stone."""
    return [_cell(stone, CHOICES[name]) for name in names]


def csv_lines(stones: Iterable[Diamond], names: Sequence[str]) -> Iterator[str]:
    """A file of stones, headings first; cells that a spreadsheet would calculate are defused."""
    # Also where no comma asks for it: a program that cuts at semicolons would calculate what stands behind one.
    writer = csv.writer(_Echo(), quoting=csv.QUOTE_ALL)
    yield writer.writerow(["id", *names])
    for stone in stones:
        yield writer.writerow([str(stone.pk), *(_text(stone, CHOICES[name]) for name in names)])


def _cell(stone: Diamond, column: Column) -> Any:
    value = getattr(stone, column.source)
    if column.name == "availability":
        return badge(value)
    if column.name == "shape":
        return spoken(value)
    if column.name == "lab_grown":
        return "lab-grown" if value else "natural"
    if isinstance(column.kind, Money):
        return dollars(value)
    if isinstance(column.kind, Graded):
        name = None if value is None else column.kind.grades(value).name
        return (name or NOTHING) if column.name in _AS_WRITTEN else spoken(name)
    if isinstance(column.kind, Address):
        return outside_link(value) if value else NOTHING
    return str(value) if column.name == "id" else field_value(stone, column.source)


def _text(stone: Diamond, column: Column) -> str:
    value = getattr(stone, column.source)
    if value is None:
        return ""
    if isinstance(column.kind, Money):
        return str(money.to_text(value))
    if isinstance(column.kind, Graded):
        return str(column.kind.grades(value).name)
    text = value.isoformat() if hasattr(value, "isoformat") else str(value)
    return harmless(text) if isinstance(value, str) else text

"""Which stones match one, as for a pair of earrings: measures within 0.1 mm, grades within one, the same kind."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from catalog.grades import Color
from catalog.related.nearness import same
from catalog.searching.conditions import AnyOf, Asked, Between, Condition

#: How far apart each measure of a pair may be (mm).
MEASURES = ("length_mm", "width_mm", "depth_mm")
MAX_APART_MM = Decimal("0.10")
#: How far apart each grade of a pair may be.
GRADES = ("color", "clarity", "cut", "polish", "symmetry", "fluorescence_intensity", "fancy_intensity")
MAX_APART_GRADES = 1
#: How far apart the weights of a pair may be, as a share of the one that is asked for.
MAX_APART_CARATS = Decimal("0.05")
#: What both must have alike, also if it is unknown of both.
ALIKE = ("shape", "lab_grown", "treated", "fancy_color", "fancy_overtone")
COLUMNS = ("id", "certificate_number", "carats", "price_cents", *MEASURES, *GRADES, *ALIKE)


def can_be_matched(stone: Mapping[str, Any]) -> bool:
    """Whether a stone has all measures and its weight: without them nothing is known to match it."""
    return all(stone[column] is not None for column in (*MEASURES, "carats"))


def matching(stone: Mapping[str, Any], apart: Decimal = MAX_APART_MM) -> Asked:
    """The conditions of the stones that match one whose measures are known; measures at most `apart` mm."""
    carats = stone["carats"]
    conditions: dict[str, Condition] = {name: same(name, stone[name]) for name in ALIKE}
    conditions |= {name: Between(name, stone[name] - apart, stone[name] + apart) for name in MEASURES}
    conditions |= {name: _near(name, stone[name]) for name in GRADES}
    conditions["carats"] = Between("carats", carats - carats * MAX_APART_CARATS, carats + carats * MAX_APART_CARATS)
    return {f"pair.{name}": condition for name, condition in conditions.items()}


def distance(stone: Mapping[str, Any], other: Mapping[str, Any]) -> float:
    """How far two stones that match are apart: each measure, grade and the weight count from 0 to 1."""
    measures = sum(abs(stone[name] - other[name]) for name in MEASURES) / MAX_APART_MM
    grades = sum(0 if stone[name] is None else abs(stone[name] - other[name]) for name in GRADES)
    weight = abs(stone["carats"] - other["carats"]) / (stone["carats"] * MAX_APART_CARATS) if stone["carats"] else 0
    return float(measures + grades + weight)


def _near(column: str, grade: int | None) -> Condition:
    if grade is None:
        return same(column, None)
    if column == "color" and grade == Color.FANCY:
        return AnyOf(column, (grade,))
    near = range(max(0, grade - MAX_APART_GRADES), grade + MAX_APART_GRADES + 1)
    return AnyOf(column, tuple(value for value in near if column != "color" or value != Color.FANCY))

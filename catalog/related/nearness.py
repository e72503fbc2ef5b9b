"""How near two stones are to each other, as steps: what a buyer would call one notch further away is about one step.

`STEPS` weighs what is compared. A stone that lacks a value which the other has is `LACKING` notches away there; what both
lack makes no difference.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from math import expm1, log1p
from typing import Any

from catalog.grades import Color
from catalog.searching.conditions import All, AnyOf, Asked, Between, Condition, Either, Known

#: Steps of one grade.
GRADES: Mapping[str, float] = {
    "color": 1.0,
    "clarity": 1.0,
    "cut": 1.0,
    "polish": 0.5,
    "symmetry": 0.5,
    "fluorescence_intensity": 0.5,
    "fancy_intensity": 1.0,
}
#: The share by which a number is one step further away: 5 % in weight are as much as 10 % in price.
SHARES: Mapping[str, float] = {"carats": 0.05, "price_cents": 0.10}
#: A value that only one of the two has counts as so many grades, or so many shares.
LACKING = 2
#: What both must have alike.
ALIKE = ("shape", "lab_grown", "fancy_color")
#: What is read of a stone to compare it.
COLUMNS = ("id", "certificate_number", *ALIKE, *GRADES, *SHARES)


def distance(stone: Mapping[str, Any], other: Mapping[str, Any]) -> float:
    """The steps between two stones of the same kind, by their columns."""
    steps = 0.0
    for column, weight in GRADES.items():
        steps += weight * _apart(stone[column], other[column], abs(_less(stone[column], other[column])))
    for column, share in SHARES.items():
        ratio = _ratio(stone[column], other[column])
        steps += _apart(stone[column], other[column], abs(ratio) / log1p(share))
    return steps


def _apart(value: Any, other: Any, known: float) -> float:
    if value is None or other is None:
        return 0.0 if value is other else LACKING
    return known


def _less(value: int | None, other: int | None) -> int:
    return 0 if value is None or other is None else value - other


def _ratio(value: Decimal | int | None, other: Decimal | int | None) -> float:
    """The logarithm of how many times as much one is as the other; what is nothing is as far away as can be."""
    if value is None or other is None or value == other:
        return 0.0
    if not value or not other:
        return 100.0
    return log1p(float(value) / float(other) - 1)


def of_its_kind(stone: Mapping[str, Any]) -> Asked:
    """The condition of stones of the same shape, origin and colour type."""
    return {f"related.{name}": same(name, stone[name]) for name in ALIKE} | {"related.type": of_its_type(stone)}


def of_its_type(stone: Mapping[str, Any]) -> Condition:
    """Whether a stone is of a fancy colour is the same as of this one."""
    is_fancy = stone["color"] == Color.FANCY
    on_scale = tuple(int(color) for color in Color if color is not Color.FANCY)
    return AnyOf("color", (int(Color.FANCY),)) if is_fancy else AnyOf("color", on_scale, unknown=True)


def within(stone: Mapping[str, Any], steps: float) -> Asked:
    """Conditions that every stone of its kind meets that is at most so many steps away, and some others."""
    box: dict[str, Condition] = {}
    for column, weight in GRADES.items():
        box[f"related.{column}"] = _grades_within(column, stone[column], steps / weight)
    for column, share in SHARES.items():
        box[f"related.{column}"] = _share_within(column, stone[column], steps, share)
    return box


def _grades_within(column: str, grade: int | None, grades: float) -> Condition:
    if grade is None:
        return _lacking_too(column, grades)
    near = tuple(range(max(0, grade - int(grades)), grade + int(grades) + 1))
    return AnyOf(column, near, unknown=grades >= LACKING)


def _share_within(column: str, value: Any, steps: float, share: float) -> Condition:
    if value is None:
        return _lacking_too(column, steps)
    # A little wider: numbers are rounded.
    times = 1 + expm1(log1p(share) * (steps + 0.01))
    low, high = float(value) / times, float(value) * times
    whole = isinstance(value, int)
    near = Between(
        column, int(low) if whole else Decimal(f"{low:.3f}"), int(high) + 1 if whole else Decimal(f"{high:.3f}")
    )
    return Either((near, Known(column, False))) if steps >= LACKING else near


def _lacking_too(column: str, notches: float) -> Condition:
    return All(()) if notches >= LACKING else Known(column, False)


def same(column: str, value: Any) -> Condition:
    """The column has this value, or none if this one has none."""
    return Known(column, False) if value is None else AnyOf(column, (value,))

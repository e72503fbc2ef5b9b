"""Conditions over one version of the index: the set of the rows that meet each of them, as bits.

The meaning is that of `catalog.searching.conditions.holds`: what a stone lacks meets only what asks for the unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from math import ceil, floor, inf
from typing import Any
from uuid import UUID

import numpy as np

from catalog.index import bits
from catalog.index.attributes import Coded, Digest, Form, Moment, Presence, Scaled, Truth, Whole, Word
from catalog.index.bits import Words
from catalog.index.snapshot import Snapshot, missing
from catalog.searching.conditions import All, AnyOf, Between, Condition, Either, Known, Not

#: Values up to here are looked for by one comparison each.
_FEW_VALUES = 4
_NO_NUMBERS = np.empty(0, np.int64)


class NotIndexed(LookupError):
    """The index does not keep what a condition, an order or a facet is about; the database has it."""


def rows_meeting(snapshot: Snapshot, condition: Condition) -> Words:
    """The rows whose stones meet the condition; the bits may be the file's own. Raises `NotIndexed`."""
    match condition:
        case AnyOf("id", values):
            return _with_ids(snapshot, values)
        case Between("id", _, _):
            raise NotIndexed("ids have no ranges in the index")
        case Known("id", known):
            return snapshot.everything if known else nothing(snapshot)
        case AnyOf(column, values, unknown):
            return _any_of(snapshot, column, values, unknown)
        case Between(column, low, high):
            return _between(snapshot, column, low, high)
        case Known(column, known):
            absent = _lacking(snapshot, column)
            return snapshot.everything & ~absent if known else absent
        case Either(parts):
            return _united([rows_meeting(snapshot, part) for part in parts], snapshot)
        case All(parts):
            return intersected([rows_meeting(snapshot, part) for part in parts], snapshot)
        case Not(part):
            return snapshot.everything & ~rows_meeting(snapshot, part)


def nothing(snapshot: Snapshot) -> Words:
    """No row."""
    return bits.span(0, 0, len(snapshot))


def intersected(sets: Sequence[Words], snapshot: Snapshot) -> Words:
    """The rows that all sets have; bits that are nobody else's if there are several."""
    if len(sets) < 2:
        return sets[0] if sets else snapshot.everything
    common = sets[0] & sets[1]
    for words in sets[2:]:
        common &= words
    return common


def number_range(form: Form | Coded, dtype: Any, low: Any, high: Any) -> tuple[int, int]:
    """The least and the greatest number of a column within bounds (None: open); the first is the greater if none is."""
    least, most = missing(dtype) + 1, int(np.iinfo(dtype).max)
    if low is not None:
        least = _bounded(exact(form, low), ceil, least, most + 1)
    if high is not None:
        most = _bounded(exact(form, high), floor, least - 1, most)
    return least, most


def exact(form: Form | Coded, value: Any) -> Fraction | float:
    """A value in terms of a column's numbers, exactly; what is infinite stays so."""
    if isinstance(form, Coded):
        return form.place(value)
    if isinstance(form, Moment):
        return Fraction(form.number(value))
    try:
        number = Fraction(value)
    except OverflowError:
        return inf if value > 0 else -inf
    return number * 10**form.places if isinstance(form, Scaled) else number


def form_of(snapshot: Snapshot, column: str) -> Form | Coded:
    """The form of a column's numbers in a version. Raises `NotIndexed`."""
    try:
        return snapshot.form(column)
    except KeyError:
        raise NotIndexed(f"the index does not keep {column}") from None


def numeric_form_of(snapshot: Snapshot, column: str) -> Whole | Scaled | Moment | Truth | Coded:
    """The form of a column whose numbers lie in the order of its values. Raises `NotIndexed`."""
    form = form_of(snapshot, column)
    if isinstance(form, Word | Digest | Presence):
        raise NotIndexed(f"the index does not keep {column} in its order")
    return form


def rank_range(snapshot: Snapshot, identity: UUID) -> tuple[int, int]:
    """How many stones have a lesser id than this, and how many have no greater one."""
    stones, by_id = snapshot.stones, snapshot.by_id
    high, low = identity.int >> 64, identity.int & 2**64 - 1
    first, last = 0, len(by_id)
    while first < last:
        middle = (first + last) // 2
        row = by_id[middle]
        if (int(stones.id_high[row]), int(stones.id_low[row])) < (high, low):
            first = middle + 1
        else:
            last = middle
    there = first < len(by_id) and (stones.id_high[by_id[first]], stones.id_low[by_id[first]]) == (high, low)
    return first, first + int(there)


def row_of(snapshot: Snapshot, identity: UUID) -> int | None:
    """The row of a stone; None if the version has none."""
    first, behind = rank_range(snapshot, identity)
    return int(snapshot.by_id[first]) if first < behind else None


def _with_ids(snapshot: Snapshot, values: Iterable[Any]) -> Words:
    found = (row_of(snapshot, value) for value in values if isinstance(value, UUID))
    return bits.of_rows(np.array([row for row in found if row is not None], np.int64), len(snapshot))


def _any_of(snapshot: Snapshot, column: str, values: Iterable[Any], unknown: bool) -> Words:
    form = form_of(snapshot, column)
    wanted = {number for value in values if (number := _number_of(snapshot, column, form, value)) is not None}
    if column in snapshot.bitmaps:
        bitmaps = snapshot.bitmaps[column]
        sets = [words for value, words in zip(bitmaps.values, bitmaps.words, strict=True) if value in wanted]
        return _united([*sets, _lacking(snapshot, column)] if unknown else sets, snapshot)
    numbers = snapshot.numbers(column)
    kept = np.iinfo(numbers.dtype)
    some = np.array(sorted(number for number in wanted if kept.min < number <= kept.max), numbers.dtype)
    if len(some) > _FEW_VALUES:
        found = bits.pack(np.isin(numbers, some))
    else:
        found = _united([bits.pack(numbers == number) for number in some], snapshot)
    return found | _lacking(snapshot, column) if unknown else found


def _between(snapshot: Snapshot, column: str, low: Any, high: Any) -> Words:
    form = numeric_form_of(snapshot, column)
    by_bitmaps = column in snapshot.bitmaps and column != "price_cents"
    numbers = _NO_NUMBERS if by_bitmaps else snapshot.numbers(column)
    least, most = number_range(form, numbers.dtype, low, high)
    if least > most:
        return nothing(snapshot)
    if column == "price_cents":
        # The rows lie in the order of the price.
        behind = np.searchsorted(numbers, numbers.dtype.type(most), "right")
        return bits.span(int(np.searchsorted(numbers, numbers.dtype.type(least))), int(behind), len(snapshot))
    if by_bitmaps:
        bitmaps = snapshot.bitmaps[column]
        places = [place for place, value in enumerate(bitmaps.values) if value is not None and least <= value <= most]
        if not places:
            return nothing(snapshot)
        if len(places) == 1:
            return np.asarray(bitmaps.words[places[0]])
        return np.asarray(np.bitwise_or.reduce(bitmaps.words[places[0] : places[-1] + 1], axis=0))
    within = numbers >= least
    if most < np.iinfo(numbers.dtype).max:
        within &= numbers <= most
    return bits.pack(within)


def _lacking(snapshot: Snapshot, column: str) -> Words:
    form_of(snapshot, column)
    bitmaps = snapshot.bitmaps.get(column) or snapshot.buckets.get(column)
    if bitmaps is not None:
        lacking: Words = bitmaps.words[-1]
        return lacking
    numbers = snapshot.numbers(column)
    return bits.pack(numbers == missing(numbers.dtype))


def _united(sets: Sequence[Words], snapshot: Snapshot) -> Words:
    if len(sets) < 2:
        return sets[0] if sets else nothing(snapshot)
    united: Words = sets[0] | sets[1]
    for words in sets[2:]:
        united |= words
    return united


def _number_of(snapshot: Snapshot, column: str, form: Form | Coded, value: Any) -> int | None:
    """The number of a value; None for one that no stone can have."""
    match form:
        case Word():
            return snapshot.places(column).get(value)
        case Digest():
            return form.number(value)
        case Presence():
            raise NotIndexed(f"{column} is kept only as whether there is one")
        case Moment():
            return form.number(value)
    if value is None:
        return None
    number = exact(form, value)
    return int(number) if isinstance(number, Fraction) and number.denominator == 1 else None


def _bounded(value: Fraction | float, whole: Any, least: int, most: int) -> int:
    """The whole number of a bound, kept within the numbers that matter."""
    if isinstance(value, float):
        return most if value > 0 else least
    return max(least, min(most, int(whole(value))))

"""The index over so many stones that its walks take several looks: it finds what comparing all stones does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.trade import trade
from catalog.facets.edges import LADDERS
from catalog.index.attributes import forms
from catalog.index.hits import IndexHits
from catalog.index.snapshot import Snapshot, id_at, missing, write
from catalog.offers import SAME
from catalog.searching.conditions import All, AnyOf, Asked, Between, Either, Known, Not
from catalog.searching.sorts import SORTS, Place, Sort

STONES = 30_001

SEARCHES: Mapping[str, Asked] = {
    "all": {},
    "most": {"availability": AnyOf("availability", ("available",))},
    "some": {"carats": Between("carats", Decimal("0.5"), Decimal(2)), "color": AnyOf("color", (1, 2, 3), unknown=True)},
    "the dear": {"price": Between("price_cents", 900_000), "lab": Known("lab")},
    "few": {"price": Between("price_cents", 50_000, 52_000), "shape": Not(AnyOf("shape", ("ROUND",)))},
    "either": {"either": Either((Between("ratio", high=Decimal(55)), All((Known("cut", False), Known("ratio")))))},
    "none": {"color": AnyOf("color", (23,))},
}


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    path = tmp_path_factory.mktemp("many") / "1.index"
    stones = trade(STONES)
    offered_again = np.arange(0, STONES - 1, 50)
    for name in ("certificate", *SAME, "carats"):
        numbers = np.array(stones.columns[name])
        numbers[offered_again + 1] = numbers[offered_again]
        stones = replace(stones, columns={**stones.columns, name: numbers})
    write(path, stones, version=1)
    return Snapshot.map(path)


def _compared(snapshot: Snapshot, condition: Any) -> Any:
    """The rows that meet a condition, by comparing every one."""
    match condition:
        case All(parts):
            return np.logical_and.reduce([_compared(snapshot, part) for part in parts])
        case Either(parts):
            return np.logical_or.reduce([_compared(snapshot, part) for part in parts])
        case Not(part):
            return ~_compared(snapshot, part)
    numbers = snapshot.columns[condition.column].astype(np.int64)
    known = snapshot.columns[condition.column] != missing(snapshot.columns[condition.column].dtype)
    form: Any = forms()[condition.column]
    match condition:
        case Known(_, wanted):
            return known == wanted
        case Between(_, low, high):
            within = known if low is None else known & (numbers >= form.number(low))
            return within if high is None else within & (numbers <= form.number(high))
        case AnyOf(column, values, unknown):
            words = snapshot.words.get(column)
            wanted_numbers = [words.index(value) if words else form.number(value) for value in values]
            return (known & np.isin(numbers, wanted_numbers)) | (~known & unknown)
    raise AssertionError(condition)


def _places(snapshot: Snapshot, rows: NDArray[np.int64], sort: Sort) -> list[Place]:
    """The places of rows in an order, by sorting all."""
    form: Any = forms()[sort.column]
    numbers = snapshot.columns[sort.column]
    places: list[Place] = []
    for lacking in (False, True):
        part = rows[(numbers[rows] == missing(numbers.dtype)) == lacking]
        keys = numbers[part].astype(np.int64)
        part = part[np.lexsort((snapshot.stones.id_low[part], snapshot.stones.id_high[part], keys))]
        part = part[::-1] if sort.descending else part
        places += [
            (None if lacking else form.value(int(numbers[row])), id_at(snapshot.stones, row)) for row in part.tolist()
        ]
    return places


@pytest.mark.parametrize("name", SEARCHES)
def test_pages_are_those_of_sorting_all_hits(snapshot: Snapshot, name: str) -> None:
    asked = SEARCHES[name]
    hits = IndexHits(snapshot, asked)
    compared = [np.ones(STONES, np.bool_), *(_compared(snapshot, condition) for condition in asked.values())]
    rows = np.flatnonzero(np.logical_and.reduce(compared))

    assert hits.count().number == len(rows)
    for sort in SORTS.values():
        expected = _places(snapshot, rows, sort)
        for begin in {0, len(expected) // 3, len(expected) - 60, len(expected) - 1} - {-60, -1}:
            if 0 <= begin < len(expected):
                after = expected[begin - 1] if begin else None
                assert list(hits.page(sort, after, 50)) == expected[begin : begin + 50]
        if expected:
            assert list(hits.page(sort, expected[-1], 50)) == []


@pytest.mark.parametrize("name", SEARCHES)
def test_facets_are_those_of_counting_all_stones(snapshot: Snapshot, name: str) -> None:
    asked = SEARCHES[name]
    hits = IndexHits(snapshot, asked)

    for attribute in ("", *asked):
        others = [condition for other, condition in asked.items() if other != attribute]
        rows = np.logical_and.reduce([np.ones(STONES, np.bool_), *(_compared(snapshot, other) for other in others)])
        for column in ("shape", "color", "treated", "supplier_name", "availability", "lab"):
            numbers, times = np.unique(snapshot.columns[column][rows], return_counts=True)
            counts = sorted(times.tolist())
            assert sorted(hits.facet(attribute, column).counts.values()) == counts
            assert hits.facet(attribute, column).counts.get(None, 0) == dict(
                zip(numbers.tolist(), times.tolist(), strict=True)
            ).get(missing(numbers.dtype), 0)
        for column, ladder in (("price_cents", "price"), ("carats", "carats")):
            form: Any = forms()[column]
            values = snapshot.columns[column][rows].astype(np.int64)
            edges = LADDERS[ladder]
            bucket = np.searchsorted(np.array([form.number(edge) for edge in edges]), values, "right")
            facet = hits.facet(attribute, column, edges=edges)
            assert list(facet.counts.values()) == [n for n in np.bincount(bucket).tolist() if n]
            assert (facet.low, facet.high) == (
                (form.value(int(values.min())), form.value(int(values.max()))) if len(values) else (None, None)
            )


def test_offers_of_certificates_are_those_of_counting_all_stones(snapshot: Snapshot) -> None:
    asked = SEARCHES["most"]
    rows = np.flatnonzero(_compared(snapshot, asked["availability"]))
    told = zip(*(snapshot.columns[name].tolist() for name in ("certificate", *SAME, "carats")), strict=True)
    stone_of: dict[int, Any] = {}
    lacking = missing(snapshot.columns["certificate"].dtype)
    last: Any = None
    previous = -1
    for place, (facts, row) in enumerate(sorted((facts, row) for row, facts in enumerate(told))):
        begins = last is None or facts[:-1] != last[:-1] or 100 * facts[-1] > 101 * last[-1]
        stone_of[row] = place if begins or facts[0] == lacking else stone_of[previous]
        last, previous = facts, row
    # Rows lie in the order of the price: the first of a stone is the cheapest.
    tally = Counter(stone_of[row] for row in rows.tolist())
    cheapest = {stone_of[row]: row for row in reversed(rows.tolist())}
    shown = {id_at(snapshot.stones, row): tally[stone] for stone, row in cheapest.items()}
    assert max(shown.values()) > 1

    certified = IndexHits(snapshot, asked).by_certificate()

    assert certified.count().number == len(shown)
    assert certified.offers(list(shown)) == shown
    assert {identity for _, identity in certified.page(SORTS["carats"], None, STONES)} == set(shown)


def test_threads_that_share_a_version_find_what_each_finds_alone(snapshot: Snapshot) -> None:
    def answers() -> list[Any]:
        found = []
        for asked in SEARCHES.values():
            hits = IndexHits(snapshot, asked)
            found.append((hits.count(), hits.page(SORTS["-carats"], None, 20), hits.facet("color", "color")))
        return found

    alone = answers()
    with ThreadPoolExecutor(6) as threads:
        together = list(threads.map(lambda _: answers(), range(12)))

    assert together == [alone] * 12

"""The catalogue's index by itself: pages with exact counts, and all facets, of twelve kinds of searches.

Each search is also answered by numpy's scans of the same columns in the same run; catalogues of several sizes show how the
time grows. No database and no HTTP take part.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, thread_time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.result import Figure
from benchmarks.trade import NOW, trade
from catalog.facets.edges import LADDERS
from catalog.facets.table import ATTRIBUTES
from catalog.grades import Clarity, Color, Finish
from catalog.index.attributes import Scaled, Word, forms
from catalog.index.hits import IndexHits
from catalog.index.snapshot import Snapshot, missing, write
from catalog.searching.conditions import AnyOf, Asked, Between, Condition, Known
from catalog.searching.sorts import SORTS, Sort

#: Stones on a page.
_PAGE = 50
#: Times that each search is asked.
_ROUNDS = 25
#: The same of the scans, which are compared with the median.
_SCANS = 2
#: What the file of 1.3 million stones should take at most.
MAX_BYTES = 200e6

_FOR_SALE: dict[str, Condition] = {"availability": AnyOf("availability", ("available",))}

_ORDERS = {sort.column: sort for sort in SORTS.values() if not sort.descending}


@dataclass(frozen=True)
class _Search:
    words: str
    asked: Asked
    order: Sort


def _search(words: str, *conditions: Condition, sort: str = "price_cents") -> _Search:
    asked = {condition.column: condition for condition in conditions if isinstance(condition, AnyOf | Between | Known)}
    order = _ORDERS[sort.removeprefix("-")]
    return _Search(words, _FOR_SALE | asked, order.reversed() if sort.startswith("-") else order)


_NATURAL, _LAB_GROWN = AnyOf("lab_grown", (False,)), AnyOf("lab_grown", (True,))
_ROUND = AnyOf("shape", ("ROUND",))
_EXCELLENT = (Finish.EXCELLENT.value,)
_SEARCHES = (
    _search(
        "seven filters", _NATURAL, _ROUND, Between("carats", Decimal("0.9"), Decimal("1.2")),
        Between("color", Color.D, Color.G), Between("clarity", Clarity.FL, Clarity.VS2), AnyOf("cut", _EXCELLENT),
        Between("price_cents", 300_000, 800_000),
    ),
    _search("round natural 0.5 to 2 ct", _NATURAL, _ROUND, Between("carats", Decimal("0.5"), Decimal(2))),
    _search("the same by carats", _NATURAL, _ROUND, Between("carats", Decimal("0.5"), Decimal(2)), sort="carats"),
    _search("lab-grown", _LAB_GROWN),
    _search("everything, dearest first", sort="-price_cents"),
    _search(
        "triple excellent GIA by price per carat", AnyOf("cut", _EXCELLENT), AnyOf("polish", _EXCELLENT),
        AnyOf("symmetry", _EXCELLENT), AnyOf("lab", ("GIA",)), sort="price_per_carat_cents",
    ),
    _search("nothing", Between("carats", Decimal("14.9"), Decimal("14.95")), AnyOf("color", (1,)), AnyOf("clarity", (1,))),
    _search(
        "four shapes, D to H, VS2 and better, heaviest first", AnyOf("shape", ("OVAL", "PEAR", "EMERALD", "CUSHION")),
        Between("color", high=Color.H), Between("clarity", high=Clarity.VS2), sort="-carats",
    ),
    _search("fancy yellow by clarity", AnyOf("fancy_color", ("YELLOW",)), sort="clarity"),
    _search("changed in the last hours", Between("changed_at", NOW - timedelta(hours=6)), sort="-changed_at"),
    _search(
        "lab-grown ovals of 1,000 to 2,000 dollars by color", _LAB_GROWN, AnyOf("shape", ("OVAL",)),
        Between("price_cents", 100_000, 200_000), sort="color",
    ),
    _search(
        "cheap, heaviest first, by proportions", Between("table_pct", Decimal(54), Decimal(62)),
        Between("depth_pct", Decimal(58), Decimal(64)), Between("price_cents", high=60_000), sort="-carats",
    ),
)  # fmt: skip


@dataclass(frozen=True)
class _Times:
    """Seconds: of a page with its count, and of these with all facets; the last by scans too.

    Each is a pair: by the clock, and of the processor, which does not count what others use of it meanwhile.
    """

    pages: NDArray[np.float64]
    facets: NDArray[np.float64]
    scans: NDArray[np.float64]
    stones: int
    file_bytes: int
    built: float


def measure(*sizes: int) -> list[Figure]:
    """Measure catalogues of so many stones, rising; the goals are of the last but one, those of growth of the last."""
    with TemporaryDirectory() as folder:
        times = [_measured(size, Path(folder)) for size in sizes]
    small, middle, large = times
    return [*_speed(middle), *_growth(small, middle), *_growth(middle, large), _largest(large)]


def _measured(size: int, folder: Path) -> _Times:
    path = folder / f"{size}.index"
    stones = trade(size)
    begun = perf_counter()
    length = write(path, stones, version=1)
    built = perf_counter() - begun
    del stones
    gc.collect()
    snapshot = Snapshot.map(path)
    pages, facets = [], []
    for _ in range(_ROUNDS):
        for search in _SEARCHES:
            pages.append(_timed(lambda search=search: _page(IndexHits(snapshot, search.asked), search)))  # type: ignore[misc]
            facets.append(_timed(lambda search=search: _page_with_facets(snapshot, search)))  # type: ignore[misc]
    scans = [_timed(lambda search=search: _scanned(snapshot, search)) for _ in range(_SCANS) for search in _SEARCHES]  # type: ignore[misc]
    path.unlink()
    return _Times(np.array(pages), np.array(facets), np.array(scans), size, length, built)


def _timed(call: Callable[[], Any]) -> tuple[float, float]:
    begun, used = perf_counter(), thread_time()
    call()
    return perf_counter() - begun, thread_time() - used


def _page(hits: IndexHits, search: _Search) -> Any:
    return hits.count(), hits.page(search.order, None, _PAGE)


def _page_with_facets(snapshot: Snapshot, search: _Search) -> Any:
    hits = IndexHits(snapshot, search.asked)
    return _page(hits, search), _facets(hits)


def _facets(hits: IndexHits) -> Any:
    return [
        hits.of({**hits.asked, column: Known(column)}).count()
        if attribute.is_presence
        else hits.facet(column, column, edges=LADDERS[name] if attribute.is_histogram else None)
        for name, attribute in ATTRIBUTES.items()
        for column in [attribute.source]
    ]


def _scanned(snapshot: Snapshot, search: _Search) -> Any:
    """The same page, count and facets by comparing and counting whole columns."""
    meeting = {name: _compared(snapshot, condition) for name, condition in search.asked.items()}
    hits = np.logical_and.reduce(list(meeting.values()))
    rows = np.flatnonzero(hits)
    sort = search.order
    keys = snapshot.columns[sort.column][rows].astype(np.int64)
    keys = -keys if sort.descending else keys
    if len(rows) > _PAGE:
        border = np.partition(keys, _PAGE - 1)[_PAGE - 1]
        rows, keys = rows[keys <= border], keys[keys <= border]
    page = rows[np.lexsort((snapshot.rank[rows], keys))[:_PAGE]]
    return len(rows), page, list(_scanned_facets(snapshot, meeting))


def _scanned_facets(snapshot: Snapshot, meeting: Mapping[str, NDArray[np.bool_]]) -> Iterator[Any]:
    everything = np.ones(len(snapshot), np.bool_)
    hits = np.logical_and.reduce(list(meeting.values()))
    for name, attribute in ATTRIBUTES.items():
        column = attribute.source
        others = hits
        if column in meeting:
            others = np.logical_and.reduce([everything, *(rows for of, rows in meeting.items() if of != column)])
        values = snapshot.columns[column][others]
        if attribute.is_histogram:
            form = forms()[column]
            edges = np.array(LADDERS[name], np.float64) * (10**form.places if isinstance(form, Scaled) else 1)
            yield np.bincount(np.searchsorted(edges, values, "right")), values.min(initial=0), values.max(initial=0)
        else:
            yield np.unique(values, return_counts=True) if values.itemsize > 1 else np.bincount(values.view(np.uint8))


def _compared(snapshot: Snapshot, condition: Condition) -> NDArray[np.bool_]:
    match condition:
        case AnyOf(column, values):
            form, numbers = forms()[column], snapshot.columns[column]
            places = [snapshot.places(column).get(v, -2) if isinstance(form, Word) else form.number(v) for v in values]
            return np.isin(numbers, places) if len(places) > 1 else numbers == places[0]
        case Between(column, low, high):
            form, numbers = forms()[column], snapshot.columns[column]
            assert not isinstance(form, Word)
            within = numbers > missing(numbers.dtype)
            if low is not None:
                within &= numbers >= form.number(low)
            if high is not None:
                within &= numbers <= form.number(high)
            return within
    raise AssertionError(condition)


def _speed(times: _Times) -> list[Figure]:
    facets = np.median(times.facets, axis=0) * 1e3
    scans = np.median(times.scans, axis=0) * 1e3
    of_each = np.median(times.facets[:, 0].reshape(_ROUNDS, -1), axis=0) * 1e3
    slowest = int(np.argmax(of_each))
    stones = f"{times.stones:,} stones, {len(_SEARCHES)} searches {_ROUNDS} times"
    return [
        _limit("index: a page and the exact count, median", times.pages, 50, 2, stones),
        _limit("index: a page and the exact count, p99", times.pages, 99, 6, stones),
        _limit(
            "index: with all facets, p99", times.facets, 99, 15,
            f"{stones}, {len(ATTRIBUTES)} facets; slowest {_SEARCHES[slowest].words!r}, median {of_each[slowest]:.2f} ms",
        ),
        Figure(
            "index: with all facets, against scans",
            ratio=scans[1] / facets[1],
            of="numpy's scans of the same columns",
            detail=f"medians of the processor {facets[1]:.2f} ms against {scans[1]:.1f} ms, by the clock {facets[0]:.2f} ms "
            f"against {scans[0]:.1f} ms",
        ),
        Figure(
            "index: the file",
            ratio=times.file_bytes / MAX_BYTES,
            goal=1,
            at_most=True,
            of=f"{MAX_BYTES / 1e6:.0f} MB",
            detail=f"{times.file_bytes / 1e6:.0f} MB, {times.file_bytes / times.stones:.0f} bytes a stone, derived and "
            f"written in {times.built:.2f} s",
        ),
    ]  # fmt: skip


def _limit(name: str, times: NDArray[np.float64], percentile: int, goal: float, detail: str) -> Figure:
    clock, processor = np.percentile(times, percentile, axis=0) * 1e3
    said = f"{clock:.2f} ms by the clock, {processor:.2f} ms of the processor; {detail}"
    return Figure(name, clock / goal, f"{goal:g} ms", said, goal=1, at_most=True)


def _growth(smaller: _Times, larger: _Times) -> list[Figure]:
    grown = larger.stones / smaller.stones
    before, after = np.mean(smaller.facets, axis=0) * 1e3, np.mean(larger.facets, axis=0) * 1e3
    return [
        Figure(
            f"index: growth to {larger.stones:,} stones",
            ratio=after[1] / before[1] / grown,
            goal=1,
            at_most=True,
            of=f"the growth of the stones, {grown:.2f}",
            detail=f"means with all facets, of the processor, {after[1]:.2f} ms against {before[1]:.2f} ms of "
            f"{smaller.stones:,}; by the clock {after[0]:.2f} ms against {before[0]:.2f} ms",
        )
    ]


def _largest(times: _Times) -> Figure:
    detail = f"derived and written in {times.built:.2f} s"
    return _limit(f"index: with all facets, {times.stones:,} stones, p99", times.facets, 99, 25, detail)

"""One page of the explorer: what is asked, found in one version of the catalogue, and everything that is drawn of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

from django.db import OperationalError
from django.http import HttpRequest
from psycopg.errors import QueryCanceled

from catalog import index
from catalog.explorer import boxes, charts
from catalog.explorer.asking import Wanted, read
from catalog.explorer.columns import CHOICES, USUAL, address, cells, csv_lines, label
from catalog.explorer.models import MAX_VIEWS, SavedView
from catalog.facets import counting
from catalog.facets.table import HISTOGRAMS
from catalog.models import Diamond
from catalog.searching import pages
from catalog.searching.database import DatabaseHits, one_moment
from catalog.searching.hits import Hits
from catalog.searching.pages import SEARCH_SECONDS, Search
from catalog.searching.sorts import SORTS
from diamondhub.admin.display import Link
from diamondhub.api.cursors import WrongCursor
from diamondhub.api.mistakes import FieldError, Wrong

#: Stones on a page.
PAGE = 50
#: Stones of a file.
MAX_IN_FILE = 5_000
#: The orders that are offered, each with its words.
ORDERS = {
    "price": "cheapest first",
    "-price": "dearest first",
    "price_per_carat": "price per carat, lowest first",
    "-price_per_carat": "price per carat, highest first",
    "carats": "lightest first",
    "-carats": "heaviest first",
    "color": "best colour first",
    "clarity": "best clarity first",
    "cut": "best cut first",
    "ratio": "length to width, lowest first",
    "-ratio": "length to width, highest first",
    "-rating": "best rated first",
    "delivery": "soonest delivery first",
    "newest": "newest first",
    "-changed": "changed last first",
    "cost": "lowest cost first",
    "-cost": "highest cost first",
}


#: What a page has where nothing could be found in time.
_NOTHING: dict[str, Any] = {
    "is_without_index": True,
    "among": (),
    "first_boxes": (),
    "more_boxes": (),
    "ranges": (),
    "ranges_set": 0,
}

Links = Callable[[Diamond], Sequence[Link]]


@dataclass(frozen=True, slots=True)
class Row:
    """A stone of the table: where its links lead, and its cells."""

    stone: Diamond
    url: str
    links: Sequence[Link]
    cells: Sequence[Any]


def page(request: HttpRequest, links: Links) -> dict[str, Any]:
    """The context of the page that a request asks for; `links` are those that lead from a stone."""
    wanted = read(request)
    try:
        return _page(request, wanted, links)
    except WrongCursor:
        texts = {name: written for name, written in wanted.texts.items() if name != "cursor"}
        mistake = FieldError("cursor", "belongs to another search: this is its first page")
        first = replace(wanted, cursor=None, texts=texts, mistakes=[*wanted.mistakes, mistake])
        return _page(request, first, links)


def file_lines(request: HttpRequest) -> Iterator[str]:
    """The hits that a request asks for as lines of CSV, in its order and with its columns, up to `MAX_IN_FILE`.

    Raises `Wrong` for what a page of it says is left out of what is seen: nobody looks at that in a file.
    """
    wanted = read(request)
    if wanted.mistakes:
        raise Wrong(wanted.mistakes)
    search = replace(_search(request, wanted), limit=MAX_IN_FILE, cursor=None)
    position = pages.position_of(search)
    found = _with_hits(wanted, lambda hits: pages.page_of(search, hits, position, pages.whole))
    return csv_lines(found.diamonds, wanted.columns)


def _page(request: HttpRequest, wanted: Wanted, links: Links) -> dict[str, Any]:
    context = {
        "wanted": wanted,
        "mistakes": wanted.mistakes,
        "query": wanted.query(),
        "chips": boxes.chips(wanted),
        "orders": _orders(wanted),
        "columns": [(name, label(name), name in wanted.columns) for name in CHOICES],
        "is_usual": wanted.columns == USUAL,
        "views": SavedView.objects.filter(person_id=request.user.pk)[:MAX_VIEWS],
        "max_in_file": MAX_IN_FILE,
        "too_slow": None,
    }
    begun = perf_counter()
    search = _search(request, wanted)
    position = pages.position_of(search)
    try:
        found = _with_hits(wanted, lambda hits: _found(wanted, search, position, links, hits))
    except OperationalError as error:
        if not isinstance(error.__cause__, QueryCanceled):
            raise
        return {**context, **_NOTHING, "too_slow": f"{SEARCH_SECONDS:g}", "hidden": _all_texts(wanted)}
    return {**context, **found, "milliseconds": f"{(perf_counter() - begun) * 1000:.0f}"}


def _search(request: HttpRequest, wanted: Wanted) -> Search:
    return Search(
        wanted.filters,
        sort=wanted.sort,
        limit=PAGE,
        cursor=wanted.cursor,
        client=f"person {request.user.pk}",
        besides=wanted.besides,
    )


def _with_hits(wanted: Wanted, use: Any) -> Any:
    if not wanted.text:
        return pages.with_hits(wanted.asked, use)
    # A look-up finds by keys what the table has now; the index may not have it yet.
    with one_moment(SEARCH_SECONDS):
        return use(DatabaseHits(wanted.asked))


def _found(wanted: Wanted, search: Search, position: pages.Position, links: Links, hits: Hits) -> dict[str, Any]:
    found = pages.page_of(search, hits, position, pages.whole)
    facets = counting.facets(hits, wanted.asked, boxes.FACETS)
    count, is_exact = found.count, found.count_is_exact
    if not is_exact and (total := counting.total_of(facets, wanted.asked)) is not None:
        count, is_exact = total, True
    made = boxes.boxes(hits, wanted, facets)
    of_numbers = boxes.ranges(wanted)
    return {
        "count": count,
        "count_is_exact": is_exact,
        "found_by": found.found_by,
        "is_without_index": index.current() is None,
        "version": found.dataset_version,
        "first_boxes": [box for name, box in made.items() if name in boxes.FIRST],
        "more_boxes": [box for name, box in made.items() if name not in boxes.FIRST],
        "ranges": of_numbers,
        "ranges_set": sum(of_range.is_set for of_range in of_numbers),
        "hidden": list(boxes.hidden(wanted, list(made.values()), of_numbers)),
        "histograms": [charts.histogram(name, facets[name], wanted) for name in HISTOGRAMS],
        "scatter": charts.scatter(hits, wanted, found.diamonds),
        "among": _among(wanted, hits, count),
        "headings": [label(name) for name in wanted.columns],
        "rows": [Row(stone, address(stone.pk), links(stone), cells(stone, wanted.columns)) for stone in found.diamonds],
        "next_query": None if found.next_cursor is None else wanted.query(cursor=found.next_cursor),
        "first_query": wanted.query() if wanted.cursor else None,
    }


def _among(wanted: Wanted, hits: Hits, count: int) -> list[dict[str, Any]]:
    told = []
    for among in wanted.among.values():
        parts = []
        for number, part in enumerate(among.parts):
            of_part = hits.of({**wanted.asked, f"among.part.{number}": part.condition}).count()
            said = f"{of_part.number:,}" if of_part.exact else f"more than {of_part.number:,}"
            parts.append(
                {"words": part.words.format(count=said), "title": part.title, "query": _query_of(wanted, part)}
            )
        told.append({"title": among.title, "url": among.url, "words": among.words, "parts": parts, "count": count})
    return told


def _query_of(wanted: Wanted, part: Any) -> str:
    return wanted.query(without=("cursor", *wanted.among), **part.query) if part.query else ""


def _orders(wanted: Wanted) -> list[tuple[str, str, bool]]:
    offered = dict(ORDERS)
    offered.setdefault(wanted.sort, wanted.sort)
    assert offered.keys() <= SORTS.keys()
    return [(name, words, name == wanted.sort) for name, words in offered.items()]


def _all_texts(wanted: Wanted) -> list[tuple[str, str]]:
    kept = {name: texts for name, texts in wanted.texts.items() if name not in ("sort", "columns", "cursor")}
    return [(name, text) for name, texts in kept.items() for text in texts]

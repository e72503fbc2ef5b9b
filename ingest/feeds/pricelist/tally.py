"""Counting the rows of one list while its snapshot is made: unknown words, and columns whose header nobody knows."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import chain

from catalog.grades import fold
from catalog.labs import KNOWN_LABS, normal_lab
from ingest.feeds.census import MAX_HEADERS, Census, bounded, storable
from ingest.feeds.pricelist import vocabulary
from ingest.feeds.pricelist.columns import RESERVED, Cells, Columns
from ingest.feeds.pricelist.headers import fold as header_fold
from ingest.feeds.pricelist.headers import unknown_headers
from ingest.feeds.pricelist.mapping import Mapper
from ingest.feeds.pricelist.outside import NATURE, field_of_header, kind_of, telling
from ingest.feeds.pricelist.parameters import Parameters
from ingest.feeds.pricelist.proven import read as read_proven
from ingest.feeds.pricelist.reading import PROVEN
from ingest.feeds.pricelist.strange import strange_words
from ingest.feeds.pricelist.words import promises
from ingest.feeds.values import Reader, yes_or_no

_LABS = frozenset(KNOWN_LABS)
#: Distinct words of a field that are told apart: a column of remarks that is taken for one of grades has as many as rows.
_MAX_DISTINCT = 10_000
#: Cells of a column by which its field is guessed, and the share of them that must be understood as such.
LOOKED_AT, LIKELY = 200, 0.9
#: What has so few letters is a code of anything.
_MIN_CODE = 2
_NUMBER = re.compile(r"(?:[A-Z]{2,4}[\s-]?)?\d{7,12}", re.IGNORECASE | re.ASCII)
_MEASURES = re.compile(r"[\d.,]+\s*[-xX*]\s*[\d.,]+\s*[xX*]\s*[\d.,]+(\s*mm)?", re.IGNORECASE | re.ASCII)


def likely_fields(cells: Sequence[str]) -> tuple[str, ...]:
    """The fields that cells of a column without a known header seem to hold; several where words mean any of them."""
    telling = [cell for cell in cells if fold(cell) not in vocabulary.NOTHING]
    if not telling:
        return ()
    tests: dict[str, Callable[[str], object]] = {
        field: words.understood.__getitem__ for field, words in vocabulary.FIELDS.items()
    }
    tests["lab"] = lambda cell: normal_lab(cell) in _LABS
    tests["certificate_number"] = _NUMBER.fullmatch
    tests["measurements"] = _MEASURES.fullmatch
    return tuple(
        field for field, test in tests.items() if sum(bool(test(cell)) for cell in telling) >= LIKELY * len(telling)
    )


#: Whether a cell says of a stone that it is to be had, by a word that is no code and no yes.
_promises = Reader(lambda cell: len(cell) > _MIN_CODE and yes_or_no(cell) is None and promises(cell))


class Tally:
    """The counts of one list. `left_out` are rows that are no stones, and those of a stone that a later row describes."""

    def __init__(self, headers: Sequence[str], mapper: Mapper, parameters: Parameters, carried: str = "") -> None:
        """`carried` is what rows carry of what the list proved."""
        self.left_out: Counter[str] = Counter()
        #: What stands outside of the rows of stones.
        self.outside: list[str] = []
        self._filled: Counter[str] = Counter()
        #: Rows, and those of which a column says in so many words that their stone is to be had.
        self._rows, self._promised = 0, Counter[str]()
        self._words: dict[str, Counter[str]] = {}
        blank = dict.fromkeys(headers, "")
        #: The columns of the list.
        self.columns: Columns = mapper.cells_of({**blank, PROVEN: carried} if carried else blank).of_list
        self._fields = tuple(self.columns.best)
        # What the rows proved of a header is known.
        read = RESERVED | {*self.columns.best.values(), *chain(*self.columns.others.values())}
        known = read_proven(carried).chosen | parameters.chosen
        self._unknown = unknown_headers([header for header in headers if header not in read], known)
        self._cells: dict[str, list[str]] = {header: [] for header in self._unknown[:MAX_HEADERS]}
        #: Rows by the heading above them, and by the column that nobody reads and that says that their stones are gone.
        self.parts: Counter[str] = Counter()
        self.taken: Counter[str] = Counter()
        self._labgrown = parameters.labgrown

    def add(self, cells: Cells) -> None:
        """Count one row of a stone."""
        for field, cell in strange_words(cells):
            words = self._words.setdefault(field, Counter())
            words[cell if cell in words or len(words) < _MAX_DISTINCT else ""] += 1
        self._rows += 1
        for header in self._unknown:
            cell = str(cells.row.get(header) or "").strip()
            if cell:
                self._filled[header] += 1
                self._promised[header] += _promises[cell]
                if header in self._cells and self._filled[header] <= LOOKED_AT:
                    self._cells[header].append(cell)

    def _likely(self, header: str) -> tuple[str, ...]:
        cells = self._cells[header]
        says = [cell for cell in cells if fold(cell) not in vocabulary.NOTHING and yes_or_no(cell) is not False]
        likely = dict.fromkeys((*field_of_header(header_fold(header), says), *likely_fields(cells)))
        if self._promised[header] == self._rows:
            # Nothing is lost by passing it over.
            likely.pop("availability", None)
        return tuple(likely)

    def census(self, *, offered: int, nameless: int, not_offered: Counter[str]) -> Census:
        """What was counted, with what the finished snapshot has of stones."""
        left_out = {what: rows for what, rows in sorted(self.left_out.items()) if rows}
        unknown = {storable(header): self._filled[header] for header in self._unknown[:MAX_HEADERS]}
        likely = {storable(header): likely for header in self._cells if (likely := self._likely(header))}
        for header, rows in self.taken.items():
            name = storable(header)
            unknown.setdefault(name, rows)
            if "availability" not in likely.get(name, ()):
                likely[name] = ("availability", *likely.get(name, ()))
        return Census(
            rows=offered + not_offered.total() + sum(left_out.values()),
            offered=offered,
            nameless=nameless,
            not_offered=bounded(not_offered),
            left_out=left_out,
            unknown_headers=unknown,
            unknown_words={field: bounded(words) for field, words in self._words.items()},
            fields=self._fields,
            likely=likely,
            outside=tuple(storable(text) for text in telling(self.outside) if not self._is_answered(text)),
            parts=bounded(self.parts),
        )

    def _is_answered(self, text: str) -> bool:
        """Whether the feed says already what a text makes one ask."""
        return self._labgrown is not None and kind_of(text) == NATURE

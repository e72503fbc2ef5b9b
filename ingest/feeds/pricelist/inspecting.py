"""Looking at a price list before anything of it is saved: what a run would read in it, refuse, ask, and offer.

The list is made a snapshot of in a folder that is thrown away, by what a run makes its own with, so what is told here is
what a run would do. `manage.py inspect_list` and the page "New price list" show it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from catalog.grades import fold
from catalog.rows import StoneFacts
from ingest import dead_letters, drift, first_day
from ingest.drift import Counts
from ingest.errors import MappingError
from ingest.feeds.census import Census, storable
from ingest.feeds.pricelist import headers as spellings
from ingest.feeds.pricelist import numbers, reading, vocabulary
from ingest.feeds.pricelist.columns import RESERVED, is_filled
from ingest.feeds.pricelist.discounts import is_percentage
from ingest.feeds.pricelist.errors import ColumnsMissing
from ingest.feeds.pricelist.mapping import Mapper
from ingest.feeds.pricelist.parameters import Parameters
from ingest.feeds.pricelist.proven import read as read_proven
from ingest.feeds.pricelist.proving.evidence import sampled
from ingest.feeds.pricelist.snapshot import Snapshot, make
from ingest.feeds.pricelist.tally import Tally
from ingest.feeds.verdicts import IN_WORDS, Question, SupplierAsks, Verdict
from ingest.models import DeadLetter

#: Stones that are shown as the catalogue would have them, cells shown of each column, and kinds of refusals.
STONES, EXAMPLES, MAX_REFUSALS = 20, 3, 50
#: Rows that are mapped at a time, and rows by whose cells a column is judged at least.
_CHUNK, _JUDGED = 2_000, 1_000
#: Rows of a list whose columns are not all known, that are read for examples.
_FIRST_ROWS = 200
_MAX_SHOWN = 60
#: Reasons that are told of one cause, and told apart.
_REASONS, _MAX_REASONS = 5, 1_000
#: Fields whose cells are numbers.
_NUMBERS = frozenset(
    {"depth_pct", "table_pct", "length", "width", "depth_mm", "depth", "ratio", "crown_angle", "crown_height"}
    | {"pavilion_angle", "pavilion_depth"}
)


class ColumnSeen(msgspec.Struct, frozen=True):
    """One column: its field (None: nobody knows the header, "": known and not read), what it means and what proves that.

    `understood` of the `filled` cells that were looked at make sense as it. `likely` are fields that an unknown one may be.
    """

    header: str
    field: str | None
    means: str
    by: str
    understood: int
    filled: int
    examples: tuple[str, ...]
    likely: tuple[str, ...] = ()


class WordSeen(msgspec.Struct, frozen=True):
    """A word that nobody knows, with the number of its rows."""

    field: str
    word: str
    rows: int


class Refusal(msgspec.Struct, frozen=True):
    """Rows that would become dead letters for one cause: the column at fault, reasons with their rows, and stock numbers."""

    field: str
    rows: int
    reasons: tuple[tuple[str, int], ...]
    examples: tuple[str, ...]


class StoneSeen(msgspec.Struct, frozen=True):
    """A stone as the catalogue would have it, with its price in cents; None where nothing prices it."""

    facts: StoneFacts
    price_cents: int | None


class Inspection(msgspec.Struct, frozen=True):
    """All that there is to know of a list before it is fed.

    `missing` says that stock numbers or prices have no column that we know; `question` what a person has to say first;
    `faults` why a first run would wait. `mapped` offered rows were mapped of all.
    """

    written: str
    columns: tuple[ColumnSeen, ...] = ()
    census: Census = Census()
    words: tuple[WordSeen, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    stones: tuple[StoneSeen, ...] = ()
    mapped: int = 0
    refused: int = 0
    faults: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    missing: str = ""
    question: Question | None = None

    @property
    def unknown(self) -> tuple[ColumnSeen, ...]:
        """The columns whose header nobody knows and that hold something."""
        return tuple(column for column in self.columns if column.field is None and column.filled)

    @property
    def is_fine(self) -> bool:
        """Whether a run would read the list without asking anybody."""
        return not self.missing and self.question is None and not self.faults


def inspect(
    path: Path,
    parameters: Parameters,
    *,
    most_bytes: int,
    price: Callable[[StoneFacts], int | None],
    error_budget: float,
    band_factor: float = 1.0,
    most_mapped: int | None = None,
) -> Inspection:
    """Look at the list in a file. `price` is what a stone would be sold for, in cents; `error_budget` the share of dead
    letters that a run may have; at most about `most_mapped` rows are mapped, all by default.

    Raises `ListRefused` with one line for a list that cannot be read.
    """
    mapper = Mapper(parameters, band_factor=band_factor)
    with TemporaryDirectory(prefix="inspecting-") as folder:
        made = Path(folder) / "snapshot"
        try:
            make(path, made, parameters, mapper, most_bytes=most_bytes)
        except ColumnsMissing as error:
            rows = [row.cells for row in islice(reading.rows(path, error.layout), _FIRST_ROWS)]
            columns = _columns(error.layout.headers, rows, parameters, Verdict(), Census())
            return Inspection(_written(error.layout), columns, missing=str(error))
        except SupplierAsks as error:
            return _asked(path, parameters, mapper, error.verdict, most_bytes)
        layout = reading.examine(path, parameters, most_bytes=most_bytes)
        snapshot = Snapshot(made, 0)
        return _read(snapshot, layout, parameters, mapper, price, error_budget, most_mapped)


def _asked(path: Path, parameters: Parameters, mapper: Mapper, verdict: Verdict, most_bytes: int) -> Inspection:
    """A list of which something is asked before any stone of it is read."""
    try:
        layout = reading.examine(path, parameters, most_bytes=most_bytes)
    except SupplierAsks:
        # Which list of several it is.
        return Inspection("", question=verdict.question)
    tally, kept = Tally(layout.headers, mapper, parameters), []
    for _, cells in sampled(_tallied(reading.rows(path, layout), mapper, tally), _JUDGED):
        kept.append(cells)
    census = tally.census(offered=0, nameless=0, not_offered=Counter())
    columns = _columns(layout.headers, kept, parameters, verdict, census)
    return Inspection(
        _written(layout), columns, census, words=_words(census), notes=verdict.notes, question=verdict.question
    )


def _tallied(rows: Iterable[reading.Row], mapper: Mapper, tally: Tally) -> Iterator[dict[str, Any]]:
    for row in rows:
        tally.add(mapper.cells_of(row.cells))
        yield row.cells


def _read(
    snapshot: Snapshot,
    layout: reading.Layout,
    parameters: Parameters,
    mapper: Mapper,
    price: Callable[[StoneFacts], int | None],
    error_budget: float,
    most_mapped: int | None,
) -> Inspection:
    census, verdict = snapshot.census(), snapshot.verdict()
    rows = [msgspec.json.decode(payload) for payload in snapshot.payloads(_JUDGED)]
    counts, refusals, stones = Counts(), _Refusals(), []
    offered = snapshot.payloads(most_mapped, offered=True)
    while chunk := list(islice(offered, _CHUNK)):
        mapped = []
        for payload in chunk:
            try:
                mapped.append(mapper.to_diamond(payload))
            except MappingError as error:
                refusals.add(error, mapper, payload)
        counts.add(drift.unknown_of(mapped).kept())
        stones += mapped[: STONES * 2]
    faults = [fault.words for fault in first_day.judge(census, counts, received=census.offered)]
    looked = counts.mapped + refusals.rows
    if refusals.rows > max(1, error_budget * looked):
        faults.append(f"{refusals.rows:,} of {looked:,} stones would be dead letters, more than {error_budget:.0%}")
    return Inspection(
        _written(layout),
        _columns(layout.headers, rows, parameters, verdict, census),
        census,
        _words(census),
        refusals.told(),
        tuple(StoneSeen(facts, price(facts)) for facts in _spread(stones)),
        looked,
        refusals.rows,
        tuple(faults),
        verdict.notes,
    )


def _spread(stones: Sequence[StoneFacts]) -> list[StoneFacts]:
    """`STONES` of them, from the first to the last."""
    if len(stones) <= STONES:
        return list(stones)
    return [stones[number * (len(stones) - 1) // (STONES - 1)] for number in range(STONES)]


class _Refusals:
    """Errors of mapping by what is alike in them, as dead letters are, and the words in which they differ."""

    def __init__(self) -> None:
        self.rows = 0
        self._causes: dict[str, tuple[str, Counter[str], list[str]]] = {}

    def add(self, error: MappingError, mapper: Mapper, payload: bytes) -> None:
        """Count one row."""
        self.rows += 1
        fingerprint = dead_letters.cause(DeadLetter.Kind.STONE, error)["fingerprint"]
        _, reasons, examples = self._causes.setdefault(fingerprint, (error.field, Counter(), []))
        reasons[error.reason if len(reasons) < _MAX_REASONS else next(iter(reasons))] += 1
        if len(examples) < EXAMPLES:
            examples.append(mapper.cells(payload)["stock_number"][:_MAX_SHOWN] or "without a stock number")

    def told(self) -> tuple[Refusal, ...]:
        """The causes, the most frequent first."""
        causes = [
            Refusal(field, reasons.total(), tuple(reasons.most_common(_REASONS)), tuple(examples))
            for field, reasons, examples in self._causes.values()
        ]
        return tuple(sorted(causes, key=lambda cause: -cause.rows)[:MAX_REFUSALS])


def _words(census: Census) -> tuple[WordSeen, ...]:
    return tuple(
        WordSeen(field, word, rows) for field, words in census.unknown_words.items() for word, rows in words.items()
    )


def _columns(
    headers: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
    parameters: Parameters,
    verdict: Verdict,
    census: Census,
) -> tuple[ColumnSeen, ...]:
    """The columns in the list's order, judged by some rows."""
    headers = [header for header in headers if header not in RESERVED]
    carried = next((row[reading.PROVEN] for row in rows if row.get(reading.PROVEN)), "")
    told = {name: field for name, field in read_proven(carried).chosen.items() if field not in spellings.OF_MONEY}
    field_of = {
        header: field
        for field, ranked in spellings.ranked_columns(headers, {**told, **parameters.chosen}).items()
        for header in ranked
    }
    unknown = set(spellings.unknown_headers(headers, {**told, **parameters.chosen}))
    return tuple(
        _column(
            header,
            None if header in unknown else field_of.get(header, ""),
            rows,
            parameters,
            "its cells" if spellings.key(header) in told else "its header",
            verdict,
            census,
        )
        for header in headers
    )


def _column(
    header: str,
    field: str | None,
    rows: Sequence[Mapping[str, Any]],
    parameters: Parameters,
    by: str,
    verdict: Verdict,
    census: Census,
) -> ColumnSeen:
    cells = [str(row.get(header) or "").strip() for row in rows]
    filled = [cell for cell in cells if is_filled(cell)]
    examples = tuple(cell[:_MAX_SHOWN] for cell in list(dict.fromkeys(filled))[:EXAMPLES])
    proven = verdict.column(header)
    if proven is not None:
        amounts = sum(numbers.amount(cell, ".") is not None or is_percentage(cell) for cell in filled)
        understood, of = (proven.rows, proven.of) if proven.of else (amounts, len(filled))
        return ColumnSeen(header, field, IN_WORDS[proven.means], proven.by, understood, of, examples)
    if field is None:
        likely = census.likely.get(storable(header), ())
        return ColumnSeen(header, None, "nobody knows", "", 0, len(filled), examples, likely)
    by = "the feed says it" if spellings.key(header) in parameters.chosen else by
    if not field:
        return ColumnSeen(header, "", "not read", by, len(filled), len(filled), examples)
    understood = sum(bool(_reads(field, cell, parameters)) for cell in filled)
    return ColumnSeen(header, field, field.replace("_", " "), by, understood, len(filled), examples)


def _reads(field: str, cell: str, parameters: Parameters) -> bool:
    """Whether a cell makes sense as a field's."""
    if field in vocabulary.FIELDS:
        said = parameters.meanings.get(field, {})
        return fold(cell) in said or vocabulary.FIELDS[field].understood[cell]
    if field in ("carats", "points"):
        return numbers.carats(cell) is not None
    return numbers.measure(cell) is not None if field in _NUMBERS else True


def _written(layout: reading.Layout) -> str:
    signs = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
    above = f", {layout.skip} rows above the header" if layout.skip else ""
    between = f", cells between {signs.get(layout.delimiter, layout.delimiter)}" if layout.delimiter else ""
    return f"{layout.described}{between}{above}"

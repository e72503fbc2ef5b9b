"""A feed's first run, held against absolute shares: there is no run before that its list could be unlike.

What a first list has wrong, every list after it has as well, so nobody would be told. Settling asks before anything of the
run is in the catalogue (`ingest.brakes`), and whoever looks at a list before there is a feed is told the same (`judge`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.conf import settings
from django.db.models import Sum
from django.db.models.functions import Coalesce

from diamondhub.database import psycopg_cursor
from ingest import drift
from ingest.drift import MIN_SEEN, Counts
from ingest.errors import MappingError
from ingest.feeds.adapters import mapping_adapter_of
from ingest.feeds.census import Census, census_of
from ingest.models import Page, Partition, Run
from ingest.writing_stones import facts_of

#: A run is a feed's first one if none that completed received so large a share of what this one has.
COMPARABLE = 0.5
#: Payloads of a run that are mapped to see which columns are unknown.
SAMPLE_STONES = 2_000
#: In lists of fewer stones a required column may well be left out, unless they have one that nobody knows.
MIN_STONES = 20
#: So few rows with words that nobody knows are chance, unless they are most rows of the list.
MIN_STRANGE, MOST = 5, 0.5
#: Columns without which no list is complete, and those that nearly every list has.
REQUIRED = ("shape", "carats", "color", "clarity")
USUAL = ("cut", "polish", "symmetry", "fluorescence_intensity", "lab", "certificate_number", "length_mm")
#: A usual column is missed if so many stones lack it, and a column that nobody knows seems to hold it.
MISSED = 0.95
#: Columns of the catalogue that lists have under another name.
_FIELDS = {"fluorescence_intensity": "fluorescence", "length_mm": "measurements"}
#: What a column that nobody knows may say of its stones so that it must not be passed over: the field, and words for it.
_TELLING = {
    "availability": "that stones are not to be had",
    "lab_grown": "that stones were grown or treated",
    "currency": "in which currency stones are priced",
    "price": "that more or less is paid than the price",
    "material": "that stones are rough",
}
#: Rows of a workbook that are not read, by what is counted of them.
_UNREAD = {
    "hidden": "hidden in the workbook and not read, as by a filter that was left on",
    "struck": "struck out in the workbook and not read, as those of sold stones are",
}
#: Words and headers that are told as examples.
TOLD = 5


@dataclass(frozen=True, slots=True)
class Fault:
    """One reason to look before anything is sold: its name, how many rows it is about and which share, and words for it."""

    cause: str
    rows: int
    share: float
    words: str


def is_first(run: Run) -> bool:
    """Whether no run of the feed has completed that received at least half as much as this one has."""
    census = census_of(run.census)
    rows = census.stones if census is not None else _received(run)
    completed = Run.objects.filter(feed=run.feed_id, state=Run.State.COMPLETED).exclude(pk=run.pk)
    return not completed.filter(summary__received__gte=max(1, int(COMPARABLE * rows))).exists()


def faults_of(run: Run) -> list[Fault]:
    """What is wrong with a run that is read and not consolidated."""
    return judge(census_of(run.census), _sampled(run), received=_received(run))


def judge(census: Census | None, counts: Counts, *, received: int) -> list[Fault]:
    """What a first list has beyond the bounds of the settings.

    `counts` are of its offered stones or a sample of them, `received` is how many were. Without a census the shares of
    words are those of the stones that were looked at.
    """
    return [
        *_not_offered(census, received),
        *_outside(census),
        *_unread(census),
        *_words(census, counts),
        *_columns(census, counts),
    ]


def _outside(census: Census | None) -> Iterator[Fault]:
    for text in () if census is None else census.outside:
        rows = census.parts.get(text, 0) if census else 0
        words = f"outside of its rows the list says {text!r}: nobody but a person can tell of which stones that is true"
        if rows:
            words = f"the list says {text!r} above {rows:,} rows, and it is taken to be true of these alone: is it?"
        yield Fault(f"outside:{text}", rows or (census.stones if census else 0), 1.0, words)


def _unread(census: Census | None) -> Iterator[Fault]:
    for cause, what in _UNREAD.items():
        rows = 0 if census is None else census.left_out.get(cause, 0)
        if census is not None and rows:
            yield Fault(cause, rows, rows / census.rows, f"{rows:,} rows are {what}: are they for sale?")


def _not_offered(census: Census | None, received: int) -> Iterator[Fault]:
    if census is None:
        return
    if not census.stones:
        yield Fault("no_stones", census.rows, 1.0, "the list has no stones")
        return
    rows = sum(census.not_offered.values())
    words = _told(census.not_offered)
    if not received:
        yield Fault("nothing_received", census.stones, 1.0, f"0 of {census.stones:,} rows are offered: {words}")
    elif rows > settings.FIRST_DAY_NOT_OFFERED * census.stones and rows >= MIN_SEEN:
        share = rows / census.stones
        yield Fault("not_offered", rows, share, f"{rows:,} of {census.stones:,} rows are not offered: {words}")


def _columns(census: Census | None, counts: Counts) -> Iterator[Fault]:
    if counts.mapped < MIN_SEEN:
        return
    strangers = {} if census is None else {header: rows for header, rows in census.unknown_headers.items() if rows}
    seems = {header: () if census is None else census.likely.get(header, ()) for header in strangers}
    is_short = counts.mapped < MIN_STONES and not strangers
    told: set[str] = set()
    for column in REQUIRED:
        share = counts.unknown_share(column)
        if share > settings.FIRST_DAY_UNKNOWN_COLUMN and not is_short:
            likely = {header: rows for header, rows in strangers.items() if column in seems[header]}
            # One word may be of several fields; what a required one may be is no other.
            told |= likely.keys()
            words = f"{column} is unknown on {share:.0%} of stones"
            if likely:
                words += f"; it may be in {_told(likely)}"
            elif strangers:
                words += f"; columns that nobody knows: {_told(strangers)}"
            yield Fault(f"column:{column}", counts.unknown[column], share, words)
    for header, rows in strangers.items():
        if header not in told and (telling := [field for field in seems[header] if field in _TELLING]):
            told.add(header)
            words = f"{header!r} ({rows:,}), which nobody knows, may say {_TELLING[telling[0]]}"
            yield Fault(f"header:{header}", rows, rows / max(1, counts.mapped), words)
    missed = [column for column in USUAL if counts.unknown_share(column) >= MISSED]
    for header, rows in strangers.items():
        # A list may well be without a usual column, but not while one that nobody knows seems to hold it.
        columns = [column for column in missed if _FIELDS.get(column, column) in seems[header]]
        if columns and header not in told:
            words = f"{header!r} ({rows:,}), which nobody knows, may be {' or '.join(columns)}, unknown on nearly all stones"
            unknown = min(counts.unknown[column] for column in columns)
            yield Fault(f"header:{header}", unknown, unknown / counts.mapped, words)


def _words(census: Census | None, counts: Counts) -> Iterator[Fault]:
    if census is not None:
        strange, of = census.unknown_words, census.rows
    else:
        strange, of = {field: dict(words) for field, words in counts.strange_values.items()}, counts.looked_at
    for field, words in strange.items():
        rows = sum(words.values())
        if rows >= min(MIN_STRANGE, MOST * of) and rows > settings.FIRST_DAY_UNKNOWN_WORDS * of:
            yield Fault(
                f"words:{field}",
                rows,
                rows / of,
                f"{field} has words that nobody knows on {rows:,} rows: {_told(words)}",
            )


def _told(words: dict[str, int]) -> str:
    shown = [f"{word!r} ({rows:,})" for word, rows in sorted(words.items(), key=lambda pair: -pair[1])[:TOLD]]
    more = len(words) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def _received(run: Run) -> int:
    """Items that the run's ranges were shown, each time one was."""
    pages = Page.objects.filter(run_id=run.pk, partition__kind=Partition.Kind.RANGE)
    received: int = pages.aggregate(received=Coalesce(Sum("received"), 0))["received"]
    return received


def _sampled(run: Run) -> Counts:
    """The counts of drift over some of the run's payloads, mapped for this alone."""
    adapter = mapping_adapter_of(run.feed)
    with psycopg_cursor(binary=True) as cursor:
        cursor.execute(
            """
            /* Ids are hashes, so the stones with the lowest ones are a sample; index rawdiamond (run_id, diamond_id). */
            SELECT convert_to(payload::text, 'UTF8')
            FROM ingest_rawdiamond
            WHERE run_id = %s
            ORDER BY diamond_id
            LIMIT %s
            """,
            [run.pk, SAMPLE_STONES],
        )
        payloads = [payload for (payload,) in cursor.fetchall()]
    mapped = []
    for payload in payloads:
        try:
            mapped.append(facts_of(adapter, payload))
        except MappingError:
            # It becomes a dead letter, and those have a brake of their own.
            continue
    counts = Counts()
    counts.add(drift.count(adapter, drift.unknown_of(mapped), payloads))
    return counts

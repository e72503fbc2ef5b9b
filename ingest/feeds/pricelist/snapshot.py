"""Snapshots: a price list as it was when a run was planned, in an indexed file: how one is made, and what it answers.

A snapshot never changes. Which of a list there are, and what they are called: `spool`.
"""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import msgspec
import structlog

from ingest.errors import MappingError
from ingest.feeds.adapter import StoneQuery
from ingest.feeds.census import Census
from ingest.feeds.pricelist import availability, dimensions, mapping, one_stone, reading, single
from ingest.feeds.pricelist.beside import Beside, alone
from ingest.feeds.pricelist.columns import RESERVED
from ingest.feeds.pricelist.errors import ListRefused
from ingest.feeds.pricelist.headers import PRICES
from ingest.feeds.pricelist.mapping import Mapper
from ingest.feeds.pricelist.outside import by_kind, said_of, speaks
from ingest.feeds.pricelist.parameters import Parameters
from ingest.feeds.pricelist.proven import Proven
from ingest.feeds.pricelist.proving.proof import prove
from ingest.feeds.pricelist.single import Sums
from ingest.feeds.pricelist.tables import Tables
from ingest.feeds.pricelist.tally import Tally
from ingest.feeds.verdicts import SupplierAsks, Verdict

log = structlog.get_logger(__name__)

#: Part of every name: a change of the table or of what is written into it makes new snapshots.
FORMAT = b"7"
#: Beyond this, prices and weights are all the same to a planner (and fit the table).
_MAX_PRICE = 10**12

_DIGIT = re.compile(r"\d")

_TABLE = """
CREATE TABLE stones (
    ordinal INTEGER PRIMARY KEY,
    -- Stock number; NULL where the row has none of its own.
    stone TEXT,
    -- Whole dollars per carat and hundredths of a carat, rounded down; 0 where unknown.
    dollars INTEGER NOT NULL,
    hundredths INTEGER NOT NULL,
    available INTEGER NOT NULL,
    -- The list's own word for a stone that is not offered; NULL for one that is.
    word TEXT,
    -- Order within a price.
    place INTEGER NOT NULL,
    -- What rows of one certificate have in common; NULL where none is named.
    certificate INTEGER,
    payload BLOB NOT NULL
)
"""
_VERDICT = "CREATE TABLE verdict (written BLOB NOT NULL)"
_BY_STONE = "CREATE INDEX by_stone ON stones (stone) WHERE stone IS NOT NULL"
_CENSUS = "CREATE TABLE census (written BLOB NOT NULL)"
_INDEX = "CREATE INDEX by_price ON stones (dollars, place, ordinal, hundredths, available, stone)"
_INSERT = "INSERT INTO stones VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_WHERE = """
    dollars >= :price_from AND (:price_to IS NULL OR dollars <= :price_to)
    AND (:carats_from IS NULL OR hundredths >= :carats_from) AND (:carats_to IS NULL OR hundredths <= :carats_to)
    AND (available OR NOT :available_only)
"""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One list as it was. `modified` is when the supplier last changed it, as far as is known here."""

    path: Path
    mark: int
    modified: datetime | None = None

    def count(self, queries: Sequence[StoneQuery]) -> list[int]:
        """The number of rows in each slice."""
        with self._opened() as database:
            statement = f"SELECT count(*) FROM stones WHERE {_WHERE}"
            return [int(database.execute(statement, _parameters(query)).fetchone()[0]) for query in queries]

    def page(self, query: StoneQuery, offset: int, limit: int) -> list[bytes]:
        """Up to `limit` rows of a slice, by price and then as the list has them.

        A page ends with a row that says which stone it is, so that the next page can find its footing on it.
        """
        with self._opened() as database:
            rows = database.execute(
                f"""
                SELECT payload, stone IS NOT NULL FROM stones WHERE {_WHERE}
                ORDER BY dollars, place, ordinal LIMIT :limit OFFSET :offset
                """,
                {**_parameters(query), "limit": limit, "offset": offset},
            ).fetchall()
        named = max((number for number, row in enumerate(rows, 1) if row[1]), default=0)
        kept = rows[:named] if len(rows) == limit and named > 1 else rows
        return [row[0] for row in kept]

    def lookup(self, stock_numbers: Iterable[str]) -> list[bytes]:
        """The rows with these stock numbers."""
        wanted = msgspec.json.encode(list(stock_numbers)).decode()
        with self._opened() as database:
            statement = "SELECT payload FROM stones WHERE stone IN (SELECT value FROM json_each(?)) ORDER BY ordinal"
            return [row[0] for row in database.execute(statement, [wanted])]

    def verdict(self) -> Verdict:
        """What the columns of money were found to hold."""
        with self._opened() as database:
            return msgspec.json.decode(database.execute("SELECT written FROM verdict").fetchone()[0], type=Verdict)

    def census(self) -> Census:
        """All rows of the list, counted; those left out are "sums" (totals, averages, repeated headers), "footers",
        "hidden" and "struck" (rows that a workbook does not show, or strikes out), and "repeated" (rows of a stone that a
        later row describes)."""
        with self._opened() as database:
            return msgspec.json.decode(database.execute("SELECT written FROM census").fetchone()[0], type=Census)

    def payloads(self, most: int | None = None, *, offered: bool = False) -> Iterator[bytes]:
        """The rows of stones as runs are shown them, or the offered ones, all or so many evenly over the list."""
        where = "available" if offered else "TRUE"
        with self._opened() as database:
            (rows,) = database.execute(f"SELECT count(*) FROM stones WHERE {where}").fetchone()
            step = 1 if most is None else max(1, -(-rows // most))
            statement = f"""
                SELECT payload FROM (
                    SELECT payload, row_number() OVER (ORDER BY ordinal) - 1 AS number FROM stones WHERE {where}
                ) WHERE number % ? = 0
            """
            for (payload,) in database.execute(statement, [step]):
                yield payload

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        try:
            # A connection of its own for every question: threads share nothing, and the file is in the host's memory.
            with closing(sqlite3.connect(f"{self.path.as_uri()}?mode=ro&immutable=1", uri=True)) as database:
                yield database
        except sqlite3.Error as error:
            raise ListRefused(f"the snapshot {self.path.name} cannot be read: {error}; delete it") from error


def make(copy: Path, into: Path, parameters: Parameters, mapper: Mapper, *, most_bytes: int) -> None:
    """Make a snapshot of a list.

    Raises `ListRefused` if it cannot be read or names no stone, `SupplierAsks` if nothing proves what its prices are.
    """
    layout = reading.examine(copy, parameters, most_bytes=most_bytes)
    verdict, proven = prove(layout.headers, (row.cells for row in reading.rows(copy, layout)), parameters, mapper)
    if verdict.question is not None:
        raise SupplierAsks(verdict)
    with closing(sqlite3.connect(into)) as database:
        # The file is thrown away if this breaks off.
        database.execute("PRAGMA journal_mode = OFF")
        database.execute("PRAGMA synchronous = OFF")
        database.execute(_TABLE)
        database.execute(_VERDICT)
        database.execute(_CENSUS)
        tally = Tally(layout.headers, mapper, parameters, proven.written() if proven else "")
        tally.outside += layout.above
        tally.left_out.update(layout.left_out)
        refused: Counter[str] = Counter()
        database.execute(one_stone.HALVES)
        database.execute(one_stone.BELONGING)
        beside = Beside(layout, tally.columns, parameters)
        rows = reading.rows(copy, layout)
        database.executemany(_INSERT, _stones(database, rows, mapper, proven, tally, beside, refused))
        tally.parts, tally.taken = beside.held, beside.taken
        database.execute(_BY_STONE)
        tally.left_out["repeated"] = one_stone.settle_shared_numbers(database, mapper)
        one_stone.mark_belonging(database)
        one_stone.mark_other_halves(database, mapper)
        one_stone.mark_shared_certificates(database, mapper)
        named, nameless = database.execute("SELECT count(stone), count(*) - count(stone) FROM stones").fetchone()
        if nameless > named:
            column = mapper.cells_of(dict.fromkeys(layout.headers, "")).header("stock_number")
            raise ListRefused(_nameless(nameless, named + nameless, column, refused))
        if nameless:
            _spread_nameless(database, nameless)
        outside = [text for text in tally.outside if text.strip() not in beside.held]
        said = {"outside": by_kind(outside), "said": said_of(outside), "notes": verdict.notes + beside.told()}
        verdict = msgspec.structs.replace(verdict, **said)
        database.execute("INSERT INTO verdict VALUES (?)", [msgspec.json.encode(verdict)])
        database.execute("INSERT INTO census VALUES (?)", [msgspec.json.encode(_census(database, tally))])
        database.execute(_INDEX)
        database.execute("ANALYZE")
        database.commit()
    log.info(
        "price_list_read",
        rows=named + nameless,
        nameless=nameless,
        left_out=dict(tally.left_out),
        headers=len(layout.headers),
    )


def _nameless(nameless: int, rows: int, column: str, refused: Counter[str]) -> str:
    """Why a list of which most rows do not say which stone they are is not read."""
    reason, number = refused.most_common(1)[0] if refused else ("", 0)
    if number * 2 > nameless and reason != "is missing":
        return f"{nameless:,} of {rows:,} rows of the price list name no stone of their own; {column}: {reason}"
    if number * 2 > nameless:
        return f"{nameless:,} of {rows:,} rows of the price list have no {column!r}"
    return f"{nameless:,} of {rows:,} rows of the price list have in {column!r} a number of several stones, or none"


def _stones(
    database: sqlite3.Connection,
    rows: Iterator[reading.Row],
    mapper: Mapper,
    proven: Proven,
    tally: Tally,
    beside: Beside,
    refused: Counter[str],
) -> Iterator[tuple[object, ...]]:
    carried = proven.written() if proven else ""
    sums, tables = Sums(), Tables()
    for ordinal, row in enumerate(rows):
        if carried:
            row.cells[reading.PROVEN] = carried
        cells = mapper.cells_of(row.cells)
        carats = dimensions.carats_of(cells)
        beside.reach(row)
        is_header = carats is None and not _DIGIT.search(cells["stock_number"]) and tables.is_header(row)
        if is_header:
            sums.restart()
        if is_header or tables.is_sum(row) or sums.is_sum(cells, carats):
            tally.left_out["sums"] += 1
            tally.outside += _texts(row)
            beside.interrupt()
            continue
        text = "" if carats else alone(_texts(row))
        if text and (beside.heading(text) or speaks(text) or single.is_title(text)):
            # The heading of a part of the list, or the title of a page.
            tally.left_out["footers"] += 1
            tally.outside.append(text)
            continue
        tables.mark(row)
        stone: str | None
        try:
            stone = mapping.stock_number(cells)
        except MappingError as error:
            if not any(cells[field] for field in ("carats", *PRICES)):
                # It says neither which stone, nor how heavy, nor what it costs.
                tally.left_out["footers"] += 1
                tally.outside += _texts(row)
                continue
            stone = None
            refused[error.reason] += 1
            if not carats:
                # Units below the header, for example.
                tally.outside += _texts(row)
        text = beside.mark(row)
        tally.add(cells)
        if stone is not None and (other := single.other_half(cells)):
            database.execute("INSERT OR IGNORE INTO halves VALUES (?, ?)", [other, stone])
        remark, named = single.named_beside(cells)
        if named:
            database.executemany(
                "INSERT INTO belonging VALUES (?, ?, ?)", [(number, ordinal, remark) for number in named]
            )
        available = availability.is_available(cells)
        word = None if available else text or cells["availability"]
        payload = msgspec.json.encode(row.cells)
        dollars = min(_MAX_PRICE, mapper.costs.dollars_per_carat(cells, carats))
        place, certificate = 2 * ordinal + 1, one_stone.hash_of_certificate(cells)
        yield ordinal, stone, dollars, _hundredths(carats), available, word, place, certificate, payload


def _texts(row: reading.Row) -> list[str]:
    """The filled cells of a row."""
    return [
        cell for header, cell in row.cells.items() if header not in RESERVED and isinstance(cell, str) and cell.strip()
    ]


def _census(database: sqlite3.Connection, tally: Tally) -> Census:
    """The census of a list whose rows are all written."""
    offered, nameless = database.execute(
        "SELECT count(*), count(*) - count(stone) FROM stones WHERE available"
    ).fetchone()
    not_offered = Counter(
        dict(
            database.execute(
                "SELECT coalesce(word, ''), count(*) FROM stones WHERE NOT available GROUP BY 1"
            ).fetchall()
        )
    )
    return tally.census(offered=offered, nameless=nameless, not_offered=not_offered)


def _hundredths(carats: Decimal | None) -> int:
    return min(_MAX_PRICE, int(carats * 100)) if carats else 0


def _spread_nameless(database: sqlite3.Connection, nameless: int) -> None:
    """Put rows that do not say which stone they are before rows that do, evenly over the list: the offered ones, if they are
    enough, since a full run is shown no others.

    They are shown, because each of them must become a dead letter, and a walk could not find its footing among many.
    """
    (offered,) = database.execute("SELECT count(*) FROM stones WHERE stone IS NOT NULL AND available").fetchone()
    among = "stone IS NOT NULL AND available" if offered >= nameless else "stone IS NOT NULL"
    (named,) = database.execute(f"SELECT count(*) FROM stones WHERE {among}").fetchone()
    hosts = database.execute(
        f"SELECT ordinal, dollars, hundredths, available, word FROM stones WHERE {among} ORDER BY ordinal"
    )
    rows = database.execute("SELECT ordinal FROM stones WHERE stone IS NULL ORDER BY ordinal").fetchall()
    moved = []
    place = -1
    host: tuple[int, int, int, int, str | None] = (0, 0, 0, 0, None)
    for number, (ordinal,) in enumerate(rows):
        wanted = number * named // nameless
        while place < wanted:
            host = hosts.fetchone()
            place += 1
        moved.append((*host[1:], 2 * host[0], ordinal))
    hosts.close()
    database.executemany(
        "UPDATE stones SET dollars = ?, hundredths = ?, available = ?, word = ?, place = ? WHERE ordinal = ?", moved
    )


def _parameters(query: StoneQuery) -> dict[str, int | None]:
    return {
        "price_from": query.price_from,
        "price_to": query.price_to,
        # Rows are rounded down, so both ends are, too.
        "carats_from": None if query.carats_from is None else int(query.carats_from * 100),
        "carats_to": None if query.carats_to is None else int(query.carats_to * 100),
        "available_only": query.available_only,
    }

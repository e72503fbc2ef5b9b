"""Snapshots: a price list as it was when a run was planned, in an indexed file that all processes of the host share.

A snapshot is named by the hash of the list's bytes and of the parameters that decide how these are read, so it never
changes and is made once. Its `mark`, six digits of that hash, is what a run knows it by (see `adapter`).
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import structlog

from ingest.errors import MappingError
from ingest.feeds.adapter import StoneQuery
from ingest.feeds.pricelist import mapping, reading, source
from ingest.feeds.pricelist.errors import ListRefused, SnapshotGone
from ingest.feeds.pricelist.mapping import Cells, Mapper
from ingest.feeds.pricelist.parameters import Parameters

log = structlog.get_logger(__name__)

#: Part of every name: a change of the table or of what is written into it makes new snapshots.
FORMAT = b"1"
#: Snapshots of one list that are kept, those used last: a run may still need the one before.
KEPT = 3
MARKS = 1_000_000
#: Beyond this, prices and weights are all the same to a planner (and fit the table).
_MAX_PRICE = 10**12

_TABLE = """
CREATE TABLE stones (
    ordinal INTEGER PRIMARY KEY,
    -- Stock number; NULL where the row has none.
    stone TEXT UNIQUE,
    -- Whole dollars per carat and hundredths of a carat, rounded down; 0 where unknown.
    dollars INTEGER NOT NULL,
    hundredths INTEGER NOT NULL,
    available INTEGER NOT NULL,
    -- Order within a price.
    place INTEGER NOT NULL,
    payload BLOB NOT NULL
)
"""
_INDEX = "CREATE INDEX by_price ON stones (dollars, place, ordinal, hundredths, available, stone)"
#: The last row of a stock number wins.
_INSERT = "INSERT OR REPLACE INTO stones VALUES (?, ?, ?, ?, ?, ?, ?)"
_WHERE = """
    dollars >= :price_from AND (:price_to IS NULL OR dollars <= :price_to)
    AND (:carats_from IS NULL OR hundredths >= :carats_from) AND (:carats_to IS NULL OR hundredths <= :carats_to)
    AND (available OR NOT :available_only)
"""


class _Newest(msgspec.Struct):
    """A note beside the snapshots of a list: which is the newest, and how to ask whether it still is."""

    name: str
    modified: datetime
    etag: str = ""


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

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        try:
            # A connection of its own for every question: threads share nothing, and the file is in the host's memory.
            with closing(sqlite3.connect(f"{self.path.as_uri()}?mode=ro&immutable=1", uri=True)) as database:
                yield database
        except sqlite3.Error as error:
            raise ListRefused(f"the snapshot {self.path.name} cannot be read: {error}; delete it") from error


class Spool:
    """The snapshots of one list in a folder that all processes of the host share."""

    def __init__(
        self, folder: Path, parameters: Parameters, limits: source.Limits, *, secrets: Mapping[str, str] | None = None
    ) -> None:
        self._folder = folder
        self._parameters = parameters
        self._limits = limits
        self._secrets = secrets or {}
        self._mapper = Mapper(parameters)
        self._list = blake2b(
            b"\0".join([FORMAT, parameters.source.encode(), parameters.reading]), digest_size=6
        ).hexdigest()

    def newest(self) -> Snapshot:
        """The list as it is now: fetched, and made a snapshot of unless there is one. Raises `SupplierError`s."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with self._alone(), TemporaryDirectory(dir=self._folder, prefix="making-") as making:
            known = self._known()
            copy = Path(making) / "list"
            address = source.filled(self._parameters.source, self._secrets)
            fetched = source.fetch(address, copy, self._limits, etag=known.etag if known else "")
            if fetched is None and known is not None:
                return self._used(known.name, known.modified)
            assert fetched is not None
            name = self._name(fetched.digest)
            modified = min(fetched.modified, datetime.now(UTC))
            if not (self._folder / name).exists():
                made = Path(making) / "snapshot"
                make(copy, made, self._parameters, self._mapper, most_bytes=self._limits.most_bytes)
                made.replace(self._folder / name)
            known = _Newest(name, modified, fetched.etag)
            note = Path(making) / "newest"
            note.write_bytes(msgspec.json.encode(known))
            note.replace(self._note)
            snapshot = self._used(name, modified)
            self._forget_old()
            return snapshot

    def marked(self, mark: int) -> Snapshot:
        """The snapshot with this mark; the list as it is now if that has it. Raises `SnapshotGone` if neither is so."""
        for path in self._kept():
            if _mark(path.name) == mark:
                return self._used(path.name)
        # Planned on another host, or long ago.
        snapshot = self.newest()
        if snapshot.mark != mark:
            raise SnapshotGone
        return snapshot

    def any(self) -> Snapshot:
        """The newest snapshot that this host has, else the list as it is now."""
        known = self._known()
        return self._used(known.name, known.modified) if known else self.newest()

    @property
    def _note(self) -> Path:
        return self._folder / f"{self._list}.json"

    def _name(self, digest: bytes) -> str:
        named = blake2b(digest + self._list.encode(), digest_size=12)
        return f"{self._list}-{int.from_bytes(named.digest()[:8]) % MARKS:06d}-{named.hexdigest()}.sqlite"

    def _known(self) -> _Newest | None:
        try:
            known = msgspec.json.decode(self._note.read_bytes(), type=_Newest)
        except (FileNotFoundError, msgspec.DecodeError):
            return None
        return known if (self._folder / known.name).exists() else None

    def _used(self, name: str, modified: datetime | None = None) -> Snapshot:
        path = (self._folder / name).absolute()
        with suppress(FileNotFoundError):
            os.utime(path)
        return Snapshot(path, _mark(name), modified)

    def _kept(self) -> list[Path]:
        """Snapshots, the one used last first."""
        used = []
        for path in self._folder.glob(f"{self._list}-*.sqlite"):
            with suppress(FileNotFoundError):
                used.append((path.stat().st_mtime_ns, path))
        return [path for _, path in sorted(used, reverse=True)]

    def _forget_old(self) -> None:
        for path in self._kept()[KEPT:]:
            # Whoever reads it still can: only the name goes.
            path.unlink(missing_ok=True)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One process at a time fetches and makes: the others find what it made."""
        with (self._folder / f"{self._list}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def make(copy: Path, into: Path, parameters: Parameters, mapper: Mapper, *, most_bytes: int) -> None:
    """Make a snapshot of a list. Raises `ListRefused` if it cannot be read or names no stone."""
    layout = reading.examine(copy, parameters, most_bytes=most_bytes)
    with closing(sqlite3.connect(into)) as database:
        # The file is thrown away if this breaks off.
        database.execute("PRAGMA journal_mode = OFF")
        database.execute("PRAGMA synchronous = OFF")
        database.execute(_TABLE)
        database.executemany(_INSERT, _stones(reading.rows(copy, layout), mapper))
        named, nameless = database.execute("SELECT count(stone), count(*) - count(stone) FROM stones").fetchone()
        if nameless > named:
            column = mapper.cells_of(dict.fromkeys(layout.headers, "")).header("stock_number")
            raise ListRefused(f"{nameless:,} of {named + nameless:,} rows of the price list have no {column!r}")
        if nameless:
            _spread_nameless(database, named, nameless)
        database.execute(_INDEX)
        database.execute("ANALYZE")
        database.commit()
    log.info("price_list_read", rows=named + nameless, nameless=nameless, headers=len(layout.headers))


def _stones(rows: Iterator[reading.Row], mapper: Mapper) -> Iterator[tuple[object, ...]]:
    for ordinal, row in enumerate(rows):
        cells = mapper.cells_of(row.cells)
        stone: str | None
        try:
            stone = mapping.stock_number(cells)
        except MappingError:
            if not any(cells[field] for field in ("carats", "total_price", "price_per_carat", "price")):
                # A footer: it says neither which stone, nor how heavy, nor what it costs.
                continue
            stone = None
        carats = mapping.carats_of(cells)
        available = mapping.is_available(cells)
        payload = msgspec.json.encode(row.cells)
        yield ordinal, stone, _dollars(mapper, cells, carats), _hundredths(carats), available, 2 * ordinal + 1, payload


def _dollars(mapper: Mapper, cells: Cells, carats: Decimal | None) -> int:
    try:
        per_carat = mapper.price(cells, carats).per_carat
    except MappingError:
        return 0
    return min(_MAX_PRICE, (per_carat or 0) // 100)


def _hundredths(carats: Decimal | None) -> int:
    return min(_MAX_PRICE, int(carats * 100)) if carats else 0


def _spread_nameless(database: sqlite3.Connection, named: int, nameless: int) -> None:
    """Put rows that do not say which stone they are before rows that do, evenly over the list.

    They are shown, because each of them must become a dead letter, and a walk could not find its footing among many.
    """
    hosts = database.execute(
        "SELECT ordinal, dollars, hundredths, available FROM stones WHERE stone IS NOT NULL ORDER BY ordinal"
    )
    rows = database.execute("SELECT ordinal FROM stones WHERE stone IS NULL ORDER BY ordinal").fetchall()
    moved = []
    place = -1
    host: tuple[int, int, int, int] = (0, 0, 0, 0)
    for number, (ordinal,) in enumerate(rows):
        wanted = number * named // nameless
        while place < wanted:
            host = hosts.fetchone()
            place += 1
        moved.append((*host[1:], 2 * host[0], ordinal))
    hosts.close()
    database.executemany(
        "UPDATE stones SET dollars = ?, hundredths = ?, available = ?, place = ? WHERE ordinal = ?", moved
    )


def _mark(name: str) -> int:
    return int(name.split("-")[1])


def _parameters(query: StoneQuery) -> dict[str, int | None]:
    return {
        "price_from": query.price_from,
        "price_to": query.price_to,
        # Rows are rounded down, so both ends are, too.
        "carats_from": None if query.carats_from is None else int(query.carats_from * 100),
        "carats_to": None if query.carats_to is None else int(query.carats_to * 100),
        "available_only": query.available_only,
    }

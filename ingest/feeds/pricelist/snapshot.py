"""Snapshots: a price list as it was when a run was planned, in an indexed file that all processes of the host share.

A snapshot is named by the hash of the list's bytes and of the parameters that decide how these are read, so it never
changes and is made once. Its `mark`, six digits of that hash, is what a run knows it by (see `adapter`).
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import structlog

from ingest.errors import MappingError
from ingest.feeds.adapter import StoneQuery
from ingest.feeds.census import Census
from ingest.feeds.pricelist import mapping, reading, single, source
from ingest.feeds.pricelist.columns import RESERVED, Cells
from ingest.feeds.pricelist.errors import ListRefused, SnapshotGone
from ingest.feeds.pricelist.headers import PRICES
from ingest.feeds.pricelist.mapping import Mapper
from ingest.feeds.pricelist.outside import by_kind, said_of, speaks
from ingest.feeds.pricelist.parameters import Parameters
from ingest.feeds.pricelist.proof import prove
from ingest.feeds.pricelist.proven import Proven
from ingest.feeds.pricelist.single import Sums
from ingest.feeds.pricelist.tally import Tally
from ingest.feeds.verdicts import SupplierAsks, Verdict

log = structlog.get_logger(__name__)

#: Part of every name: a change of the table or of what is written into it makes new snapshots.
FORMAT = b"6"
#: Snapshots of one list that are kept, those used last: a run may still need the one before.
KEPT = 3
MARKS = 1_000_000
#: Beyond this, prices and weights are all the same to a planner (and fit the table).
_MAX_PRICE = 10**12
#: Two weights of one stone may be rounded differently by so many carats.
_ONE_WEIGHT = Decimal("0.011")
#: So many weights and numbers are told of stones that share a stock number.
_TOLD = 6
#: Longest stock number that is told of another stone (characters).
_NAME = 40

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
#: Stock numbers that rows name as the other half of a pair that is not parted, each with the one that names it.
_HALVES = "CREATE TEMPORARY TABLE halves (stone TEXT PRIMARY KEY, named_by TEXT NOT NULL) WITHOUT ROWID"
_CENSUS = "CREATE TABLE census (written BLOB NOT NULL)"
_INDEX = "CREATE INDEX by_price ON stones (dollars, place, ordinal, hundredths, available, stone)"
_INSERT = "INSERT INTO stones VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
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


class Spool:
    """The snapshots of one list in a folder that all processes of the host share."""

    def __init__(
        self,
        folder: Path,
        parameters: Parameters,
        limits: source.Limits,
        *,
        secrets: Mapping[str, str] | None = None,
        band_factor: float = 1.0,
    ) -> None:
        self._folder = folder
        self._parameters = parameters
        self._limits = limits
        self._secrets = secrets or {}
        self._mapper = Mapper(parameters, band_factor=band_factor)
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
            etag = known.etag if known else ""
            fetched = source.fetch(address, copy, self._limits, etag=etag, host_key=self._parameters.host_key)
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

    def look(self, seconds: float) -> reading.Layout:
        """How the list as it is now is read, by its beginning where that tells. Raises `SupplierError`s."""
        self._folder.mkdir(parents=True, exist_ok=True)
        limits = replace(self._limits, seconds=min(seconds, self._limits.seconds))
        address = source.filled(self._parameters.source, self._secrets)
        host_key = self._parameters.host_key
        begun = source.beginning(address, limits, most=reading.SAMPLE_BYTES, host_key=host_key)
        if not reading.needs_all(begun):
            return reading.examine_beginning(begun, self._parameters)
        with TemporaryDirectory(dir=self._folder, prefix="looking-") as looking:
            copy = Path(looking) / "list"
            source.fetch(address, copy, limits, host_key=host_key)
            return reading.examine(copy, self._parameters, most_bytes=limits.most_bytes)

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
        database.execute(_HALVES)
        database.executemany(_INSERT, _stones(database, reading.rows(copy, layout), mapper, proven, tally, refused))
        database.execute(_BY_STONE)
        tally.left_out["repeated"] = _settle_shared_numbers(database, mapper)
        _mark_other_halves(database, mapper)
        _mark_shared_certificates(database, mapper)
        named, nameless = database.execute("SELECT count(stone), count(*) - count(stone) FROM stones").fetchone()
        if nameless > named:
            column = mapper.cells_of(dict.fromkeys(layout.headers, "")).header("stock_number")
            raise ListRefused(_nameless(nameless, named + nameless, column, refused))
        if nameless:
            _spread_nameless(database, nameless)
        said = {"outside": by_kind(tally.outside), "said": said_of(tally.outside)}
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
    refused: Counter[str],
) -> Iterator[tuple[object, ...]]:
    carried = proven.written() if proven else ""
    sums = Sums()
    for ordinal, row in enumerate(rows):
        if carried:
            row.cells[reading.PROVEN] = carried
        cells = mapper.cells_of(row.cells)
        carats = mapping.carats_of(cells)
        if sums.is_sum(cells, carats):
            tally.left_out["sums"] += 1
            tally.outside += _texts(row)
            continue
        if not carats and len(texts := _texts(row)) == 1 and (speaks(texts[0]) or single.is_title(texts[0])):
            # The heading of a part of the list, or the title of a page.
            tally.left_out["footers"] += 1
            tally.outside += texts
            continue
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
        tally.add(cells)
        if stone is not None and (other := single.other_half(cells)):
            database.execute("INSERT OR IGNORE INTO halves VALUES (?, ?)", [other, stone])
        available = mapping.is_available(cells)
        word = None if available else cells["availability"]
        payload = msgspec.json.encode(row.cells)
        dollars = min(_MAX_PRICE, mapper.costs.dollars_per_carat(cells, carats))
        place, certificate = 2 * ordinal + 1, _hash_of_certificate(cells)
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


def _settle_shared_numbers(database: sqlite3.Connection, mapper: Mapper) -> int:
    """Settle rows of one stock number: of one stone the last row counts, different stones all lose the number.

    Returns the number of rows that were left out because a later one describes the same stone.
    """
    repeated = 0
    shared = database.execute(
        "SELECT stone FROM stones WHERE stone IS NOT NULL GROUP BY stone HAVING count(*) > 1"
    ).fetchall()
    for (stone,) in shared:
        ordinals = [
            row[0] for row in database.execute("SELECT ordinal FROM stones WHERE stone = ? ORDER BY 1", [stone])
        ]
        told = _told_apart(database, mapper, stone)
        if told is None:
            database.executemany("DELETE FROM stones WHERE ordinal = ?", [[ordinal] for ordinal in ordinals[:-1]])
            repeated += len(ordinals) - 1
            continue
        for ordinal in ordinals:
            (payload,) = database.execute("SELECT payload FROM stones WHERE ordinal = ?", [ordinal]).fetchone()
            marked = msgspec.json.encode({**msgspec.json.decode(payload), reading.AMBIGUOUS: told})
            database.execute("UPDATE stones SET stone = NULL, payload = ? WHERE ordinal = ?", [marked, ordinal])
    return repeated


def _mark_other_halves(database: sqlite3.Connection, mapper: Mapper) -> None:
    """Mark rows that say nothing of a pair though another row names them as the half that it is not sold without."""
    named = database.execute(
        "SELECT ordinal, named_by FROM halves JOIN stones USING (stone) WHERE named_by <> stone"
    ).fetchall()
    for ordinal, by in named:
        (payload,) = database.execute("SELECT payload FROM stones WHERE ordinal = ?", [ordinal]).fetchone()
        if not single.names_a_pair(mapper.cells(payload)):
            marked = msgspec.json.encode({**msgspec.json.decode(payload), reading.OTHER_HALF: by})
            database.execute("UPDATE stones SET payload = ? WHERE ordinal = ?", [marked, ordinal])


def _hash_of_certificate(cells: Cells) -> int | None:
    """A number that rows of one certificate share, within this process; None for a row that names none."""
    number = cells["certificate_number"]
    # Most numbers are written as they are compared.
    return hash(number) if number.isdigit() else hash(known) if (known := mapping.certificate_of(cells)) else None


def _mark_shared_certificates(database: sqlite3.Connection, mapper: Mapper) -> None:
    """Mark stones of one certificate that cannot be one stone, and those on sale that another row says are gone.

    Of which stone the certificate is, or which row is true, nothing tells.
    """
    shared = database.execute(
        "SELECT certificate FROM stones WHERE certificate IS NOT NULL GROUP BY certificate HAVING count(*) > 1"
    ).fetchall()
    for (certificate,) in shared:
        statement = "SELECT ordinal, payload FROM stones WHERE certificate = ? ORDER BY ordinal"
        rows = [(*row, mapper.cells(row[1])) for row in database.execute(statement, [certificate]).fetchall()]
        for of_report in _by_report(rows):
            told = _other_stones([cells for _, _, cells in of_report])
            marked_rows = of_report if told else []
            if not told and (told := _other_promises([cells for _, _, cells in of_report])):
                marked_rows = [row for row in of_report if mapping.is_available(row[2])]
            for ordinal, payload, _ in marked_rows:
                marked = msgspec.json.encode({**msgspec.json.decode(payload), reading.ONE_CERTIFICATE: told})
                database.execute("UPDATE stones SET payload = ? WHERE ordinal = ?", [marked, ordinal])


def _by_report(rows: Sequence[tuple[int, bytes, Cells]]) -> Iterator[list[tuple[int, bytes, Cells]]]:
    """Rows of one number by the laboratories that name it; who names none is with the only one."""
    reports = [mapping.report_of(cells) for _, _, cells in rows]
    labs = {lab for lab, _ in reports if lab}
    for named in sorted(labs) if len(labs) > 1 else ["".join(labs)]:
        alike = {named} if len(labs) > 1 else {named, "", None}
        yield [row for row, (lab, number) in zip(rows, reports, strict=True) if number and lab in alike]


def _other_stones(rows: Sequence[Cells]) -> str:
    """What tells rows of one certificate apart, by their stock numbers; empty if they may be one stone."""
    weights = [carats for cells in rows if (carats := mapping.carats_of(cells))]
    if not weights or max(weights) - min(weights) <= _ONE_WEIGHT:
        return ""
    named = [f"{cells['stock_number'][:_NAME]!r} of {mapping.carats_of(cells) or 'unknown'} carats" for cells in rows]
    return " and ".join(named[:_TOLD]) + (f" and {len(named) - _TOLD:,} more" if len(named) > _TOLD else "")


def _other_promises(rows: Sequence[Cells]) -> str:
    """What rows of one certificate promise, by their stock numbers; empty if none is on sale, or all are."""
    promises = [mapping.availability_of(cells).lower().replace("_", " ") for cells in rows]
    if len(set(promises)) < 2 or not any(map(mapping.is_available, rows)):
        return ""
    named = [f"{cells['stock_number'][:_NAME]!r} is {said}" for cells, said in zip(rows, promises, strict=True)]
    return " and ".join(named[:_TOLD]) + (f" and {len(named) - _TOLD:,} more" if len(named) > _TOLD else "")


def _told_apart(database: sqlite3.Connection, mapper: Mapper, stone: str) -> str | None:
    """What tells the rows of one stock number apart: weights, certificates or what they promise; None if they may be one."""
    weights: dict[Decimal, None] = {}
    certificates: dict[str, None] = {}
    promises: set[str] = set()
    for (payload,) in database.execute("SELECT payload FROM stones WHERE stone = ? ORDER BY ordinal", [stone]):
        cells = mapper.cells(payload)
        if (carats := mapping.carats_of(cells)) and not any(abs(carats - known) <= _ONE_WEIGHT for known in weights):
            weights[carats] = None
        if number := mapping.certificate_of(cells):
            certificates[number] = None
        promises.add(mapping.availability_of(cells).lower().replace("_", " "))
        if len(weights) + len(certificates) >= _TOLD:
            break
    if len(weights) > 1:
        return " and ".join(f"{carats} carats" for carats in weights)
    if len(certificates) > 1:
        return "certificates " + " and ".join(certificates)
    return " and ".join(sorted(promises)) if len(promises) > 1 else None


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

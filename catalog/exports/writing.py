"""Writing stones to a file: one COPY from one snapshot, packed and digested on its way, in bounded memory."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from django.db import connection, transaction
from psycopg import sql

from catalog.currencies.converting import Exchange
from catalog.exports import texts
from catalog.models import DatasetVersion
from catalog.searching import sql as searching
from catalog.searching.conditions import Asked
from diamondhub.database import psycopg_cursor

#: Rows are packed and written in pieces of about so many bytes.
PIECE = 262_144
#: The level of gzip: the lowest packs stones to a seventh, and higher ones take several times as long for a tenth more.
GZIP_LEVEL = 1
#: Makes zlib write gzip's head and end.
_GZIP = 31
_CANCEL_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Choice:
    """What is to be written: which stones, and what of each, in which form."""

    asked: Asked
    names: Sequence[str]
    exchange: Exchange
    format: str
    gzip: bool
    max_rows: int | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """A file that was written: stones, bytes, and the SHA-256 of these in hexadecimal."""

    rows: int
    bytes: int
    sha256: str


class Snapshot:
    """One state of the database, read by this thread's connection of Django."""

    def __init__(self, cursor: psycopg.Cursor[Any]) -> None:
        self._cursor = cursor
        self.version = DatasetVersion.current()

    def count(self, choice: Choice) -> int:
        """How many stones `write` writes."""
        self._cursor.execute(texts.count_statement(where_of(choice.asked), max_rows=choice.max_rows))
        (rows,) = self._cursor.fetchone() or (0,)
        return int(rows)

    def write(self, choice: Choice, path: Path, tell: Callable[[int], None]) -> Written:
        """Write the stones to a new file; `tell` is told now and then how many are written. Raises `OSError`."""
        with open(path, "xb") as file:
            packer = _Packer(file.write, gzip=choice.gzip)
            rows = 0
            for rows_of_piece, piece in _pieces(self._cursor, statement_of(choice)):
                packer.take(piece)
                rows += rows_of_piece
                tell(rows)
            packer.end()
        # What PostgreSQL says that it has copied; the head of a CSV is no row.
        return Written(self._cursor.rowcount, packer.bytes, packer.sha256)

    def cancel(self) -> None:
        """Stop what the snapshot is asked for, from another thread."""
        raw = self._cursor.connection
        with suppress(psycopg.Error):
            raw.cancel_safe(timeout=_CANCEL_SECONDS)


@contextmanager
def snapshot(*, seconds: float) -> Iterator[Snapshot]:
    """A snapshot, each statement of which may take so long. If anything fails its connection is used for nothing else."""
    try:
        with transaction.atomic(durable=True), psycopg_cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(int(seconds * 1000))])
            yield Snapshot(cursor)
    except BaseException:
        _discard_connection()
        raise


def statement_of(choice: Choice) -> sql.Composed:
    """The COPY of what is chosen."""
    return texts.copy_statement(
        choice.names,
        exchange=choice.exchange,
        format=choice.format,
        where=where_of(choice.asked),
        max_rows=choice.max_rows,
    )


def where_of(asked: Asked) -> sql.Composable:
    """The condition of a search as SQL with its values in it: COPY takes no parameters."""
    expression, values = searching.where(asked)
    connection.ensure_connection()
    return sql.SQL(psycopg.ClientCursor(connection.connection).mogrify(expression, values))


def _pieces(cursor: psycopg.Cursor[Any], statement: sql.Composed) -> Iterator[tuple[int, bytes]]:
    """What is copied, in pieces of about `PIECE` bytes, each with its number of rows.

    A COPY that is not read to its end is cancelled by psycopg.
    """
    with cursor.copy(statement) as copy:
        rows: list[Any] = []
        size = 0
        for row in copy:
            rows.append(row)
            size += len(row)
            if size >= PIECE:
                yield len(rows), b"".join(rows)
                rows, size = [], 0
        yield len(rows), b"".join(rows)


class _Packer:
    """Packs what it is given, if it is to be packed, digests what comes out, and hands that on."""

    def __init__(self, write: Callable[[bytes], Any], *, gzip: bool) -> None:
        self._write = write
        self._gzip = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, _GZIP) if gzip else None
        self._digest = hashlib.sha256()
        self.bytes = 0

    def take(self, piece: bytes) -> None:
        self._hand_on(self._gzip.compress(piece) if self._gzip else piece)

    def end(self) -> None:
        if self._gzip:
            self._hand_on(self._gzip.flush())

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    def _hand_on(self, piece: bytes) -> None:
        self._digest.update(piece)
        self.bytes += len(piece)
        self._write(piece)


def _discard_connection() -> None:
    raw = connection.connection
    if raw is not None:
        # A pool takes no closed connection back.
        with suppress(psycopg.Error):
            raw.close()
    connection.close()

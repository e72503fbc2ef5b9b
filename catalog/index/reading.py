"""Stones read from PostgreSQL as the index's arrays: all of them, or some by their ids.

One COPY in the binary format brings them. No field of it is NULL, so every row has the same width, and a block of rows is an
array of records as it comes. Texts come as hashes, seeded anew by every reading; the text behind each new hash is then asked
for by the id of one stone that has it, in the same transaction.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import numpy as np
import psycopg
from django.db import models
from numpy.typing import NDArray
from psycopg import pq, sql

from catalog.index.attributes import Certificate, Digest, Form, Moment, Presence, Scaled, Truth, Whole, Word, forms
from catalog.index.patching import widened
from catalog.index.snapshot import Stones, missing, narrowed
from catalog.models import Diamond

#: Rows that are parsed at once: some 10 MB as they come.
BLOCK_ROWS = 32_768
#: Rows of a block that are taken apart at once: some 600 kB.
ROWS_AT_HAND = 1_024
#: The signature, flags and an empty extension that the format begins with.
_HEAD_BYTES = 19
#: The microseconds from 1970 to 2000, which PostgreSQL counts from.
_MILLENNIUM = 946_684_800_000_000
#: The number of fields that stands for the end of the rows.
_END = b"\xff\xff"

Array = NDArray[Any]


@dataclass(frozen=True)
class _Sent:
    """How a column comes: the expression, its bytes as a type of numpy, and the type that it is kept in."""

    expression: sql.Composable
    wire: str
    kept: Any

    @property
    def is_pair(self) -> bool:
        """Whether it comes as two numbers, of which the first is kept."""
        return self.wire.startswith("(2,)")


def read(connection: psycopg.Connection[Any], ids: Sequence[UUID] | None = None) -> Stones:
    """All stones, or those of `ids` that there are, in the order of their price; every id is to be named once.

    To be called in a transaction that keeps its snapshot (`REPEATABLE READ`): it takes two statements. Raises what psycopg
    raises.
    """
    seed = secrets.randbits(62)
    columns = {name: _sent(name, form, seed) for name, form in forms().items()}
    reading = _Reading(columns, {name: _Dictionary() for name, form in forms().items() if isinstance(form, Word)})
    for block in _blocks(connection, _statement(columns, ids), _record(columns)):
        reading.add(block)
    return reading.stones(connection)


def _sent(name: str, form: Form, seed: int) -> _Sent:
    column = sql.Identifier("d", name)
    match form:
        case Whole():
            kind, wire, kept = _whole(name)
            return _Sent(_or_missing(column, kind, kept), wire, kept)
        case Scaled(places):
            scaled = sql.SQL("({} * {})::int4").format(column, sql.Literal(10**places))
            return _Sent(_or_missing(scaled, "int4", np.int32), ">i4", np.int32)
        case Truth():
            truth = sql.SQL("{}::int4").format(column)
            return _Sent(sql.SQL("coalesce({}, {})::int2").format(truth, missing(np.int8)), ">i2", np.int8)
        case Presence():
            # What is there is 1, and what is not is lacking.
            present = sql.SQL("CASE WHEN {} IS NULL THEN {} ELSE 1 END::int2").format(column, missing(np.int8))
            return _Sent(present, ">i2", np.int8)
        case Moment():
            # The smallest number of all is how it comes.
            return _Sent(sql.SQL("coalesce({}, '-infinity')").format(column), ">i8", np.int64)
        case Word():
            hashed = sql.SQL("hashtextextended({}, {})").format(column, sql.Literal(seed))
            return _Sent(_or_missing(hashed, "int8", np.int64), ">i8", np.int32)
        case Certificate():
            # Most numbers are digits that prove something as they are: the fold costs more than all the rest of the row.
            number = sql.Identifier("d", form.source)
            plain = sql.SQL("CASE WHEN {0} ~ {2} AND translate({0}, left({0}, 1), '') <> '' THEN {0} ELSE {1} END")
            digits = sql.Literal(f"^[0-9]{{{form.least_digits},}}$")
            return _digest(plain.format(number, sql.SQL(form.sql), digits))
        case Digest():
            return _digest(column)


def _digest(text: sql.Composable) -> _Sent:
    digest = sql.SQL("coalesce(md5({}), {})::uuid").format(text, sql.Literal("8".ljust(32, "0")))
    return _Sent(digest, "(2,)>i8", np.int64)


def _whole(column: str) -> tuple[str, str, Any]:
    field = Diamond._meta.get_field(column)
    if isinstance(field, models.BigIntegerField):
        return "int8", ">i8", np.int64
    if isinstance(field, models.SmallIntegerField | models.PositiveSmallIntegerField):
        return "int2", ">i2", np.int16
    return "int4", ">i4", np.int32


def _or_missing(value: sql.Composable, kind: str, dtype: Any) -> sql.Composable:
    return sql.SQL("coalesce({}, {}::{})").format(value, sql.Literal(str(missing(dtype))), sql.SQL(kind))


def _statement(columns: Mapping[str, _Sent], ids: Sequence[UUID] | None) -> sql.Composed:
    expressions = sql.SQL(", ").join([sql.SQL("d.id"), *(sent.expression for sent in columns.values())])
    some: sql.Composable = sql.SQL("")
    if ids is not None:
        # COPY takes no parameters.
        some = sql.SQL("JOIN unnest({}::uuid[]) AS wanted (id) USING (id)").format(
            sql.Literal("{" + ",".join(map(str, ids)) + "}")
        )
    return sql.SQL(
        """
        /* Stones as rows of one width. Takes no locks; all of them by a scan, some by the primary key. */
        COPY (SELECT {expressions} FROM catalog_diamond AS d {some}) TO STDOUT (FORMAT binary)
        """
    ).format(expressions=expressions, some=some)


def _record(columns: Mapping[str, _Sent]) -> np.dtype[Any]:
    fields: list[tuple[str, str]] = [("fields", ">i2"), ("id length", ">i4"), ("id", "(2,)>u8")]
    for name, sent in columns.items():
        fields += [(f"{name} length", ">i4"), (name, sent.wire)]
    return np.dtype(fields)


def _blocks(connection: psycopg.Connection[Any], statement: sql.Composed, record: np.dtype[Any]) -> Iterator[Array]:
    """The rows of a COPY in blocks, without the format's head and end.

    libpq is asked itself: `cursor.copy` takes a few microseconds for each row, which are seconds here.
    """
    server = connection.pgconn
    begun = server.exec_(statement.as_bytes(connection))
    if begun.status != pq.ExecStatus.COPY_OUT:
        raise psycopg.errors.error_from_result(begun, encoding=connection.info.encoding)
    take, rows = server.get_copy_data, list[memoryview]()
    length, row = take(0)
    if length >= 0:
        # The head comes with the first row, or alone.
        row = row[_HEAD_BYTES:]
    while length >= 0:
        if len(rows) == BLOCK_ROWS:
            yield _parsed(rows, record)
            rows = []
        if row:
            rows.append(row)
        length, row = take(0)
    if rows and rows[-1] == _END:
        rows.pop()
    if rows:
        yield _parsed(rows, record)
    while ended := server.get_result():
        if ended.status != pq.ExecStatus.COMMAND_OK:
            raise psycopg.errors.error_from_result(ended, encoding=connection.info.encoding)


def _parsed(rows: list[memoryview], record: np.dtype[Any]) -> Array:
    block = b"".join(rows)
    assert len(block) == len(rows) * record.itemsize, "the rows of the COPY are not of the width that was expected"
    return np.frombuffer(block, record)


@dataclass
class _Dictionary:
    """The numbers that the texts of a column get, in the order in which they are met, by their hashes."""

    hashes: Array = field(default_factory=lambda: np.empty(0, np.int64))
    numbers: Array = field(default_factory=lambda: np.empty(0, np.int32))
    #: An id of a stone that has the text, by its number.
    shown_by: list[UUID] = field(default_factory=list)

    def numbered(self, hashes: Array, ids: Array) -> Array:
        """The numbers of a block's texts; what has none yet gets the next one."""
        strange = hashes[~self._known(hashes) & (hashes != missing(np.int64))]
        if len(strange):
            self._learn(np.unique(strange), hashes, ids)
        if not len(self.hashes):
            return np.full(len(hashes), missing(np.int32), np.int32)
        numbers = self.numbers[self._places(hashes)]
        return np.where(hashes == missing(np.int64), np.int32(missing(np.int32)), numbers)

    def _places(self, hashes: Array) -> Array:
        return np.minimum(np.searchsorted(self.hashes, hashes), len(self.hashes) - 1)

    def _known(self, hashes: Array) -> Array:
        if not len(self.hashes):
            return np.zeros(len(hashes), np.bool_)
        return np.asarray(self.hashes[self._places(hashes)] == hashes)

    def _learn(self, new: Array, hashes: Array, ids: Array) -> None:
        sorter = np.argsort(hashes, kind="stable")
        first = sorter[np.searchsorted(hashes, new, sorter=sorter)]
        begin = len(self.shown_by)
        self.shown_by += [UUID(int=int(high) << 64 | int(low)) for high, low in ids[first]]
        merged = np.concatenate([self.hashes, new])
        order = np.argsort(merged)
        self.numbers = np.concatenate([self.numbers, np.arange(begin, begin + len(new), dtype=np.int32)])[order]
        self.hashes = merged[order]


@dataclass
class _Reading:
    """What has been read so far: for each column a list of its pieces."""

    columns: Mapping[str, _Sent]
    dictionaries: Mapping[str, _Dictionary]
    ids: list[Array] = field(default_factory=list)
    pieces: dict[str, list[Array]] = field(default_factory=dict)

    def add(self, block: Array) -> None:
        ids = np.empty((len(block), 2), np.uint64)
        columns = {
            name: np.empty(len(block), np.int64 if name in self.dictionaries else sent.kept)
            for name, sent in self.columns.items()
        }
        # A column of all rows touches all the block's memory: of fewer rows it stays near the processor for the next one.
        for begin in range(0, len(block), ROWS_AT_HAND):
            rows = slice(begin, begin + ROWS_AT_HAND)
            part = block[rows]
            ids[rows] = part["id"]
            for name, numbers in columns.items():
                numbers[rows] = part[name][:, 0] if self.columns[name].is_pair else part[name]
        self.ids.append(ids)
        for name, numbers in columns.items():
            if name in self.dictionaries:
                numbers = self.dictionaries[name].numbered(numbers, ids)
            elif isinstance(forms()[name], Moment):
                numbers[numbers != missing(np.int64)] += _MILLENNIUM
            self.pieces.setdefault(name, []).append(narrowed(numbers))

    def stones(self, connection: psycopg.Connection[Any]) -> Stones:
        """Everything that was read. Pieces are given up column by column, so that memory holds little twice."""
        ids = np.concatenate(self.ids) if self.ids else np.empty((0, 2), np.uint64)
        self.ids.clear()
        high, low = ids.T
        prices = self._whole("price_cents")
        order = np.lexsort((low, high, prices))
        columns = {name: (prices if name == "price_cents" else self._whole(name))[order] for name in self.columns}
        words = {name: _texts(connection, name, seen.shown_by) for name, seen in self.dictionaries.items()}
        return Stones(high[order], low[order], columns, words)

    def _whole(self, name: str) -> Array:
        """All of a column, whose pieces are forgotten."""
        pieces = self.pieces.pop(name, [np.empty(0, self.columns[name].kept)])
        dtype = np.result_type(*(piece.dtype for piece in pieces))
        return narrowed(np.concatenate([widened(piece, dtype) for piece in pieces]))


def _texts(connection: psycopg.Connection[Any], column: str, shown_by: Sequence[UUID]) -> list[str]:
    """The texts of a column that these stones have, in their order."""
    rows = connection.execute(
        sql.SQL(
            """
            /* The texts behind hashes, each by a stone that has it. Takes no locks; by the primary key. */
            SELECT d.{column}
            FROM unnest(%(ids)s::uuid[]) WITH ORDINALITY AS wanted (id, place)
            JOIN catalog_diamond AS d USING (id)
            ORDER BY wanted.place
            """
        ).format(column=sql.Identifier(column)),
        {"ids": list(shown_by)},
    ).fetchall()
    return [row[0] for row in rows]

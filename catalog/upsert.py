"""Writing mapped stones into the catalogue in sets: COPY into a temporary table, then one statement.

The caller gives the pricing as SQL expressions over the incoming rows, so that this module knows no rules.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Protocol, get_args, get_origin
from uuid import UUID

import msgspec
import psycopg
from psycopg import sql

from catalog.rows import StoneFacts

#: Columns that a payload determines, in the order of the COPY.
FACT_COLUMNS = StoneFacts.__struct_fields__
SOURCE_COLUMNS = ("id", "feed", "supplier_stone_id", "payload_hash", "raw_id", "source_updated_at")
INCOMING_COLUMNS = (*SOURCE_COLUMNS, *FACT_COLUMNS)
#: Columns that pricing determines.
PRICE_COLUMNS = (
    "price_cents",
    "price_per_carat_cents",
    "rating",
    "rule",
    "rule_set",
    "experiment_arm",
    "priced_on",
)


class MappedStone(msgspec.Struct, frozen=True, gc=False):
    """A mapped stone: its identity, the payload it was mapped from, and the facts that the payload holds."""

    id: UUID
    feed: str
    supplier_stone_id: str
    payload_hash: bytes
    raw_id: int
    source_updated_at: datetime
    facts: StoneFacts


class Pricing(Protocol):
    """The interface of `pricing.compile.Pricing` that this module needs."""

    def rows(self, source: sql.Composable, alias: str) -> sql.Composable:
        """An item of a FROM: the rows of a table under `alias`, with what `columns` needs."""

    def columns(self, alias: str) -> Mapping[str, sql.Composable]:
        """An expression over such a row for each of `PRICE_COLUMNS`."""


@dataclass(frozen=True, slots=True)
class Upserted:
    """The counts of an upsert: stones inserted and updated; the others were there already, or newer."""

    inserted: int
    updated: int


def create_incoming(cursor: psycopg.Cursor[object]) -> None:
    """Make the temporary table of the current transaction that `copy_incoming` fills, if it has none yet."""
    cursor.execute(
        sql.SQL(
            """
            /* Same types as the catalogue, no constraint, no index; gone with the transaction. */
            CREATE TEMPORARY TABLE IF NOT EXISTS incoming ON COMMIT DROP AS
            SELECT {columns} FROM catalog_diamond WITH NO DATA
            """
        ).format(columns=_names(INCOMING_COLUMNS))
    )


def copy_rows(cursor: psycopg.Cursor[object], table: str, columns: tuple[str, ...], rows: Iterable[object]) -> None:
    """COPY typed rows (sequences in the order of `columns`) into a table."""
    statement = sql.SQL("COPY {table} ({columns}) FROM STDIN").format(
        table=sql.Identifier(table), columns=_names(columns)
    )
    with cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)  # type: ignore[arg-type]


#: Stones whose text is made, or sent, at once.
_COPIED_AT_ONCE = 2_000


@dataclass(frozen=True, slots=True)
class Rows:
    """Mapped stones with the line of a COPY of each; `unknown[column]` of them have no value in a column of facts."""

    stones: Sequence[MappedStone]
    lines: Sequence[str]
    unknown: Mapping[str, int]

    def halves(self) -> tuple[Rows, Rows]:
        """The first and the second half, written anew: what is wrong with one stone must not stay beside the others."""
        middle = len(self.stones) // 2
        return rows_of(self.stones[:middle]), rows_of(self.stones[middle:])


def rows_of(stones: Sequence[MappedStone]) -> Rows:
    """Write stones as the text of a COPY, column by column: the driver, value by value, takes twice the time."""
    lines: list[str] = []
    unknown: Counter[str] = Counter()
    for first in range(0, len(stones), _COPIED_AT_ONCE):
        written = stones[first : first + _COPIED_AT_ONCE]
        texts = [write(column) for write, column in zip(_WRITERS, _columns(written), strict=True)]
        lines += map("\t".join, zip(*texts, strict=True))
        for name, column in zip(INCOMING_COLUMNS, texts, strict=True):
            unknown[name] += column.count(_NULL)
    return Rows(stones, lines, unknown)


def _columns(stones: Sequence[MappedStone]) -> Iterator[Sequence[Any]]:
    """The columns of `incoming`, in their order."""
    yield [stone.id.hex for stone in stones]
    yield [stone.feed for stone in stones]
    yield [stone.supplier_stone_id for stone in stones]
    yield [stone.payload_hash for stone in stones]
    yield [stone.raw_id for stone in stones]
    yield [stone.source_updated_at for stone in stones]
    yield from zip(*[msgspec.structs.astuple(stone.facts) for stone in stones], strict=True)


def copy_incoming(cursor: psycopg.Cursor[object], rows: Rows) -> None:
    """COPY stones into `incoming`."""
    statement = sql.SQL("COPY incoming ({columns}) FROM STDIN").format(columns=_names(INCOMING_COLUMNS))
    with cursor.copy(statement) as copy:
        for first in range(0, len(rows.lines), _COPIED_AT_ONCE):
            copy.write("\n".join([*rows.lines[first : first + _COPIED_AT_ONCE], ""]))


#: What COPY takes for NULL; a text that is this is written with its backslash doubled.
_NULL = r"\N"


def _written_texts(column: Sequence[str | None]) -> list[str]:
    whole = "".join(filter(None, column))
    if any(mark in whole for mark in _ESCAPED_MARKS):
        return [_NULL if text is None else text.translate(_ESCAPED) for text in column]
    return [_NULL if text is None else text for text in column]


#: What COPY takes for the end of a value or a line, or for the beginning of such an escape; nearly no column has any.
_ESCAPED_MARKS = "\\\t\n\r"
_ESCAPED = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


def _written_values(column: Sequence[object]) -> list[str]:
    return [_NULL if value is None else str(value) for value in column]


def _written_repeated(column: Sequence[object]) -> list[str]:
    try:
        return list(map(_Written().__getitem__, column))
    except TypeError:
        # A value that cannot be looked up, such as a signalling NaN.
        return _written_values(column)


class _Written(dict[object, str]):
    """The texts of the values of a column, of which most are alike."""

    def __missing__(self, value: object) -> str:
        text = self[value] = _NULL if value is None else str(value)
        return text


def _written_hashes(column: Sequence[bytes]) -> list[str]:
    return [rf"\\x{value.hex()}" for value in column]


def _written_lists(column: Sequence[Sequence[str]]) -> list[str]:
    whole = "".join(map("".join, column))
    if any(mark in whole for mark in (*_ESCAPED_MARKS, '"')):
        return _written_texts([_array(texts) for texts in column])
    return ['{"' + '","'.join(texts) + '"}' if texts else "{}" for texts in column]


def _array(texts: Sequence[str]) -> str:
    """A list of texts as PostgreSQL writes an array."""
    return "{" + ",".join(['"' + text.replace("\\", r"\\").replace('"', r"\"") + '"' for text in texts]) + "}"


def _writer(name: str, types: tuple[Any, ...]) -> Callable[[Any], list[str]]:
    if list in types:
        return _written_lists
    if name in _SELDOM_ALIKE:
        return _written_values
    return _written_texts if str in types else _written_repeated


#: Columns of which hardly two values are alike.
_SELDOM_ALIKE = frozenset({"cost_cents", "cost_per_carat_cents"})
#: How the columns of `incoming` are written, in their order.
_WRITERS: tuple[Callable[[Any], list[str]], ...] = (
    *(_written_texts, _written_texts, _written_texts, _written_hashes, _written_values, _written_repeated),
    *(
        _writer(field.name, (get_origin(field.type) or field.type, *get_args(field.type)))
        for field in msgspec.structs.fields(StoneFacts)
    ),
)


def upsert_incoming(cursor: psycopg.Cursor[object], pricing: Pricing) -> Upserted:
    """Price and upsert all rows of `incoming`.

    A row whose payload was observed before the one that the catalogue holds changes nothing, and neither does the same
    payload again, unless the stone was delisted meanwhile. Locks the rows it writes, in id order, so that two upserts
    never deadlock.
    """
    prices = pricing.columns("i")
    cursor.execute(
        sql.SQL(
            """
            WITH written AS (
                INSERT INTO catalog_diamond AS d
                    ({columns}, {price_columns}, first_seen_at, changed_at)
                SELECT {incoming}, {prices}, now(), now()
                FROM {rows}
                ORDER BY i.id
                ON CONFLICT (id) DO UPDATE
                SET {updates}
                WHERE (d.source_updated_at, d.raw_id) < (EXCLUDED.source_updated_at, EXCLUDED.raw_id)
                    AND (d.payload_hash <> EXCLUDED.payload_hash OR d.availability = 'delisted')
                RETURNING (xmax = 0) AS is_new
            )
            SELECT count(*) FILTER (WHERE is_new), count(*) FILTER (WHERE NOT is_new) FROM written
            """
        ).format(
            columns=_names(INCOMING_COLUMNS),
            incoming=_names(INCOMING_COLUMNS, "i"),
            price_columns=_names(PRICE_COLUMNS),
            prices=sql.SQL(", ").join(prices[name] for name in PRICE_COLUMNS),
            rows=pricing.rows(sql.Identifier("incoming"), "i"),
            updates=_assignments((*INCOMING_COLUMNS[1:], *PRICE_COLUMNS, "changed_at"), "excluded"),
        )
    )
    row = cursor.fetchone()
    assert isinstance(row, tuple)
    return Upserted(inserted=row[0], updated=row[1])


def refresh_incoming(cursor: psycopg.Cursor[object], pricing: Pricing) -> Upserted:
    """Write the rows of `incoming` whose payload the catalogue holds already, but mapped to other values.

    A stone that got another payload meanwhile, or was delisted, is left alone, and so is one whose values stayed the same.
    Locks the rows it writes, in id order.
    """
    prices = pricing.columns("i")
    cursor.execute(
        sql.SQL(
            """
            WITH differing AS (
                SELECT d.id
                FROM catalog_diamond AS d
                JOIN incoming AS i ON i.id = d.id
                WHERE d.raw_id = i.raw_id
                    AND d.availability <> 'delisted'
                    AND ({of_diamond}) IS DISTINCT FROM ({of_incoming})
                ORDER BY d.id
                FOR UPDATE OF d
            ), written AS (
                UPDATE catalog_diamond AS d
                SET {updates}, {prices}, changed_at = now()
                FROM differing
                JOIN {rows} USING (id)
                WHERE d.id = differing.id AND d.raw_id = i.raw_id AND d.availability <> 'delisted'
                RETURNING d.id
            )
            SELECT count(*) FROM written
            """
        ).format(
            of_diamond=_names(FACT_COLUMNS, "d"),
            of_incoming=_names(FACT_COLUMNS, "i"),
            updates=_assignments(FACT_COLUMNS, "i"),
            prices=sql.SQL(", ").join(
                sql.SQL("{} = {}").format(sql.Identifier(name), prices[name]) for name in PRICE_COLUMNS
            ),
            rows=pricing.rows(sql.Identifier("incoming"), "i"),
        )
    )
    row = cursor.fetchone()
    assert isinstance(row, tuple)
    return Upserted(inserted=0, updated=row[0])


@lru_cache
def _names(columns: tuple[str, ...], of: str = "") -> sql.SQL:
    """The columns, of a table or of none, as a list."""
    return _as_text(sql.SQL(", ").join(sql.Identifier(*filter(None, (of, name))) for name in columns))


@lru_cache
def _assignments(columns: tuple[str, ...], of: str) -> sql.SQL:
    """The columns, each set to that of another table."""
    each = (sql.SQL("{} = {}").format(sql.Identifier(name), sql.Identifier(of, name)) for name in columns)
    return _as_text(sql.SQL(", ").join(each))


def _as_text(names: sql.Composed) -> sql.SQL:
    # To compose some hundred names for each batch takes milliseconds.
    return sql.SQL(names.as_string())

"""Tables that are cut by day or by month: pieces made ahead of time, and dropped whole when they are too old.

The table is range-partitioned by a date column and has a default piece, `<table>_default`, as a net for rows whose
piece was not made in time. Pieces have its storage parameters. The raw store and the histories are such tables.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from psycopg import sql

#: Time limit of waiting for a lock on the whole table, behind which all other statements queue (seconds).
LOCK_SECONDS = 3
#: The bit of `pg_trigger.tgtype` that says "before or after TRUNCATE".
ON_TRUNCATE = 32


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece of a table: rows from the date `first` up to, but not including, `behind`."""

    name: str
    first: date
    behind: date


@dataclass(frozen=True, slots=True)
class TimedTable:
    """A table cut by `column`; `ahead` pieces are made in advance, the current one included."""

    name: str
    column: str
    step: Literal["day", "month"]
    ahead: int

    def piece(self, day: date) -> Piece:
        """The piece that holds a day."""
        if self.step == "day":
            return Piece(f"{self.name}_{day:%Y%m%d}", day, day + timedelta(days=1))
        first = day.replace(day=1)
        return Piece(f"{self.name}_{first:%Y%m}", first, (first + timedelta(days=32)).replace(day=1))

    def make_ahead(self, today: date | None = None, *, patient: bool = True) -> list[str]:
        """Make the missing pieces from `today` on; returns the names of those that are there.

        Takes a lock on the table for the moment in which a piece is added. Without `patient` it gives up after
        `LOCK_SECONDS` with an `OperationalError`.
        """
        pieces = [self.piece(today or datetime.now(UTC).date())]
        while len(pieces) < self.ahead:
            pieces.append(self.piece(pieces[-1].behind))
        names = [piece.name for piece in pieces]
        with connection.cursor() as cursor:
            cursor.execute("SELECT name FROM unnest(%s::text[]) AS name WHERE to_regclass(name) IS NULL", [names])
            missing = {row[0] for row in cursor.fetchall()}
        for piece in pieces:
            if piece.name in missing:
                self._make(piece, patient=patient)
        return names

    def _make(self, piece: Piece, *, patient: bool) -> None:
        names = {
            "piece": sql.Identifier(piece.name),
            "table": sql.Identifier(self.name),
            "net": sql.Identifier(f"{self.name}_default"),
            "column": sql.Identifier(self.column),
            "first": sql.Literal(piece.first),
            "behind": sql.Literal(piece.behind),
        }
        with transaction.atomic(), connection.cursor() as cursor:
            if not patient:
                cursor.execute("SELECT set_config('lock_timeout', %s, true)", [f"{LOCK_SECONDS}s"])
            # Of two callers at once, the second waits here and then finds the piece made.
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"{self.name}_pieces"])
            # `pieces` reads the system tables: a look-up by name may answer from this session's cache of missing names.
            if piece in self.pieces():
                return
            within = sql.SQL("{column} >= {first} AND {column} < {behind}").format(**names)
            # Rows that the net caught meanwhile must move before the piece can be attached.
            cursor.execute(sql.SQL("LOCK TABLE {net} IN ACCESS EXCLUSIVE MODE").format(**names))
            cursor.execute(sql.SQL("CREATE TABLE {piece} (LIKE {table} INCLUDING ALL)").format(**names))
            self._set_as_the_net(cursor, piece)
            self._guard(cursor, piece)
            # The triggers of a history refuse deletions; under this lock no other session sees the net without them.
            guards = _enabled_triggers(cursor, f"{self.name}_default")
            for guard in guards:
                cursor.execute(sql.SQL("ALTER TABLE {net} DISABLE TRIGGER {guard}").format(guard=guard, **names))
            cursor.execute(
                sql.SQL(
                    "WITH caught AS (DELETE FROM {net} WHERE {within} RETURNING *) INSERT INTO {piece} SELECT * FROM caught"
                ).format(within=within, **names)
            )
            for guard in guards:
                cursor.execute(sql.SQL("ALTER TABLE {net} ENABLE TRIGGER {guard}").format(guard=guard, **names))
            cursor.execute(
                sql.SQL("ALTER TABLE {table} ATTACH PARTITION {piece} FOR VALUES FROM ({first}) TO ({behind})").format(
                    **names
                )
            )

    def _set_as_the_net(self, cursor: CursorWrapper, piece: Piece) -> None:
        """Give the piece the net's storage parameters, since a partitioned table itself can have none."""
        cursor.execute("SELECT unnest(reloptions) FROM pg_class WHERE oid = to_regclass(%s)", [f"{self.name}_default"])
        for (option,) in cursor.fetchall():
            name, _, value = option.partition("=")
            cursor.execute(
                sql.SQL("ALTER TABLE {} SET ({} = {})").format(
                    sql.Identifier(piece.name), sql.Identifier(name), sql.Literal(value)
                )
            )

    def _guard(self, cursor: CursorWrapper, piece: Piece) -> None:
        """Copy the table's TRUNCATE triggers to the piece, since pieces inherit row triggers only."""
        cursor.execute(
            """
            SELECT tgname, tgfoid::regproc::text FROM pg_trigger
            WHERE tgrelid = %s::regclass AND NOT tgisinternal AND tgtype & %s > 0 AND tgenabled <> 'D'
            """,
            [self.name, ON_TRUNCATE],
        )
        for name, function in cursor.fetchall():
            cursor.execute(
                sql.SQL("CREATE TRIGGER {} BEFORE TRUNCATE ON {} EXECUTE FUNCTION {}()").format(
                    sql.Identifier(name), sql.Identifier(piece.name), sql.SQL(function)
                )
            )

    def pieces(self) -> list[Piece]:
        """The pieces that are there, the oldest first; the net is not among them."""
        with connection.cursor() as cursor:
            cursor.execute(
                """
                SELECT child.relname
                FROM pg_inherits
                JOIN pg_class AS child ON child.oid = inhrelid
                WHERE inhparent = %s::regclass
                """,
                [self.name],
            )
            matches = [re.fullmatch(rf"{self.name}_(\d{{4}})(\d\d)(\d\d)?", name) for (name,) in cursor.fetchall()]
        days = [date(int(match[1]), int(match[2]), int(match[3] or 1)) for match in matches if match]
        return [self.piece(day) for day in sorted(days)]

    def older_than(self, day: date) -> list[Piece]:
        """The pieces that hold nothing but rows before `day`."""
        return [piece for piece in self.pieces() if piece.behind <= day]

    def drop(self, piece: Piece) -> None:
        """Drop a piece with all that is in it; an `OperationalError` if its lock is not granted within `LOCK_SECONDS`."""
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', %s, true)", [f"{LOCK_SECONDS}s"])
            cursor.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier(piece.name)))


def _enabled_triggers(cursor: CursorWrapper, table: str) -> list[sql.Identifier]:
    cursor.execute(
        "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal AND tgenabled <> 'D'", [table]
    )
    return [sql.Identifier(name) for (name,) in cursor.fetchall()]

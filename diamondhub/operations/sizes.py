"""How much rows and tables take on the disk: of whole tables exactly, of some rows by the table's mean."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import connection, models
from django.db.models import QuerySet


@dataclass(frozen=True, slots=True)
class Amount:
    """Rows, and the bytes that they take with their indexes."""

    rows: int = 0
    bytes: int = 0

    def __add__(self, other: Amount) -> Amount:
        return Amount(self.rows + other.rows, self.bytes + other.bytes)


#: A table with its pieces; the planner's number of rows, counted where the planner knows of none.
_SIZES = """
    SELECT c.oid::regclass::text, pg_total_relation_size(c.oid), c.reltuples::bigint
    FROM pg_class AS c
    WHERE c.relkind = 'r' AND (
        c.oid = to_regclass(%(table)s)
        OR c.oid IN (SELECT relid FROM pg_partition_tree(to_regclass(%(table)s)) WHERE isleaf)
    )
"""


def of_table(table: str) -> Amount:
    """A table's rows by the planner's statistics, and its bytes; nothing for a view."""
    total = Amount()
    with connection.cursor() as cursor:
        cursor.execute(_SIZES, {"table": f'"{table}"'})
        for piece, size, rows in cursor.fetchall():
            if rows <= 0:
                cursor.execute(f"SELECT count(*) FROM {piece}")
                (rows,) = cursor.fetchone() or (0,)
            total += Amount(rows, size)
    return total


def of_pieces(pieces: Iterable[str]) -> Amount:
    """What whole pieces of cut tables take."""
    return sum((of_table(piece) for piece in pieces), Amount())


def bytes_a_row(table: str) -> float:
    """What a row of the table takes in the mean, indexes included; 0 for an empty one."""
    amount = of_table(table)
    return amount.bytes / amount.rows if amount.rows > 0 else 0.0


def of_rows(rows: QuerySet[Any]) -> Amount:
    """Rows with those that are deleted with them, one level deep, and the bytes by their tables' means."""
    count = rows.count()
    total = Amount(count, int(count * bytes_a_row(rows.model._meta.db_table)))
    if not count:
        return total
    for relation in rows.model._meta.related_objects:
        if getattr(relation, "on_delete", None) is models.CASCADE:
            model: Any = relation.related_model
            hanging = model._default_manager.filter(**{f"{relation.field.name}__in": rows.values("pk")}).count()
            total += Amount(hanging, int(hanging * bytes_a_row(model._meta.db_table)))
    return total

"""Stones read by their ids, if they still meet what was asked: whatever found them may be older than they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import connection

from catalog.searching.conditions import Asked
from catalog.searching.sql import where


def standing(ids: Sequence[UUID], asked: Asked, columns: Sequence[str]) -> Mapping[UUID, tuple[Any, ...]]:
    """The values of `columns` (expressions of SQL, of our own making) by id, without the stones that meet it no more."""
    return {identity: tuple(row) for identity, *row in rows(ids, asked, columns)}


def rows(ids: Sequence[UUID], asked: Asked, columns: Sequence[str]) -> list[tuple[Any, ...]]:
    """The same as rows, each with its id before the values, in no order."""
    if not ids:
        return []
    condition, values = where(asked)
    # One text: psycopg looks at each entry of a list.
    wanted = "{" + ",".join([identity.hex for identity in ids]) + "}"
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            -- The stones of a page as they are now. Read by primary key; takes no locks.
            SELECT {", ".join(["id", *columns])}
            FROM catalog_diamond
            WHERE id = ANY(%(ids)s::uuid[]) AND {condition}
            """,
            {"ids": wanted, **values},
        )
        stones: list[tuple[Any, ...]] = cursor.fetchall()
        return stones

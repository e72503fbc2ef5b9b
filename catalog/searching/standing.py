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
    if not ids:
        return {}
    condition, values = where(asked)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            -- The stones of a page as they are now. Read by primary key; takes no locks.
            SELECT {", ".join(["id", *columns])}
            FROM catalog_diamond
            WHERE id = ANY(%(ids)s) AND {condition}
            """,
            {"ids": list(ids), **values},
        )
        return {identity: row for identity, *row in cursor.fetchall()}

"""Keyset paging: pages of rows, and cursors between them that are opaque, signed, and good only for their own query."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any, TypeVar

from django.core import signing
from django.db.models import Model, QuerySet

from diamondhub.api.mistakes import FieldError
from diamondhub.api.problems import Problem

_SALT = "diamondhub.api.cursors"
#: Longer ones are none of ours (characters).
MAX_LENGTH = 500

Row = TypeVar("Row")
ModelRow = TypeVar("ModelRow", bound=Model)


class WrongCursor(Problem):
    """A cursor that we never made, or that belongs to another query."""

    by_name = True

    def __init__(self, message: str) -> None:
        super().__init__(
            HTTPStatus.BAD_REQUEST, "wrong-cursor", f"cursor {message}", errors=[FieldError("cursor", message)]
        )


def encode(position: Sequence[Any], query: str) -> str:
    """The cursor after the row at `position` (JSON values) of the query whose normal form is `query`."""
    return signing.dumps([_fingerprint(query), list(position)], salt=_SALT)


def decode(cursor: str, query: str) -> list[Any]:
    """The position that a cursor stands for. Raises `WrongCursor`."""
    if len(cursor) > MAX_LENGTH:
        raise WrongCursor("is not one that this API gave out")
    try:
        fingerprint, position = signing.loads(cursor, salt=_SALT)
    except (signing.BadSignature, ValueError):
        raise WrongCursor("is not one that this API gave out") from None
    if fingerprint != _fingerprint(query):
        raise WrongCursor("belongs to another query: keep all parameters but limit as they were, or start without it")
    return list(position)


def cut(
    rows: Sequence[Row], query: str, *, limit: int, position: Callable[[Row], Sequence[Any]]
) -> tuple[Sequence[Row], str | None]:
    """A page of rows that were read up to one more than `limit`, and the cursor after it, None if it is the last.

    `position` gives what `decode` gives back (JSON values), for reading on behind a row.
    """
    if len(rows) <= limit:
        return rows, None
    return rows[:limit], encode(position(rows[limit - 1]), query)


def page_of(
    rows: QuerySet[ModelRow], query: str, *, by: str, limit: int, cursor: str | None
) -> tuple[Sequence[ModelRow], str | None]:
    """A page of rows from the highest `by` on down, which is a unique whole number, and the cursor after it."""
    if cursor is not None:
        (highest,) = decode(cursor, query)
        rows = rows.filter(**{f"{by}__lt": highest})
    return cut(list(rows.order_by(f"-{by}")[: limit + 1]), query, limit=limit, position=lambda row: [getattr(row, by)])


def _fingerprint(query: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(query.encode()).digest()[:12]).decode()

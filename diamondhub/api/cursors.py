"""Cursors of keyset paging: opaque, signed, and good only for the query that they came from."""

from __future__ import annotations

import base64
import hashlib
from http import HTTPStatus
from typing import Any

from django.core import signing

from diamondhub.api.problems import FieldError, Problem

_SALT = "diamondhub.api.cursors"
#: Longer ones are none of ours (characters).
MAX_LENGTH = 500


class WrongCursor(Problem):
    """A cursor that we never made, or that belongs to another query."""

    def __init__(self, message: str) -> None:
        super().__init__(
            HTTPStatus.BAD_REQUEST, "wrong-cursor", f"cursor {message}", errors=[FieldError("cursor", message)]
        )


def encode(position: list[Any], query: str) -> str:
    """The cursor after the row at `position` (JSON values) of the query whose normal form is `query`."""
    return signing.dumps([_fingerprint(query), position], salt=_SALT)


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


def _fingerprint(query: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(query.encode()).digest()[:12]).decode()

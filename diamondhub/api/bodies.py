"""Bodies as pricing's API still reads them; to be deleted with its last caller."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request

from diamondhub.api.parsers import check_announced, parse_object
from diamondhub.api.problems import InvalidBody as InvalidBody


def read_object(request: Request, *, limit: int) -> dict[str, Any]:
    """The JSON object that a request carries, of at most `limit` bytes."""
    length = check_announced(request.META, limit)
    return parse_object(b"" if request.stream is None else bytes(request.stream.read(length)))

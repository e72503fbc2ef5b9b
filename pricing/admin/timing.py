"""Pages that look at the whole catalogue give up in time, and say so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import OperationalError
from psycopg.errors import QueryCanceled

from pricing.errors import PricingError

#: No statement of a page runs longer (seconds); a request may take a minute, and a simulation has three statements.
STATEMENT_SECONDS = 15


class TakesTooLong(PricingError):
    """The database did not answer in time: try again when no run is under way."""


@contextmanager
def in_time() -> Iterator[None]:
    """Say a statement that was cut off (`diamondhub.admin.base.bounded`) as `TakesTooLong`."""
    try:
        yield
    except OperationalError as error:
        if isinstance(error.__cause__, QueryCanceled):
            raise TakesTooLong from error
        raise

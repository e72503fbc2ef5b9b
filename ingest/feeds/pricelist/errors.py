"""Faults of a price list as a whole. Every message is one line that says what to do about it."""

from __future__ import annotations

from typing import Any

from ingest.errors import IngestError, PermanentSupplierError, TransientSupplierError

#: What to do about a list that has more bytes than are read.
RAISE_MAX_BYTES = "raise PRICELIST_MAX_BYTES"


class WrongParameters(IngestError):
    """The feed's parameters are not those of the price-list adapter."""


class ListRefused(PermanentSupplierError):
    """The price list cannot be read."""


class ColumnsMissing(ListRefused):
    """The price list has no column of stock numbers, or none of prices, that we know."""

    def __init__(self, message: str, layout: Any) -> None:
        super().__init__(message)
        #: How the list would be read (`reading.Layout`), so that a person can be shown its columns.
        self.layout = layout


class ListAway(TransientSupplierError):
    """The price list could not be fetched just now."""


class SnapshotGone(PermanentSupplierError):
    """The price list has changed since the run was planned, and this host has no copy of it: start a new run."""

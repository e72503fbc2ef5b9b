"""Faults of a price list as a whole. Every message is one line that says what to do about it."""

from __future__ import annotations

from ingest.errors import IngestError, PermanentSupplierError, TransientSupplierError


class WrongParameters(IngestError):
    """The feed's parameters are not those of the price-list adapter."""


class ListRefused(PermanentSupplierError):
    """The price list cannot be read."""


class ListAway(TransientSupplierError):
    """The price list could not be fetched just now."""


class SnapshotGone(PermanentSupplierError):
    """The price list has changed since the run was planned, and this host has no copy of it: start a new run."""

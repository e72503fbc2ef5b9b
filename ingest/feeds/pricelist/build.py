"""Builds the adapter of one price-list feed from the feed's parameters and the settings."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from ingest.feeds.pricelist.adapter import PricelistAdapter
from ingest.feeds.pricelist.parameters import parameters_of
from ingest.feeds.pricelist.snapshot import Spool
from ingest.feeds.pricelist.source import Limits


def build(parameters: dict[str, Any]) -> PricelistAdapter:
    """The adapter for a feed's parameters. Raises `WrongParameters`; the list itself is not looked at yet."""
    chosen = parameters_of(parameters)
    limits = Limits(
        folder=settings.PRICELIST_DIR,
        hosts=settings.PRICELIST_HOSTS,
        most_bytes=settings.PRICELIST_MAX_BYTES,
        seconds=settings.PRICELIST_TIMEOUT,
    )
    return PricelistAdapter(chosen, Spool(settings.VAR_DIR / "spool" / "pricelists", chosen, limits))

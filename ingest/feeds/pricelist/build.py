"""Builds the adapter of one price-list feed from the feed's parameters and the settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from ingest.feeds.pricelist.adapter import PricelistAdapter
from ingest.feeds.pricelist.errors import WrongParameters
from ingest.feeds.pricelist.parameters import Parameters, parameters_of
from ingest.feeds.pricelist.source import SECRETS, Limits, places_of
from ingest.feeds.pricelist.spool import Spool

#: The parameters of a feed, as the admin's form knows them, and what checks them; `SECRETS` are those that there may be.
PARAMETERS, check = Parameters, parameters_of

__all__ = ["PARAMETERS", "SECRETS", "build", "check", "secrets_of"]


def build(parameters: dict[str, Any], secrets: Mapping[str, str] | None) -> PricelistAdapter:
    """The adapter for a feed's parameters and secrets. Raises `WrongParameters`; the list itself is not looked at yet."""
    chosen = parameters_of(parameters)
    factor = settings.PRICELIST_BAND_FACTOR
    folder = settings.VAR_DIR / "spool" / "pricelists"
    spool = Spool(folder, chosen, limits(), secrets=secrets or {}, band_factor=factor)
    return PricelistAdapter(chosen, spool, band_factor=factor)


def limits() -> Limits:
    """The bounds of lists by the settings."""
    return Limits(
        folder=settings.PRICELIST_DIR,
        hosts=settings.PRICELIST_HOSTS,
        most_bytes=settings.PRICELIST_MAX_BYTES,
        seconds=settings.PRICELIST_TIMEOUT,
    )


def secrets_of(parameters: dict[str, Any]) -> Mapping[str, str]:
    """The secrets that the address of the list has places for, and the address."""
    try:
        source = parameters_of(parameters).source
    except WrongParameters:
        return {}
    return dict.fromkeys(places_of(source), source)


def account_of(parameters: dict[str, Any]) -> str:
    """Lists are fetched by no account, and at nobody's limit."""
    return ""

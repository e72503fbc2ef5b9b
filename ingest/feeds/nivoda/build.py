"""Builds the adapter of one Nivoda feed from the settings: all feeds of the account share one client and one limiter."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.conf import settings

from diamondhub.pace.limiter import Limiter
from ingest.draining import pause
from ingest.errors import IngestError
from ingest.feeds.nivoda.adapter import NivodaAdapter
from ingest.feeds.nivoda.client import NivodaClient
from ingest.feeds.nivoda.tokens import SharedTokens
from ingest.pauses import SupplierPauses


class NivodaNotConfigured(IngestError):
    """NIVODA_ENDPOINT, NIVODA_USERNAME and NIVODA_PASSWORD must be set."""


def build(parameters: dict[str, Any]) -> NivodaAdapter:
    """The adapter for a feed's parameters. Raises `NivodaNotConfigured` if the settings lack the account."""
    return NivodaAdapter(_client(), parameters, count_seconds=settings.PLAN_COUNT_SECONDS)


@cache
def _client() -> NivodaClient:
    missing = [
        name for name in ("NIVODA_ENDPOINT", "NIVODA_USERNAME", "NIVODA_PASSWORD") if not getattr(settings, name)
    ]
    if missing:
        raise NivodaNotConfigured(f"the Nivoda account is not configured: set {', '.join(missing)}")
    limiter = Limiter(
        "nivoda",
        per_second=settings.NIVODA_RATE_LIMIT,
        redis_url=settings.REDIS_URL,
        pauses=SupplierPauses(),
        sleep=pause,
    )
    return NivodaClient(
        settings.NIVODA_ENDPOINT,
        settings.NIVODA_USERNAME,
        settings.NIVODA_PASSWORD,
        limiter,
        timeout=settings.NIVODA_TIMEOUT,
        tokens=SharedTokens(
            settings.NIVODA_ENDPOINT,
            settings.NIVODA_USERNAME,
            settings.NIVODA_PASSWORD,
            redis_url=settings.REDIS_URL,
            secret=settings.SECRET_KEY,
        ),
    )

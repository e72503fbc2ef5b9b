"""Builds the adapter of one Nivoda feed: all feeds of one account share a client, its token and its limiter.

The account is that of the settings, unless the feed names a user of its own; the feed's own password, if it has one, goes
before NIVODA_PASSWORD, which is never sent for another user or to another endpoint than the settings name.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache, partial
from hashlib import sha256
from typing import Any

from django.conf import settings

from diamondhub.pace.limiter import Limiter
from ingest.draining import pause
from ingest.errors import IngestError
from ingest.feeds.nivoda.adapter import NivodaAdapter, Parameters, WrongParameters, parameters_of
from ingest.feeds.nivoda.client import NivodaClient
from ingest.feeds.nivoda.tokens import SharedTokens
from ingest.pauses import SupplierPauses
from ingest.request_counts import RequestCounts

#: The parameters of a feed, as the admin's form knows them, what checks them, and the secrets that there may be.
PARAMETERS, check, SECRETS = Parameters, parameters_of, ("password",)
#: The limiter's name of the settings' account.
ACCOUNT = "nivoda"
#: Clients that a process keeps, those of former passwords included.
KEPT_CLIENTS = 32


class NivodaNotConfigured(IngestError):
    """NIVODA_ENDPOINT, NIVODA_USERNAME and NIVODA_PASSWORD must be set."""


def build(parameters: dict[str, Any], secrets: Mapping[str, str] | None) -> NivodaAdapter:
    """The adapter for a feed's parameters and secrets. Raises `NivodaNotConfigured` if it has no account."""
    chosen = parameters_of(parameters)
    client = None if secrets is None else _client_of(chosen, secrets.get("password", ""))
    return NivodaAdapter(client, parameters, count_seconds=settings.PLAN_COUNT_SECONDS)


def secrets_of(parameters: dict[str, Any]) -> Mapping[str, str]:
    """The one secret, and the account that it belongs to."""
    try:
        endpoint, username = _account(parameters_of(parameters))
    except WrongParameters:
        return {}
    return {"password": f"{username} at {endpoint}"}


def _account(chosen: Parameters) -> tuple[str, str]:
    return chosen.endpoint or settings.NIVODA_ENDPOINT, chosen.username or settings.NIVODA_USERNAME


def account_of(parameters: dict[str, Any]) -> str:
    """The limiter's name of the account that these parameters ask by; "" for parameters that no feed can have."""
    try:
        return limiter_name(*_account(parameters_of(parameters)))
    except WrongParameters:
        return ""


def limiter_name(endpoint: str, username: str) -> str:
    """The limiter's name of an account: feeds of one account share it, however each came to its password."""
    if (endpoint, username) == (settings.NIVODA_ENDPOINT, settings.NIVODA_USERNAME):
        return ACCOUNT
    return f"{ACCOUNT}-{sha256(f'{endpoint} {username}'.encode()).hexdigest()[:16]}"


def _client_of(chosen: Parameters, own_password: str) -> NivodaClient:
    endpoint, username = _account(chosen)
    if endpoint not in (settings.NIVODA_ENDPOINT, *settings.NIVODA_ENDPOINTS):
        raise NivodaNotConfigured(
            "the feed names an endpoint that NIVODA_ENDPOINTS does not: add it there, if it is meant"
        )
    is_ours = (endpoint, username) == (settings.NIVODA_ENDPOINT, settings.NIVODA_USERNAME)
    password = own_password or (settings.NIVODA_PASSWORD if is_ours else "")
    if not is_ours and not password:
        raise NivodaNotConfigured("the feed's own account has no password: set it with set_feed_secret or in the admin")
    account = {"NIVODA_ENDPOINT": endpoint, "NIVODA_USERNAME": username, "NIVODA_PASSWORD": password}
    if missing := [name for name, value in account.items() if not value]:
        raise NivodaNotConfigured(f"the Nivoda account is not configured: set {', '.join(missing)}")
    return _client(endpoint, username, password)


@lru_cache(maxsize=KEPT_CLIENTS)
def _client(endpoint: str, username: str, password: str) -> NivodaClient:
    limiter = Limiter(
        limiter_name(endpoint, username),
        per_second=settings.NIVODA_RATE_LIMIT,
        redis_url=settings.REDIS_URL,
        pauses=SupplierPauses(),
        sleep=pause,
    )
    counts = RequestCounts(limiter.account)
    tokens = SharedTokens(endpoint, username, password, redis_url=settings.REDIS_URL, secret=settings.SECRET_KEY)
    # Imported here: what rests is asked of the feeds' accounts, which the registry knows by this module.
    from ingest import resting

    return NivodaClient(
        endpoint,
        username,
        password,
        limiter,
        timeout=settings.NIVODA_TIMEOUT,
        tokens=tokens,
        counts=counts,
        before_request=partial(resting.ask_by, limiter.account),
    )

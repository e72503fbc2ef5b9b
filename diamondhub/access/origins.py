"""Web origins (scheme, host and port) whose pages may call the API, and which clients they belong to."""

from __future__ import annotations

from diamondhub.access.models import ApiClient


def origins_of(client: ApiClient) -> frozenset[str]:
    """The origins whose pages may use the client's keys."""
    return frozenset(getattr(client, "origins", ()))


def all_origins() -> frozenset[str]:
    """The origins of all active clients: for preflights, which bring no key."""
    return frozenset()

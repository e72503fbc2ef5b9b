"""Problems of the use of API keys: what they are about, and what ends them."""

from __future__ import annotations

from diamondhub.access.models import ApiKey
from diamondhub.operations.problems import tracking

#: What is wrong with a key's use, until the key is replaced or revoked.
MISUSES = ("secret-key-in-page", "key-from-foreign-network", "key-sent-in-clear")


def about(key: ApiKey) -> str:
    """What problems of a key are about."""
    return f"key:{key.key_id}"


def ended(key: ApiKey, why: str) -> None:
    """The key is replaced or revoked: whoever misuses it will be refused."""
    for kind in MISUSES:
        tracking.resolve(kind, about(key), why=why)

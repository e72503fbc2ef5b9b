"""What the owner of a key is told: that somebody who holds it came from where, or in a way in which, it must not be used.

Each case is a line in the log, and the first one of a day and key an alert. Only whoever proved the key's secret gets here,
so strangers can fill neither.
"""

from __future__ import annotations

from typing import Any

import structlog
from django.db import transaction

from diamondhub.access.gate import Visit
from diamondhub.access.models import ApiKey
from diamondhub.alerts.outbox import announce

log = structlog.get_logger(__name__)

#: Alerts of this process that are remembered, to save asking the outbox again.
MAX_REMEMBERED = 1_000
#: Longest origin and address that are told (characters).
MAX_SHOWN = 200

_told: set[str] = set()


def tell_of_secret_in_page(visit: Visit, key: Any) -> None:
    """A secret key came from a page of the web."""
    origin = visit.request.headers.get("Origin", "")[:MAX_SHOWN]
    _tell(
        key,
        "secret_key_in_page",
        f"The secret key {key} of {key.client} is used in a page of {origin}: everybody who opens that page can read it. "
        f"Replace it (rotate_api_key {_name(key)} --overlap 0) and give the page a publishable key.",
        origin=origin,
        address=visit.address,
    )


def tell_of_foreign_network(visit: Visit, key: Any, address: str) -> None:
    """A key came from an address outside its client's networks."""
    _tell(
        key,
        "key_from_foreign_network",
        f"The key {key} of {key.client} was refused at {address[:MAX_SHOWN]}, which is in none of the client's networks. "
        f"If that is none of the client's machines, somebody has its key: revoke_api_key {_name(key)}.",
        address=address[:MAX_SHOWN],
    )


def tell_of_key_in_clear(visit: Visit, key: Any) -> None:
    """A key came without TLS, though all of us is reached by it."""
    _tell(
        key,
        "key_sent_in_clear",
        f"The key {key} of {key.client} was sent by plain http from {visit.address[:MAX_SHOWN]}: others can read it. "
        f"Replace it (rotate_api_key {_name(key)} --overlap 0) and have the client ask https addresses.",
        address=visit.address[:MAX_SHOWN],
    )


def forget() -> None:
    """Ask the outbox again for each alert."""
    _told.clear()


def _tell(key: Any, kind: str, subject: str, **details: str) -> None:
    log.warning(kind, key_id=key.key_id, client=key.client.name, **details)
    once = f"{kind}:{key.key_id}:{key.now:%Y-%m-%d}"
    if once in _told:
        return
    with transaction.atomic():
        announce(
            dedupe_key=once,
            kind=kind,
            severity="warning",
            subject=subject,
            details={"client": key.client.name, "key_id": key.key_id, **details},
        )
    if len(_told) >= MAX_REMEMBERED:
        _told.clear()
    _told.add(once)


def _name(key: ApiKey) -> str:
    return str(key).removesuffix("_…")

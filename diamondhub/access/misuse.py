"""What the owner of a key is told: that somebody who holds it came from where, or in a way in which, it must not be used.

Each case is a line in the log, and one occurrence of a problem, written down once a minute and key. Only whoever proved the
key's secret gets here, so strangers can fill neither.
"""

from __future__ import annotations

from time import monotonic
from typing import Any

import structlog

from diamondhub.access import key_problems
from diamondhub.access.gate import Visit
from diamondhub.access.models import ApiKey
from diamondhub.operations.problems import tracking

log = structlog.get_logger(__name__)

#: Cases of this process that are remembered until they are written down with the next one.
MAX_REMEMBERED = 1_000
#: A process writes cases of one kind and key down no more often than this (seconds).
WRITE_SECONDS = 60.0
#: Longest origin and address that are told (characters).
MAX_SHOWN = 200

#: Cases that are not written down yet, and when the last ones were, by kind and key.
_told: dict[tuple[str, str], tuple[int, float]] = {}


def tell_of_secret_in_page(visit: Visit, key: Any) -> None:
    """A secret key came from a page of the web."""
    origin = visit.request.headers.get("Origin", "")[:MAX_SHOWN]
    _tell(
        key,
        "secret-key-in-page",
        f"The secret key {key} of {key.client} is used in a page of {origin}: everybody who opens that page can read it. "
        f"Replace it (rotate_api_key {_name(key)} --overlap 0) and give the page a publishable key.",
        origin=origin,
        address=visit.address,
    )


def tell_of_foreign_network(visit: Visit, key: Any, address: str) -> None:
    """A key came from an address outside its client's networks."""
    _tell(
        key,
        "key-from-foreign-network",
        f"The key {key} of {key.client} was refused at {address[:MAX_SHOWN]}, which is in none of the client's networks. "
        f"If that is none of the client's machines, somebody has its key: revoke_api_key {_name(key)}.",
        address=address[:MAX_SHOWN],
    )


def tell_of_key_in_clear(visit: Visit, key: Any) -> None:
    """A key came without TLS, though all of us is reached by it."""
    _tell(
        key,
        "key-sent-in-clear",
        f"The key {key} of {key.client} was sent by plain http from {visit.address[:MAX_SHOWN]}: others can read it. "
        f"Replace it (rotate_api_key {_name(key)} --overlap 0) and have the client ask https addresses.",
        address=visit.address[:MAX_SHOWN],
    )


def forget() -> None:
    """Write the next case of each key down at once."""
    _told.clear()


def _tell(key: Any, kind: str, subject: str, **details: str) -> None:
    log.warning("key_misused", kind=kind, key_id=key.key_id, client=key.client.name, **details)
    waiting, written_at = _told.get((kind, key.key_id), (0, float("-inf")))
    if monotonic() - written_at < WRITE_SECONDS:
        _told[kind, key.key_id] = waiting + 1, written_at
        return
    tracking.occurred(
        kind,
        key_problems.about(key),
        subject=subject,
        details={"client": key.client.name, "client_id": key.client_id, "key_id": key.key_id, **details},
        times=waiting + 1,
    )
    if len(_told) >= MAX_REMEMBERED:
        _told.clear()
    _told[kind, key.key_id] = 0, monotonic()


def _name(key: ApiKey) -> str:
    return str(key).removesuffix("_…")

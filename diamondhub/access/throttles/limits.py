"""The limits of API clients, by class: one table. Endpoints name their class, clients may have limits of their own.

A limit is written as `20/s burst 60`: on average 20 a second for as long as one likes, and 60 at once after a pause.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import structlog
from django.core.exceptions import ValidationError

if TYPE_CHECKING:
    from diamondhub.access.models import ApiClient

log = structlog.get_logger(__name__)

#: A bucket fills within a day at most (seconds), and nobody is let in faster than so often a second.
MAX_FILL_SECONDS, MAX_PER_SECOND = 86_400, 10_000
#: Requests of one client at once, and the most that a client may be given.
AT_ONCE, MAX_AT_ONCE = 8, 1_000
#: Rows that one client may export a day (UTC), the whole catalogue three times over; and the most that it may be given.
ROWS_A_DAY, MAX_ROWS_A_DAY = 5_000_000, 10**12

_UNITS = {"s": 1, "m": 60, "h": 3600}
_WRITTEN = re.compile(r"([1-9][0-9]{0,5})/([1-9][0-9]{0,3})?([smh]) burst ([1-9][0-9]{0,5})", re.ASCII)
ACCEPTED = "must be like 20/s burst 60, 5/m burst 10 or 1/30s burst 4"


class LimitClass(StrEnum):
    """What is limited together: a client's requests of one class share one limit."""

    #: Searching the catalogue.
    SEARCH = "search"
    #: Single stones by id or certificate, what is like them, and their histories.
    LOOKUP = "lookup"
    #: What has changed since a version.
    CHANGES = "changes"
    #: Starting exports; their rows are limited by the day besides.
    EXPORTS = "exports"
    #: Reading rule sets, simulations and experiments.
    PRICING = "pricing"
    #: Editing and publishing them, and repricing.
    PRICING_EDITS = "pricing-edits"
    #: Starting, cancelling and retrying runs.
    RUNS = "runs"
    #: Asking a supplier.
    PROXY = "proxy"
    #: All other addresses.
    OTHER = "other"
    #: One visitor of a shop whose page holds a publishable key, whatever is asked for.
    VISITOR = "visitor"
    #: One address before anybody has signed in there (`ADDRESS_RATE`, `ADDRESS_BURST`).
    ADDRESS = "address"


@dataclass(frozen=True, slots=True)
class Limit:
    """A rate: one every `interval` microseconds on average, `burst` at once after a pause."""

    name: str
    interval: int
    burst: int

    @property
    def fill_seconds(self) -> int:
        """The time in which an empty bucket is full again (whole seconds, rounded up)."""
        return -(-self.interval * self.burst // 1_000_000)


def parse(name: str, text: str) -> Limit:
    """The limit that is written; raises `ValueError` with what is accepted."""
    written = _WRITTEN.fullmatch(text)
    if written is None:
        raise ValueError(ACCEPTED)
    count, seconds = int(written[1]), int(written[2] or 1) * _UNITS[written[3]]
    burst = int(written[4])
    # Rounded up: never more than is written.
    interval = -(-seconds * 1_000_000 // count)
    if count > MAX_PER_SECOND * seconds:
        raise ValueError(f"must be at most {MAX_PER_SECOND} a second")
    if interval * burst > MAX_FILL_SECONDS * 1_000_000:
        raise ValueError("must be such that the burst is there again within a day")
    return Limit(name, interval, burst)


#: The limits of who has none of its own.
WRITTEN: Mapping[LimitClass, str] = {
    LimitClass.SEARCH: "20/s burst 60",
    LimitClass.LOOKUP: "50/s burst 150",
    LimitClass.CHANGES: "5/s burst 20",
    LimitClass.EXPORTS: "1/10s burst 6",
    LimitClass.PRICING: "10/s burst 60",
    LimitClass.PRICING_EDITS: "10/s burst 60",
    LimitClass.RUNS: "1/s burst 20",
    LimitClass.PROXY: "10/s burst 30",
    LimitClass.OTHER: "20/s burst 60",
    LimitClass.VISITOR: "5/s burst 30",
}
DEFAULTS: Mapping[LimitClass, Limit] = {name: parse(name, text) for name, text in WRITTEN.items()}
#: The classes that a client can have limits of its own for.
OF_CLIENTS = tuple(WRITTEN)


def check_limits(written: Any) -> None:
    """Validate a client's own limits: an object of classes with their limits as they are written."""
    if not isinstance(written, dict):
        raise ValidationError("must be an object of limits by class")
    wrong = []
    for name, text in written.items():
        if name not in OF_CLIENTS:
            wrong.append(f"{name!r} is no class of limits: {', '.join(OF_CLIENTS)}")
        elif not isinstance(text, str):
            wrong.append(f"{name}: {ACCEPTED}")
        else:
            try:
                parse(name, text)
            except ValueError as error:
                wrong.append(f"{name}: {error}")
    if wrong:
        raise ValidationError(wrong)


@lru_cache(maxsize=4096)
def _own(name: LimitClass, text: str) -> Limit | None:
    try:
        return parse(name, text)
    except ValueError as error:
        # Forms refuse it, so somebody wrote it by SQL.
        log.warning("limit_of_client_unreadable", limit=name, written=text[:100], error=str(error))
        return None


def of_client(client: ApiClient, name: LimitClass) -> Limit:
    """A client's limit of a class: its own, or the one of all."""
    written: Any = client.limits.get(name) if isinstance(client.limits, dict) else None
    own = _own(name, written) if isinstance(written, str) else None
    return own or DEFAULTS[name]

"""The limit of requests by address, before anybody is asked who they are. It keeps floods from costing more than a look.

A request with a good key is not one of a flood, whatever comes from the same address: an office, a host with many shops.
Where the limit is used up such a request goes on, to the limits of its client; but not one with a publishable key, which
everybody can read, unless it was proven from there before. The probes are never limited.
"""

from __future__ import annotations

import structlog
from rest_framework.exceptions import Throttled

from diamondhub.access import good_keys
from diamondhub.access.gate import Place, Step, Visit
from diamondhub.access.throttles.addresses import TAKEN, presented_by, take_address
from diamondhub.telemetry.views import PROBES

log = structlog.get_logger(__name__)


class AddressLimit(Step):
    """Refuses what an address sends beyond its rate (429), but not requests with a good key."""

    place = Place.ADDRESS_LIMIT

    def check(self, visit: Visit) -> None:
        if visit.request.path_info in PROBES:
            return
        verdict = take_address(visit.address, presented=presented_by(visit.request))
        if verdict.allowed:
            # Given back once a key is proven.
            visit.notes[TAKEN] = verdict
            return
        if good_keys.is_good(visit.request, secret=True):
            return
        log.info("address_throttled", retry_after=verdict.retry_after)
        raise Throttled(wait=verdict.retry_after, detail="Too many requests from your address; ask more slowly.")

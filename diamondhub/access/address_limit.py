"""The limit of requests by address, before anybody is asked who they are. It keeps floods from costing more than a look.

A request with a good key is not one of a flood, whatever comes from the same address: an office, a host with many shops.
Where the limit is used up such a request goes on, to the limits of its client; but not one with a publishable key, which
everybody can read. The probes are never limited.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import ceil

import redis
import structlog
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry
from rest_framework.exceptions import Throttled

from diamondhub import redis_clients
from diamondhub.access import addresses, good_keys
from diamondhub.access.gate import Place, Step, Visit
from diamondhub.telemetry.views import PROBES

log = structlog.get_logger(__name__)

#: A Redis that does not answer for so long is away (seconds).
ANSWER_SECONDS = 0.2

# KEYS[1]: when the bucket is full again, by Redis's clock. ARGV: microseconds a request, and requests at once.
_GCRA = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local interval, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local full = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now) + interval
local wait = full - interval * burst - now
if wait > 0 then return wait end
redis.call('SET', KEYS[1], string.format('%.0f', full), 'PX', math.ceil((full - now) / 1000) + 1)
return 0
"""


@dataclass(frozen=True)
class Rate:
    """So many requests a second on average, and so many at once after a pause."""

    per_second: float
    burst: int


@dataclass(frozen=True)
class Verdict:
    """Whether a request is within its limit; if not, after how many seconds the next one will be."""

    wait: float = 0.0

    @property
    def allowed(self) -> bool:
        return not self.wait

    @property
    def retry_after(self) -> int:
        """Whole seconds, never too early."""
        return max(1, ceil(self.wait))


class AddressLimit(Step):
    """Refuses what an address sends beyond its rate (429), but not requests with a good key."""

    place = Place.ADDRESS_LIMIT

    def check(self, visit: Visit) -> None:
        if visit.request.path_info in PROBES:
            return
        rate = Rate(settings.ADDRESS_RATE, settings.ADDRESS_BURST)
        verdict = take(addresses.counted(visit.address), rate)
        if verdict.allowed or good_keys.is_good(visit.request, secret=True):
            return
        log.info("address_throttled", retry_after=verdict.retry_after)
        raise Throttled(wait=verdict.retry_after, detail="Too many requests from your address; ask more slowly.")


def take(name: str, rate: Rate) -> Verdict:
    """Take one request from the bucket of this name. With Redis away nothing is refused."""
    try:
        wait = _script()(keys=[f"address:{name}"], args=[round(1e6 / rate.per_second), rate.burst])
    except redis.RedisError as error:
        log.warning("address_not_counted", error=type(error).__name__)
        return Verdict()
    return Verdict(int(wait) / 1e6)


@cache
def _script() -> redis.commands.core.Script:
    client = redis_clients.client(settings.REDIS_URL, seconds=ANSWER_SECONDS, retry=Retry(NoBackoff(), 0))
    return client.register_script(_GCRA)

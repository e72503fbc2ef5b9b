"""Each nonce of a key is taken once, so that nobody sends a signed request again, whichever process it comes to.

A nonce counts as new if both stores say so. PostgreSQL has every one, and is the same for all; Redis turns the repeated
away before anything is written, and has those that PostgreSQL may lose in a crash, for which its commits need not wait for
the disk. So a flush of Redis, its death or its return let nothing through, and while it is away commits wait. Without
PostgreSQL nobody is let in at all (503).
"""

from __future__ import annotations

from functools import cache
from math import ceil

import redis
import structlog
from django.conf import settings
from django.core.signals import setting_changed
from django.db import connection
from django.dispatch import receiver

from diamondhub import redis_clients
from diamondhub.access import signatures
from diamondhub.access.gate import Place, Step, Visit

log = structlog.get_logger(__name__)

#: How long a nonce outlives its signature, since the clocks of hosts differ (seconds).
OUTLIVES = 60
#: Nonces that a sweep forgets.
FORGOTTEN_AT_ONCE = 10_000

#: One statement, and so one transaction, whose commit waits for the disk or not.
_SPEND = """
    WITH commit AS (SELECT set_config('synchronous_commit', %(synchronous)s, TRUE))
    INSERT INTO access_spentnonce (key_id, nonce, until)
    SELECT %(key_id)s, %(nonce)s, now() + make_interval(secs => %(seconds)s) FROM commit
    ON CONFLICT DO NOTHING
"""
_FORGET = """
    DELETE FROM access_spentnonce WHERE (key_id, nonce) IN (
        SELECT key_id, nonce FROM access_spentnonce WHERE until < now() ORDER BY until LIMIT %s FOR UPDATE SKIP LOCKED
    )
"""


class Nonces(Step):
    """Refuses signed requests that came before (401)."""

    place = Place.NONCE

    def check(self, visit: Visit) -> None:
        signed = signatures.proven(visit)
        if signed is None:
            return
        # As long as the signature is in time anywhere, and no longer.
        seconds = signed.created + signatures.TOLERANCE + OUTLIVES - visit.arrived_at
        if not spend(signed.key_id, signed.nonce, seconds=seconds):
            log.warning("signed_request_repeated", key_id=signed.key_id)
            raise signatures.unauthorized(
                "nonce-used", "A request with this nonce came before. Sign every request anew, repeated ones as well."
            )


def spend(key_id: str, nonce: str, *, seconds: float) -> bool:
    """Take the nonce of a key for so long; False if it was taken before. Raises `OperationalError` without a database."""
    in_redis = _spend_in_redis(key_id, nonce, seconds)
    if in_redis is False:
        return False
    with connection.cursor() as cursor:
        values: dict[str, str | float] = {"key_id": key_id, "nonce": nonce, "seconds": seconds}
        cursor.execute(_SPEND, {**values, "synchronous": "off" if in_redis else "on"})
        return bool(cursor.rowcount == 1)


def forget() -> None:
    """Forget nonces whose signatures nobody takes any more; called by the sweep."""
    with connection.cursor() as cursor:
        cursor.execute(_FORGET, [FORGOTTEN_AT_ONCE])


def _spend_in_redis(key_id: str, nonce: str, seconds: float) -> bool | None:
    """Whether the nonce is new to Redis; None while Redis is away."""
    try:
        taken = _client().set(f"diamondhub:nonce:{key_id}:{nonce}", 1, nx=True, px=max(1, ceil(seconds * 1000)))
    except redis.RedisError as error:
        log.warning("nonce_not_kept_in_redis", error=type(error).__name__)
        return None
    return taken is not None


@cache
def _client() -> redis.Redis:
    # Never asked twice: a second attempt would find the nonce that the first one took.
    return redis_clients.client(settings.REDIS_URL, retry=None)


@receiver(setting_changed)
def _forget_client(**_: object) -> None:
    _client.cache_clear()

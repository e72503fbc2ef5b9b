"""One limit under four web processes for a minute, through a restart and a flush of Redis; and what a take costs."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from redis import Redis

from benchmarks.result import Figure
from benchmarks.shoppers import Shopper, Web, excess, shortfall
from diamondhub.access.clients import create_client
from diamondhub.access.models import ApiClient
from diamondhub.access.throttles.buckets import Bucket, Places
from diamondhub.access.throttles.limits import parse
from diamondhub.access.throttles.shared import SharedLimits
from diamondhub.access.throttles.taking import Limits
from diamondhub.local.valkey import Valkey

PER_SECOND, BURST = 20, 60
ADDRESS = "/api/v1/diamonds?limit=1"
#: Takes whose cost is measured, and how often.
TAKES, ROUNDS = 2_000, 5


def measure(seconds: float) -> list[Figure]:
    """Ask with one key as fast as 4 web processes answer, beside an honest client and a stranger, for `seconds`."""
    with TemporaryDirectory() as folder:
        valkey = Valkey(Path(folder))
        valkey.start()
        try:
            with Web(processes=4, redis_url=valkey.url, log=Path(folder) / "web.log") as web:
                exactness = _exactness(web, valkey, seconds)
            return [*exactness, *_cost(valkey)]
        finally:
            valkey.stop()


def _exactness(web: Web, valkey: Valkey, seconds: float) -> list[Figure]:
    greedy = Shopper(web, ADDRESS, _key("greedy", limits={"search": f"{PER_SECOND}/s burst {BURST}"}), threads=8)
    honest = Shopper(web, ADDRESS, _key("honest"), every=0.5)
    stranger = Shopper(web, ADDRESS, "dh_wrong", threads=2)
    with honest, stranger, greedy:
        time.sleep(seconds / 3)
        valkey.restart()
        time.sleep(seconds / 3)
        Redis.from_url(valkey.url).flushall()
        time.sleep(seconds / 3)
    slowest = max(asked.received - asked.sent for asked in honest.asked)
    admitted = sum(asked.status == 200 for asked in greedy.asked)
    refused = sum(asked.status == 429 for asked in honest.asked)
    over = excess(greedy.asked, per_second=PER_SECOND, burst=BURST)
    under = shortfall(greedy.asked, per_second=PER_SECOND, burst=BURST)
    detail = (
        f"{admitted:,} of {len(greedy.asked):,} requests in {seconds:.0f} s, through a restart and a flush of Redis"
    )
    return [
        Figure(
            "requests beyond the limit", ratio=max(0.0, over), goal=1, at_most=True, of="one request", detail=detail
        ),
        Figure("requests short of it", ratio=max(0.0, under), goal=1, at_most=True, of="one request", detail=detail),
        Figure(
            "honest requests refused",
            ratio=refused / len(honest.asked),
            goal=0.02,
            at_most=True,
            of="all of them, beside a stranger at the same address",
            detail=f"{refused} of {len(honest.asked)}; the slowest took {slowest:.2f} s",
        ),
    ]


def _cost(valkey: Valkey) -> list[Figure]:
    limits, server = Limits(SharedLimits(valkey.url)), Redis.from_url(valkey.url)
    bucket = Bucket("bench", parse("search", "10000/s burst 100000"))

    def take() -> None:
        limits.take([bucket, Places("bench:at-once", "at-once", 8, "token")])

    def take_and_leave() -> None:
        place = Places("bench:at-once", "at-once", 8, "token")
        limits.take([bucket, place])
        limits.leave(place)

    trip, once, whole = (_microseconds(call) for call in (server.ping, take, take_and_leave))
    return [
        Figure(
            "taking what a request needs",
            ratio=once / trip,
            of="one bare round trip to Redis",
            detail=f"{once:.0f} µs before the answer, {whole - once:.0f} µs after it; a round trip takes {trip:.0f} µs",
        )
    ]


def _microseconds(call: Callable[[], object]) -> float:
    rounds = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        for _ in range(TAKES):
            call()
        rounds.append((time.perf_counter() - begun) / TAKES * 1e6)
    return median(rounds)


def _key(name: str, **columns: object) -> str:
    issued = create_client(f"{name} {os.getpid()}", scopes=["catalog:read"])
    ApiClient.objects.filter(pk=issued.key.client_id).update(max_at_once=100, **columns)
    return issued.text

"""Four web processes and one limit, through a restart and a flush of Redis: exact to one, and no harm to others."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from redis import Redis

from benchmarks.shoppers import Shopper, Web, excess, shortfall
from diamondhub.access.clients import create_client
from diamondhub.access.models import ApiClient
from diamondhub.local.valkey import Valkey

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]

#: A pace that a machine without a free moment still asks for, and a burst in which seconds of its silence are not lost.
PER_SECOND, BURST = 2, 10
#: How long they ask (seconds), and when something happens to Redis.
SECONDS = 12


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Valkey]:
    server = Valkey(tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def web(valkey: Valkey, tmp_path: Path) -> Iterator[Web]:
    # A machine without a free moment makes Redis look away, and then limits are kept more strictly than they are written.
    with Web(processes=4, redis_url=valkey.url, log=tmp_path / "web.log", REDIS_ANSWER_SECONDS="5") as web:
        yield web


def key_of(name: str, **columns: object) -> str:
    issued = create_client(name, scopes=["catalog:read"])
    ApiClient.objects.filter(pk=issued.key.client_id).update(**columns)
    return issued.text


def test_the_limit_is_exact_through_a_restart_and_a_flush_of_redis(web: Web, valkey: Valkey) -> None:
    greedy_key = key_of("greedy", limits={"search": f"{PER_SECOND}/s burst {BURST}"}, max_at_once=100)
    address = "/api/v1/diamonds?limit=1"
    greedy = Shopper(web, address, greedy_key, threads=8)
    honest = Shopper(web, address, key_of("honest"), every=1.0)
    stranger = Shopper(web, address, "dh_wrong")

    with honest, stranger, greedy:
        time.sleep(SECONDS / 3)
        valkey.restart()
        time.sleep(SECONDS / 3)
        Redis.from_url(valkey.url).flushall()
        time.sleep(SECONDS / 3)

    assert excess(greedy.asked, per_second=PER_SECOND, burst=BURST) <= 1
    assert shortfall(greedy.asked, per_second=PER_SECOND, burst=BURST) <= 1
    assert greedy.statuses == {200, 429}
    # In the very moment of a flush nobody can be known; who then waits as told is let in.
    assert not any(first.status == second.status == 429 for first, second in pairwise(honest.asked))
    assert honest.statuses <= {200, 429}
    assert 200 not in stranger.statuses
    # Only who was turned away with all of its address, in the very moment of a flush, is not known by name.
    assert all("RateLimit" in asked.headers for asked in [*greedy.asked, *honest.asked] if asked.status == 200)

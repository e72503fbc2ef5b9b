"""Searches while the database, or the cache of answers, is away: a web process, its servers really stopped."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import connection

from catalog.tests.factories import a_diamond
from diamondhub.access.clients import create_client
from diamondhub.local.testing import servers
from diamondhub.local.tests.test_services import ROOT, until
from diamondhub.local.valkey import Valkey, cache
from diamondhub.postgresql.tests.test_hanging import relayed
from diamondhub.serving.tests.processes import Relay, Web, peppers

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]
SEARCH = "/api/v1/diamonds?form=slim&limit=5"
FACETS = "/api/v1/diamonds/facets?facets=shape"


@dataclass
class Shop:
    """A web process, what it stands on, and the keys of two clients."""

    web: Web
    database: Relay
    cache: Valkey
    key: str
    other_key: str

    def ask(self, path: str, key: str = "", **headers: str) -> tuple[int, Mapping[str, str], Any]:
        status, told, body = self.web.answer("GET", path, {"X-API-Key": key or self.key, **headers})
        return status, told, json.loads(body) if body else None


@pytest.fixture
def shop() -> Iterator[Shop]:
    folder = ROOT / "var" / "test" / "web" / f"{os.getpid()}-outage"
    database, database_url = relayed(servers.database_url(), str(connection.settings_dict["NAME"]))
    kept = cache(folder)
    kept.start()
    web = Web(
        folder,
        DATABASE_URL=database_url,
        REDIS_URL=servers.redis_url(),
        CACHE_URL=kept.url,
        API_KEY_PEPPERS=peppers(),
    )
    keys = [create_client(name, scopes=["catalog:read"]).text for name in ("shop", "another")]
    yield Shop(web, database, kept, *keys)
    database.thaw()
    web.end()
    database.close()
    kept.stop()
    shutil.rmtree(folder, ignore_errors=True)


def asked_until(shop: Shop, path: str, sign: str) -> tuple[int, Mapping[str, str], Any]:
    """Ask until the cache says so: on a busy machine it may be too late for an answer to be kept or found."""
    answers: list[tuple[int, Mapping[str, str], Any]] = []

    def has_it() -> bool:
        answers[:] = [shop.ask(path)]
        return sign in answers[0][1].get("Cache-Status", "")

    until(has_it)
    return answers[0]


def test_what_a_client_was_told_lately_is_told_again_and_marked_while_the_database_is_away(shop: Shop) -> None:
    a_diamond(shape="OVAL")
    first = {path: asked_until(shop, path, "; hit") for path in (SEARCH, FACETS)}

    shop.database.freeze()
    again = {path: asked_until(shop, path, "; ttl=-") for path in (SEARCH, FACETS)}
    for_others = shop.ask(SEARCH, shop.other_key)
    never_asked = shop.ask(f"{SEARCH}&shape=OVAL")

    assert {status for status, _, _ in first.values()} == {200}
    for path, (status, told, body) in again.items():
        assert (status, body) == (200, first[path][2])
        assert told["Cache-Status"].startswith("diamondhub; hit; ttl=-")
        assert int(told["Age"]) >= 0
        assert told["ETag"].removeprefix("W/") == first[path][1]["ETag"].removeprefix("W/")
        assert told["Cache-Control"] == first[path][1]["Cache-Control"]
    for status, told, body in (for_others, never_asked):
        assert (status, told["Retry-After"]) == (503, "5")
        assert body["type"] == "/api/problems/database-away"
    shop.database.thaw()
    until(lambda: "ttl" not in shop.ask(SEARCH)[1].get("Cache-Status", "ttl"))


def test_without_the_cache_of_answers_all_is_right(shop: Shop) -> None:
    stone = a_diamond()
    shop.ask(FACETS)

    shop.cache.stop()

    assert shop.ask(FACETS)[2]["count"] == 1
    assert [shown["id"] for shown in shop.ask(SEARCH)[2]["results"]] == [str(stone.pk)]

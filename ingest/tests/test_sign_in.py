"""Trying a feed's sign-in: what came is said in words, within bounds, and no secret is shown."""

from __future__ import annotations

import gzip
import json
import random
import socket
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse
from redis import Redis

from diamondhub.operations.models import Job
from ingest import sign_in
from ingest.feeds import adapters
from ingest.models import Feed
from ingest.sandbox.faults import FailNext, Hanging, Settings, Throttling
from ingest.sandbox.server import Sandbox
from ingest.sandbox.supplier import Options
from ingest.tests import factories
from ingest.tests.admin_pages import messages_of, signed_in

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def supplier(redis_forgets: None) -> Iterator[tuple[Sandbox, Feed]]:
    with factories.sandbox_feed(Options(stones=20)) as made:
        yield made


@pytest.fixture
def redis_forgets(settings: Any) -> Iterator[None]:
    """The account's limiter as if nobody had asked before, and again for whoever comes after."""
    redis = Redis.from_url(settings.REDIS_URL)
    fresh: dict[Any, Any] = {"blocked": 0, "tat": 1, "fails": 0, "opened": 0, "interval": 0}
    redis.hset("limiter:{nivoda}", mapping=fresh)
    yield
    redis.hset("limiter:{nivoda}", mapping=fresh)


def tried(feed: Feed, seconds: float = 8.0) -> dict[str, Any]:
    return sign_in.try_sign_in(feed, seconds=seconds).as_json()


def test_a_sign_in_that_works_is_said_to_and_asks_the_supplier_once_whatever_token_is_known(
    supplier: tuple[Sandbox, Feed],
) -> None:
    sandbox, feed = supplier
    adapters.adapter_of(feed).server_time()
    sandbox.supplier.accounting.reset()

    value = tried(feed)

    assert value["outcome"] == "ok"
    assert "The sign-in works" in sign_in.in_words(value)
    assert sandbox.supplier.accounting.stats()["requests"] == 1


@pytest.mark.parametrize(
    ("faults", "outcome", "says"),
    [
        (Settings(http_429=Throttling(1.0, retry_after=7)), "throttled", "stay away for 7 s"),
        (Settings(fail_next=FailNext(5, status=503)), "unreachable", "answers 503"),
        (Settings(fail_next=FailNext(5, status=404)), "refused", "answers 404"),
        (Settings(html_200=1.0), "unreachable", "cannot be decoded"),
        (Settings(timeout=Hanging(1.0, seconds=30)), "too slow", "time ran out"),
        (Settings(cut_connection=1.0), "unreachable", "connection failed"),
    ],
    ids=["throttled", "503", "404", "html", "slow", "cut"],
)
def test_what_went_wrong_is_told_apart(
    supplier: tuple[Sandbox, Feed], faults: Settings, outcome: str, says: str
) -> None:
    sandbox, feed = supplier
    sandbox.supplier.set_faults(faults)

    value = tried(feed, seconds=4.0 if outcome == "too slow" else 60.0)

    assert value["outcome"] == outcome, value
    assert says in value["said"]


def test_a_wrong_password_is_refused_and_not_shown(supplier: tuple[Sandbox, Feed], settings: Any) -> None:
    _, feed = supplier
    settings.NIVODA_PASSWORD = "not the password of the sandbox"
    factories.forget_clients()

    value = tried(feed)

    assert value["outcome"] == "refused"
    assert "not the password" not in json.dumps(value)


def test_a_supplier_that_is_not_there_is_unreachable(supplier: tuple[Sandbox, Feed], settings: Any) -> None:
    _, feed = supplier
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        settings.NIVODA_ENDPOINT = f"http://127.0.0.1:{nobody.getsockname()[1]}/"
        factories.forget_clients()

        value = tried(feed)

    assert value["outcome"] == "unreachable"


def test_a_feed_without_an_account_is_not_asked(settings: Any) -> None:
    settings.NIVODA_ENDPOINT, settings.NIVODA_USERNAME, settings.NIVODA_PASSWORD = "http://127.0.0.1:9/", "", ""
    factories.forget_clients()
    feed = Feed(slug="rosy", name="Rosy", adapter="nivoda", parameters={"labgrown": False})
    feed.save()

    value = tried(feed)

    assert value["outcome"] == "not asked"
    assert "NIVODA_USERNAME" in value["said"]


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> Iterator[Path]:
    settings.PRICELIST_DIR, settings.VAR_DIR = tmp_path, tmp_path / "var"
    adapters._build.cache_clear()
    yield tmp_path
    adapters._build.cache_clear()


def a_list() -> Feed:
    return Feed.objects.create(slug="rosy", name="Rosy", adapter="pricelist", parameters={"source": "list.csv"})


@pytest.mark.parametrize(
    ("content", "outcome", "says"),
    [
        (b"Stock #,Price\nA-1,500\n", "ok", "2 columns"),
        (b"Stock #,Price\n" + b"A-1,500\n" * 200_000, "ok", "2 columns"),
        (b"Qu\xe9x;Zorp\nA-1;500\n", "refused", "no header that we know"),
        (b"", "refused", "is empty"),
        (b"<html>", "refused", "HTML"),
        (b"\x1f\x8bnot really", "refused", "gzip"),
        (b"PK\x03\x04", "refused", "ZIP"),
        (None, "refused", "there is no price list"),
    ],
    ids=["small", "long", "headers", "empty", "html", "gzip", "zip", "none"],
)
def test_a_price_list_is_looked_at_by_its_beginning(
    folder: Path, content: bytes | None, outcome: str, says: str
) -> None:
    if content is not None:
        (folder / "list.csv").write_bytes(content)

    value = tried(a_list())

    assert value["outcome"] == outcome, value
    assert says in value["said"]


def test_a_packed_list_is_looked_at_though_its_beginning_breaks_off(folder: Path) -> None:
    dice = random.Random(1)
    rows = "".join(f"A-{dice.random()},{dice.randrange(10**9)}\n" for _ in range(40_000))
    (folder / "list.csv").write_bytes(gzip.compress(f"Stock #,Price\n{rows}".encode()))

    assert tried(a_list())["outcome"] == "ok"


def test_the_command_says_it_and_fails_unless_it_works(supplier: tuple[Sandbox, Feed]) -> None:
    sandbox, feed = supplier
    out = StringIO()

    call_command("try_sign_in", feed.slug, as_json=True, stdout=out)
    sandbox.supplier.set_faults(Settings(http_429=1.0))
    with pytest.raises(CommandError, match="asked too often"):
        call_command("try_sign_in", feed.slug, stdout=StringIO())
    with pytest.raises(CommandError, match="no feed 'nobody'"):
        call_command("try_sign_in", "nobody")

    assert json.loads(out.getvalue())["outcome"] == "ok"


def test_the_button_says_what_came_and_keeps_it_with_name_and_time(supplier: tuple[Sandbox, Feed]) -> None:
    sandbox, feed = supplier
    url = reverse("admin:ingest_feed_try_sign_in", args=[feed.pk])
    browser = signed_in("view_feed", "add_run")

    good = browser.post(url, {"reason": "a new password"}, follow=True)
    sandbox.supplier.set_faults(Settings(http_429=1.0))
    bad = browser.post(url, follow=True)

    assert "The sign-in works" in str(messages_of(good))
    assert "asked too often" in str(messages_of(bad))
    kept = list(Job.objects.order_by("pk").values_list("kind", "asked_by", "reason", "state", "result__outcome"))
    assert kept == [
        ("sign-in", "olga", "a new password", "completed", "ok"),
        ("sign-in", "olga", "", "completed", "throttled"),
    ]
    assert "sign-in tried" in bad.content.decode()


def test_the_button_is_for_whom_may_start_runs_and_is_pressed(supplier: tuple[Sandbox, Feed]) -> None:
    _, feed = supplier
    url = reverse("admin:ingest_feed_try_sign_in", args=[feed.pk])
    browser = signed_in("view_feed")

    assert browser.post(url).status_code == 403
    assert browser.get(url).status_code == 405
    assert url not in browser.get(reverse("admin:ingest_feed_change", args=[feed.pk])).content.decode()

"""Secrets of every kind are planted, what writes anything down is made to fail with them, and all that was written is
searched: logs, pages, answers, letters, messages, exports, processes' arguments, Redis, and a dump of every table.
"""

from __future__ import annotations

import base64
import io
import json
import logging
import logging.config
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest.mock import Mock
from urllib.parse import quote, urlsplit

import pytest
import structlog
from django.conf import settings as current
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.urls import reverse
from redis import Redis

from diamondhub.access.clients import create_client
from diamondhub.alerts import configuring, messages
from diamondhub.alerts.channels import email, templates
from diamondhub.alerts.models import Channel, ChannelState, Delivery, Event
from diamondhub.alerts.outbox import announce, deliver_due
from diamondhub.local import stack
from diamondhub.operations.models import Problem
from diamondhub.operations.problems import tracking
from diamondhub.operations.tests.problems import looked_at
from diamondhub.telemetry import process_metrics, scrub, tracing
from diamondhub.telemetry.logs import logging_config
from diamondhub.telemetry.tests.test_tracing import Collector, collector, flushed  # noqa: F401 - a fixture
from diamondhub.webhooks import subscriptions
from ingest import dead_letters, feed_secrets, runs, tasks
from ingest.errors import IngestError
from ingest.feeds.nivoda.tokens import SharedTokens
from ingest.models import DeadLetter, Feed
from ingest.tests import factories
from ingest.tests.admin_pages import signed_in

pytestmark = pytest.mark.django_db

#: What guards an incoming webhook of Slack, and what a system of duty knows its sender by.
SLACK_PATH, DUTY_KEY = "plantedSlackPath0123456789", "planted-routing-key-0123456789"
OLD, NEW = (base64.b64encode(bytes(range(start, start + 32))).decode() for start in (3, 103))


@pytest.fixture
def planted(settings: Any) -> Iterator[dict[str, str]]:
    """Secrets by their kinds, each where it lies in production."""
    settings.SECRET_KEY = "planted-secret-key-0123456789-abcdefghijk"
    settings.ENCRYPTION_KEYS = f"2:{NEW},1:{OLD}"
    settings.NIVODA_ENDPOINT, settings.NIVODA_USERNAME = "http://127.0.0.1:9/api", "us"
    settings.NIVODA_PASSWORD = "planted supplier password"
    settings.EMAIL_HOST_PASSWORD = "planted mail password"
    settings.WEBHOOK_HOSTS = ["localhost"]
    settings.ALERT_CHANNELS, settings.ALERT_EMAILS = ["log", "email"], ["boss@example.com"]
    factories.forget_clients()
    rosy = Feed.objects.create(
        slug="rosy", name="Rosy", adapter="nivoda", parameters={"labgrown": True, "username": "theirs"}
    )
    feed_secrets.set_secret(rosy, "password", "planted feed password")
    listed = Feed.objects.create(
        slug="listed",
        name="Listed",
        adapter="pricelist",
        parameters={"source": "http://u:{password}@127.0.0.1:9/l.csv?t={token}"},
    )
    feed_secrets.set_secret(listed, "password", "planted list password")
    feed_secrets.set_secret(listed, "token", "planted-list-token")
    signing_secret = plant_channels()
    browser = signed_in(superuser=True)
    browser.get(reverse("admin:index"))
    browser.get(reverse("admin:ingest_feed_change", args=[rosy.pk]))
    planted = create_client("planted", scopes=["catalog:read"])
    secrets = {
        "API key": planted.text,
        "webhook's secret": subscriptions.create(
            planted.key.client, url="https://shop.example.com/", events=["catalog.changed"]
        ).secret,
        "SECRET_KEY": settings.SECRET_KEY,
        "encryption key": NEW.rstrip("="),
        "supplier's password": settings.NIVODA_PASSWORD,
        "feed's password": "planted feed password",
        "list's password": "planted list password",
        "list's token": "planted-list-token",
        # One that is a word stands in many texts.
        "database's password": password if len(password := current.DATABASES["default"]["PASSWORD"]) >= 16 else "",
        "Redis's password": urlsplit(current.REDIS_URL).password or "",
        "mail's password": settings.EMAIL_HOST_PASSWORD,
        "channel's signing secret": signing_secret,
        "Slack's address": SLACK_PATH,
        "key of a system of duty": DUTY_KEY,
        "session": browser.cookies["sessionid"].value,
        "supplier's token": "planted.supplier.token",
    }
    if peppers := getattr(settings, "API_KEY_PEPPERS", None):
        secrets["pepper"] = base64.b64encode(next(iter(peppers.values()))).decode().rstrip("=")
    scrub.forget()
    yield {kind: value for kind, value in secrets.items() if value}
    factories.forget_clients()
    scrub.forget()


def plant_channels() -> str:
    """Channels whose addresses and keys are secrets, and where nobody is; returns the secret that signs for one of them."""
    configuring.save(Channel(name="slack", kind="slack"), url=f"https://localhost:9/services/T0/{SLACK_PATH}")
    duty = Channel(name="duty", kind="webhook", template=templates.PRESETS["pagerduty"], authorization="Bearer")
    configuring.save(duty, url="https://localhost:9/v2/enqueue", token=DUTY_KEY)
    secret = configuring.save(Channel(name="hook", kind="webhook"), url="https://localhost:9/alerts")
    assert secret is not None
    return secret


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What is logged, as production writes it."""
    written = io.StringIO()
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    logging.config.dictConfig(logging_config(level="INFO", json=True))
    for handler in root.handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.setStream(written)
    yield written
    root.handlers[:], level = before
    root.setLevel(level)
    logging.config.dictConfig(current.LOGGING)


def dump() -> str:
    """Every table as `COPY` writes it."""
    pieces = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            with cursor.cursor.copy(f'COPY (SELECT * FROM "{table}") TO STDOUT') as rows:
                pieces += [f"{table}: ", *(bytes(row).decode() for row in rows)]
    return "".join(pieces)


def kinds_in(text: str, secrets: dict[str, str]) -> list[str]:
    """The kinds of secrets that a text holds, as they are or in a coding that anybody undoes."""
    return [
        kind
        for kind, secret in secrets.items()
        if any(
            form in text
            for form in (
                secret,
                quote(secret, safe=""),
                secret.encode().hex(),
                base64.b64encode(secret.encode()).decode().rstrip("="),
            )
        )
    ]


def spoken(secrets: dict[str, str]) -> list[str]:
    """Each secret as it may come in a text: a session has nothing that tells it from a word but the name before it."""
    return [f"Cookie: sessionid={secret}\n" if kind == "session" else secret for kind, secret in secrets.items()]


def exercised(secrets: dict[str, str]) -> dict[str, str]:
    """Everything that writes anything down, with every secret in its way; what came of it, by where."""
    written: dict[str, str] = {}
    said = spoken(secrets)
    everything = " and ".join(said)
    shop = Client(raise_request_exception=False)
    browser = signed_in_again()
    pages = []
    # Failures of runs, messages, letters.
    for slug in ("rosy", "listed"):
        run = runs.start_run(slug, kind="full", started_by="eve", reason="planted")
        # Nobody is at the other end.
        tasks.advance.apply(args=(run.pk,))
    tasks._keep_message(sender="ingest.tasks.walk", args=[7], exception=ConnectionError(everything))
    letter = DeadLetter.objects.order_by("pk").last()
    assert letter is not None
    dead_letters.attempts({letter.pk: ("failed", everything)}, actor="otto")
    event = announce(
        dedupe_key="planted",
        kind="run_failed",
        severity="error",
        subject=f"Failed: {everything}",
        details={"error": everything, "each": said, "sessionid": secrets["session"]},
    )
    mailed = Channel(name="email", kind="email", addresses=["eve@example.com"])
    for delivery in event.deliveries.select_related("event"):
        email.send(mailed, messages.message_of(delivery))
    written["channels"] = failed_channels(everything, said)
    # Logs: messages, names, exceptions.
    log = structlog.get_logger("planted")
    log.error("failed", error=everything, nested={"deeper": [everything]})
    try:
        raise RuntimeError(everything)
    except RuntimeError:
        logging.getLogger("django.request").exception("failed: %s", everything)
    # Pages, answers and exports.
    key = secrets["API key"]
    operator = Client(
        headers={"X-API-Key": create_client("operator", scopes=["problems:read", "pricing:read", "audit:read"]).text},
        raise_request_exception=False,
    )
    for answer in (
        shop.get("/api/v1/diamonds", headers={"X-API-Key": key}),
        shop.get("/api/v1/diamonds", {"unknown": "1"}, headers={"X-API-Key": key}),
        shop.get("/api/v1/diamonds", headers={"X-API-Key": key[:-1] + ("0" if key[-1] != "0" else "1")}),
        shop.get("/health/status"),
        shop.get("/api/schema/?format=json"),
        *(browser.get(reverse("admin:ingest_feed_change", args=[feed.pk])) for feed in Feed.objects.all()),
        *(browser.get(reverse("admin:ingest_feed_history", args=[feed.pk])) for feed in Feed.objects.all()),
        browser.get(reverse("admin:audit_auditevent_changelist")),
        browser.get(reverse("admin:ingest_run_changelist")),
        *(browser.get(address) for address in pages_of_telling()),
        *(operator.get(address) for address in answers_of_problems()),
        shop.get("/metrics"),
        shop.get("/metrics/state"),
        browser.get(reverse("admin:index")),
    ):
        content = answer.getvalue() if answer.streaming else answer.content
        pages.append(f"{answer.headers} {content.decode()}")
    out = io.StringIO()
    call_command("rotate_secrets", stdout=out, as_json=True)
    for slug in ("rosy", "listed"):
        try:
            call_command("start_run", slug, full=True, stdout=out)
        except (CommandError, IngestError) as error:
            out.write(str(error))
    tokens = SharedTokens("http://127.0.0.1:9", "us", "pw", redis_url=current.REDIS_URL, secret=current.SECRET_KEY)
    tokens.replace("", lambda: secrets["supplier's token"])
    redis = Redis.from_url(current.REDIS_URL)
    written["Redis"] = " ".join(
        f"{key!r} {redis.dump(key)!r}" for key in redis.scan_iter() if not key.startswith(b"_kombu")
    )
    written["pages and answers"] = "\n".join(pages)
    written["commands"] = out.getvalue()
    written["letters"] = "\n".join(str(message.message()) for message in mail.outbox)
    programs = stack.stack_programs(port=8000)
    written["arguments of processes"] = " ".join(str(word) for spec in programs for word in spec.argv)
    beat = next(spec for spec in programs if spec.name == "beat")
    written["environment of beat"] = json.dumps(
        {name: value for name, value in beat.environment.items() if name not in ("REDIS_URL", "CELERY_BROKER_URL")}
    )
    written["dump"] = dump()
    return written


def failed_channels(everything: str, said: list[str]) -> str:
    """Sending on every channel fails: nobody is there, and then by a fault of ours that quotes everything."""
    with pytest.MonkeyPatch.context() as patch:
        for fault in (None, RuntimeError(everything)):
            if fault is not None:
                patch.setattr("diamondhub.alerts.outbox.send", Mock(side_effect=fault))
            news = announce(dedupe_key=f"fails {fault}"[:50], kind="news", severity="info", subject=everything)
            ChannelState.objects.update(retry_at=None)
            deliver_due(events=[news.pk])
    tracking.occurred(
        "channel-failing",
        "channel:slack",
        subject=f"It fails: {everything}",
        details={"error": everything, "each": said},
    )
    # In short, as the page shows it: texts are cut, and what is left out is no proof.
    for kind in said:
        tracking.occurred("channel-failing", "channel:duty", subject=kind, details={"error": kind})
        tracking.resolve("channel-failing", "channel:duty", why=kind)
    looked_at("channel-failing", "delivery-late")
    assert Delivery.objects.exclude(last_error="").count() >= 6
    return " ".join(Delivery.objects.values_list("last_error", flat=True)) + str(list(ChannelState.objects.values()))


def pages_of_telling() -> list[str]:
    """Pages of channels with their histories, alerts and problems."""
    return [
        *(reverse("admin:alerts_channel_change", args=[channel.pk]) for channel in Channel.objects.all()),
        *(reverse("admin:alerts_channel_history", args=[channel.pk]) for channel in Channel.objects.all()),
        *(reverse("admin:alerts_channelstate_change", args=[state.pk]) for state in ChannelState.objects.all()),
        *(reverse("admin:alerts_event_change", args=[event.pk]) for event in Event.objects.all()),
        *(reverse("admin:operations_problem_change", args=[problem.pk]) for problem in Problem.objects.all()),
        reverse("admin:alerts_channelstate_changelist"),
        reverse("admin:alerts_event_changelist"),
    ]


def answers_of_problems() -> list[str]:
    """What another system is told."""
    numbers = Problem.objects.values_list("pk", flat=True)
    return ["/api/v1/problems", "/api/v1/audit/events", *(f"/api/v1/problems/{number}" for number in numbers)]


def signed_in_again() -> Client:
    """A browser of the person who signed in before."""
    from django.contrib.auth.models import User

    browser = Client(raise_request_exception=False)
    browser.force_login(User.objects.get(username="olga"))
    return browser


def test_planted_secrets_are_found_nowhere(
    planted: dict[str, str],
    lines: io.StringIO,
    collector: Collector,  # noqa: F811 - the fixture
    monkeypatch: pytest.MonkeyPatch,
    settings: Any,
    tmp_path: Path,
) -> None:
    settings.METRICS_DIR = tmp_path / "metrics"
    process_metrics.prepare("web")
    for name, kind in {"NIVODA_PASSWORD": "supplier's password", "EMAIL_HOST_PASSWORD": "mail's password"}.items():
        monkeypatch.setenv(name, planted[kind])
    scrub.know(planted["supplier's token"])

    written = exercised(planted)
    process_metrics.stop()
    written["logs"] = lines.getvalue()
    written["traces"] = traced(collector, " and ".join(spoken(planted)))

    assert len(planted) >= 14
    assert all(written.values()), {where for where, text in written.items() if not text}
    assert {where: kinds for where, text in written.items() if (kinds := kinds_in(text, planted))} == {}


def traced(spans: Collector, everything: str) -> str:
    """The spans of work that fails with every secret."""
    with suppress(RuntimeError), tracing.of_row("delivery", "ab" * 16, said=everything, url=everything):
        raise RuntimeError(everything)
    return " ".join(span.to_json() for span in flushed(spans).spans)


@pytest.mark.parametrize("coded", [str, lambda text: text.encode().hex(), lambda text: quote(text, safe="")])
def test_the_search_finds_what_lies_in_clear(planted: dict[str, str], coded: Any) -> None:
    Feed.objects.filter(slug="rosy").update(name=coded(planted["list's token"])[:100])
    with connection.cursor() as cursor:
        cursor.execute("UPDATE ingest_feedsecret SET sealed = %s", [planted["feed's password"].encode()])

    found = kinds_in(dump(), planted)

    assert {"list's token", "feed's password"} <= set(found)


def test_a_session_lies_in_the_table_as_a_hash_and_still_signs_in() -> None:
    browser = signed_in(superuser=True)

    assert browser.get(reverse("admin:index")).status_code == 200
    assert browser.cookies["sessionid"].value not in dump()
    browser.post(reverse("admin:logout"))
    assert browser.get(reverse("admin:index")).status_code == 302

"""Clients of Redis: who makes them, and that over TLS they speak to nobody whose certificate they do not trust."""

from __future__ import annotations

import json
import os
import re
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import redis
from django.conf import settings as project
from kombu import Connection

from diamondhub import redis_clients
from diamondhub.local.testing.templates import SOURCES
from diamondhub.tests.tls import Authority, tls_before

#: Modules that are no part of the product.
NOT_OURS = {".venv", "var", "tests", "benchmarks"}


@dataclass
class Listener:
    """A TLS listener before the tests' Valkey."""

    url: str
    trusted: Path
    stranger: Path


@pytest.fixture(scope="module")
def authorities(tmp_path_factory: pytest.TempPathFactory) -> tuple[Authority, Authority]:
    folder = tmp_path_factory.mktemp("certificates")
    return Authority(folder, "ours"), Authority(folder, "stranger")


@pytest.fixture(params=["127.0.0.1"])
def listener(
    request: pytest.FixtureRequest, authorities: tuple[Authority, Authority], redis_server: str
) -> Iterator[Listener]:
    """A listener whose certificate `ours` has signed, for the address that is the parameter."""
    ours, stranger = authorities
    there = urlsplit(redis_server)
    assert there.port
    with tls_before(there.port, ours.sign(request.param)) as port:
        yield Listener(f"rediss://:{there.password}@127.0.0.1:{port}/0", ours.path, stranger.path)


def test_a_server_with_the_right_certificate_is_spoken_to(settings: Any, listener: Listener) -> None:
    settings.REDIS_CA_FILE = str(listener.trusted)

    assert redis_clients.client(listener.url).ping()


@pytest.mark.parametrize("authority", ["stranger", ""])
def test_a_server_whose_certificate_nobody_trusts_is_refused(settings: Any, listener: Listener, authority: str) -> None:
    settings.REDIS_CA_FILE = str(listener.stranger) if authority else ""

    with pytest.raises(redis.ConnectionError, match="CERTIFICATE_VERIFY_FAILED"):
        redis_clients.client(listener.url, retry=None).ping()


@pytest.mark.parametrize("listener", ["127.0.0.2"], indirect=True)
def test_a_server_with_somebody_elses_certificate_is_refused(settings: Any, listener: Listener) -> None:
    settings.REDIS_CA_FILE = str(listener.trusted)

    with pytest.raises(redis.ConnectionError, match="CERTIFICATE_VERIFY_FAILED"):
        redis_clients.client(listener.url, retry=None).ping()


@pytest.mark.parametrize("listener", ["127.0.0.1", "127.0.0.2"], indirect=True)
@pytest.mark.parametrize("authority", ["trusted", "stranger"])
def test_rabbitmq_is_verified_as_redis_is(listener: Listener, authority: str, request: pytest.FixtureRequest) -> None:
    url = f"amqps://127.0.0.1:{urlsplit(listener.url).port}//"
    verified = redis_clients.broker_ssl(url, ca_file=str(getattr(listener, authority)))
    right = authority == "trusted" and request.node.callspec.params["listener"] == "127.0.0.1"

    with pytest.raises(OSError) as refused:  # noqa: PT011 - behind the listener nobody speaks AMQP
        # Only the right one has to run into it.
        Connection(url, ssl=verified, connect_timeout=1 if right else 60).connect()

    assert isinstance(refused.value, ssl.SSLCertVerificationError) != right


ASK = """
import json, django
django.setup()
from django.core.cache import cache
from diamondhub.celery import app
from diamondhub.pace.limiter import Limiter
from diamondhub.telemetry import health
from django.conf import settings
# On a busy machine all are late.
health.ROUND_SECONDS = health.STEP_SECONDS = 60.0
settings.CACHES["default"]["OPTIONS"].update(socket_timeout=60, socket_connect_timeout=60)
def outcome(do):
    try:
        do()
    except Exception as error:
        return "refused" if "CERTIFICATE_VERIFY_FAILED" in f"{error} {error.__cause__}" else repr(error)
    return "spoken to"
def ring():
    with app.connection_for_write() as connection:
        connection.default_channel.client.ping()
checks = {finding.name: finding.outcome.ok for finding in health.status().findings}
print(json.dumps({
    "cache": outcome(lambda: cache.set("tls", 1)),
    "broker": outcome(ring),
    "limiter": outcome(lambda: Limiter("tls", per_second=1000, redis_url=settings.REDIS_URL)._redis.ping()),
    "health": [checks["redis"], checks["broker"]],
}))
"""


@pytest.mark.parametrize(
    ("authority", "outcome", "healthy"), [("trusted", "spoken to", True), ("stranger", "refused", False)]
)
def test_cache_broker_limiter_and_health_check_verify_by_what_the_environment_names(
    listener: Listener, authority: str, outcome: str, healthy: bool
) -> None:
    environment = os.environ | {
        "REDIS_URL": listener.url,
        "CELERY_BROKER_URL": listener.url,
        "REDIS_CA_FILE": str(getattr(listener, authority)),
    }

    asked = subprocess.run(
        [sys.executable, "-c", ASK], env=environment, cwd=project.BASE_DIR, capture_output=True, text=True, check=False
    )

    assert json.loads(asked.stdout.splitlines()[-1]) == {
        "cache": outcome,
        "broker": outcome,
        "limiter": outcome,
        "health": [healthy, healthy],
    }


@pytest.mark.parametrize("name", ["REDIS_CA_FILE", "CELERY_BROKER_CA_FILE"])
@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_file_without_certificates_stops_the_start(tmp_path: Path, name: str, content: str | None) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)

    told = subprocess.run(
        [sys.executable, "-c", "import diamondhub.settings"],
        env=os.environ | {name: str(path)},
        cwd=project.BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )

    assert told.returncode == 1
    assert f"{name}: must be a file of certificates in PEM form" in told.stderr.splitlines()[-1]


def test_nobody_else_makes_clients() -> None:
    makers = [
        str(path.relative_to(project.BASE_DIR))
        for path in [
            *project.BASE_DIR.glob("*.py"),
            *(path for app in SOURCES for path in sorted((project.BASE_DIR / app).rglob("*.py"))),
        ]
        if not NOT_OURS & set(path.relative_to(project.BASE_DIR).parts)
        and re.search(r"\b(?:Strict)?Redis(?:\.from_url)?\(", path.read_text())
    ]

    assert makers == ["diamondhub/redis_clients.py"]

"""What the doctor finds at Redis, the cache, the mail server, the clocks, and on the ways to them."""

from __future__ import annotations

import socketserver
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as project
from django.db import connection

from diamondhub import redis_clients
from diamondhub.local.processes import free_port
from diamondhub.local.valkey import Valkey
from diamondhub.operations.doctor import of_servers
from diamondhub.operations.doctor.of_servers import Reading
from diamondhub.operations.doctor.tests.planting import findings, server_that_says, severities, words

pytestmark = pytest.mark.django_db


@contextmanager
def valkey(var: Path, policy: str) -> Iterator[Valkey]:
    server = Valkey(var, name=policy, policy=policy)
    server.start()
    try:
        yield server
    finally:
        server.stop()


# --- Redis -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def _own_redis(settings: Any, redis_server: str) -> None:
    settings.REDIS_URL = settings.CELERY_BROKER_URL = redis_server


@pytest.mark.usefixtures("_own_redis")
def test_a_redis_that_keeps_everything_is_fine(settings: Any) -> None:
    assert findings(of_servers.redis_keeps) == []


def test_a_redis_that_evicts_is_found_and_so_is_one_that_is_full_or_a_replica_or_away(
    settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with valkey(tmp_path, "allkeys-lru") as server:
        settings.REDIS_URL = settings.CELERY_BROKER_URL = server.url
        evicting = findings(of_servers.redis_keeps)
        monkeypatch.setattr(of_servers, "FULL", 0.0)
        full = words(of_servers.redis_keeps)
        with redis_clients.client(server.url) as client:
            client.execute_command("REPLICAOF", "127.0.0.1", str(free_port()))
        replica = words(of_servers.redis_keeps)
    away = findings(of_servers.redis_keeps)

    assert ["maxmemory-policy allkeys-lru" in finding.words for finding in evicting] == [True]
    assert evicting[0].severity == "critical"
    assert "a full one refuses to be written" in full
    assert "REDIS_URL names a replica" in replica
    assert [finding.severity for finding in away] == ["critical"]
    assert "does not answer" in away[0].words
    assert server.url not in away[0].words


def test_the_cache_is_one_server_of_its_own_that_forgets(settings: Any, redis_server: str, tmp_path: Path) -> None:
    settings.REDIS_URL = redis_server
    settings.CACHE_URL = redis_server
    same_database = findings(of_servers.cache_is_apart)
    settings.CACHE_URL = f"{redis_server[:-1]}3"
    same_server = findings(of_servers.cache_is_apart)
    with valkey(tmp_path, "noeviction") as server:
        settings.CACHE_URL = server.url
        keeps_all = words(of_servers.cache_is_apart)
    away = words(of_servers.cache_is_apart)
    with valkey(tmp_path, "allkeys-lfu") as server:
        settings.CACHE_URL = server.url
        right = findings(of_servers.cache_is_apart)

    assert [finding.severity for finding in same_database] == ["critical"]
    assert [finding.severity for finding in same_server] == ["warning"]
    assert "forgets nothing (noeviction" in keeps_all
    assert "does not answer" in away
    assert right == []


def test_without_a_cache_there_is_nothing_to_find(settings: Any) -> None:
    settings.CACHE_URL = ""

    assert list(of_servers.cache_is_apart()) == ["no CACHE_URL: no answers are kept"]


# --- clocks ------------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("_own_redis")
@pytest.mark.parametrize(("seconds", "severity"), [(20, "warning"), (-3600, "critical")])
def test_a_clock_that_is_off_is_found_against_every_other(
    seconds: int, severity: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(of_servers, "APART_SECONDS", 10.0)
    monkeypatch.setitem(of_servers._clocks, "the supplier", lambda: Reading(time.time() + seconds, exact_to=0.5))

    found = findings(of_servers.clocks_agree)

    assert len(found) == 3
    assert {finding.severity.value for finding in found} == {severity}
    assert all("the supplier" in finding.words for finding in found)
    assert all(("the supplier is ahead" in finding.words) == (seconds > 0) for finding in found)


@pytest.mark.usefixtures("_own_redis")
def test_clocks_that_agree_are_fine_and_one_that_cannot_be_read_is_only_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreadable() -> Reading:
        raise OSError("no way there")

    monkeypatch.setattr(of_servers, "APART_SECONDS", 30.0)
    monkeypatch.setitem(of_servers._clocks, "the supplier", unreadable)

    said = list(of_servers.clocks_agree())

    assert said[0] == "the clock of the supplier could not be read: no way there"
    assert all(isinstance(each, str) for each in said)


# --- TLS ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def far_away(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Servers on other hosts, all by TLS; the database's session is said to be encrypted."""
    monkeypatch.setitem(connection.settings_dict, "HOST", "db.example.com")
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "sslmode", "verify-full")
    settings.REDIS_URL = settings.CELERY_BROKER_URL = "rediss://:p@redis.example.com/0"
    settings.CACHE_URL, settings.NIVODA_ENDPOINT, settings.NIVODA_ENDPOINTS = "", "https://supplier.example.com/", []
    settings.CELERY = {**project.CELERY, "broker_use_ssl": redis_clients.broker_ssl(settings.REDIS_URL, ca_file="")}
    assert connection.connection is not None
    with server_that_says({"SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()": "SELECT true"}):
        yield settings


@pytest.mark.usefixtures("far_away")
def test_ways_that_are_encrypted_and_verified_are_fine() -> None:
    assert findings(of_servers.ways_are_verified) == []


@pytest.mark.parametrize("variable", ["REDIS_URL", "CACHE_URL", "CELERY_BROKER_URL", "NIVODA_ENDPOINT"])
def test_a_way_without_tls_is_found(variable: str, far_away: Any) -> None:
    setattr(far_away, variable, "http://server.example.com" if "ENDPOINT" in variable else "redis://server.example.com")

    (finding,) = findings(of_servers.ways_are_verified)
    far_away.PRODUCTION = True
    in_production = severities(of_servers.ways_are_verified)

    assert f"over {variable} is not encrypted" in finding.words
    assert (finding.severity, in_production) == ("warning", ["critical"])


@pytest.mark.usefixtures("far_away")
def test_a_database_whose_certificate_nobody_verifies_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "sslmode", "require")

    assert "not verified (sslmode=require)" in words(of_servers.ways_are_verified)


def test_a_database_without_tls_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connection.settings_dict, "HOST", "db.example.com")

    assert "over DATABASE_URL is not encrypted" in words(of_servers.ways_are_verified)


def test_a_broker_that_is_not_verified_is_critical(far_away: Any) -> None:
    far_away.CELERY = {**far_away.CELERY, "broker_use_ssl": {"ssl_cert_reqs": ssl.CERT_NONE}}

    assert severities(of_servers.ways_are_verified) == ["critical"]


# --- mail --------------------------------------------------------------------------------------------------------------


class _Smtp(socketserver.StreamRequestHandler):
    """As much of a mail server as a greeting takes."""

    def handle(self) -> None:
        self.server.said = []  # type: ignore[attr-defined]
        self.wfile.write(b"220 here\r\n")
        for line in self.rfile:
            word = line.split()[0].upper().decode() if line.split() else ""
            self.server.said.append(word)  # type: ignore[attr-defined]
            answers = {"EHLO": b"250-here\r\n250 STARTTLS\r\n", "QUIT": b"221 bye\r\n"}
            self.wfile.write(answers.get(word, b"502 no\r\n"))
            if word == "QUIT":
                return


@pytest.fixture
def mail_server(settings: Any) -> Iterator[Any]:
    settings.ALERT_CHANNELS = ["log", "email"]
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Smtp) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.server_address[1]
        yield server
        server.shutdown()


def test_a_mail_server_that_answers_is_fine_and_is_sent_no_message(mail_server: Any) -> None:
    assert findings(of_servers.mail_server_answers) == []
    assert set(mail_server.said) == {"EHLO", "QUIT"}


def test_a_mail_server_without_the_tls_that_is_asked_for_is_critical(mail_server: Any, settings: Any) -> None:
    settings.EMAIL_USE_TLS = True

    assert severities(of_servers.mail_server_answers) == ["critical"]


def test_a_mail_server_that_is_away_is_critical(mail_server: Any, settings: Any) -> None:
    settings.EMAIL_PORT = free_port()

    (finding,) = findings(of_servers.mail_server_answers)

    assert finding.severity == "critical"
    assert "ConnectionRefusedError" in finding.words


def test_alerts_that_leave_the_host_without_tls_are_found(
    mail_server: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(of_servers, "is_of_this_host", lambda _host: False)

    (finding,) = findings(of_servers.mail_server_answers)

    assert (finding.severity, finding.todo) == ("warning", "Set EMAIL_USE_TLS=true.")


def test_nobody_is_greeted_where_no_mail_is_sent(settings: Any) -> None:
    settings.ALERT_CHANNELS = ["log"]

    assert list(of_servers.mail_server_answers()) == ["no e-mail is sent (ALERT_CHANNELS)"]

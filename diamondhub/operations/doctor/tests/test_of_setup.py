"""What the doctor finds in the set-up: debugging, what Django says, secrets that can be guessed, disks that fill up."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from diamondhub.operations.doctor import of_setup
from diamondhub.operations.doctor.tests.planting import findings, severities, words

pytestmark = pytest.mark.django_db

LONG = "k7Hs9dLq2Vx4Zt8Bn6Mw1Rp3Yc5Gf0Ja"


def test_debug_is_critical_and_so_is_a_log_of_everything_in_production(settings: Any) -> None:
    settings.DEBUG, settings.PRODUCTION, settings.LOG_LEVEL = True, True, "DEBUG"

    debug, log = findings(of_setup.nothing_is_for_debugging)

    assert (debug.severity, log.severity) == ("critical", "warning")


def test_development_with_a_database_on_another_host_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    assert findings(of_setup.nothing_is_for_debugging) == []
    monkeypatch.setitem(connection.settings_dict, "HOST", "db.example.com")

    assert "ENV is development, but the database is on another host" in words(of_setup.nothing_is_for_debugging)


def test_what_django_says_of_a_deployment_is_found_in_production_only(settings: Any) -> None:
    settings.SECURE_HSTS_SECONDS = 0
    in_development = findings(of_setup.deployment_passes)
    settings.PRODUCTION = True

    found = words(of_setup.deployment_passes)

    assert in_development == []
    assert "security.W004" in found


@pytest.mark.parametrize("key", ["django-insecure-" + LONG, "a" * 50, "short"])
def test_a_key_that_can_be_guessed_is_found_and_never_shown(key: str, settings: Any) -> None:
    settings.SECRET_KEY, settings.PRODUCTION = key, True

    (finding,) = findings(of_setup.secrets_are_strong)

    assert finding.severity == "critical"
    assert key not in finding.words + finding.todo


def test_passwords_of_other_hosts_are_looked_at_and_those_of_this_one_are_not(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SECRET_KEY = LONG
    settings.REDIS_URL, settings.CACHE_URL = "redis://redis.example.com/0", "redis://:changeme1@cache.example.com"
    settings.CELERY_BROKER_URL = f"redis://:{LONG}@broker.example.com"
    monkeypatch.setitem(connection.settings_dict, "HOST", "db.example.com")
    monkeypatch.setitem(connection.settings_dict, "PASSWORD", "diamondhub")

    found = words(of_setup.secrets_are_strong)

    assert "The password of DATABASE_URL can be guessed" in found
    assert "REDIS_URL has no password" in found
    assert "The password of CACHE_URL can be guessed" in found
    assert "CELERY_BROKER_URL" not in found
    assert "changeme1" not in found


def test_a_disk_that_fills_up_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of_setup, "LITTLE", 2.0)
    monkeypatch.setattr(of_setup, "NONE", -1.0)
    little = severities(of_setup.disks_have_room)
    monkeypatch.setattr(of_setup, "NONE", 2.0)
    full = severities(of_setup.disks_have_room)

    assert set(little) == {"warning"}
    assert set(full) == {"critical"}
    assert "GB left" in words(of_setup.disks_have_room)

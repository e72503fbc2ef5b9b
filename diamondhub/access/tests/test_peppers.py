"""Peppers: how they are written, which keys live on when they change, and that none is lost unseen."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from contextlib import suppress
from ipaddress import ip_address
from random import randrange
from typing import Any

import pytest
from django.conf import settings as project
from django.core import checks
from django.core.management import CommandError, call_command
from django.core.management.base import SystemCheckError
from django.db import connection
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from diamondhub.access import clients, keys, peppers
from diamondhub.access.checks import check_peppers, peppers_are_there
from diamondhub.access.clients import IssuedKey, create_client
from diamondhub.access.models import ApiKey
from diamondhub.telemetry import scrub

ONE, TWO = b"1" * 32, b"2" * 32


def encoded(pepper: bytes) -> str:
    return base64.b64encode(pepper).decode()


# --- how they are written --------------------------------------------------------------------------------------------


def test_versions_are_read_in_any_order() -> None:
    assert peppers.parse(f"2:{encoded(TWO)}, 1:{encoded(ONE)} ,") == {1: ONE, 2: TWO}


@pytest.mark.parametrize(
    "text",
    [
        "hush",
        "1:",
        ":" + encoded(ONE),
        "0:" + encoded(ONE),
        "01:" + encoded(ONE),
        "-1:" + encoded(ONE),
        "١:" + encoded(ONE),
        "32768:" + encoded(ONE),
        "99999:" + encoded(ONE),
        "1:" + encoded(b"1" * 31),
        "1:" + "hush" * 11 + "*",
        "1:" + "é" * 44,
        f"1:{encoded(ONE)},1:{encoded(TWO)}",
        f"1:{encoded(ONE)};2:{encoded(TWO)}",
        "1:" + encoded(ONE) + "\0",
    ],
)
def test_what_is_no_list_of_peppers_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(ValueError, match="must be like 2:<base64>,1:<base64>") as caught:
        peppers.parse(text)

    assert "hush" not in str(caught.value)
    assert encoded(ONE) not in str(caught.value)


@given(st.text())
def test_any_text_is_read_or_refused_in_words(text: str) -> None:
    with suppress(ValueError):
        assert all(len(pepper) >= peppers.MIN_LENGTH for pepper in peppers.parse(text).values())


def started(**environment: str) -> subprocess.CompletedProcess[str]:
    """What a process says that reads its settings with this environment."""
    return subprocess.run(
        [sys.executable, "-c", "from diamondhub import settings; print(sorted(settings.API_KEY_PEPPERS))"],
        cwd=project.BASE_DIR,
        env={**{name: value for name, value in os.environ.items() if name != "API_KEY_PEPPERS"}, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_environment_gives_the_peppers() -> None:
    told = started(API_KEY_PEPPERS=f"2:{encoded(TWO)},1:{encoded(ONE)}")

    assert told.stdout.strip() == "[1, 2]"


def test_a_wrong_pepper_stops_the_start_with_one_line_that_does_not_repeat_it() -> None:
    told = started(API_KEY_PEPPERS="1:hush-hush-hush")

    assert told.returncode == 1
    assert "API_KEY_PEPPERS: must be like 2:<base64>" in told.stderr.strip().splitlines()[-1]
    assert "hush" not in told.stderr


def test_production_needs_peppers() -> None:
    told = started(ENV="production", SECRET_KEY="s" * 50, API_KEY_PEPPERS=" , ")

    assert told.returncode == 1
    assert "API_KEY_PEPPERS" in told.stderr.strip().splitlines()[-1]


def test_a_checkout_makes_a_pepper_once_that_nobody_else_can_read(tmp_path: Any) -> None:
    made = [started(DIAMONDHUB_VAR=str(tmp_path)) for _ in range(2)]

    path = tmp_path / "run" / "api-key-peppers"
    assert [told.stdout.strip() for told in made] == ["[1]", "[1]"]
    assert path.stat().st_mode & 0o777 == 0o600
    assert peppers.parse(path.read_text())
    assert [entry.name for entry in path.parent.iterdir() if entry.name.startswith(".")] == []


def test_a_pepper_is_hidden_from_logs(settings: Any) -> None:
    settings.API_KEY_PEPPERS = {1: b"a pepper that somebody has written into a log"}

    assert encoded(b"a pepper that somebody has written into a log") not in scrub.text(
        f"started with {encoded(b'a pepper that somebody has written into a log')} today"
    )


# --- which keys live on ----------------------------------------------------------------------------------------------


@pytest.fixture
def http() -> Client:
    # An address of its own for every test: failures are counted by address for a minute.
    return Client(REMOTE_ADDR=str(ip_address(randrange(10 << 24, 11 << 24))))


@pytest.fixture
def _two_peppers(settings: Any) -> None:
    settings.API_KEY_PEPPERS = {1: ONE, 2: TWO}


def status_of(http: Client, key: str) -> int:
    return http.get("/api/v1/diamonds", headers={"X-API-Key": key}).status_code


def from_before(name: str = "old shop") -> IssuedKey:
    """A key as it was stored before there were peppers."""
    issued = create_client(name, scopes=["catalog:read"])
    presented = keys.parse(issued.text)
    assert presented is not None
    ApiKey.objects.filter(pk=issued.key.pk).update(
        secret_hash=presented.hashed(0), pepper_version=0, pepper_fingerprint=""
    )
    return issued


@pytest.mark.django_db
def test_a_new_secret_key_of_the_installation_ends_no_key(http: Client, settings: Any) -> None:
    issued = create_client("shop", scopes=["catalog:read"])

    settings.SECRET_KEY = "another secret key of this installation"

    assert status_of(http, issued.text) == 200


@pytest.mark.django_db
def test_a_key_from_before_goes_on_and_outlives_the_secret_key_once_it_was_used(http: Client, settings: Any) -> None:
    issued = from_before()

    first = status_of(http, issued.text)
    settings.SECRET_KEY = "another secret key of this installation"

    assert (first, status_of(http, issued.text)) == (200, 200)


@pytest.mark.django_db
def test_a_key_from_before_that_was_not_used_ends_with_the_secret_key(http: Client, settings: Any) -> None:
    issued = from_before()

    settings.SECRET_KEY = "another secret key of this installation"

    assert status_of(http, issued.text) == 401


@pytest.mark.django_db
def test_a_key_is_hashed_under_the_newest_pepper_when_it_is_used(http: Client, settings: Any) -> None:
    settings.API_KEY_PEPPERS = {1: ONE}
    issued = create_client("shop", scopes=["catalog:read"])
    settings.API_KEY_PEPPERS = {1: ONE, 2: TWO}

    used = status_of(http, issued.text)
    settings.API_KEY_PEPPERS = {2: TWO}

    assert (used, status_of(http, issued.text)) == (200, 200)
    issued.key.refresh_from_db()
    assert issued.key.pepper_version == 2


@pytest.mark.django_db
@pytest.mark.usefixtures("_two_peppers")
def test_hashing_anew_is_no_edit(http: Client) -> None:
    issued = from_before()
    events = "SELECT count(*) FROM access_apikeyevent WHERE pgh_label = 'changed'"

    status_of(http, issued.text)

    with connection.cursor() as cursor:
        cursor.execute(events)
        assert cursor.fetchone() == (0,)


@pytest.mark.django_db
def test_a_wrong_secret_is_not_hashed(http: Client, settings: Any) -> None:
    settings.API_KEY_PEPPERS = {1: ONE}
    issued = create_client("shop", scopes=["catalog:read"])
    settings.API_KEY_PEPPERS = {1: ONE, 2: TWO}

    guess = keys.PresentedKey(issued.key.key_id, "0" * 43)

    assert status_of(http, guess.text) == 401
    issued.key.refresh_from_db()
    assert issued.key.pepper_version == 1


@pytest.mark.django_db
def test_a_revoked_key_is_not_hashed_anew(http: Client, settings: Any) -> None:
    settings.API_KEY_PEPPERS = {1: ONE}
    issued = create_client("shop", scopes=["catalog:read"])
    clients.revoke_key(issued.key)
    settings.API_KEY_PEPPERS = {1: ONE, 2: TWO}

    assert status_of(http, issued.text) == 401
    issued.key.refresh_from_db()
    assert issued.key.pepper_version == 1


# --- none is lost unseen ---------------------------------------------------------------------------------------------


@pytest.fixture
def lost(settings: Any) -> IssuedKey:
    """Two live keys, one revoked and one of a client that is off, all hashed under a pepper that is then dropped."""
    settings.API_KEY_PEPPERS = {1: ONE}
    shop = create_client("shop", scopes=["catalog:read"])
    clients.issue_key(shop.key.client)
    clients.revoke_key(clients.issue_key(shop.key.client).key)
    off = create_client("off", scopes=["catalog:read"])
    clients.change_client(off.key.client, active=False)
    settings.API_KEY_PEPPERS = {2: TWO}
    return shop


@pytest.mark.django_db
def test_a_pepper_that_live_keys_need_is_missed_by_their_number(lost: IssuedKey) -> None:
    [message] = check_peppers(databases=["default"])

    assert message.level == checks.ERROR
    assert message.msg.startswith("2 live API keys are hashed under version 1 of API_KEY_PEPPERS, which is not there")
    with connection.cursor() as cursor:
        assert not peppers_are_there(cursor).ok


@pytest.mark.django_db
def test_a_pepper_that_became_another_under_its_number_is_missed_as_well(settings: Any) -> None:
    settings.API_KEY_PEPPERS = {1: ONE}
    create_client("shop", scopes=["catalog:read"])

    settings.API_KEY_PEPPERS = {1: TWO}

    [message] = check_peppers(databases=["default"])
    assert message.msg.startswith("1 live API key is hashed under version 1 of API_KEY_PEPPERS, which is another now")


@pytest.mark.django_db
def test_bringing_the_database_up_to_date_stops_at_a_pepper_that_is_missing(lost: IssuedKey) -> None:
    with pytest.raises(SystemCheckError, match="2 live API keys"):
        call_command("migrate", verbosity=0, skip_checks=False)


@pytest.mark.django_db
def test_a_key_without_its_pepper_is_refused_as_any_other(http: Client, lost: IssuedKey) -> None:
    assert status_of(http, lost.text) == 401


@pytest.mark.django_db
def test_keys_without_pepper_are_revoked_together(lost: IssuedKey, capsys: Any) -> None:
    call_command("revoke_api_key", "--without-pepper")

    assert check_peppers(databases=["default"]) == []
    assert ApiKey.objects.filter(revoked_at=None).count() == 1
    assert capsys.readouterr().out.count("revoked on") == 2


@pytest.mark.django_db
def test_nothing_is_revoked_while_all_peppers_are_there(capsys: Any) -> None:
    create_client("shop", scopes=["catalog:read"])

    call_command("revoke_api_key", "--without-pepper")

    assert ApiKey.objects.filter(revoked_at=None).count() == 1
    assert "nothing was revoked" in capsys.readouterr().out


@pytest.mark.django_db
def test_keys_that_a_new_secret_key_would_end_are_a_warning() -> None:
    from_before()

    [message] = check_peppers(databases=["default"])

    assert message.level == checks.WARNING
    assert message.msg.startswith("1 live API key is hashed under SECRET_KEY")


@pytest.mark.django_db
def test_nothing_is_said_while_all_is_well() -> None:
    create_client("shop", scopes=["catalog:read"])

    assert check_peppers(databases=["default"]) == []
    assert check_peppers(databases=None) == []
    with connection.cursor() as cursor:
        assert peppers_are_there(cursor).ok


@pytest.mark.django_db
def test_a_database_that_is_not_up_to_date_yet_is_no_reason_to_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peppers, "LIVE_KEYS", "SELECT column_that_comes_later FROM access_apikey")

    assert check_peppers(databases=["default"]) == []


def test_naming_no_key_is_refused() -> None:
    with pytest.raises(CommandError):
        call_command("revoke_api_key")

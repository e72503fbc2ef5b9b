"""The admin's front door: failures are counted, successes are not, and nobody is locked out while Redis is away."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_network
from threading import Barrier
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.core import signing
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse

from diamondhub.access.people import SignIn
from diamondhub.admin import known_browsers
from diamondhub.audit.models import AuditEvent
from diamondhub.tests.patience import HANG_SECONDS

pytestmark = pytest.mark.django_db

PASSWORD = "a long enough one"


@pytest.fixture
def name() -> str:
    """A person whom no other test failed to be."""
    person: str = User.objects.create_superuser(f"eve-{uuid4().hex[:8]}", password=PASSWORD).get_username()
    return person


@pytest.fixture
def address() -> str:
    """An address that no other test came from."""
    return f"10.{uuid4().int % 250}.{uuid4().int % 250}.{uuid4().int % 250}"


def sign_in(name: str, password: str, address: str, browser: Client | None = None) -> Any:
    browser = browser or Client()
    return browser.post(reverse("admin:login"), {"username": name, "password": password}, REMOTE_ADDR=address)


def use_up(name: str) -> None:
    """Fail as often as a name may, from everywhere."""
    for place in range(10):
        assert sign_in(name, "wrong", f"10.{place}.{uuid4().int % 250}.{uuid4().int % 250}").status_code == 200


def test_signing_in_leads_to_the_start_page(name: str, address: str) -> None:
    response = sign_in(name, PASSWORD, address)

    assert (response.status_code, response.headers["Location"]) == (302, reverse("admin:index"))


@pytest.mark.usefixtures("one_minute")
def test_ten_failures_of_one_name_turn_it_away_from_everywhere(name: str) -> None:
    use_up(name)

    response = sign_in(name, PASSWORD, "10.9.9.9")

    assert response.status_code == 429
    assert 0 < int(response.headers["Retry-After"]) <= 61


def fullwidth(name: str) -> str:
    return "".join(chr(ord(letter) + 0xFEE0) if letter.isalnum() else letter for letter in name)


@pytest.mark.usefixtures("one_minute")
@pytest.mark.parametrize(
    "spelled", [str.upper, str.title, fullwidth, lambda name: f"  {name}\t", lambda name: name.replace("e", "ｅ")]
)
def test_every_spelling_by_which_the_person_is_meant_counts_as_one_name(
    name: str, spelled: Callable[[str], str]
) -> None:
    for place in range(10):
        sign_in(spelled(name) if place % 2 else name, "wrong", f"10.8.{place}.{uuid4().int % 250}")

    assert sign_in(spelled(name), PASSWORD, "10.9.9.8").status_code == 429
    assert sign_in(name, PASSWORD, "10.9.9.8").status_code == 429


@pytest.mark.usefixtures("one_minute")
def test_ten_failures_from_one_address_turn_it_away_for_every_name(name: str, address: str) -> None:
    for attempt in range(10):
        sign_in(f"guess-{attempt}-{uuid4().hex}", "wrong", address)

    assert sign_in(name, PASSWORD, address).status_code == 429


@pytest.mark.usefixtures("one_minute")
def test_a_proxy_of_ours_is_not_the_address_of_everybody_behind_it(name: str, settings: Any) -> None:
    settings.TRUSTED_PROXIES = [ip_network("10.7.7.7")]
    login = reverse("admin:login")
    stranger = f"203.0.113.{uuid4().int % 250}"
    for attempt in range(11):
        Client(REMOTE_ADDR="10.7.7.7", headers={"X-Forwarded-For": stranger}).post(
            login, {"username": f"guess-{attempt}-{uuid4().hex}", "password": "wrong"}
        )

    answers = [
        Client(REMOTE_ADDR="10.7.7.7", headers={"X-Forwarded-For": address}).post(
            login, {"username": name, "password": PASSWORD}
        )
        for address in (stranger, f"198.51.100.{uuid4().int % 250}")
    ]

    assert [answer.status_code for answer in answers] == [429, 302]


@pytest.mark.usefixtures("one_minute")
def test_a_browser_that_signed_in_before_is_not_kept_out_by_strangers(name: str, address: str) -> None:
    browser = Client()
    assert sign_in(name, PASSWORD, address, browser).status_code == 302
    browser.post(reverse("admin:logout"))

    use_up(name)
    for attempt in range(10):
        sign_in(f"guess-{attempt}-{uuid4().hex}", "wrong", address)

    assert sign_in(name, PASSWORD, address).status_code == 429
    assert sign_in(name, PASSWORD, address, browser).status_code == 302


@pytest.mark.usefixtures("one_minute")
def test_a_known_browser_has_ten_failures_of_its_own(name: str, address: str) -> None:
    browser = Client()
    sign_in(name, PASSWORD, address, browser)

    answers = [sign_in(name, "wrong", address, browser).status_code for _ in range(12)]

    assert answers == [200] * 10 + [429] * 2
    assert sign_in(name, PASSWORD, address, browser).status_code == 429
    assert sign_in(name, PASSWORD, address).status_code == 302


@pytest.mark.usefixtures("one_minute")
def test_a_browser_is_known_for_its_person_alone_and_cannot_say_so_itself(name: str, address: str) -> None:
    other = User.objects.create_superuser(f"otto-{uuid4().hex[:8]}", password=PASSWORD).get_username()
    browser, forger = Client(), Client()
    sign_in(other, PASSWORD, address, browser)
    (cookie,) = [cookie for key, cookie in browser.cookies.items() if key.startswith("known_")]
    use_up(name)

    wanted = known_browsers._cookie(name)
    for value in (cookie.value, "x", "x:y:z", f"device:{signing.dumps('device')}"):
        forger.cookies[wanted] = value
        assert sign_in(name, PASSWORD, address, forger).status_code == 429
    assert sign_in(name, PASSWORD, address, browser).status_code == 429


def test_the_cookie_of_a_known_browser_lives_long_and_is_read_by_the_server_alone(name: str, address: str) -> None:
    browser = Client()

    sign_in(name, PASSWORD, address, browser)

    (cookie,) = [cookie for key, cookie in browser.cookies.items() if key.startswith("known_")]
    assert cookie["httponly"] is True
    assert (cookie["samesite"], cookie["path"]) == ("Lax", reverse("admin:login"))
    assert int(cookie["max-age"]) == known_browsers.LIFE.total_seconds()
    assert name not in str(cookie)


def test_successes_are_not_counted(name: str, address: str) -> None:
    answers = {sign_in(name, PASSWORD, address).status_code for _ in range(12)}

    assert answers == {302}


@pytest.mark.usefixtures("one_minute")
def test_who_is_signed_in_guesses_no_more_than_others(name: str, address: str) -> None:
    browser = Client()
    browser.force_login(User.objects.create_user("staff", is_staff=True))

    answers = [sign_in(name, "wrong", address, browser).status_code for _ in range(11)]

    assert answers == [200] * 10 + [429]


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("one_minute")
def test_of_many_tries_at_once_ten_are_let_through(address: str) -> None:
    name = f"nobody-{uuid4().hex[:8]}"
    gate = Barrier(16)

    def guess(number: int) -> int:
        try:
            gate.wait(timeout=HANG_SECONDS)
            status: int = sign_in(name, "wrong", f"10.{number}.0.{uuid4().int % 250}").status_code
        finally:
            connection.close()
        return status

    with ThreadPoolExecutor(16) as guessers:
        answers = sorted(guessers.map(guess, range(16)))

    assert answers == [200] * 10 + [429] * 6


def test_every_try_is_kept_and_logged_with_name_and_address(
    name: str, address: str, caplog: pytest.LogCaptureFixture
) -> None:
    browser = Client(headers={"X-Request-Id": "request-of-eve"})

    with caplog.at_level(logging.INFO):
        sign_in(f"{name}\0", "hush-hush-hush", address, browser)
        sign_in(name, PASSWORD, address, browser)

    tries = list(SignIn.objects.order_by("pk").values_list("name", "address", "outcome", "request_id"))
    assert tries == [
        (f"{name}�", address, "refused", "request-of-eve"),
        (name, address, "signed_in", "request-of-eve"),
    ]
    lines = [record.getMessage() for record in caplog.records if "admin_" in record.getMessage()]
    assert ["admin_sign_in_failed" in lines[0], "admin_signed_in" in lines[1]] == [True, True]
    assert all(address in line and name in line for line in lines)
    assert "hush" not in caplog.text
    event = AuditEvent.objects.get(kind="auth.user", what="changed", who=name)
    assert event.before is not None
    assert "last_login" in event.before
    assert event.via == f"POST {reverse('admin:login')} from {address}"


@pytest.mark.usefixtures("one_minute")
def test_a_try_that_is_turned_away_is_logged(name: str, address: str, caplog: pytest.LogCaptureFixture) -> None:
    use_up(name)

    with caplog.at_level(logging.WARNING):
        sign_in(name, "wrong", address)

    (line,) = [record.getMessage() for record in caplog.records if "admin_sign_in_throttled" in record.getMessage()]
    assert name in line
    assert address in line


def test_sign_ins_are_never_changed() -> None:
    SignIn.objects.create(name="eve", address="10.0.0.1", outcome="refused", known_browser=False)

    with pytest.raises(DatabaseError), transaction.atomic():
        SignIn.objects.update(outcome="signed_in")


def test_while_redis_is_away_passwords_are_still_checked(name: str, address: str, settings: Any) -> None:
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": "redis://127.0.0.1:1/0",
        }
    }

    assert sign_in(name, "wrong", address).status_code == 200
    assert sign_in(name, PASSWORD, address).status_code == 302


def test_the_policy_allows_the_themes_scripts_for_the_admin_only(client: Client) -> None:
    inside = client.get(reverse("admin:login")).headers["Content-Security-Policy"]
    outside = client.get("/no-such-page").headers["Content-Security-Policy"]

    assert "'unsafe-eval'" in inside
    assert "unsafe" not in outside
    for policy in (inside, outside):
        assert "default-src 'self'" in policy

"""The database, the day and the browser of the tests."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from pathlib import Path
from time import sleep
from time import time as clock
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings
from django.core.servers.basehttp import WSGIRequestHandler
from django.test import TransactionTestCase
from pytest_django.plugin import blocking_manager_key
from whitenoise.middleware import WhiteNoiseMiddleware

from diamondhub.local import chromium as browsers
from diamondhub.local.testing import databases, servers

#: A test that asks for the day or the hour is over long before it has taken this (seconds).
_ONE_TEST = 60


def pytest_configure() -> None:
    """Tests sign in often: hash passwords quickly. What commits is put back without truncating all tables."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    # All tests have one address, and ask as fast as they can.
    settings.ADDRESS_RATE, settings.ADDRESS_BURST = 100_000.0, 1_000_000
    # A machine without a free moment makes Redis look away, and then limits are kept more strictly than tests expect.
    settings.REDIS_ANSWER_SECONDS = 5.0
    caches: Any = settings.CACHES
    caches["default"]["OPTIONS"].update(socket_timeout=5.0, socket_connect_timeout=5.0)
    # A live server sends head and body by themselves: on a kept connection the body would wait 40 ms for the head's receipt.
    WSGIRequestHandler.disable_nagle_algorithm = True
    _find_static_files_once()
    TransactionTestCase._fixture_teardown = lambda _self: databases.put_back()  # type: ignore[attr-defined]


def _find_static_files_once() -> None:
    """Each test's client makes the middleware anew, which would look at every static file: a twentieth of all time."""
    look = WhiteNoiseMiddleware.add_files_from_finders
    known: dict[str, Any] = {}

    def add_known(middleware: WhiteNoiseMiddleware) -> None:
        if not known:
            look(middleware)
            known.update(middleware.files)
        middleware.files.update(known)

    WhiteNoiseMiddleware.add_files_from_finders = add_known


@pytest.fixture(scope="session")
def database_server() -> str:
    """Where PostgreSQL is (DATABASE_URL), for tests that need the server and not Django's connection to it."""
    return servers.database_url()


@pytest.fixture(scope="session")
def redis_server() -> str:
    """Where Redis is (REDIS_URL), for tests that hand the address to other processes."""
    return servers.redis_url()


@pytest.fixture(scope="session")
def django_db_setup(django_test_environment: None, database_server: str, django_db_blocker: Any) -> Iterator[None]:
    """A copy of the migrated database for this process."""
    with django_db_blocker.unblock(), databases.copied(database_server):
        with django_db_blocker.block():
            yield


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Begin each file with the rows of migrations only, and tests that ask for the day or the hour where it does not end,
    before their transaction stops the clock.
    """
    _put_back_what_was_left(item)
    names = set(getattr(item, "fixturenames", ()))
    if "today" in names:
        _wait_for_the_next(timedelta(days=1))
    elif "one_hour" in names:
        _wait_for_the_next(timedelta(hours=1))


#: The file of the test before, if any.
_last_file: list[Path] = []


def _put_back_what_was_left(item: pytest.Item) -> None:
    """Put back what programs that the tests of the file before have started wrote when their last test was over."""
    if _last_file != [item.path]:
        if _last_file:
            with item.config.stash[blocking_manager_key].unblock():
                left = databases.put_back_what_was_left()
            if left:
                warnings.warn(f"{_last_file[0]} left rows in {', '.join(sorted(left))}", stacklevel=1)
        _last_file[:] = [item.path]


def _wait_for_the_next(period: timedelta) -> None:
    """Wait for the end of the day or the hour (UTC), if it is near."""
    now = datetime.now(UTC)
    start = datetime.combine(now.date(), time(), UTC)
    end = start + ((now - start) // period + 1) * period
    if end - now < timedelta(seconds=_ONE_TEST):
        while (now := datetime.now(UTC)) < end:
            sleep((end - now).total_seconds())


@pytest.fixture
def today() -> date:
    """The day (UTC) on which the whole test runs: one that would begin in the last minute of a day waits for the next."""
    return datetime.now(UTC).date()


@pytest.fixture
def one_hour() -> None:
    """A test that lies in one hour (UTC): one that would begin in the last minute of an hour waits for the next."""


@pytest.fixture
def one_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that lies in one of the minutes by which failed sign-ins are counted, wherever in one it begins."""
    monkeypatch.setattr("django_ratelimit.core.time", SimpleNamespace(time=partial(int, clock())))


@pytest.fixture
def still_banner(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that counts the statements of pages: the banner of each of them looks anew when what it knows is old."""
    from diamondhub.operations import away

    monkeypatch.setattr(away, "_looks", [])


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of Chromium; tests that ask for it are skipped where there is none."""
    found = browsers.chromium()
    if found is None:
        pytest.skip(
            "there is no chromium on this machine (apt-get install chromium): nothing was looked at in a browser"
        )
    return found

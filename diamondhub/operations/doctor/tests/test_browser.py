"""The doctor's page in a browser: the button looks again and the page follows, on a phone and in both themes."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User

from diamondhub.operations.doctor import checks
from diamondhub.operations.doctor.checks import Check, Finding
from diamondhub.operations.problems.kinds import Severity
from diamondhub.tests.patience import BROWSER_LAUNCH_MS, BROWSER_STEP_MS, HANG_SECONDS

pytestmark = [
    pytest.mark.django_db(transaction=True),
    # The browser's library runs a loop of its own, in which Django does not like to be asked.
    pytest.mark.filterwarnings("ignore:No directory at"),
]

SHOTS = os.environ.get("DIAMONDHUB_SHOTS")
PASSWORD = "a long enough one"


@pytest.fixture
def may_end(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Somebody who may look; a look is not over before this is set."""
    event = threading.Event()
    person = User.objects.create_user("olga", password=PASSWORD, is_staff=True)
    person.user_permissions.set(Permission.objects.filter(codename__in=("view_examination", "add_examination")))
    burning = Finding(
        "Replication slot standby_of_last_year is read by nobody and holds back 8,123 MB of the log, more with every write, "
        "until the disk is full.",
        "Bring its reader back, or `SELECT pg_drop_replication_slot('standby_of_last_year')`.",
        Severity.CRITICAL,
    )
    rusting = Finding("Index diamond_old (312 MB) was not used for 30 days.", "If no rare report needs it, drop it.")

    def connections() -> Iterator[str]:
        event.wait(HANG_SECONDS)
        yield "1 host x (2 web processes x (8 threads + 1))"

    table = [
        Check("replication-slots", "Does a replication slot hold back the write-ahead log?", lambda: [burning]),
        Check("indexes", "Are all indexes valid, used and there once?", lambda: [rusting]),
        Check("connections", "Have the pools of all programs room?", connections, HANG_SECONDS),
    ]
    monkeypatch.setattr(checks, "_checks", {check.name: check for check in table})
    return event


@pytest.fixture
def page(chromium: str) -> Iterator[Any]:
    """A browser's page; whatever it complains about fails the test."""
    from playwright.sync_api import sync_playwright

    complaints: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"], timeout=BROWSER_LAUNCH_MS)
        opened = browser.new_page(viewport={"width": 1440, "height": 1000})
        opened.set_default_timeout(BROWSER_STEP_MS)
        opened.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        opened.on("pageerror", lambda error: complaints.append(str(error)))
        yield opened
        browser.close()
    assert not complaints


def keep_picture(page: Any, name: str) -> None:
    if SHOTS:
        page.screenshot(path=str(Path(SHOTS) / f"doctor-{name}.png"), full_page=True)


def test_somebody_has_the_doctor_look_and_reads_what_it_found(
    may_end: threading.Event, live_server: Any, page: Any
) -> None:
    page.goto(f"{live_server.url}/admin/")
    page.get_by_label("Username").fill("olga")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("link", name="Doctor").first.click()
    page.get_by_text("The doctor has not looked yet.").wait_for()

    page.get_by_role("button", name="Look again").click()
    page.get_by_text("looking …").wait_for()
    may_end.set()
    page.get_by_text("Replication slot standby_of_last_year is read by nobody").wait_for()
    page.locator("#doctor").get_by_text("asked for by olga").wait_for()
    keep_picture(page, "wide")
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        page.set_viewport_size({"width": 390, "height": 844})
        page.reload()
        page.locator("#doctor").get_by_text("asked for by olga").wait_for()
        keep_picture(page, f"phone-{theme}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390

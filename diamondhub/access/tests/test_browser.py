"""A new client's keys in a real browser: made, copied, replaced, and not found again by going back."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import sync_playwright

from diamondhub.access import clients
from diamondhub.access.models import ApiKey
from diamondhub.tests.patience import BROWSER_LAUNCH_MS, BROWSER_STEP_MS, HANG_SECONDS

pytestmark = pytest.mark.django_db(transaction=True)

#: Where the walk leaves pictures of its steps, if somebody wants to look at them.
SHOTS = os.environ.get("DIAMONDHUB_SHOTS")


@pytest.fixture
def elsewhere() -> Iterator[Callable[[Callable[[], Any]], Any]]:
    """Do something with the database while the browser is open, whose event loop Django does not like."""
    with ThreadPoolExecutor(1) as thread:

        def do(what: Callable[[], Any]) -> Any:
            return thread.submit(what).result(HANG_SECONDS)

        yield do
        thread.submit(lambda: connection.close()).result(HANG_SECONDS)


@pytest.fixture
def page(chromium: str, live_server: Any) -> Iterator[Any]:
    """A signed-in person's browser; whatever it complains about fails the test."""
    session = Client()
    session.force_login(User.objects.create_superuser("maria"))
    cookie = session.cookies["sessionid"].value
    complaints: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"], timeout=BROWSER_LAUNCH_MS)
        context = browser.new_context(viewport={"width": 1440, "height": 1000})
        context.add_cookies([{"name": "sessionid", "value": cookie, "url": live_server.url}])
        context.grant_permissions(["clipboard-read", "clipboard-write"], origin=live_server.url)
        opened = context.new_page()
        opened.set_default_timeout(BROWSER_STEP_MS)
        opened.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        opened.on("pageerror", lambda error: complaints.append(str(error)))
        yield opened
        browser.close()
    assert not complaints


def shot(page: Any, name: str) -> None:
    """Keep a picture of the page, if pictures are wanted."""
    if SHOTS:
        page.screenshot(path=str(Path(SHOTS) / f"clients-{name}.png"), full_page=True)


def test_a_client_is_made_its_key_copied_once_and_replaced(
    live_server: Any, page: Any, elsewhere: Callable[[Callable[[], Any]], Any]
) -> None:
    # Origins are asked for only where they mean something.
    page.goto(f"{live_server.url}/admin/access/apiclient/add/")
    page.get_by_label("Name").fill("webshop pages")
    assert not page.get_by_label("Origins").is_visible()
    shot(page, "01-new")
    page.get_by_label("Kind").select_option("publishable")
    page.get_by_label("Origins").wait_for()

    # A mistake is told at its field.
    page.locator('[name=scopes][value="catalog:read"]').check()
    page.get_by_label("Origins").fill("https://www.shop.example/rings")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("without a path").wait_for()
    shot(page, "02-refused")
    page.get_by_label("Origins").fill("https://www.shop.example\nhttp://localhost:3000")
    page.get_by_role("button", name="Save", exact=True).click()

    # The key is shown, and can be copied.
    page.get_by_text("This is the only time that it is shown.").wait_for()
    key = page.get_by_label("The new key").input_value()
    page.get_by_role("button", name="Copy").click()
    page.get_by_text("Copied", exact=True).wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == key
    shot(page, "03-key")
    page.get_by_role("link", name="I have copied it").click()

    # It is nowhere to be found afterwards: on the way back the browser has kept no page.
    page.get_by_role("heading", name="Keys").wait_for()
    assert key not in page.content()
    shot(page, "04-client")
    with pytest.raises(PlaywrightError, match="ERR_CACHE_MISS"):
        page.go_back()
    page.wait_for_url("chrome-error://**")

    # It is replaced, and the old one goes on for a while.
    client = elsewhere(lambda: ApiKey.objects.select_related("client").get().client)
    elsewhere(lambda: clients.change_client(client, networks=["10.0.0.0/8", "2001:db8::/32"]))
    page.goto(f"{live_server.url}/admin/access/apiclient/{client.pk}/change/")
    page.get_by_text("Replace…").click()
    shot(page, "05-replace")
    page.locator("[name=reason]:visible").fill("a year has gone by")
    page.get_by_role("button", name="Make the new key").click()
    page.get_by_text("This is the only time that it is shown.").wait_for()
    assert page.get_by_label("The new key").input_value() != key
    shot(page, "06-replaced")
    page.get_by_role("link", name="I have copied it").click()
    page.locator(".dh-badge", has_text="replaced").wait_for()
    shot(page, "07-two-keys")
    page.goto(f"{live_server.url}/admin/access/apiclient/")
    shot(page, "08-list")

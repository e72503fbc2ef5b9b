"""The page to try the API, in a browser: it works with a key, shows every language, and asks nobody but this server."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from diamondhub.access.clients import create_client
from diamondhub.tests.patience import BROWSER_LAUNCH_MS, BROWSER_STEP_MS

pytestmark = [pytest.mark.django_db(transaction=True)]
SHOTS = os.environ.get("DIAMONDHUB_SHOTS")


@pytest.fixture
def key() -> str:
    return create_client("shop", scopes=["catalog:read"]).text


@pytest.fixture
def page(key: str, chromium: str) -> Iterator[Any]:
    """A browser's page, opened when the key is there: Django does not like the browser's event loop."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"], timeout=BROWSER_LAUNCH_MS)
        opened = browser.new_page(viewport={"width": 1280, "height": 900})
        opened.set_default_timeout(BROWSER_STEP_MS)
        yield opened
        browser.close()


def shoot(page: Any, name: str) -> None:
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/docs-{name}.png")


def test_a_request_is_tried_with_a_key_and_nothing_comes_from_anywhere_else(
    live_server: Any, key: str, page: Any
) -> None:
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)

    page.goto(f"{live_server.url}/api/docs/")
    page.wait_for_selector(".opblock")
    shoot(page, "whole")
    page.fill("#key", key)
    page.click("#operations-diamonds-search_diamonds .opblock-summary-control")
    page.wait_for_selector(".samples pre")
    page.locator(".samples").first.scroll_into_view_if_needed()
    shoot(page, "operation")
    page.click("#operations-diamonds-search_diamonds .execute")
    page.wait_for_selector(".live-responses-table tbody .response-col_status")
    page.locator(".live-responses-table").first.scroll_into_view_if_needed()
    shoot(page, "answer")

    assert "200" in page.inner_text(".live-responses-table tbody .response-col_status")
    assert all(address.startswith((live_server.url, "data:", "blob:")) for address in asked), asked
    assert complaints == []


def test_every_language_is_shown_with_this_server_s_address(live_server: Any, page: Any) -> None:
    page.goto(f"{live_server.url}/api/docs/")
    page.wait_for_selector(".opblock")
    page.click("#operations-pricing-publish_rule_set .opblock-summary-control")
    page.wait_for_selector(".samples pre")

    shown = {}
    for label in ("curl", "Python", "JavaScript", "PHP"):
        page.click(f".samples .language:text-is('{label}')")
        shown[label] = page.inner_text(".samples pre")
    shoot(page, "languages")

    assert all(live_server.url in source for source in shown.values())
    assert all("Idempotency-Key" in source for source in shown.values())
    assert len(set(shown.values())) == 4

"""Pauses in a browser: ordered on a feed's page, seen on its run's and the start page, ended on their list."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import sync_playwright

from diamondhub.tests.patience import BROWSER_LAUNCH_MS, BROWSER_STEP_MS
from ingest import resting
from ingest.tests import rows

pytestmark = pytest.mark.django_db(transaction=True)

SHOTS = os.environ.get("DIAMONDHUB_SHOTS")


def test_a_person_pauses_and_resumes_and_pages_fit_a_phone_in_both_themes(chromium: str, live_server: Any) -> None:
    session = Client()
    session.force_login(User.objects.create_superuser("maria"))
    run = rows.run(state="ingesting")
    addresses = {
        "feed": f"/admin/ingest/feed/{run.feed_id}/change/",
        "run": f"/admin/ingest/run/{run.pk}/change/",
        "pauses": "/admin/ingest/pause/",
        "home": "/admin/",
    }
    wide = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"], timeout=BROWSER_LAUNCH_MS)
        for theme in ("light", "dark"):
            context = browser.new_context(color_scheme=theme, viewport={"width": 1280, "height": 900})
            context.add_cookies(
                [{"name": "sessionid", "value": session.cookies["sessionid"].value, "url": live_server.url}]
            )
            page = context.new_page()
            page.set_default_timeout(BROWSER_STEP_MS)
            page.goto(live_server.url + addresses["feed"])
            page.locator("summary", has_text="Pause…").click()
            page.get_by_label("Reason: Pause the feed").fill("the supplier sends prices in another currency since noon")
            page.get_by_role("button", name="Pause the feed", exact=True).click()
            page.locator(".dh-callout", has_text="another currency").first.wait_for()
            page.goto(live_server.url + addresses["pauses"])
            page.locator("summary", has_text="Pause…").click()
            page.get_by_label("Reason: Pause consolidation").fill("the database moves")
            page.get_by_label("For how long: Pause consolidation").select_option("15")
            page.get_by_role("button", name="Pause consolidation", exact=True).click()
            page.locator(".dh-callout", has_text="the database moves").first.wait_for()
            for width in (390, 1280):
                page.set_viewport_size({"width": width, "height": 900})
                for name, address in addresses.items():
                    page.goto(live_server.url + address)
                    for summary in page.locator("summary", has_text="Pause…").all():
                        summary.click()
                    if page.evaluate("document.documentElement.scrollWidth") > width + 1:
                        wide.append((name, width, theme))
                    if SHOTS:
                        page.screenshot(path=Path(SHOTS) / f"{name}-{width}-{theme}.png", full_page=True)
            page.goto(live_server.url + addresses["pauses"])
            for what in ("feed nivoda-natural", "consolidation"):
                page.get_by_role("button", name=f"Resume {what}", exact=True).click()
                page.get_by_text(f"{what[:1].upper()}{what[1:]} goes on.").wait_for()
        browser.close()

    assert wide == []
    assert resting.in_force().pauses == []

"""A feed's page in a browser: a schedule is said in words while one types, a preset fills it, nothing leaves a phone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import sync_playwright

from diamondhub.operations import jobs
from diamondhub.tests.patience import BROWSER_LAUNCH_MS, BROWSER_STEP_MS
from ingest import job_kinds
from ingest.tests import rows

pytestmark = pytest.mark.django_db(transaction=True)

SHOTS = os.environ.get("DIAMONDHUB_SHOTS")


def test_schedules_are_told_while_typed_and_pages_fit_a_phone_in_both_themes(chromium: str, live_server: Any) -> None:
    session = Client()
    session.force_login(User.objects.create_superuser("maria"))
    feed = rows.feed()
    job, _ = jobs.ask(job_kinds.PLAN, feed.slug, by="maria")
    addresses = {
        "feed": f"/admin/ingest/feed/{feed.pk}/change/",
        "new": "/admin/ingest/feed/add/?adapter=pricelist",
        "job": f"/admin/operations/job/{job.pk}/change/",
        "jobs": "/admin/operations/job/",
    }
    wide = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"], timeout=BROWSER_LAUNCH_MS)
        for theme in ("light", "dark"):
            context = browser.new_context(color_scheme=theme, viewport={"width": 390, "height": 844})
            context.add_cookies(
                [{"name": "sessionid", "value": session.cookies["sessionid"].value, "url": live_server.url}]
            )
            page = context.new_page()
            page.set_default_timeout(BROWSER_STEP_MS)
            for width in (390, 1280):
                page.set_viewport_size({"width": width, "height": 900})
                for name, address in addresses.items():
                    page.goto(live_server.url + address)
                    if page.evaluate("document.documentElement.scrollWidth") > width + 1:
                        wide.append((name, width, theme))
                    if SHOTS:
                        page.screenshot(path=Path(SHOTS) / f"{name}-{width}-{theme}.png", full_page=True)
        page.goto(live_server.url + addresses["feed"])
        page.fill("#id_full_schedule", "30 2 * * mon-fri")
        page.locator("#id_full_schedule_means", has_text="Every Monday to Friday at 02:30 UTC").wait_for()
        page.locator("[data-for=id_full_schedule]", has_text="every 15 minutes").click()
        page.locator("#id_full_schedule_means", has_text="Every 15 minutes").wait_for()
        typed = page.input_value("#id_full_schedule")
        browser.close()

    assert typed == "*/15 * * * *"
    assert wide == []

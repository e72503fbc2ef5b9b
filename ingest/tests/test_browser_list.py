"""The page of a list that is looked at, in a browser: it fits a phone in both themes, and Enter looks and does not save."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.test.utils import override_settings
from django.urls import reverse
from playwright.sync_api import sync_playwright

from diamondhub.tests.patience import BROWSER_LAUNCH_MS, BROWSER_STEP_MS
from ingest import runs
from ingest.feeds import adapters
from ingest.feeds.pricelist.tests.lists import stones, text
from ingest.models import Feed
from ingest.tests.factories import drive
from pricing.tests.factories import first_rule_set

pytestmark = pytest.mark.django_db(transaction=True)

SHOTS = os.environ.get("DIAMONDHUB_SHOTS")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    first_rule_set()
    with override_settings(PRICELIST_DIR=tmp_path, VAR_DIR=tmp_path / "var"):
        adapters._build.cache_clear()
        yield tmp_path
    adapters._build.cache_clear()


def test_a_list_is_looked_at_on_a_phone_and_given_its_meaning(chromium: str, live_server: Any, folder: Path) -> None:
    session = Client()
    session.force_login(User.objects.create_superuser("maria"))
    rows = [
        {
            **row,
            "A rather long header that nobody knows": "VG",
            "Clarity": "QQ7" if number % 3 else "VS1",
            "Total Price": "on request" if number % 10 == 1 else row["Total Price"],
            "Availability": ("GA", "Memo", "Blorp", "GA")[number % 4],
            "Cert #": f"21400000{number:02}",
        }
        for number, row in enumerate(stones(40))
    ]
    file = folder / "may.csv"
    file.write_text(text(rows))
    feed = Feed.objects.create(slug="rosy", name="Rosy", adapter="pricelist", parameters={"source": "may.csv"})
    run = drive(runs.start_run("rosy", kind="full", started_by="eve"))
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

            def look(name: str, page: Any = page, theme: str = theme) -> None:
                for width in (390, 1280):
                    page.set_viewport_size({"width": width, "height": 900})
                    if page.evaluate("document.documentElement.scrollWidth") > width + 1:
                        wide.append((name, width, theme))
                    if SHOTS:
                        page.screenshot(path=Path(SHOTS) / f"{name}-{width}-{theme}.png", full_page=True)

            page.goto(live_server.url + reverse("admin:ingest_feed_new_list"))
            look("new-list")
            page.set_input_files("#id_file", file)
            page.locator("button.dh-primary[name=look]").click()
            page.locator("text=What nobody knows").wait_for()
            look("looked-at")
            page.goto(live_server.url + reverse("admin:ingest_run_change", args=[run.pk]))
            page.locator("text=Rows of the list").wait_for()
            look("run")
        page.goto(live_server.url + reverse("admin:ingest_feed_list", args=[feed.pk]))
        page.locator("button.dh-primary[name=look]").click()
        page.select_option("select[aria-label='QQ7 means']", "SI2")
        page.locator("#id_reason").press("Enter")
        page.wait_for_function("document.getElementById('id_parameter_words')?.value")
        words = page.input_value("#id_parameter_words")
        browser.close()

    assert wide == []
    assert words.strip() == "clarity: QQ7 = SI2"
    assert Feed.objects.get(slug="rosy").parameters == {"source": "may.csv"}

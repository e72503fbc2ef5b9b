"""The pages of a run in a browser, live while its supplier fails and refuses, and held: they fit a phone, in both themes."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import sync_playwright

from diamondhub.database import clock
from diamondhub.tests.patience import BROWSER_LAUNCH_MS, BROWSER_STEP_MS
from ingest import runs
from ingest.admin import review_stones as pages
from ingest.models import Run, SupplierRequests
from ingest.sandbox.faults import Failing, Settings, Throttling
from ingest.sandbox.supplier import Options
from ingest.tests import factories
from ingest.walking import stage as walking

pytestmark = pytest.mark.django_db(transaction=True)

SHOTS = os.environ.get("DIAMONDHUB_SHOTS")


def test_a_run_whose_supplier_misbehaves_shows_why_and_fits_a_phone(
    chromium: str, live_server: Any, settings: Any
) -> None:
    settings.WALK_SLICE_SECONDS = 2.0
    session = Client()
    session.force_login(User.objects.create_superuser("maria"))
    wide = []
    with factories.sandbox_feed(Options(stones=12_000)) as (sandbox, feed):
        run = factories.drive(runs.start_run(feed.slug, kind="full", started_by="maria"), until=Run.State.INGESTING)
        sandbox.supplier.set_faults(Settings(http_5xx=Failing(rate=0.5, status=503), http_429=Throttling(rate=0.2)))
        walking.walk(run.pk)
        # Time that went by, which a test does not wait for.
        Run.objects.filter(pk=run.pk).update(created_at=clock() - timedelta(minutes=6))
        for ago in range(2, 6):
            SupplierRequests.objects.create(
                account=SupplierRequests.objects.values_list("account", flat=True)[0],
                at=clock() - timedelta(minutes=ago),
                requests=40 * ago,
                throttled=3 * ago,
                failed=9 * ago,
                last_error="the supplier answers 503",
            )
        for ordinal in range(3):
            run.batches.create(
                ordinal=ordinal, stone_from=f"{ordinal:032x}", raw_through=1, attempts=ordinal, last_error="x" * ordinal
            )
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=chromium, args=["--no-sandbox"], timeout=BROWSER_LAUNCH_MS
            )
            for theme in ("light", "dark"):
                context = browser.new_context(color_scheme=theme, viewport={"width": 1280, "height": 900})
                context.add_cookies(
                    [{"name": "sessionid", "value": session.cookies["sessionid"].value, "url": live_server.url}]
                )
                page = context.new_page()
                page.set_default_timeout(BROWSER_STEP_MS)
                for width in (390, 1280):
                    page.set_viewport_size({"width": width, "height": 900})
                    page.goto(f"{live_server.url}/admin/ingest/run/{run.pk}/change/")
                    page.get_by_text("last error").first.wait_for()
                    assert page.get_by_text("503").count() > 0
                    if page.evaluate("document.documentElement.scrollWidth") > width + 1:
                        wide.append((width, theme))
                    if SHOTS:
                        page.screenshot(path=Path(SHOTS) / f"run-{width}-{theme}.png", full_page=True)
            browser.close()

    assert wide == []


def test_a_review_and_its_lists_fit_a_phone(chromium: str, live_server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    session = Client()
    session.force_login(User.objects.create_superuser("maria"))
    supplier = factories.supplying(monkeypatch, factories.MemorySupplier(factories.stones(40)))
    factories.settled()
    del supplier.shelf[:12]
    held = factories.settled()
    lists = pages.address(held, "delisting", "gone")
    wide = []

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"], timeout=BROWSER_LAUNCH_MS)
        for theme in ("light", "dark"):
            context = browser.new_context(color_scheme=theme)
            context.add_cookies(
                [{"name": "sessionid", "value": session.cookies["sessionid"].value, "url": live_server.url}]
            )
            page = context.new_page()
            page.set_default_timeout(BROWSER_STEP_MS)
            for width in (390, 1280):
                page.set_viewport_size({"width": width, "height": 900})
                for name, address in (("review", f"/admin/ingest/run/{held.pk}/change/"), ("stones", lists)):
                    page.goto(live_server.url + address)
                    page.get_by_text("no longer knows the id").first.wait_for()
                    if page.evaluate("document.documentElement.scrollWidth") > width + 1:
                        wide.append((name, width, theme))
                    if SHOTS:
                        page.screenshot(path=Path(SHOTS) / f"{name}-{width}-{theme}.png", full_page=True)
        browser.close()

    assert wide == []

"""Somebody looks around in the catalogue in a real browser: boxes, sliders, an order, a stone and back, a saved view."""

from __future__ import annotations

import os
import random
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User

from catalog import index
from catalog.index.snapshot import Snapshot
from catalog.index.tests.factories import snapshot_of
from catalog.models import Diamond
from catalog.tests.factories import build_diamond
from diamondhub.tests.patience import BROWSER_LAUNCH_MS, BROWSER_STEP_MS

pytestmark = pytest.mark.django_db(transaction=True)

#: Where the walk leaves pictures of its steps, if somebody wants to look at them.
SHOTS = os.environ.get("DIAMONDHUB_SHOTS")
PASSWORD = "a long enough one"
STONES = 600


#: What htmx says of a request that was under way when its page was left.
LEFT_BEHIND = ("htmx:sendAbort", "htmx:afterRequest")


@pytest.fixture
def page(chromium: str) -> Iterator[Any]:
    """A browser's page; whatever it complains about, and any request to another origin, fails the test."""
    from playwright.sync_api import sync_playwright

    complaints: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"], timeout=BROWSER_LAUNCH_MS)
        found = browser.new_page(viewport={"width": 1440, "height": 1000})
        found.set_default_timeout(BROWSER_STEP_MS)
        found.on(
            "console",
            lambda message: (
                complaints.append(message.text) if message.type == "error" and message.text not in LEFT_BEHIND else None
            ),
        )
        found.on("pageerror", lambda error: complaints.append(str(error)))
        found.on(
            "request",
            lambda asked: (
                None if "//localhost" in asked.url or asked.url.startswith("data:") else complaints.append(asked.url)
            ),
        )
        yield found
        browser.close()
    assert not complaints


@pytest.fixture
def shot(page: Any) -> Callable[[str], None]:
    """Keep a picture of the page, if pictures are wanted."""

    def keep(name: str) -> None:
        if SHOTS:
            page.screenshot(path=str(Path(SHOTS) / f"explorer-{name}.png"), full_page=True)

    return keep


@pytest.fixture
def _catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dice = random.Random(7)
    shapes = ("ROUND", "OVAL", "PEAR", "EMERALD")
    stones = []
    for number in range(STONES):
        carats = Decimal(dice.randint(30, 300)) / 100
        is_lab = number % 3 == 0
        price = int(float(carats) ** 1.7 * (60_000 if is_lab else 450_000) * dice.uniform(0.7, 1.4))
        stones.append(
            build_diamond(
                supplier_stone_id=f"S-{number}",
                shape=shapes[number % 4],
                carats=carats,
                color=dice.randint(1, 8),
                lab_grown=is_lab,
                price_cents=price,
                cost_cents=price * 2 // 3,
                image_url=None,
                images=[],
            )
        )
    Diamond.objects.bulk_create(stones)
    snapshot: Snapshot = snapshot_of(stones, tmp_path)
    monkeypatch.setattr(index, "current", lambda: snapshot)
    person = User.objects.create_user("maria", password=PASSWORD, is_staff=True)
    person.user_permissions.set(Permission.objects.filter(codename="view_diamond"))


def total(page: Any) -> int:
    return int(page.locator(".dh-total strong").inner_text().replace(",", ""))


def wait_for_total(page: Any, number: int) -> None:
    page.wait_for_function(
        "number => document.querySelector('.dh-total strong').textContent.trim().replaceAll(',', '') == number",
        arg=str(number),
    )


@pytest.mark.usefixtures("_catalogue")
def test_somebody_ticks_slides_sorts_opens_a_stone_comes_back_and_saves_the_view(
    live_server: Any, page: Any, shot: Callable[[str], None]
) -> None:
    page.goto(f"{live_server.url}/admin/")
    page.get_by_label("Username").fill("maria")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("link", name="Diamonds").first.click()
    wait_for_total(page, STONES)
    shot("01-all")

    # A box says what ticking it brings, and what others bring stays said.
    ovals = page.locator("#box-shape .dh-tick", has_text="Oval")
    promised = int(ovals.locator(".dh-count").inner_text())
    ovals.locator("input").check()
    wait_for_total(page, promised)
    assert page.locator("#box-shape .dh-tick", has_text="Pear").locator(".dh-count").inner_text() == "150"
    assert "shape=OVAL" in page.url
    assert page.locator(".dh-chip").inner_text().startswith("Shape: OVAL")

    # The slider's handle is moved by the keyboard, as people without a mouse do.
    page.locator("#low-carats").focus()
    for _ in range(8):
        page.keyboard.press("ArrowRight")
        # It is asked for a moment later, and the next one must not come between.
        chosen = page.locator("input[name=carats_min]").input_value()
        page.locator(".dh-chip", has_text=re.compile(rf"Carats from {re.escape(chosen)}\b")).wait_for()
    least = Decimal(chosen)
    assert least >= 1
    narrower = total(page)
    assert 0 < narrower < promised
    # So few are points, each a link.
    assert page.locator("svg.dh-scatter circle").count() == narrower
    shot("02-narrowed")

    # The dearest first.
    page.locator("#sort").select_option("-price")
    page.wait_for_url("**sort=-price**")
    prices = [
        Decimal(text.replace("$", "").replace(",", ""))
        for text in page.locator(".dh-stones tbody tr td:nth-child(3)").all_inner_texts()
    ]
    assert prices == sorted(prices, reverse=True)
    assert len(prices) == min(narrower, 50)

    # A column more.
    page.locator("#columns summary").click()
    page.locator("#column-ratio").check()
    page.locator(".dh-stones th", has_text="Ratio").wait_for()
    assert page.locator("#columns").get_attribute("open") is not None
    shot("03-columns")
    page.locator("#columns summary").click()

    # A stone, and back to the same stones.
    page.locator(".dh-stones tbody tr a").first.click()
    page.get_by_text("Certificate and media").wait_for()
    page.go_back()
    wait_for_total(page, narrower)
    assert page.locator("#sort").input_value() == "-price"
    assert page.locator("#box-shape input[value=OVAL]").is_checked()

    # One step back each: the address of every change was kept.
    page.go_back()
    page.wait_for_url(lambda address: "columns" not in address)
    wait_for_total(page, narrower)

    # A view under a name.
    page.locator("#save-view summary").click()
    page.get_by_label("Name of the view").fill("Large ovals")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("is saved").wait_for()
    shot("04-saved")
    page.get_by_role("link", name="Show all", exact=True).click()
    wait_for_total(page, STONES)
    page.get_by_role("link", name="Large ovals").click()
    wait_for_total(page, narrower)

    # What nobody has.
    page.locator("input[name=price_max]").fill("1")
    page.locator("input[name=price_max]").press("Enter")
    wait_for_total(page, 0)
    page.get_by_text("No diamond passes all filters").wait_for()
    shot("05-nothing")

    # Small and dark.
    page.set_viewport_size({"width": 390, "height": 844})
    page.emulate_media(color_scheme="dark")
    page.goto(f"{live_server.url}/admin/catalog/diamond/?shape=OVAL")
    wait_for_total(page, promised)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    shot("06-phone-dark")
    page.get_by_role("button", name="Remove the view Large ovals").click()
    wait_for_total(page, STONES)
    assert page.get_by_role("link", name="Large ovals").count() == 0

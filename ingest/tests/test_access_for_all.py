"""Every page of the admin in both themes, judged by axe, and what axe cannot see: keyboard, what is said, narrow tables."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import sync_playwright

from diamondhub.tests.patience import BROWSER_LAUNCH_MS, BROWSER_STEP_MS
from ingest.tests.test_admin_rights import addresses, one_of_each

pytestmark = pytest.mark.django_db(transaction=True)

SHOTS = os.environ.get("DIAMONDHUB_SHOTS")
#: What the names of addresses end with at which there is a page.
ALWAYS_PAGES = ("_changelist", "_change")
#: One history of the audit and one of the theme: those of all models are made alike.
HISTORIES = {"pricing_rule_history", "ingest_run_history"}
#: Rules whose answer hangs on colours, and so on the theme; the others are asked once a page.
OF_COLOURS = ["color-contrast", "link-in-text-block"]
#: Judges a page in both themes; the menu, which all have, only where it is asked for.
JUDGE = """async ([ofColours, withMenu]) => {
    // Colours that are on their way would be judged half way.
    const style = document.head.appendChild(document.createElement("style"));
    style.textContent = "*, *::before, *::after { transition: none !important; animation: none !important }";
    if (!withMenu) document.getElementById("nav-sidebar")?.remove();
    const options = {resultTypes: ["violations"], preload: false, selectors: false, iframes: false};
    const why = node => [...node.any, ...node.all, ...node.none].map(check => check.message).join("; ");
    const said = node => `${node.html.slice(0, 200)} (${why(node)})`;
    const judged = async (theme, asked) => (await axe.run(document, {...options, ...asked})).violations
        .map(({id, nodes}) => `${theme}, ${id}: ${nodes.slice(0, 3).map(said).join(" | ")}`);
    const light = await judged("light", {});
    document.documentElement.classList.add("dark");
    return [...light, ...await judged("dark", {runOnly: {type: "rule", values: ofColours}})];
}"""
#: Opens what is closed, one after the other, and judges what came to be seen, in both themes; what was judged on a page
#: before is not judged again. Returns what is wrong, and how many were opened.
OPEN = """async ofColours => {
    const isSeen = part => part.checkVisibility({visibilityProperty: true, opacityProperty: true});
    const allSeen = () => [...document.body.querySelectorAll("*")].filter(isSeen);
    const html = document.documentElement;
    const options = {resultTypes: ["violations"], preload: false, selectors: false, iframes: false};
    const why = node => [...node.any, ...node.all, ...node.none].map(check => check.message).join("; ");
    const said = node => `${node.html.slice(0, 200)} (${why(node)})`;
    const closed = "details:not([open]) > summary, [aria-expanded=false]:not([role=combobox])";
    const wrong = [];
    let opened = 0;
    for (const opener of [...document.querySelectorAll(closed)].filter(isSeen)) {
        const before = new Set(allSeen());
        opener.click();
        await new Promise(resolve => setTimeout(resolve, 80));
        const shown = allSeen().filter(part => !before.has(part));
        const roots = shown.filter(part => before.has(part.parentElement) || part.parentElement === document.body);
        const key = roots.map(root => root.outerHTML.replace(/[0-9]+/g, "")).join();
        if (roots.length) opened += 1;
        if (roots.length && !sessionStorage.getItem(key)) {
            sessionStorage.setItem(key, "judged");
            for (const [theme, asked] of [["dark", {}], ["light", {runOnly: {type: "rule", values: ofColours}}]]) {
                html.classList.toggle("dark", theme === "dark");
                for (const {id, nodes} of (await axe.run({include: roots}, {...options, ...asked})).violations)
                    wrong.push(`${opener.textContent.trim()}, opened, ${theme}, ${id}: `
                        + nodes.slice(0, 3).map(said).join(" | "));
            }
        }
        document.dispatchEvent(new KeyboardEvent("keydown", {key: "Escape", bubbles: true}));
        window.dispatchEvent(new KeyboardEvent("keydown", {key: "Escape", bubbles: true}));
        await new Promise(resolve => setTimeout(resolve, 20));
        if (roots.some(isSeen)) opener.click();
    }
    return [wrong, opened];
}"""


@pytest.fixture
def session() -> Client:
    """Somebody signed in who may do everything, with a row of everything that an address can name."""
    one_of_each()
    session = Client()
    session.force_login(User.objects.create_superuser("maria"))
    return session


@pytest.fixture
def places(session: Client) -> list[tuple[str, str]]:
    """Address and name of every page of the admin; of those that refuse, one a status."""
    kept: list[tuple[str, str]] = [("/admin/login/", "login")]
    statuses = {200}
    for address, name in addresses():
        if name in ("login", "logout") or address == "/admin/login/":
            continue
        if name.endswith("_history") and name not in HISTORIES:
            continue
        if name.endswith(ALWAYS_PAGES):
            kept.append((address, name))
            continue
        answer = session.get(address)
        is_page = not answer.streaming and b'<main id="main"' in answer.content
        if is_page and (answer.status_code == 200 or answer.status_code not in statuses):
            statuses.add(answer.status_code)
            kept.append((address, name))
    return kept


@pytest.fixture
def page(chromium: str, session: Client, live_server: Any) -> Iterator[Any]:
    """A browser's page; a script that fails fails the test."""
    complaints: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"], timeout=BROWSER_LAUNCH_MS
        )
        context = browser.new_context(base_url=live_server.url, viewport={"width": 1280, "height": 900})
        context.add_cookies(
            [{"name": "sessionid", "value": session.cookies["sessionid"].value, "url": live_server.url}]
        )
        context.add_init_script((files("axe_playwright_python") / "axe.min.js").read_text())
        opened = context.new_page()
        opened.set_default_timeout(BROWSER_STEP_MS)
        opened.on("pageerror", lambda error: complaints.append(f"{opened.url}: {error}"))
        yield opened
        browser.close()
    assert complaints == []


def test_axe_finds_nothing_wrong_with_any_page_in_either_theme_nor_with_what_opens_on_it(
    places: list[tuple[str, str]], page: Any
) -> None:
    wrong: list[str] = []
    opened = 0

    for address, name in places:
        page.goto(address)
        wrong += [f"{name}, {finding}" for finding in page.evaluate(JUDGE, [OF_COLOURS, name == "index"])]
        if SHOTS:
            keep_pictures(page, name)
        found, more = page.evaluate(OPEN, OF_COLOURS)
        wrong += [f"{name}, {finding}" for finding in found]
        opened += more

    assert wrong == [], "\n".join(wrong)
    assert len(places) > 80
    assert opened > 40


def test_the_first_key_leads_past_the_menu_and_what_is_clicked_answers_the_keyboard(page: Any) -> None:
    page.goto("/admin/ingest/run/")
    page.keyboard.press("Tab")
    first = page.evaluate("document.activeElement.textContent")
    page.keyboard.press("Enter")
    reached = page.evaluate("document.activeElement.id")
    page.get_by_role("button", name="Filters").press("Enter")
    page.locator("#changelist-filter").wait_for()

    assert first == "To the page"
    assert reached == "main"


def test_icons_are_not_read_and_what_has_only_an_icon_has_a_name(page: Any) -> None:
    page.goto("/admin/ingest/feed/")

    read = page.evaluate(
        "[...document.querySelectorAll('.material-symbols-outlined')]"
        ".filter(icon => !icon.closest('[aria-hidden=true], [aria-label], [title]')).map(icon => icon.outerHTML)"
    )

    assert read == []
    assert page.get_by_role("button", name="Show or hide the menu").count() == 1


def test_what_opens_says_so_and_what_lies_around_an_open_sheet_has_a_name(page: Any) -> None:
    page.goto("/admin/ingest/run/")
    opener = page.get_by_role("button", name="Filters")
    before = opener.get_attribute("aria-expanded")
    opener.press("Enter")
    page.locator("#changelist-filter").wait_for()
    while_open = opener.get_attribute("aria-expanded")
    found = page.evaluate(
        "axe.run('#changelist-filter', {runOnly: ['wcag2a']}).then(({violations}) => violations.map(({id}) => id))"
    )
    page.locator("#changelist-filter-close").press("Enter")
    page.locator("#changelist-filter").wait_for(state="hidden")

    assert (before, while_open, opener.get_attribute("aria-expanded")) == ("false", "true", "false")
    assert found == []


def test_a_change_is_said_once_and_a_time_that_runs_is_not(page: Any) -> None:
    page.route("**/admin/home/**", lambda route: route.abort())
    page.goto("/admin/")
    page.evaluate(
        """() => {
            window.spoken = [];
            const place = document.getElementById("dh-said");
            new MutationObserver(() => window.spoken.push(place.textContent)).observe(place, {childList: true});
            window.turn = text => {
                document.querySelector("[data-says=needs]").textContent = text;
                document.body.dispatchEvent(new CustomEvent("htmx:afterSettle", {bubbles: true}));
            };
            turn("Nothing needs you. The last sweep was 2 s ago.");
        }"""
    )
    page.wait_for_function("window.spoken.length === 1")

    page.evaluate("turn('Nothing needs you. The last sweep was 31 s ago.')")
    page.evaluate("turn('2 problems need you.')")
    page.wait_for_function("window.spoken.length > 1")

    assert page.evaluate("window.spoken") == ["Nothing needs you. The last sweep was 2 s ago.", "2 problems need you."]


def test_a_part_that_comes_anew_keeps_the_focus(page: Any) -> None:
    page.goto("/admin/")
    page.get_by_role("link", name="What to do").first.focus()
    page.evaluate("document.getElementById('home-now').dataset.old = 'yes'")

    page.wait_for_function("!document.getElementById('home-now').dataset.old")

    page.wait_for_function("document.activeElement.textContent === 'What to do'")


def test_a_wide_table_says_on_a_phone_that_it_scrolls_and_the_keyboard_reaches_it(page: Any) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/admin/alerts/event/")
    page.locator("#result_list a").first.click()
    page.locator(".dh-scrolls").first.wait_for()
    told = page.get_by_role("group", name="Deliveries, scrolls sideways")

    assert told.get_attribute("tabindex") == "0"
    assert "scrolls sideways" in told.evaluate("box => getComputedStyle(box, '::before').content")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_form_of_a_channel_shows_what_its_kind_has(page: Any) -> None:
    page.goto("/admin/alerts/channel/")
    page.locator("#result_list a").first.click()
    page.locator("#id_addresses").wait_for()
    page.goto("/admin/alerts/channel/add/")
    page.locator("#id_addresses").wait_for()
    groups = page.locator("fieldset").filter(visible=True).count()

    page.select_option("#id_kind", "webhook")
    page.locator("#id_template").wait_for()

    assert groups == 2
    assert not page.locator("#id_addresses").is_visible()


def keep_pictures(page: Any, name: str) -> None:
    for width in (390, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        for theme in ("light", "dark"):
            page.evaluate("theme => document.documentElement.classList.toggle('dark', theme === 'dark')", theme)
            page.screenshot(
                animations="disabled", path=Path(str(SHOTS)) / f"{name}-{width}-{theme}.png", full_page=True
            )

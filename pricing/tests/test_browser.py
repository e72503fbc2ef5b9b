"""A merchandiser's morning in a real browser: copy what is in force, change it, simulate, publish, look back."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.utils import timezone

from catalog.models import Diamond
from catalog.tests.factories import build_diamond
from diamondhub.tests.patience import BROWSER_LAUNCH_MS, BROWSER_STEP_MS, HANG_SECONDS
from pricing import experiments, reprice
from pricing.history import CHANGES
from pricing.models import Clause, Experiment, PriceChange, Repricing, Rule, RuleSet
from pricing.tests.admin_pages import PUBLISHER
from pricing.tests.factories import a_draft, first_rule_set
from pricing.tests.test_past import changed

pytestmark = pytest.mark.django_db(transaction=True)

#: Where the walk leaves pictures of its steps, if somebody wants to look at them.
SHOTS = os.environ.get("DIAMONDHUB_SHOTS")
PASSWORD = "a long enough one"


@pytest.fixture
def page(chromium: str) -> Iterator[Any]:
    """A browser's page; whatever it complains about fails the test."""
    from playwright.sync_api import sync_playwright

    complaints: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"], timeout=BROWSER_LAUNCH_MS)
        found = browser.new_page(viewport={"width": 1440, "height": 1000})
        found.set_default_timeout(BROWSER_STEP_MS)
        found.on(
            "console",
            # A page that is left ends its polls.
            lambda message: (
                complaints.append(message.text)
                if message.type == "error" and message.text not in ("htmx:afterRequest", "htmx:sendAbort")
                else None
            ),
        )
        found.on("pageerror", lambda error: complaints.append(str(error)))
        yield found
        browser.close()
    assert not complaints


@pytest.fixture
def elsewhere() -> Iterator[Callable[[Callable[[], Any]], Any]]:
    """Do something with the database while the browser is open, whose event loop Django does not like."""
    with ThreadPoolExecutor(1) as thread:

        def do(what: Callable[[], Any]) -> Any:
            return thread.submit(what).result(HANG_SECONDS)

        yield do
        thread.submit(lambda: connection.close()).result(HANG_SECONDS)


@pytest.fixture
def _catalogue() -> None:
    first_rule_set()
    shapes = ("ROUND", "OVAL", "PEAR", "OVAL")
    Diamond.objects.bulk_create(
        build_diamond(
            supplier_stone_id=f"S-{place:02}",
            shape=shapes[place % 4],
            carats=f"{0.5 + place % 10 * 0.25:.2f}",
            cost_cents=100_000 + place * 12_345,
            price_cents=(100_000 + place * 12_345) * 140 // 100,
            lab_grown=False,
            rating=None,
            image_url=None,
            images=[],
        )
        for place in range(24)
    )
    person = User.objects.create_user("maria", password=PASSWORD, is_staff=True)
    person.user_permissions.set(Permission.objects.filter(codename__in=PUBLISHER))


@pytest.fixture
def shot(page: Any) -> Callable[[str], None]:
    """Keep a picture of the page, if pictures are wanted."""

    def keep(name: str) -> None:
        if SHOTS:
            page.screenshot(path=str(Path(SHOTS) / f"{name}.png"), full_page=True)

    return keep


@pytest.mark.usefixtures("_catalogue")
def test_a_merchandiser_drafts_edits_simulates_publishes_and_looks_back(
    live_server: Any, page: Any, elsewhere: Callable[[Callable[[], Any]], Any], shot: Callable[[str], None]
) -> None:
    # Labels of a rule's first clause are those of the row from which clauses are added as well.
    clause = page.locator("#clauses-data .form-group:not(.empty-form)")

    # Sign in, and copy what is in force into a draft.
    page.goto(f"{live_server.url}/admin/")
    page.get_by_label("Username").fill("maria")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("link", name="Rule sets").first.click()
    shot("01-rule-sets")
    page.get_by_role("link", name="Version 1").first.click()
    shot("02-published")
    page.get_by_role("button", name="Copy into a draft").click()
    page.get_by_text("Draft 2 is a copy of version 1.").wait_for()

    # A mistake in a margin is told at the field, and then put right.
    page.get_by_label("Natural margin").fill("-200")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("Ensure this value is greater than or equal to").wait_for()
    shot("03-margin-refused")
    page.get_by_label("Natural margin").fill("45")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("was changed successfully").wait_for()
    shot("04-draft")

    # A rule with a clause.
    page.get_by_role("link", name="Add a rule").click()
    page.get_by_label("Name").fill("Ovals of a carat and more")
    page.get_by_label("Modifier").fill("10")
    page.get_by_label("Price ends on").fill("99")
    page.get_by_label("In steps of").fill("100")
    page.get_by_text("Add another clause").click()
    clause.locator("summary", has_text="Stone").click()
    clause.get_by_label("Oval", exact=True).check()
    clause.locator("summary", has_text="Measures").click()
    clause.get_by_label("Carats from").fill("2")
    clause.get_by_label("Carats to").fill("1")
    shot("05-rule")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("This must not be below the lowest carats.", exact=True).wait_for()
    shot("06-rule-refused")
    clause.get_by_label("Carats from").fill("1")
    clause.get_by_label("Carats to").fill("")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("carats from 1; shape is OVAL").wait_for()

    # A second one that the first covers: the page says so, and it moves up.
    page.get_by_role("link", name="Add a rule").click()
    page.get_by_label("Name").fill("Large ovals")
    page.get_by_label("Modifier").fill("-5")
    page.get_by_text("Add another clause").click()
    clause.locator("summary", has_text="Stone").click()
    clause.get_by_label("Oval", exact=True).check()
    clause.locator("summary", has_text="Measures").click()
    clause.get_by_label("Carats from").fill("2.5")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("It can never match").first.wait_for()
    shot("07-conflict")
    page.get_by_role("button", name="Move Large ovals up").click()
    page.get_by_text("has priority 10 now").wait_for()
    assert page.get_by_text("It can never match").count() == 0
    shot("08-moved")
    page.get_by_role("link", name="Large ovals").first.click()
    page.get_by_text("Add another clause").click()
    assert clause.count() == 2
    clause.nth(1).locator(".delete-template").click()
    assert clause.count() == 1
    shot("09-edit-rule")
    page.go_back()

    # What it would do.
    page.get_by_role("link", name="Simulate").click()
    page.get_by_role("heading", name="How far prices move").wait_for()
    shot("10-simulation")
    page.get_by_role("link", name="Publish…").click()

    # Nothing is published without a reason; then it is.
    page.get_by_text("natural margin: 40 %").wait_for()
    shot("11-publish")
    page.get_by_label("Why?").fill("Spring prices")
    page.get_by_role("button", name="Publish version 2").click()
    page.get_by_text("Rule set 2 is in force").wait_for()
    shot("12-repricing")
    elsewhere(lambda: reprice.work(Repricing.objects.get().pk))
    page.get_by_text("completed").first.wait_for()
    shot("13-repriced")

    # The history of a stone's price, and that it was published for a reason.
    stone = elsewhere(lambda: Diamond.objects.get(supplier_stone_id="S-03"))
    page.goto(f"{live_server.url}/admin/catalog/diamond/{stone.pk}/change/")
    page.get_by_role("heading", name="Price history").wait_for()
    shot("14-history")
    shown = page.content()
    page.get_by_role("link", name="Why this price?").click()
    page.get_by_text("ends on $99.00 in steps of $100.00: the nearest one").wait_for()
    shot("16-why")
    page.goto(f"{live_server.url}/admin/pricing/ruleset/")
    page.get_by_role("link", name="Version 2").first.click()
    page.get_by_text("Spring prices").wait_for()
    shot("15-sealed")

    def saved() -> tuple[Any, ...]:
        rules = Rule.objects.filter(rule_set__version=2).order_by("priority")
        change = PriceChange.objects.get(diamond_id=stone.pk)
        return (
            RuleSet.objects.get(version=2).published_reason,
            [(rule.name, rule.modifier, rule.ending_cents) for rule in rules],
            [str(clause) for clause in Clause.objects.filter(rule__in=rules).order_by("pk")],
            (change.new_price_cents, change.actor, change.new_rule),
        )

    reason, rules, clauses, change = elsewhere(saved)
    assert reason == "Spring prices"
    assert rules == [("Large ovals", -5, None), ("Ovals of a carat and more", 10, 9_900)]
    assert clauses == ["carats from 1; shape is OVAL", "carats from 2.5; shape is OVAL"]
    # $1,370.35 and 55 % are $2,124.04, which ends on $2,099.
    assert change == (209_900, "maria", 1)
    assert re.search(r"\$1,918\.\d\d → \$2,099\.00", shown)


@pytest.fixture
def looks(page: Any) -> Callable[[str], None]:
    """Keep pictures of the page as it is on a desk and on a phone, by day and by night, if pictures are wanted."""

    def keep(name: str) -> None:
        for theme in ("light", "dark") if SHOTS else ():
            for width in (1280, 390):
                page.evaluate("night => document.documentElement.classList.toggle('dark', night)", theme == "dark")
                page.set_viewport_size({"width": width, "height": 900})
                page.screenshot(path=f"{SHOTS}/{name}-{theme}-{width}.png", full_page=True)
        page.evaluate("document.documentElement.classList.remove('dark')")
        page.set_viewport_size({"width": 1280, "height": 900})

    return keep


def _history() -> None:
    """A stone with a history of a few months, changes of many kinds, and an experiment that has run for ten days."""
    stone = Diamond.objects.get(supplier_stone_id="S-13")
    Diamond.objects.update(first_seen_at=timezone.now() - timedelta(days=100))
    CHANGES.make_ahead()
    price = 100_000
    for days_ago in (90, 61, 60, 30, 12, 3):
        changed(
            stone,
            days_ago,
            old_price_cents=price,
            new_price_cents=price + days_ago * 300,
            new_rule=None,
        )
        price += days_ago * 300
    changed(stone, 1, old_price_cents=price, new_price_cents=stone.price_cents, new_cost_cents=stone.cost_cents)
    experiment = experiments.new("dearer-ovals", a_draft({"name": "Ovals", "modifier": 5}), Decimal(30))
    experiments.new("next", a_draft({"name": "Pears", "modifier": -3, "clauses": [{"shapes": ["PEAR"]}]}), Decimal(20))
    experiments.start(experiment.pk, actor="maria", reason="do buyers mind 5 points?")
    Experiment.objects.filter(pk=experiment.pk).update(started_at=timezone.now() - timedelta(days=10))
    Diamond.objects.filter(supplier_stone_id__in=["S-01", "S-02", "S-05"]).update(availability="sold")


@pytest.mark.usefixtures("_catalogue")
def test_a_merchandiser_sees_what_a_rule_would_do_while_typing_and_looks_into_the_past(
    live_server: Any, page: Any, elsewhere: Callable[[Callable[[], Any]], Any], looks: Callable[[str], None]
) -> None:
    elsewhere(_history)
    draft, experiment, prepared, stone = elsewhere(
        lambda: (
            a_draft({"name": "Large stones", "priority": 5, "modifier": 20, "clauses": [{"carats_min": 2}]}).pk,
            Experiment.objects.get(slug="dearer-ovals").pk,
            Experiment.objects.get(slug="next").pk,
            Diamond.objects.get(supplier_stone_id="S-13").pk,
        )
    )
    admin = f"{live_server.url}/admin"
    page.goto(f"{admin}/")
    page.get_by_label("Username").fill("maria")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("link", name="Rule sets").first.wait_for()

    # What is typed is counted; what is wrong is told instead.
    page.goto(f"{admin}/pricing/rule/of/{draft}/add/")
    tried = page.locator("#dh-tried")
    tried.get_by_text("This field is required").wait_for()
    looks("rule-wrong")
    page.get_by_label("Name").fill("Ovals")
    page.get_by_text("Add another clause").click()
    clause = page.locator("#clauses-data .form-group:not(.empty-form)")
    clause.locator("summary", has_text="Stone").click()
    clause.get_by_label("Oval", exact=True).check()
    tried.get_by_text("12 of 24 stones match the rule as it stands here").wait_for()
    page.get_by_label("Which rule would price the stone").fill("S-13")
    tried.get_by_text("This rule prices it").wait_for()
    looks("rule-tried")

    page.goto(f"{admin}/pricing/ruleset/import/")
    page.get_by_text("A draft from a file").wait_for()
    looks("import")
    page.goto(f"{admin}/pricing/pricechange/of/{stone}/")
    page.get_by_role("img", name="Price, and the rule sets in force").wait_for()
    looks("over-time")
    page.get_by_label("Explain the price at the end of a day").fill(
        f"{datetime.now(UTC) - timedelta(days=20):%Y-%m-%d}"
    )
    page.get_by_role("button", name="Explain").click()
    page.get_by_text("From cost to price").wait_for()
    looks("past-day")
    page.goto(f"{admin}/pricing/pricechange/?direction=up")
    page.get_by_text("Export these changes").wait_for()
    looks("changes")
    page.get_by_text("Filters").first.click()
    page.get_by_role("button", name="Show these changes").wait_for()
    looks("changes-filter")
    page.goto(f"{admin}/pricing/experiment/{prepared}/simulate/")
    page.get_by_role("button", name="Start next").wait_for()
    looks("experiment-simulated")
    page.goto(f"{admin}/pricing/experiment/{experiment}/change/")
    page.get_by_text("How sure one can be").wait_for()
    looks("experiment-results")

"""The page of a stone's price over time: chart, table, and the explanation of any day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.models import Diamond
from catalog.tests.factories import a_diamond
from pricing.admin import price_over_time
from pricing.price_chart import HEIGHT, LEFT, TOP, WIDTH, Stretch, chart
from pricing.publications import Publication
from pricing.tests.admin_pages import signed_in
from pricing.tests.test_past import changed, seen

START = datetime(2026, 3, 1, tzinfo=UTC)


def stretches(*prices: int, days: int = 10) -> list[Stretch]:
    """Prices one behind the other, each for so many days."""
    times = [START + timedelta(days=days * place) for place in range(len(prices) + 1)]
    return [Stretch(begin, end, price) for (begin, end), price in zip(pairwise(times), prices, strict=True)]


def test_the_line_steps_from_price_to_price() -> None:
    drawn = chart(stretches(100_000, 150_000, 120_000), [])

    assert drawn is not None
    assert drawn.line.startswith(f"M{LEFT:.1f} ")
    assert drawn.line.count("V") == 2
    assert drawn.line.endswith(f"H{WIDTH:.1f}")
    assert [words for _x, _y, words in drawn.marks] == [
        "2026-03-01 00:00 UTC: $1,000.00",
        "2026-03-11 00:00 UTC: $1,500.00",
        "2026-03-21 00:00 UTC: $1,200.00",
    ]


def test_bands_are_the_sets_in_force_within_the_time_shown() -> None:
    published = [
        Publication(START - timedelta(days=90), 1),
        Publication(START - timedelta(days=9), 2),
        Publication(START + timedelta(days=15), 3),
        Publication(START + timedelta(days=99), 4),
    ]

    drawn = chart(stretches(100, 200, 300), published)

    assert drawn is not None
    assert [(band.version, band.label) for band in drawn.bands] == [(2, "set 2"), (3, "set 3")]
    first, second = drawn.bands
    assert first.x == LEFT
    assert first.x + first.width == pytest.approx(second.x)
    assert second.x + second.width == pytest.approx(WIDTH)


@pytest.mark.parametrize("times", [[], [Stretch(START, START, 100)]])
def test_no_time_is_no_picture(times: list[Stretch]) -> None:
    assert chart(times, []) is None


@settings(max_examples=50)
@given(st.lists(st.integers(1, 10**11), min_size=1, max_size=30), st.integers(1, 2000))
def test_everything_is_within_the_picture_and_its_lines(prices: list[int], days: int) -> None:
    drawn = chart(stretches(*prices, days=days), [Publication(START, 1)])

    assert drawn is not None
    assert all(TOP <= y <= TOP + HEIGHT and LEFT <= x <= WIDTH for x, y, _words in drawn.marks)
    assert 2 <= len(drawn.across) <= 8
    assert 1 <= len(drawn.days) <= 9


# --- the page ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def browser() -> Client:
    return signed_in("view_diamond", "view_pricechange", name="auditor")


def page_url(stone: Diamond) -> str:
    return reverse("admin:pricing_price_of", args=[stone.pk])


@pytest.mark.django_db
def test_the_page_draws_the_price_and_has_the_same_as_a_table(
    browser: Client, django_assert_max_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = timezone.now()
    published = [Publication(now - timedelta(days=60), 1), Publication(now - timedelta(days=15), 2)]
    monkeypatch.setattr(price_over_time, "publications", lambda: published)
    stone = seen(30, price_cents=150_000, cost_cents=100_000)
    changed(stone, 20, old_price_cents=140_000, new_price_cents=145_000, actor="<b>olga</b>")
    changed(stone, 10, old_price_cents=145_000, new_price_cents=150_000, new_rule=7)

    with django_assert_max_num_queries(15):
        page = browser.get(page_url(stone)).content.decode()

    assert 'role="img"' in page
    assert "<title>Rule set 1 in force</title>" in page
    assert "<title>Rule set 2 in force</title>" in page
    assert "1 → 2" in page
    assert page.index("$1,500.00") < page.rindex("$1,400.00")
    assert "from $1,400.00 to $1,500.00, in 2 changes" in page
    assert "&lt;b&gt;olga&lt;/b&gt;" in page
    assert "45.0%" in page
    assert page_url(stone) in browser.get(reverse("admin:catalog_diamond_change", args=[stone.pk])).content.decode()


@pytest.mark.django_db
def test_a_stone_whose_price_never_changed_has_a_page_too(browser: Client) -> None:
    page = browser.get(page_url(a_diamond(price_cents=140_000))).content.decode()

    assert "in 0 changes" in page
    assert "first seen" in page


@pytest.mark.django_db
def test_any_day_is_explained_from_the_page(browser: Client, today: date) -> None:
    stone = seen(30, price_cents=150_000, cost_cents=100_000)
    changed(stone, 10, old_price_cents=140_000, new_price_cents=150_000, new_rule=None)
    why = reverse("admin:pricing_explanation", args=[stone.pk])

    then = browser.get(why, {"day": (today - timedelta(days=20)).isoformat()}).content.decode()
    before = browser.get(why, {"day": (today - timedelta(days=31)).isoformat()}).content.decode()
    nonsense = browser.get(why, {"day": "<script>"})

    assert "$1,400.00" in then
    assert "natural margin 40 %, rounded half-up to the cent" in then
    assert "the first day on: no change is known before" in then
    assert f"The stone came into the catalogue on {today - timedelta(days=30)}" in before
    assert "That is no day" in nonsense.content.decode()
    assert "<script>&" not in nonsense.content.decode()


@pytest.mark.django_db
def test_prices_over_time_are_for_whom_may_see_histories_and_of_stones_that_there_are(browser: Client) -> None:
    stone = a_diamond()

    assert signed_in("view_diamond", name="buyer").get(page_url(stone)).status_code == 403
    assert browser.post(page_url(stone)).status_code == 405
    stone.pk = "00000000-0000-0000-0000-000000000000"
    assert browser.get(page_url(stone)).status_code == 404

"""What is suggested where a search finds nothing."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from unittest import mock

from catalog.client_views.view import ClientView
from catalog.grades import Color
from catalog.models import Diamond
from catalog.searching import suggesting
from catalog.searching.pages import Search
from catalog.searching.suggesting import suggestions
from catalog.searching.tests.plain_hits import PlainHits
from catalog.tests.factories import build_diamond


def suggested(filters: dict[str, Any], *stones: Diamond, **options: Any) -> list[tuple[str, str, dict[str, Any], int]]:
    wanted = Search({"availability": ("available",), **filters}, **options)
    hits = PlainHits(1, stones, wanted.asked)
    assert hits.count().number == 0
    return [
        (suggestion.attribute, suggestion.change, dict(suggestion.parameters), suggestion.count)
        for suggestion in suggestions(hits, wanted)
    ]


def test_the_one_filter_that_stands_in_the_way_is_named_with_what_leaving_it_out_gives() -> None:
    stones = [build_diamond(shape="OVAL", color=Color.G) for _ in range(3)]

    assert suggested({"shape": ("ROUND",), "color": (Color.G,)}, *stones) == [("shape", "without", {}, 3)]


def test_grades_are_widened_by_one_and_numbers_by_a_tenth_in_the_words_of_the_parameters() -> None:
    stone = build_diamond(color=Color.G, price_cents=1_050_00, carats=Decimal("1.01"))

    assert suggested({"color": (Color.E, Color.F)}, stone) == [
        ("color", "wider", {"color": ["D", "E", "F", "G"]}, 1),
        ("color", "without", {}, 1),
    ]
    assert suggested({"color_from": int(Color.F), "color_to": int(Color.D)}, stone)[0] == (
        "color",
        "wider",
        {"color_from": "D", "color_to": "G"},
        1,
    )
    assert suggested({"price_min": 500_00, "price_max": 1_000_00}, stone)[0] == (
        "price",
        "wider",
        {"price_min": "450.00", "price_max": "1100.00"},
        1,
    )
    assert suggested({"carats_min": Decimal("1.1")}, stone)[0] == ("carats", "wider", {"carats_min": 0.99}, 1)


def test_so_many_are_promised_as_the_search_then_shows() -> None:
    stones = [build_diamond(shape="OVAL", lab="GIA", certificate_number=f"5550{number // 2}") for number in range(4)]
    sold = build_diamond(shape="PEAR", availability="sold")

    assert suggested({"shape": ("PEAR",), "availability": ("on_hold",)}, sold) == []
    assert suggested({"shape": ("ROUND",)}, *stones, by_certificate=True) == [("shape", "without", {}, 2)]
    few = ClientView(key="few", max_rows=3)
    assert suggested({"shape": ("ROUND",)}, *stones, view=few) == [("shape", "without", {}, 3)]


def test_nothing_is_suggested_where_two_filters_stand_in_the_way_or_counting_is_slow() -> None:
    stone = build_diamond(shape="OVAL", lab="IGI")
    wanted = Search({"shape": ("ROUND",), "lab": ("GIA",)})
    slow = PlainHits(1, [stone], wanted.asked)
    slow.found_by = "database"

    assert suggested({"shape": ("ROUND",), "lab": ("GIA",)}, stone) == []
    assert suggestions(slow, Search({"shape": ("ROUND",)})) == []


def test_no_more_is_tried_than_is_quick() -> None:
    wanted = Search(dict.fromkeys(("eye_clean", "brown", "green", "milky"), (True,)))
    hits = PlainHits(1, [build_diamond()], wanted.asked)

    with mock.patch.object(suggesting, "MAX_TRIED", 2), mock.patch.object(hits, "of", wraps=hits.of) as tried:
        suggestions(hits, wanted)

    assert tried.call_count <= 2

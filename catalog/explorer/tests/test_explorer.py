"""The explorer as people use it: everything by one GET, right without JavaScript, whatever is asked and by whom."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from decimal import Decimal
from html import unescape
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.signals import template_rendered
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from catalog import index
from catalog.admin import stones
from catalog.explorer import page
from catalog.explorer.models import SavedView
from catalog.grades import Color
from catalog.index.tests.factories import snapshot_of
from catalog.models import Diamond
from catalog.tests.factories import a_diamond, build_diamond
from diamondhub.admin import warming

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("still_banner")]

ADDRESS = "/admin/catalog/diamond/"
#: Statements of one page at most.
MAX_STATEMENTS = 15


@pytest.fixture
def browser() -> Client:
    browser = Client()
    browser.force_login(User.objects.create_superuser("root-person"))
    return browser


@pytest.fixture
def indexed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Have an index of what is in the catalogue now."""

    def make() -> None:
        snapshot = snapshot_of(list(Diamond.objects.all()), tmp_path)
        monkeypatch.setattr(index, "current", lambda: snapshot)

    return make


def found(response: Any) -> list[UUID]:
    """The stones of a page, in their order."""
    return [row.stone.pk for row in response.context["rows"]]


def text_of(response: Any) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", response.content.decode())))


def counts_of(response: Any, name: str) -> dict[str, int]:
    boxes = [*response.context["first_boxes"], *response.context["more_boxes"]]
    return {choice.value: choice.count for box in boxes if box.name == name for choice in box.choices}


def statements_about_stones(browser: Client, query: str) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        assert browser.get(ADDRESS + query).status_code == 200
    assert len(captured) <= MAX_STATEMENTS, "\n".join(query["sql"][:150].replace("\n", " ") for query in captured)
    return [statement["sql"] for statement in captured if "catalog_diamond" in statement["sql"]]


@pytest.mark.parametrize("with_index", [True, False])
def test_it_shows_the_stones_that_pass_all_filters(
    browser: Client, indexed: Callable[[], None], with_index: bool
) -> None:
    oval = a_diamond(shape="OVAL", carats=Decimal("1.5"), availability="sold")
    a_diamond(shape="ROUND", carats=Decimal("1.5"))
    a_diamond(shape="OVAL", carats=Decimal("0.5"))
    if with_index:
        indexed()

    response = browser.get(f"{ADDRESS}?shape=OVAL&carats_min=1")

    assert found(response) == [oval.pk]
    assert response.context["count"] == 1
    assert response.context["found_by"] == ("index" if with_index else "database")
    assert ("There is no index on this host" in text_of(response)) is not with_index


def test_a_process_that_starts_renders_its_first_page_for_nobody(indexed: Callable[[], None]) -> None:
    for _ in range(3):
        a_diamond(shape="OVAL")
    with CaptureQueriesContext(connection) as captured:
        stones.render_explorer()
    assert len(captured) == 0, "By the database it may take seconds."
    indexed()

    rendered: list[str] = []
    template_rendered.connect(lambda template, **_: rendered.append(template.name), weak=False, dispatch_uid="rendered")
    try:
        stones.render_explorer()
    finally:
        template_rendered.disconnect(dispatch_uid="rendered")

    assert "admin/catalog/diamond/explorer.html" in rendered
    assert stones.render_explorer in warming._pages


def test_a_box_says_what_ticking_it_brings_whatever_is_ticked_beside_it(
    browser: Client, indexed: Callable[[], None]
) -> None:
    a_diamond(shape="OVAL", color=Color.D)
    a_diamond(shape="PEAR", color=Color.D)
    a_diamond(shape="PEAR", color=Color.E)
    a_diamond(shape="PEAR", color=Color.FANCY, fancy_color="PINK")
    indexed()

    response = browser.get(f"{ADDRESS}?shape=OVAL&shape=ROUND")

    assert counts_of(response, "shape") == {"OVAL": 1, "PEAR": 3, "ROUND": 0}
    assert counts_of(response, "color") == {"D": 1}
    assert counts_of(response, "color_type") == {"white": 1}
    assert counts_of(browser.get(ADDRESS), "color_type") == {"white": 3, "fancy": 1}


@pytest.mark.parametrize("query", ["", "?shape=OVAL", "?carats_min=1&sort=-carats", "?color_from=D&columns=id,ratio"])
def test_with_an_index_the_table_is_read_by_primary_key_alone(
    browser: Client, indexed: Callable[[], None], query: str
) -> None:
    Diamond.objects.bulk_create(build_diamond(shape="OVAL", price_cents=100 + number) for number in range(400))
    indexed()

    statements = statements_about_stones(browser, query)

    assert statements
    assert all(re.search(r'"?id"? (IN \(|= ANY)', statement) for statement in statements)


@pytest.mark.parametrize("text", ["C500", " c500 ", "S-77", "id"])
def test_an_exact_look_up_finds_one_stone_by_keys_even_if_the_index_has_not_heard_of_it(
    browser: Client, indexed: Callable[[], None], text: str
) -> None:
    indexed()
    Diamond.objects.bulk_create(build_diamond() for _ in range(3000))
    stone = a_diamond(supplier_stone_id="S-77", certificate_number="C500", feed="nivoda-natural")
    a_diamond(feed="nivoda-labgrown", supplier_stone_id="nivoda-natural")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE catalog_diamond")
    query = f"?q={stone.pk if text == 'id' else text}"

    response = browser.get(ADDRESS + query)
    statements = statements_about_stones(browser, query)

    assert found(response) == [stone.pk]
    for statement in statements:
        with connection.cursor() as cursor:
            cursor.execute("EXPLAIN (COSTS OFF) " + statement)
            assert "Seq Scan" not in "\n".join(row[0] for row in cursor.fetchall()), statement


@pytest.mark.parametrize("query", ["?q=no%20such%20'stone", "?q=%25", "?q=0", "?shape=OVAL"])
def test_what_nobody_has_is_an_empty_page(browser: Client, query: str) -> None:
    a_diamond(shape="ROUND")

    response = browser.get(ADDRESS + query)

    assert found(response) == []
    assert "No diamond passes all filters" in text_of(response)


@pytest.mark.parametrize(
    ("query", "field", "words"),
    [
        ("girdle__icontains=x", "girdle__icontains", "is not a parameter"),
        ("shpae=OVAL", "shpae", "did you mean shape?"),
        ("shape=ROND", "shape", "which no stone has"),
        ("carats_min=nan", "carats_min", "must be a number"),
        ("carats_min=1e400", "carats_min", "must be a number"),
        ("carats_min=2&carats_max=1", "carats_min", "must not be above carats_max"),
        ("color=FANCY", "color", "say color_type=fancy"),
        ("sort=girdle", "sort", "must be one of"),
        ("columns=payload_hash", "columns", "must be one of"),
        ("cursor=abc", "cursor", "belongs to another search"),
        ("price_min=1.005", "price_min", "must"),
        ("price_min=%00", "price_min", "must be an amount"),
        ("q=%00", "q", "must"),
        ("lab_grown=true&lab_grown=false", "lab_grown", "must be given once"),
        ("ids=x", "ids", "must be an id"),
        ("rule=x", "rule", "names no rule"),
        ("color_type=white&fancy_color=PINK", "fancy_color", "never matches together"),
        (f"q={'x' * 300}", "q", "200"),
    ],
)
def test_what_is_asked_wrongly_is_told_and_left_out(browser: Client, query: str, field: str, words: str) -> None:
    stone = a_diamond(lab="GIA")
    a_diamond(lab="IGI")

    response = browser.get(f"{ADDRESS}?lab=GIA&{query}")

    assert response.status_code == 400
    assert found(response) in ([stone.pk], [])
    mistakes = {mistake.field.partition("[")[0]: mistake.message for mistake in response.context["mistakes"]}
    assert words in mistakes[field]
    assert words in text_of(response)


def test_empty_fields_of_the_form_ask_nothing(browser: Client) -> None:
    stone = a_diamond()

    response = browser.get(f"{ADDRESS}?price_min=&price_max=+&lab_grown=&carats_min=&sort=price")

    assert response.status_code == 200
    assert found(response) == [stone.pk]
    assert response.context["query"] == ""


def test_the_next_page_goes_on_where_this_one_ends(browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "PAGE", 2)
    stones = [a_diamond(price_cents=price) for price in (300, 100, 200)]

    first = browser.get(f"{ADDRESS}?shape=ROUND&sort=-price")
    second = browser.get(f"{ADDRESS}?{first.context['next_query']}")

    assert [*found(first), *found(second)] == [stones[0].pk, stones[2].pk, stones[1].pk]
    assert second.context["next_query"] is None
    assert second.context["first_query"] == first.context["query"] == "shape=ROUND&sort=-price"


def test_a_cursor_is_good_for_its_own_search_and_person_alone(browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "PAGE", 1)
    stones = [a_diamond(price_cents=price) for price in (100, 200)]
    other = Client()
    other.force_login(User.objects.create_superuser("other-person"))
    following = browser.get(ADDRESS).context["next_query"]

    of_another = other.get(f"{ADDRESS}?{following}")

    assert of_another.status_code == 400
    assert found(of_another) == [stones[0].pk]
    assert found(browser.get(f"{ADDRESS}?{following}")) == [stones[1].pk]


def test_htmx_is_given_what_changes_and_a_short_address(browser: Client) -> None:
    a_diamond(shape="OVAL")

    part = browser.get(f"{ADDRESS}?shape=OVAL&price_min=&sort=price", headers={"HX-Request": "true"})
    restored = browser.get(ADDRESS, headers={"HX-Request": "true", "HX-History-Restore-Request": "true"})

    assert part.content.lstrip().startswith(b'<div id="explorer"')
    assert part["HX-Push-Url"] == f"{ADDRESS}?shape=OVAL"
    assert "HX-Request" in part["Vary"]
    assert b"<html" in restored.content


def test_filters_that_have_no_control_stay_in_the_form_and_can_be_left_out(browser: Client) -> None:
    stone = a_diamond(certificate_number="77", color=Color.E)
    a_diamond(color=Color.E)

    response = browser.get(f"{ADDRESS}?certificate_number=77&color_from=D&color_to=F&shape=ROUND")

    assert found(response) == [stone.pk]
    assert sorted(response.context["hidden"]) == [("certificate_number", "77"), ("color_from", "D"), ("color_to", "F")]
    chips = {chip.words: chip.query for chip in response.context["chips"]}
    assert chips["Color from D"] == "certificate_number=77&color_to=F&shape=ROUND"
    assert len(chips) == 4


def test_what_is_ticked_is_ticked_once_whoever_wrote_it(browser: Client) -> None:
    a_diamond(cut=None, lab="GIA")

    html = browser.get(f"{ADDRESS}?cut=none&lab=gia&lab_grown=false").content.decode()

    ticked = re.findall(r'name="(\w+)" value="(\w*)" id="tick[^"]*" checked', html)
    assert {("cut", "UNKNOWN"), ("lab", "GIA"), ("lab_grown", "false")} <= set(ticked)
    assert not re.findall(r'type="hidden" name="(cut|lab|lab_grown)"', html)


def test_each_stone_leads_to_its_page_and_to_what_apps_above_know_of_it(browser: Client) -> None:
    stone = a_diamond()
    viewer = Client()
    viewer.force_login(User.objects.create_user("viewer", is_staff=True))
    User.objects.get(username="viewer").user_permissions.set(Permission.objects.filter(codename="view_diamond"))

    (of_all,), (of_viewer,) = (someone.get(ADDRESS).context["rows"] for someone in (browser, viewer))

    assert f"{ADDRESS}{stone.pk}/change/" in browser.get(ADDRESS).content.decode()
    assert {"Why this price?", "Raw payload"} <= {link.title for link in of_all.links}
    assert not of_viewer.links


def test_names_of_suppliers_are_shown_and_never_obeyed(browser: Client) -> None:
    name = "<script>alert('x')</script>"
    a_diamond(supplier_name=name, fancy_color=name[:20], certificate_url="javascript:alert(1)")

    response = browser.get(f"{ADDRESS}?columns=supplier_name,shape,fancy_color")

    assert name.encode() not in response.content
    assert b"javascript:" not in response.content
    assert name in unescape(response.content.decode())


def test_few_stones_are_points_that_lead_to_them_and_those_without_a_weight_are_none(browser: Client) -> None:
    stone = a_diamond(carats=Decimal("1.25"))
    a_diamond(carats=None)
    a_diamond(carats=Decimal(0))

    points = browser.get(ADDRESS).context["scatter"].points

    assert [point.url for point in points] == [reverse("admin:catalog_diamond_change", args=[stone.pk])]


def test_many_stones_are_cells(browser: Client, indexed: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("catalog.explorer.charts.MAX_POINTS", 2)
    for number in range(3):
        a_diamond(carats=Decimal(number + 1), lab_grown=number == 2)
    indexed()

    scatter = browser.get(ADDRESS).context["scatter"]

    assert not scatter.points
    assert {shade.kind for shade in scatter.shades} == {"natural", "grown"}
    assert [name for name, _ in scatter.kinds] == ["natural", "grown"]


def test_a_search_that_takes_too_long_says_so_and_keeps_what_was_asked(
    browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dawdle(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "hits" in sql:
            return execute("SELECT pg_sleep(30)", (), False, context)
        return execute(sql, params, many, context)

    monkeypatch.setattr("catalog.searching.pages.SEARCH_SECONDS", 0.05)

    with connection.execute_wrapper(dawdle):
        response = browser.get(f"{ADDRESS}?shape=ROUND")

    assert response.status_code == 200
    assert "the database takes longer than" in text_of(response)
    assert ("shape", "ROUND") in response.context["hidden"]


def test_who_may_not_see_diamonds_sees_none_of_it(browser: Client) -> None:
    stranger = Client()
    stranger.force_login(User.objects.create_user("stranger", is_staff=True))
    view = SavedView.objects.create(person=User.objects.get(username="root-person"), name="mine")

    answers = [
        stranger.get(ADDRESS),
        stranger.get(f"{ADDRESS}csv/"),
        stranger.post(f"{ADDRESS}views/save/", {"name": "x", "query": ""}),
        stranger.post(f"{ADDRESS}views/{view.pk}/remove/"),
    ]

    assert [answer.status_code for answer in answers] == [403] * 4
    assert list(SavedView.objects.all()) == [view]


def test_stones_are_only_looked_at(browser: Client) -> None:
    assert browser.post(ADDRESS).status_code == 405
    assert browser.get(f"{ADDRESS}views/save/").status_code == 405


def test_views_are_saved_replaced_and_removed_by_their_person_alone(browser: Client) -> None:
    other = User.objects.create_user("other", is_staff=True)
    other.user_permissions.set(Permission.objects.filter(codename="view_diamond"))
    of_other = SavedView.objects.create(person=other, name="Ovals", query="shape=PEAR")

    saved = browser.post(f"{ADDRESS}views/save/", {"name": " Ovals ", "query": "shape=OVAL"})
    browser.post(f"{ADDRESS}views/save/", {"name": "Ovals", "query": "shape=OVAL&color=D"})
    browser.post(f"{ADDRESS}views/{of_other.pk}/remove/")

    assert saved["Location"] == f"{ADDRESS}?shape=OVAL"
    mine = SavedView.objects.get(person__username="root-person")
    assert (mine.name, mine.query) == ("Ovals", "shape=OVAL&color=D")
    assert [view.pk for view in browser.get(ADDRESS).context["views"]] == [mine.pk]
    assert SavedView.objects.filter(pk=of_other.pk).exists()
    browser.post(f"{ADDRESS}views/{mine.pk}/remove/")
    assert not SavedView.objects.filter(pk=mine.pk).exists()


@pytest.mark.parametrize(("name", "query"), [("", ""), ("x" * 81, ""), ("a\x00b", ""), ("long", "q=" + "x" * 4000)])
def test_a_view_that_cannot_be_kept_is_refused_in_words(browser: Client, name: str, query: str) -> None:
    response = browser.post(f"{ADDRESS}views/save/", {"name": name, "query": query}, follow=True)

    assert response.status_code == 200
    assert not SavedView.objects.exists()
    assert re.search("needs a name|too much", text_of(response))


def test_the_file_has_the_stones_in_their_order_with_the_columns_of_the_page(browser: Client) -> None:
    dear = a_diamond(price_cents=2_000_50, supplier_name="=1+1", color=Color.D, shape="OVAL")
    cheap = a_diamond(price_cents=1_000_00, supplier_name=None, color=None, shape="OVAL")
    a_diamond(shape="PEAR")

    response = browser.get(f"{ADDRESS}csv/?shape=OVAL&sort=-price&columns=price,supplier_name,color")

    rows = list(csv.reader(response.content.decode().splitlines()))
    assert rows == [
        ["id", "price", "color", "supplier_name"],
        [str(dear.pk), "2000.50", "D", "'=1+1"],
        [str(cheap.pk), "1000.00", "", ""],
    ]
    assert "attachment" in response["Content-Disposition"]


def test_every_cell_of_the_file_is_quoted_whatever_a_program_cuts_at(browser: Client) -> None:
    stone = a_diamond(supplier_name="sound;=1+1;here")

    response = browser.get(f"{ADDRESS}csv/?columns=supplier_name")

    assert response.content.decode().splitlines() == ['"id","supplier_name"', f'"{stone.pk}","sound;=1+1;here"']


@pytest.mark.parametrize("query", ["shape=ROUNDISH", "carats_min=NaN", "shape=OVAL&limit=9x", "supplier=%00"])
def test_there_is_no_file_of_more_than_what_was_asked_for(browser: Client, query: str) -> None:
    a_diamond(shape="PEAR")

    response = browser.get(f"{ADDRESS}csv/?{query}", follow=True)

    assert response.redirect_chain == [(f"{ADDRESS}?{query}", 302)]
    assert response.status_code == 400


def test_the_file_ends_after_so_many_stones(browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "MAX_IN_FILE", 2)
    for _ in range(3):
        a_diamond()

    response = browser.get(f"{ADDRESS}csv/")

    assert len(response.content.decode().splitlines()) == 3
    assert "of the first 2" in text_of(browser.get(ADDRESS))

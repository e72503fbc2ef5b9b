"""Stones near one and stones that match it, against plain Python over all stones, and by REST within a client's view."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.client_views.view import ClientView
from catalog.grades import Clarity, Color, Fluorescence, LabFinish
from catalog.models import Diamond
from catalog.related import finding, nearness, pairs
from catalog.searching.conditions import AnyOf
from catalog.tests.factories import a_diamond, build_diamond
from diamondhub.access.clients import create_client

pytestmark = pytest.mark.django_db


@pytest.fixture
def http() -> Client:
    key = create_client("shop", scopes=["catalog:read"]).text
    return Client(headers={"X-API-Key": key}, raise_request_exception=False)


def ask(http: Client, stone: Any, query: str = "") -> Any:
    return http.get(f"/api/v1/diamonds/{stone}/related{query}")


def ids(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [stone["id"] for stone in answer.json()["results"]]


def values(stone: Diamond) -> dict[str, Any]:
    return {field.attname: getattr(stone, field.attname) for field in Diamond._meta.concrete_fields}


def hundredths(low: int, high: int) -> st.SearchStrategy[Decimal]:
    return st.integers(low, high).map(lambda number: Decimal(number) / 100)


#: Few values of each column, so that stones are near each other, are equal, and lack the same.
STONES = st.fixed_dictionaries(
    {
        "shape": st.sampled_from(["ROUND", "OVAL", None]),
        "lab_grown": st.booleans(),
        "treated": st.sampled_from([True, False, None]),
        "availability": st.sampled_from(["available", "available", "available", "sold"]),
        "color": st.sampled_from([Color.D, Color.E, Color.G, Color.Y, Color.Z, Color.FANCY, None]),
        "fancy_color": st.sampled_from(["YELLOW", None, None]),
        "fancy_intensity": st.sampled_from([5, 6, None, None]),
        "clarity": st.sampled_from([Clarity.FL, Clarity.VS1, Clarity.VS2, Clarity.SI2, None]),
        "cut": st.sampled_from([*list(LabFinish)[:3], None]),
        "polish": st.sampled_from([*list(LabFinish)[:2], None]),
        "symmetry": st.sampled_from(list(LabFinish)[:2]),
        "fluorescence_intensity": st.sampled_from([*list(Fluorescence)[:3], None]),
        "carats": st.one_of(hundredths(98, 112), st.none(), st.sampled_from([Decimal(0), Decimal("2.50")])),
        "price_cents": st.integers(9_000, 13_000),
        "length_mm": st.one_of(hundredths(640, 655), st.none()),
        "width_mm": hundredths(640, 652),
        "depth_mm": hundredths(395, 404),
        "certificate_number": st.sampled_from(["1", "LG1", "2", None, None, None]),
    }
)


def in_the_catalogue(made: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    Diamond.objects.all().delete()
    stones = [build_diamond(**stone) for stone in made]
    Diamond.objects.bulk_create(stones)
    return [values(stone) for stone in stones]


def same_certificate(stone: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    numbers = [str(each["certificate_number"] or uuid4()).removeprefix("LG") for each in (stone, other)]
    return numbers[0] == numbers[1]


def others_for_sale(stone: Mapping[str, Any], stones: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        other
        for other in stones
        if other["id"] != stone["id"] and other["availability"] == "available" and not same_certificate(stone, other)
    ]


@settings(max_examples=40)
@given(st.lists(STONES, min_size=1, max_size=25), st.integers(1, 5))
def test_the_nearest_are_those_of_plain_python_over_all_stones(made: list[dict[str, Any]], limit: int) -> None:
    stones = in_the_catalogue(made)
    stone = stones[0]
    kin = [
        other
        for other in others_for_sale(stone, stones)
        if all(other[name] == stone[name] for name in ("shape", "lab_grown", "fancy_color"))
        and (other["color"] == Color.FANCY) is (stone["color"] == Color.FANCY)
    ]
    expected = sorted((nearness.distance(stone, other), other["id"]) for other in kin)

    near = finding.nearest(stone, {}, limit)

    # Whatever is at most as far as the largest box reaches is found, in the order of distance.
    reached = [pair for pair in expected if pair[0] <= finding.STEPS[-1]][:limit]
    assert [(steps, identity) for identity, steps in near.stones][: len(reached)] == reached


@pytest.mark.parametrize("column", ["cut", "polish", "symmetry"])
def test_the_best_grade_of_all_is_near_itself_and_the_next(column: str) -> None:
    measures = {name: Decimal("6.40") for name in pairs.MEASURES}
    same, next_best = (a_diamond(**measures, **{column: grade}) for grade in (LabFinish.IDEAL, LabFinish.EXCELLENT))
    stone = values(a_diamond(**measures, **{column: LabFinish.IDEAL}))

    near, matched = finding.nearest(stone, {}, 5), finding.matches(stone, {}, 5)

    assert [identity for identity, _ in near.stones] == [same.pk, next_best.pk]
    assert matched is not None
    assert [identity for identity, _ in matched.stones] == [same.pk, next_best.pk]


def is_pair(stone: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """What makes a pair, in words of its own."""
    for name in ("length_mm", "width_mm", "depth_mm"):
        if stone[name] is None or other[name] is None or abs(stone[name] - other[name]) > Decimal("0.10"):
            return False
    if stone["carats"] is None or other["carats"] is None:
        return False
    if abs(stone["carats"] - other["carats"]) > stone["carats"] / 20:
        return False
    for name in ("color", "clarity", "cut", "polish", "symmetry", "fluorescence_intensity", "fancy_intensity"):
        if (stone[name] is None) is not (other[name] is None):
            return False
        if stone[name] is not None and abs(stone[name] - other[name]) > 1:
            return False
    alike = ("shape", "lab_grown", "treated", "fancy_color", "fancy_overtone")
    fancy = [each["color"] == Color.FANCY for each in (stone, other)]
    return fancy[0] is fancy[1] and all(stone[name] == other[name] for name in alike)


@settings(max_examples=40)
@given(st.data())
def test_pairs_are_those_of_plain_python_over_all_stones(data: st.DataObject) -> None:
    # Others differ from the first in few columns: else hardly any two match.
    first = data.draw(STONES)
    others = [
        {
            **first,
            **{
                name: data.draw(STONES)[name] for name in data.draw(st.sets(st.sampled_from(sorted(first)), max_size=4))
            },
        }
        for _ in range(data.draw(st.integers(0, 8)))
    ]
    stones = in_the_catalogue([first, *others])
    stone = stones[0]
    expected = {other["id"] for other in others_for_sale(stone, stones) if is_pair(stone, other)}

    found = finding.matches(stone, {}, 50)

    assert expected == (set() if found is None else {identity for identity, _ in found.stones})
    assert found is None or [steps for _, steps in found.stones] == sorted(steps for _, steps in found.stones)


@pytest.mark.parametrize("mode", ["near", "pair"])
def test_where_many_are_alike_the_nearest_in_price_are_compared(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding, "MAX_COMPARED", 4)
    stones = [a_diamond(price_cents=10_000 + 10 * number) for number in range(20)]
    find = finding.nearest if mode == "near" else finding.matches

    near = find(values(stones[10]), {}, 2)

    assert near is not None
    assert {identity for identity, _ in near.stones} <= {stone.pk for stone in stones[8:13]}
    assert len(near.stones) == 2


def test_related_stones_are_for_sale_and_never_the_stone_itself_nor_its_certificate(http: Client) -> None:
    stone = a_diamond(certificate_number="LG 17", availability="sold")
    near, far = a_diamond(price_cents=7_100_00), a_diamond(price_cents=7_600_00)
    a_diamond(certificate_number="17")
    a_diamond(availability="on_hold")
    a_diamond(shape="OVAL")
    a_diamond(lab_grown=True)
    a_diamond(color=Color.FANCY)

    answer = ask(http, stone.pk)

    assert ids(answer) == [str(near.pk), str(far.pk)]
    distances = [stone["distance"] for stone in answer.json()["results"]]
    assert 0 < distances[0] < distances[1] < 1


def test_pairs_are_ordered_by_closeness(http: Client) -> None:
    stone = a_diamond()
    looser = a_diamond(length_mm=Decimal("6.55"), clarity=Clarity.VS2)
    closer = a_diamond(length_mm=Decimal("6.46"))
    a_diamond(length_mm=Decimal("6.56"))
    a_diamond(clarity=Clarity.SI1)
    a_diamond(carats=Decimal("1.07"))
    a_diamond(depth_mm=None)

    answer = ask(http, stone.pk, "?mode=pair")

    assert ids(answer) == [str(closer.pk), str(looser.pk)]
    assert answer.json()["can_be_matched"] is True


def test_a_stone_without_its_measures_says_that_nothing_can_match_it(http: Client) -> None:
    stone = a_diamond(depth_mm=None)
    a_diamond(depth_mm=None)

    answer = ask(http, stone.pk, "?mode=pair")

    assert (ids(answer), answer.json()["can_be_matched"]) == ([], False)


def test_what_is_shown_can_be_chosen_and_is_not_sent_twice(http: Client) -> None:
    stone, near = a_diamond(), a_diamond(price_cents=7_000_00)

    answer = ask(http, stone.pk, "?fields=price&limit=1")
    again = http.get(
        f"/api/v1/diamonds/{stone.pk}/related?fields=price&limit=1", headers={"If-None-Match": answer["ETag"]}
    )

    assert answer.json()["results"] == [{"id": str(near.pk), "price": "7000.00", "distance": 0.0}]
    assert again.status_code == 304


def test_nothing_outside_the_view_is_related(http: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    stone, shown, hidden = a_diamond(lab="GIA"), a_diamond(lab="GIA"), a_diamond(lab="EGL")
    view = ClientView(key="gia", forced={"lab": AnyOf("lab", ("GIA",))})
    monkeypatch.setattr("catalog.api.base.view_of", lambda _client: view)

    assert ids(ask(http, stone.pk)) == ids(ask(http, stone.pk, "?mode=pair")) == [str(shown.pk)]
    assert ask(http, hidden.pk).status_code == ask(http, uuid4()).status_code == 404


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("?mode=pairs", "mode"),
        ("?mode=", "mode"),
        ("?limit=0", "limit"),
        ("?limit=51", "limit"),
        ("?limit=١", "limit"),
        ("?mode=near&mode=pair", "mode"),
        ("?fields=prise", "fields"),
        ("?cursor=x", "cursor"),
    ],
)
def test_what_is_no_parameter_is_told(http: Client, query: str, field: str) -> None:
    answer = ask(http, a_diamond().pk, query)

    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == [field]

"""What became of a stone: states and prices told from two histories that are only added to, within what a client may see."""

from __future__ import annotations

import re
from datetime import date
from typing import Any
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection, transaction

from catalog.client_views.view import ClientView
from catalog.models import AvailabilityChange, Diamond
from catalog.searching.conditions import AnyOf
from catalog.states import STATES
from catalog.tests.factories import a_diamond
from pricing import diamond_history, history
from pricing.models import PriceChange
from pricing.tests.asking import signed_in

pytestmark = pytest.mark.django_db


def ask(*scopes: str, of: Any, query: str = "", name: str = "tool") -> Any:
    return signed_in(*scopes, name=name).get(f"/api/v1/diamonds/{of}/history{query}")


def told(answer: Any) -> list[tuple[str, str | None, str | None]]:
    assert answer.status_code == 200, answer.content
    return [(moment["what"], moment["availability"], moment["price"]) for moment in answer.json()["results"]]


def become(stone: Diamond, **values: Any) -> None:
    Diamond.objects.filter(pk=stone.pk).update(**values)


def test_a_stone_s_states_and_prices_are_told_the_newest_first() -> None:
    stone = a_diamond(price_cents=100)
    become(stone, availability="on_hold")
    become(stone, price_cents=200)
    become(stone, availability="sold")

    answer = ask("catalog:read", of=stone.pk)

    # All within one transaction, of which prices come last.
    assert told(answer) == [
        ("price", "sold", "2.00"),
        ("availability", "sold", "1.00"),
        ("availability", "on_hold", "1.00"),
        ("first_seen", "available", "1.00"),
    ]
    assert answer.json()["complete"] is True


def test_a_new_stone_and_one_that_stays_as_it_was_write_nothing() -> None:
    stone = a_diamond()

    become(stone, availability="available", rating=3)

    assert not AvailabilityChange.objects.exists()
    assert told(ask("catalog:read", of=stone.pk)) == [("first_seen", "available", "7000.00")]


def test_a_statement_keeps_what_it_changed_of_many_stones_at_once() -> None:
    stones = [a_diamond(price_cents=100 * number, cost_cents=50, rule=number) for number in range(1, 6)]

    with connection.cursor() as cursor:
        cursor.execute(
            """
            EXPLAIN (ANALYZE)
            UPDATE catalog_diamond
            SET price_cents = greatest(price_cents, 300), cost_cents = 60, rule = rule + 10, rating = 3
            """
        )
        plan = "\n".join(line for (line,) in cursor.fetchall())

    kept = PriceChange.objects.order_by("old_price_cents").values_list(
        "diamond_id", "old_price_cents", "new_price_cents", "old_cost_cents", "new_cost_cents", "old_rule", "new_rule"
    )
    assert list(kept) == [(stones[0].pk, 100, 300, 50, 60, 1, 11), (stones[1].pk, 200, 300, 50, 60, 2, 12)]
    # Once a statement: a stone at a time, seven indexes were opened for each.
    assert re.search(r"Trigger diamond_prices_changed: time=\S+ calls=1\b", plan), plan


def test_costs_and_rules_are_shown_only_with_their_scope() -> None:
    stone = a_diamond(price_cents=100, cost_cents=987_654_321_09)
    become(stone, price_cents=200, rule=765_432_109)

    without, with_scope = (
        ask("catalog:read", of=stone.pk),
        ask("catalog:read", "pricing:read", of=stone.pk, name="ours"),
    )

    assert without.json()["results"][0]["priced"] is None
    assert not any(secret in without.content.decode() for secret in ("987654321", "765432109"))
    assert with_scope.json()["results"][0]["priced"] == {
        "cost": "987654321.09",
        "rule_set": 1,
        "rule": 765_432_109,
        "cause": "sql",
    }


def test_pages_follow_each_other_by_their_cursor_and_belong_to_one_stone() -> None:
    stone, other = a_diamond(), a_diamond()
    for state in ("on_hold", "sold", "available"):
        become(stone, availability=state)
    http = signed_in("catalog:read")
    address = f"/api/v1/diamonds/{stone.pk}/history?limit=3"

    first = http.get(address)
    second = http.get(f"{address}&cursor={first.json()['next']}")
    of_another = http.get(f"/api/v1/diamonds/{other.pk}/history?cursor={first.json()['next']}")

    states = [moment["availability"] for moment in first.json()["results"] + second.json()["results"]]
    assert states == ["available", "sold", "on_hold", "available"]
    assert (second.json()["next"], of_another.status_code) == (None, 400)


def test_a_history_that_is_longer_than_what_is_read_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diamond_history, "MAX_CHANGES", 2)
    stone = a_diamond()
    for state in ("on_hold", "sold", "available"):
        become(stone, availability=state)

    answer = ask("catalog:read", of=stone.pk)

    assert answer.json()["complete"] is False
    assert "first_seen" not in [what for what, _, _ in told(answer)]


def test_a_history_that_has_not_changed_is_not_sent_again() -> None:
    stone = a_diamond()
    http = signed_in("catalog:read")
    tag = http.get(f"/api/v1/diamonds/{stone.pk}/history")["ETag"]

    again = http.get(f"/api/v1/diamonds/{stone.pk}/history", headers={"If-None-Match": tag})
    become(stone, availability="sold")
    later = http.get(f"/api/v1/diamonds/{stone.pk}/history", headers={"If-None-Match": tag})

    assert (again.status_code, later.status_code) == (304, 200)


def test_a_stone_outside_the_view_has_no_history_and_hidden_columns_none_either(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hidden, stone = a_diamond(lab_grown=True), a_diamond()
    become(stone, price_cents=1)
    become(stone, availability="sold")
    view = ClientView(
        key="few", forced={"lab_grown": AnyOf("lab_grown", (False,))}, fields=frozenset({"id", "availability"})
    )
    monkeypatch.setattr("catalog.api.base.view_of", lambda _client: view)

    answers = [ask("catalog:read", of=hidden.pk, name="a"), ask("catalog:read", of=uuid4(), name="b")]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert told(ask("catalog:read", of=stone.pk, name="c")) == [
        ("availability", "sold", None),
        ("first_seen", "available", None),
    ]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE catalog_availabilitychange SET new = 'sold'",
        "DELETE FROM catalog_availabilitychange",
        "TRUNCATE catalog_availabilitychange",
    ],
)
def test_what_was_can_be_neither_altered_nor_emptied(statement: str) -> None:
    become(a_diamond(), availability="sold")

    with pytest.raises(DatabaseError, match="only added to"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)

    assert AvailabilityChange.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_the_history_is_only_added_to_and_has_statements_by_hand() -> None:
    stone = a_diamond(price_cents=100)

    with transaction.atomic():
        history.because("run", 7, "schedule")
        Diamond.objects.filter(pk=stone.pk).update(price_cents=200)
        Diamond.objects.filter(pk=stone.pk).update(rating=3)
    Diamond.objects.filter(pk=stone.pk).update(price_cents=300)

    said = PriceChange.objects.order_by("id").values_list("cause", "cause_id", "old_price_cents", "new_price_cents")
    assert list(said) == [("run", 7, 100, 200), ("sql", None, 200, 300)]
    for statement in ("UPDATE pricing_pricechange SET actor = 'me'", "DELETE FROM pricing_pricechange"):
        with pytest.raises(DatabaseError, match="only added to"), connection.cursor() as cursor:
            cursor.execute(statement)


@pytest.mark.django_db(transaction=True)
def test_what_no_month_was_ready_for_moves_into_its_month_and_the_history_stays_only_added_to() -> None:
    with connection.cursor() as cursor:
        for piece in history.CHANGES.pieces():
            cursor.execute(f"DROP TABLE {piece.name}")
    stone = a_diamond(price_cents=100)
    Diamond.objects.filter(pk=stone.pk).update(price_cents=200)

    history.CHANGES.make_ahead()

    assert PriceChange.objects.get().new_price_cents == 200
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM ONLY pricing_pricechange_default")
        assert cursor.fetchone() == (0,)
    Diamond.objects.filter(pk=stone.pk).update(price_cents=300)
    for table in ("pricing_pricechange", f"{history.CHANGES.pieces()[0].name}"):
        with pytest.raises(DatabaseError, match="only added to"), connection.cursor() as cursor:
            cursor.execute(f"DELETE FROM {table}")
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT tgname, tgenabled FROM pg_trigger
            WHERE tgrelid = 'pricing_pricechange_default'::regclass AND NOT tgisinternal
            """
        )
        assert set(cursor.fetchall()) == {("pricechange_kept", "O"), ("pricechange_kept_whole", "O")}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("piece", ["", "_default", "_202001"])
def test_the_history_is_not_emptied_neither_as_a_whole_nor_by_the_month(piece: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        history.CHANGES.make_ahead(date(2020, 1, 31))
        with pytest.raises(DatabaseError, match="only added to"):
            cursor.execute(f"TRUNCATE pricing_pricechange{piece}")
        transaction.set_rollback(True)


def test_months_are_made_ahead() -> None:
    STATES.make_ahead()

    assert len(STATES.pieces()) == 2

"""The two evaluators of a rule set agree to the cent, and round halves up."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from psycopg import sql

from catalog.grades import Color
from diamondhub import money
from pricing.compile import price_expression, price_per_carat_expression
from pricing.evaluate import price_cents, stone_type
from pricing.models import RuleSet
from pricing.publish import published_rule_set

#: What the columns and their constraints take.
margins = st.decimals(Decimal("-99.999"), Decimal(9999), places=3)
#: Up to nine billion dollars: dearer stones at the highest margin are more than the database counts, and refused there.
HIGHEST = 9 * 10**11
costs = st.one_of(st.integers(1, 10_000_000), st.integers(1, HIGHEST))
colors = st.sampled_from([None, *Color])


def rule_set(natural: Any = "40", lab_grown: Any = "79", fancy: Any = "40") -> RuleSet:
    return RuleSet(
        version=9,
        margin_natural=Decimal(natural),
        margin_lab_grown=Decimal(lab_grown),
        margin_fancy=Decimal(fancy),
    )


def priced_in_sql(rules: RuleSet, stone: dict[str, Any], carats: Decimal | None = None) -> tuple[int, int | None]:
    """Price and price per carat of one stone as the compiled expressions give them, in cents."""
    price = price_expression(rules, "s")
    statement = sql.SQL(
        """
        SELECT {price}, {per_carat}
        FROM (SELECT %s::bigint AS cost_cents, %s::boolean AS lab_grown, %s::smallint AS color,
            %s::varchar AS fancy_color, %s::numeric(8, 3) AS carats) AS s
        """
    ).format(price=price, per_carat=price_per_carat_expression(price, "s"))
    with connection.cursor() as cursor:
        cursor.execute(statement, [*stone.values(), carats])
        cents, per_carat = cursor.fetchone() or (None, None)
    assert cents is not None
    return cents, per_carat


def a_stone(
    cost_cents: int = 100_000, *, lab_grown: bool = False, color: int | None = None, fancy_color: str | None = None
) -> dict[str, Any]:
    return {"cost_cents": cost_cents, "lab_grown": lab_grown, "color": color, "fancy_color": fancy_color}


class BothEvaluators(TestCase):
    """SQL in sets, and Python on one stone."""

    @given(
        cost=costs,
        lab_grown=st.booleans(),
        color=colors,
        fancy_color=st.sampled_from([None, "PINK"]),
        natural=margins,
        grown=margins,
        fancy=margins,
    )
    @example(1, False, None, None, Decimal("-99.999"), Decimal(0), Decimal(0))
    @example(HIGHEST, True, Color.Z, None, Decimal(0), Decimal(9999), Decimal(0))
    @example(1, False, Color.FANCY, None, Decimal(0), Decimal(0), Decimal("50"))
    @example(3, False, Color.D, None, Decimal("16.667"), Decimal(0), Decimal(0))
    @settings(max_examples=150)
    def test_they_agree_to_the_cent_whatever_the_stone_and_the_margins(
        self,
        cost: int,
        lab_grown: bool,
        color: int | None,
        fancy_color: str | None,
        natural: Decimal,
        grown: Decimal,
        fancy: Decimal,
    ) -> None:
        rules = rule_set(natural, grown, fancy)
        stone = a_stone(cost, lab_grown=lab_grown, color=color, fancy_color=fancy_color)

        in_sql, _ = priced_in_sql(rules, stone)

        assert in_sql == price_cents(rules, **stone)

    @given(cost=costs, thousandths=st.integers(0, 99_999_999))
    @settings(max_examples=50)
    def test_the_price_per_carat_is_the_rounded_price_by_the_carats(self, cost: int, thousandths: int) -> None:
        carats = Decimal(thousandths) / 1000
        rules = rule_set()

        price, per_carat = priced_in_sql(rules, a_stone(cost), carats)

        assert per_carat == (money.round_half_up(price / carats) if carats else None)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("cost", "margin", "price"),
    [
        (1, "50", 2),
        (1, "49.999", 1),
        (5, "10", 6),
        (15, "10", 17),
        (100_000, "40", 140_000),
        (333, "0.150", 333),
        (334, "0.150", 335),
        (10**12, "79", 1_790_000_000_000),
    ],
)
def test_halves_of_a_cent_are_rounded_up(cost: int, margin: str, price: int) -> None:
    rules = rule_set(natural=margin)

    assert priced_in_sql(rules, a_stone(cost))[0] == price
    assert price_cents(rules, **a_stone(cost)) == price


@pytest.mark.parametrize(
    ("stone", "kind"),
    [
        (a_stone(), "natural"),
        (a_stone(lab_grown=True), "lab_grown"),
        (a_stone(color=Color.FANCY), "fancy"),
        (a_stone(fancy_color="PINK", color=Color.G), "fancy"),
        (a_stone(fancy_color="PINK", lab_grown=True), "fancy"),
        (a_stone(color=Color.Z, lab_grown=True), "lab_grown"),
    ],
)
def test_a_stone_has_the_margin_of_its_type(stone: dict[str, Any], kind: str) -> None:
    cost = stone["cost_cents"]
    rules = rule_set(natural="1", lab_grown="2", fancy="3")
    by_type = {"natural": 101_000, "lab_grown": 102_000, "fancy": 103_000}

    assert stone_type(**{name: value for name, value in stone.items() if name != "cost_cents"}) == kind
    assert price_cents(rules, **stone) == by_type[kind]
    assert cost == 100_000


@pytest.mark.django_db
def test_a_weight_that_is_not_known_leaves_the_price_per_carat_unknown() -> None:
    assert priced_in_sql(rule_set(), a_stone(), None) == (140_000, None)
    assert priced_in_sql(rule_set(), a_stone(), Decimal(0)) == (140_000, None)


@pytest.mark.django_db
def test_there_is_a_published_rule_set_from_the_first_day() -> None:
    published = published_rule_set()

    published_margins = [published.margin_natural, published.margin_lab_grown, published.margin_fancy]
    assert published_margins == [Decimal(40), Decimal(79), Decimal(40)]

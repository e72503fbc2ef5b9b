"""The two evaluators of a rule set agree to the cent, whatever the rules and the stones."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from unittest import mock
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from psycopg import sql

from catalog.grades import Clarity, Color, FancyIntensity, Fluorescence, LabFinish
from catalog.models import Diamond
from catalog.tests.factories import build_diamond
from diamondhub import money
from diamondhub.database import psycopg_cursor
from pricing import decisions
from pricing.compile import Pricing, compile_set
from pricing.conditions import CONDITIONS, GradeCondition, ListCondition, NumberCondition, stone_type
from pricing.evaluate import Priced, evaluate
from pricing.experiments import in_share
from pricing.in_force import published_rule_set
from pricing.models import Clause, Experiment, RuleSet
from pricing.tests.factories import TODAY, a_draft

#: What the columns and their constraints take.
margins = st.decimals(Decimal("-99.999"), Decimal(9999), places=3)
MAX_COST = 10**11

#: Few values, so that bounds and stones meet often; one name is all that SQL could trip over.
NASTY = "O'Br{}%s \\ \"; DROP TABLE x; -- ü"
NAMES = ["ROUND", "OVAL", NASTY, "%", "{as_of}"]
NUMBERS = {
    "carats": ["0", "0.001", "0.5", "1", "1.001", "99999.999"],
    "ratio": ["0", "1", "1.005", "2"],
    "table_pct": ["0", "57", "57.01", "100"],
    "depth_pct": ["0", "61.8", "62", "100"],
}
COSTS = [1, 2, 3, 99, 100, 12_345, 500_000, MAX_COST]
DAYS = [TODAY + timedelta(days=days) for days in (-2, -1, 0, 1, 2)]


def values_of(condition: Any) -> Sequence[Any]:
    """Values that a bound or a stone may have."""
    if isinstance(condition, GradeCondition):
        return [grade.value for grade in condition.grades]
    if isinstance(condition, NumberCondition):
        return COSTS if condition.dollars else [Decimal(text) for text in NUMBERS[condition.name]]
    return [True, False]


@st.composite
def clauses(draw: st.DrawFn) -> dict[str, Any]:
    """A clause's fields: some conditions, each possible in itself."""
    fields: dict[str, Any] = {}
    for condition in draw(st.lists(st.sampled_from(CONDITIONS), max_size=4, unique=True)):
        if isinstance(condition, ListCondition):
            known = ["natural", "lab_grown", "fancy"] if condition.name == "stone_types" else NAMES
            fields[condition.name] = draw(st.lists(st.sampled_from(known), min_size=1, unique=True))
            fields[f"{condition.name}_excluded"] = draw(st.booleans())
        elif isinstance(condition, GradeCondition | NumberCondition):
            values = values_of(condition)
            low, high = sorted(draw(st.tuples(st.sampled_from(values), st.sampled_from(values))))
            which = draw(st.sampled_from(["both", "low", "high"]))
            fields[f"{condition.name}_min"] = low if which != "high" else None
            fields[f"{condition.name}_max"] = high if which != "low" else None
        else:
            fields[condition.name] = draw(st.booleans())
    return fields


@st.composite
def rules(draw: st.DrawFn) -> dict[str, Any]:
    """A rule's fields with its clauses."""
    step = draw(st.none() | st.sampled_from([1, 2, 5, 100, 99, 10_000, 10**8]))
    days = sorted(draw(st.tuples(st.sampled_from(DAYS), st.sampled_from(DAYS))))
    return {
        "clauses": draw(st.lists(clauses(), max_size=3)),
        "modifier": draw(st.decimals(-9999, 9999, places=3) | st.sampled_from([Decimal(0), Decimal("-7.5")])),
        "fixed_cents": draw(st.sampled_from([0, 1, -1, 995, -(10**8), 10**8])),
        "ending_step_cents": step,
        "ending_cents": None if step is None else draw(st.integers(0, step - 1)),
        "ending_mode": draw(st.sampled_from(["nearest", "up"])),
        "rating": draw(st.none() | st.integers(1, 10)),
        "valid_from": draw(st.sampled_from([None, None, days[0]])),
        "valid_to": draw(st.sampled_from([None, None, days[1]])),
        "active": draw(st.sampled_from([True, True, True, False])),
        "name": draw(st.sampled_from(NAMES)),
    }


@st.composite
def stones(draw: st.DrawFn) -> Diamond:
    """A stone that lacks any of its values, or has them at the bounds."""

    def maybe(values: Sequence[Any]) -> Any:
        return draw(st.none() | st.sampled_from(values))

    return build_diamond(
        id=draw(st.uuids()),
        cost_cents=draw(st.sampled_from(COSTS) | st.integers(1, 10_000_000)),
        cost_per_carat_cents=maybe(COSTS),
        lab_grown=draw(st.booleans()),
        shape=maybe(NAMES),
        lab=maybe(NAMES[:2]),
        feed=draw(st.sampled_from(NAMES)),
        supplier_name=maybe(NAMES),
        fancy_color=draw(st.sampled_from([None, None, *NAMES])),
        color=maybe(list(map(int, Color))),
        clarity=maybe(list(map(int, Clarity))),
        cut=maybe(list(map(int, LabFinish))),
        polish=maybe(list(map(int, LabFinish))),
        symmetry=maybe(list(map(int, LabFinish))),
        fluorescence_intensity=maybe(list(map(int, Fluorescence))),
        fancy_intensity=maybe(list(map(int, FancyIntensity))),
        image_url=maybe(["https://images.example/1.jpg"]),
        video_url=maybe(["https://videos.example/1"]),
        **{name: maybe([Decimal(text) for text in texts]) for name, texts in NUMBERS.items()},
    )


def priced_in_sql(pricing: Pricing, stones: Sequence[Diamond]) -> dict[UUID, dict[str, Any]]:
    """What the compiled statement makes of stones that lie in a table like the catalogue's."""
    columns = [field.attname for field in Diamond._meta.concrete_fields]
    made = pricing.columns("d")
    with psycopg_cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE IF NOT EXISTS tried (LIKE catalog_diamond)")
        cursor.execute("TRUNCATE tried")
        copied = sql.SQL("COPY tried ({}) FROM STDIN").format(sql.SQL(", ").join(map(sql.Identifier, columns)))
        with cursor.copy(copied) as copy:
            for stone in stones:
                copy.write_row([getattr(stone, column) for column in columns])
        cursor.execute(
            sql.SQL("SELECT d.id, {} FROM {}").format(
                sql.SQL(", ").join(made.values()), pricing.rows(sql.Identifier("tried"), "d")
            )
        )
        return {row[0]: dict(zip(made, row[1:], strict=True)) for row in cursor.fetchall()}


def in_python(rule_set: RuleSet, stone: Diamond, day: date, arm: str | None = None) -> dict[str, Any]:
    """What `evaluate` makes of a stone, as columns."""
    priced = evaluate(rule_set, stone, day)
    return {
        "price_cents": priced.price_cents,
        "price_per_carat_cents": money.round_half_up(priced.price_cents / stone.carats) if stone.carats else None,
        "rating": priced.rating,
        "rule": priced.rule_number,
        "rule_set": rule_set.version,
        "experiment_arm": arm,
        "priced_on": day,
    }


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["cut", "polish", "symmetry"])
def test_an_ideal_stone_costs_what_an_excellent_one_does_by_rules_of_before_they_were_told_apart(name: str) -> None:
    excellent = {f"{name}_min": 1, f"{name}_max": 1}
    rule_set = a_draft({"modifier": Decimal(10), "clauses": [excellent]})
    rule_set.compiled = compile_set(rule_set)
    stones = [build_diamond(**{name: grade}) for grade in (*LabFinish, None)]

    in_sql = priced_in_sql(Pricing(rule_set, TODAY), stones)

    # That is what sets hold that were published then.
    assert f"s.{name} = 1" in rule_set.compiled["outcome"]
    assert [in_sql[stone.pk]["rule"] for stone in stones] == [1, 1, None, None, None, None, None]
    assert [evaluate(rule_set, stone, TODAY).rule_number for stone in stones] == [1, 1, None, None, None, None, None]
    assert in_sql[stones[0].pk]["price_cents"] == in_sql[stones[1].pk]["price_cents"]


class BothEvaluators(TestCase):
    """SQL in sets, and Python on one stone."""

    @given(
        natural=margins,
        grown=margins,
        fancy=margins,
        floor=st.none() | margins,
        given_rules=st.lists(rules(), max_size=8),
        given_stones=st.lists(stones(), min_size=1, max_size=25, unique_by=lambda stone: stone.pk),
        day=st.sampled_from(DAYS),
    )
    @settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
    def test_they_agree_to_the_cent_whatever_the_rules_and_the_stones(
        self,
        natural: Decimal,
        grown: Decimal,
        fancy: Decimal,
        floor: Decimal | None,
        given_rules: list[dict[str, Any]],
        given_stones: list[Diamond],
        day: date,
    ) -> None:
        rule_set = a_draft(
            *given_rules, margin_natural=natural, margin_lab_grown=grown, margin_fancy=fancy, floor_margin=floor
        )

        expected = {stone.pk: in_python(rule_set, stone, day) for stone in given_stones}
        assert priced_in_sql(Pricing(rule_set, day), given_stones) == expected
        with mock.patch.multiple(decisions, FEW=1, WORTH=1.0, GROWTH=100):
            # A question wherever one can be asked.
            assert priced_in_sql(Pricing(rule_set, day), given_stones) == expected

    @given(
        given_rules=st.tuples(rules(), rules()),
        given_stones=st.lists(stones(), min_size=1, max_size=25, unique_by=lambda stone: stone.pk),
        share=st.decimals(Decimal("0.01"), Decimal("99.99"), places=2),
        salt=st.sampled_from(["", "salt", "%s {"]),
    )
    @settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow])
    def test_they_agree_about_who_belongs_to_an_experiment(
        self,
        given_rules: tuple[dict[str, Any], dict[str, Any]],
        given_stones: list[Diamond],
        share: Decimal,
        salt: str,
    ) -> None:
        control, treatment = (a_draft(rule) for rule in given_rules)
        experiment = Experiment(slug="dearer", rule_set=treatment, share=share, salt=salt)

        in_sql = priced_in_sql(Pricing(control, TODAY, experiment), given_stones)

        assert in_sql == {
            stone.pk: in_python(treatment, stone, TODAY, "dearer")
            if in_share(experiment, stone.pk)
            else in_python(control, stone, TODAY)
            for stone in given_stones
        }


def rule_set(**margins: Any) -> RuleSet:
    given = {"natural": "40", "lab_grown": "79", "fancy": "40", **margins}
    return a_draft(**{f"margin_{name}": Decimal(value) for name, value in given.items()})


def both(rules: RuleSet, stone: Diamond, day: date = TODAY) -> Priced:
    """What both evaluators say."""
    priced = evaluate(rules, stone, day)
    assert priced_in_sql(Pricing(rules, day), [stone])[stone.pk]["price_cents"] == priced.price_cents
    return priced


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("cost", "margin", "price"),
    [
        (1, "50", 2),
        (1, "49.999", 1),
        (1, "-99.999", 1),
        (5, "10", 6),
        (15, "10", 17),
        (100_000, "40", 140_000),
        (333, "0.150", 333),
        (334, "0.150", 335),
        (10**11, "9999", 10_099_000_000_000),
    ],
)
def test_halves_of_a_cent_are_rounded_up(cost: int, margin: str, price: int) -> None:
    assert both(rule_set(natural=margin), build_diamond(cost_cents=cost)).price_cents == price


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("cost", "ending", "step", "mode", "price"),
    [
        (10_000, 9_900, 10_000, "nearest", 9_900),
        (15_000, 9_900, 10_000, "nearest", 19_900),
        (14_900, 9_900, 10_000, "nearest", 19_900),
        (14_899, 9_900, 10_000, "nearest", 9_900),
        (9_901, 9_900, 10_000, "up", 19_900),
        (9_900, 9_900, 10_000, "up", 9_900),
        (1, 9_900, 10_000, "nearest", 9_900),
        (12_345, 0, 5, "nearest", 12_345),
        (12_342, 0, 5, "nearest", 12_340),
        (12_343, 0, 5, "nearest", 12_345),
        (1, 0, 10**8, "nearest", 1),
        (50_000_000, 0, 10**8, "nearest", 10**8),
    ],
)
def test_a_price_ends_as_its_rule_says(cost: int, ending: int, step: int, mode: str, price: int) -> None:
    rules = a_draft(
        {"modifier": -40, "ending_cents": ending, "ending_step_cents": step, "ending_mode": mode},
    )

    assert both(rules, build_diamond(cost_cents=cost)).price_cents == price


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("floor", "rule", "price"),
    [
        (Decimal(10), {"modifier": -90}, 110_000),
        (Decimal("0.001"), {"modifier": -90}, 100_001),
        (Decimal(10), {"modifier": -90, "ending_cents": 9_900, "ending_step_cents": 10_000}, 119_900),
        (Decimal(10), {"modifier": 0}, 140_000),
        (Decimal(10), {"fixed_cents": -(10**8)}, 110_000),
        (Decimal(-99), {"fixed_cents": -(10**8)}, 1_000),
        (None, {"fixed_cents": -(10**8)}, 1),
    ],
)
def test_nothing_is_sold_below_the_floor_and_what_it_lifts_ends_as_the_rule_says(
    floor: Decimal | None, rule: dict[str, Any], price: int
) -> None:
    assert both(a_draft(rule, floor_margin=floor), build_diamond(cost_cents=100_000)).price_cents == price


@pytest.mark.django_db
def test_the_first_rule_by_priority_that_matches_wins() -> None:
    rules = a_draft(
        {"priority": 1_000_000, "modifier": 3},
        {"priority": 2, "modifier": 2, "clauses": [{"shapes": ["OVAL"]}, {"shapes": ["ROUND"]}]},
        {"priority": 1, "modifier": 1, "clauses": [{"shapes": ["OVAL"]}]},
    )

    modifiers = {
        shape: both(rules, build_diamond(shape=shape, cost_cents=100)).price_cents - 140
        for shape in ("OVAL", "ROUND", "PEAR", None)
    }

    assert modifiers == {"OVAL": 1, "ROUND": 2, "PEAR": 3, None: 3}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("rule", "matches"),
    [
        ({"clauses": []}, False),
        ({"clauses": [{}]}, True),
        ({"active": False}, False),
        ({"valid_from": TODAY}, True),
        ({"valid_to": TODAY}, True),
        ({"valid_from": TODAY + timedelta(days=1)}, False),
        ({"valid_to": TODAY - timedelta(days=1)}, False),
        ({"clauses": [{"carats_min": Decimal(1), "carats_max": Decimal(1)}]}, True),
        ({"clauses": [{"carats_min": Decimal("1.001")}]}, False),
        ({"clauses": [{"carats_max": Decimal("0.999")}]}, False),
        ({"clauses": [{"color_min": Color.G, "color_max": Color.G}]}, True),
        ({"clauses": [{"color_max": Color.F}]}, False),
        ({"clauses": [{"clarity_min": Clarity.FL}]}, False),
        ({"clauses": [{"shapes": ["ROUND"], "shapes_excluded": True}]}, False),
        ({"clauses": [{"shapes": ["OVAL"], "shapes_excluded": True}]}, True),
        ({"clauses": [{"labs": ["GIA"]}]}, False),
        ({"clauses": [{"labs": ["GIA"], "labs_excluded": True}]}, False),
        ({"clauses": [{"has_video": False, "has_image": True}]}, True),
        ({"clauses": [{"stone_types": ["fancy"]}]}, False),
        ({"clauses": [{"stone_types": ["fancy"], "stone_types_excluded": True}]}, True),
        ({"clauses": [{"stone_types": ["natural"], "fancy_colors": ["PINK"]}]}, False),
        ({"clauses": [{"shapes": ["OVAL"]}, {"shapes": ["ROUND"], "carats_min": Decimal(1)}]}, True),
    ],
)
def test_a_rule_matches_if_any_clause_does_and_never_for_a_value_that_the_stone_lacks(
    rule: dict[str, Any], matches: bool
) -> None:
    stone = build_diamond(
        shape="ROUND", carats=Decimal(1), color=Color.G, clarity=None, lab=None, image_url="https://i.example/1"
    )

    assert (both(a_draft({"modifier": 5, **rule}), stone).rule is not None) == matches


@pytest.mark.django_db
@pytest.mark.parametrize("fancy_color", ["PINK", None])
def test_a_fancy_colour_is_in_no_range_of_letters(fancy_color: str | None) -> None:
    rules = a_draft({"clauses": [{"color_min": Color.D}]})

    assert both(rules, build_diamond(color=Color.FANCY, fancy_color=fancy_color)).rule is None
    assert both(rules, build_diamond(color=Color.Z, fancy_color=fancy_color)).rule is not None


@pytest.mark.django_db
def test_five_hundred_rules_are_one_expression() -> None:
    rules = a_draft(
        *[{"modifier": place / 100, "clauses": [{"cost_cents_max": place * 100}]} for place in range(1, 501)]
    )
    stones = [build_diamond(cost_cents=cost) for cost in (1, 100, 101, 24_999, 50_000, 50_001)]

    in_sql = priced_in_sql(Pricing(rules, TODAY), stones)

    assert [in_sql[stone.pk]["rule"] for stone in stones] == [1, 1, 2, 250, 500, None]
    assert [evaluate(rules, stone, TODAY).rule_number for stone in stones] == [1, 1, 2, 250, 500, None]


@pytest.mark.parametrize(
    ("stone", "kind"),
    [
        ({}, "natural"),
        ({"color": None}, "natural"),
        ({"lab_grown": True}, "lab_grown"),
        ({"color": Color.FANCY}, "fancy"),
        ({"fancy_color": "PINK", "color": Color.G}, "fancy"),
        ({"fancy_color": "PINK", "lab_grown": True}, "fancy"),
        ({"color": Color.Z, "lab_grown": True}, "lab_grown"),
    ],
)
@pytest.mark.django_db
def test_a_stone_has_the_margin_of_its_type(stone: dict[str, Any], kind: str) -> None:
    rules = rule_set(natural="1", lab_grown="2", fancy="3")
    by_type = {"natural": 101_000, "lab_grown": 102_000, "fancy": 103_000}
    diamond = build_diamond(cost_cents=100_000, **stone)

    assert stone_type(diamond) == kind
    assert both(rules, diamond).price_cents == by_type[kind]


@pytest.mark.django_db
def test_a_weight_that_is_not_known_leaves_the_price_per_carat_unknown() -> None:
    for carats in (None, Decimal(0)):
        stone = build_diamond(carats=carats, cost_cents=100_000)

        priced = priced_in_sql(Pricing(rule_set(), TODAY), [stone])[stone.pk]

        assert (priced["price_cents"], priced["price_per_carat_cents"]) == (140_000, None)


def test_there_is_a_condition_for_every_column_of_a_clause_and_no_other() -> None:
    asked = [field for condition in CONDITIONS for field in condition.fields]

    assert sorted(asked) == sorted({field.name for field in Clause._meta.fields} - {"id", "rule"})
    assert {condition.column for condition in CONDITIONS} - {"stone_type"} < {f.name for f in Diamond._meta.fields}


@pytest.mark.django_db
def test_there_is_a_published_rule_set_from_the_first_day() -> None:
    published = published_rule_set()

    published_margins = [published.margin_natural, published.margin_lab_grown, published.margin_fancy]
    assert published_margins == [Decimal(40), Decimal(79), Decimal(40)]
    assert published.compiled == compile_set(published)

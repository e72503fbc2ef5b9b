"""What people type into rules: brought into normal form, or refused by field."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from catalog.tests.factories import a_diamond
from pricing.models import Clause, Rule, RuleSet
from pricing.validation import clean_clause, clean_rule, clean_rule_set

pytestmark = pytest.mark.django_db
LONG = "x" * 10_000


def refusal(clean: Any, row: Any) -> dict[str, list[str]]:
    with pytest.raises(ValidationError) as refused:
        clean(row)
    return refused.value.message_dict


def test_lists_are_spelt_as_the_catalogue_spells_them_sorted_and_without_repeats() -> None:
    clause = Clause(
        stone_types=["Lab-grown", "natural"],
        shapes=["round brilliant", "Oval", "ROUND"],
        labs=["g.i.a.", "Igi"],
        feeds=["Nivoda-Natural"],
        suppliers=["  Antwerp   Stones "],
        fancy_colors=["orange-Brown"],
    )

    clean_clause(clause)

    assert clause.stone_types == ["lab_grown", "natural"]
    assert clause.shapes == ["OVAL", "ROUND"]
    assert clause.labs == ["GIA", "IGI"]
    assert clause.feeds == ["nivoda-natural"]
    assert clause.suppliers == ["Antwerp Stones"]
    assert clause.fancy_colors == ["BROWN_ORANGE"]


def test_a_shape_that_only_a_supplier_knows_is_taken_once_a_stone_has_it() -> None:
    assert "knows this shape" in refusal(clean_clause, Clause(shapes=["DRAGON"]))["shapes"][0]
    a_diamond(shape="DRAGON")

    clause = Clause(shapes=["dragon"])
    clean_clause(clause)

    assert clause.shapes == ["DRAGON"]


CLAUSES: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown stone type": ({"stone_types": ["moissanite"]}, "stone_types"),
    "a shape of signs alone": ({"shapes": ["';--"]}, "shapes"),
    "a NUL in a shape": ({"shapes": ["ROUND\0"]}, "shapes"),
    "a lab without letters": ({"labs": ["<>"]}, "labs"),
    "a long lab": ({"labs": [LONG]}, "labs"),
    "a feed that is no slug": ({"feeds": ["a b"]}, "feeds"),
    "a NUL in a supplier": ({"suppliers": ["a\0b"]}, "suppliers"),
    "half a surrogate in a supplier": ({"suppliers": ["\ud800"]}, "suppliers"),
    "a long supplier": ({"suppliers": [LONG]}, "suppliers"),
    "a fancy colour that is none": ({"fancy_colors": ["EVEN"]}, "fancy_colors"),
    "too many names": ({"suppliers": [f"s{i}" for i in range(501)]}, "suppliers"),
    "no list": ({"shapes": "ROUND"}, "shapes"),
    "no names": ({"shapes": [1]}, "shapes"),
    "none of nothing": ({"labs_excluded": True}, "labs"),
    "every type excluded": (
        {"stone_types": ["natural", "lab_grown", "fancy"], "stone_types_excluded": True},
        "stone_types",
    ),
    "carats in the wrong order": ({"carats_min": 2, "carats_max": 1}, "carats_max"),
    "grades in the wrong order": ({"color_min": 5, "color_max": 4}, "color_max"),
    "a grade that is none": ({"clarity_min": 13}, "clarity_min"),
    "fancy as a letter": ({"color_max": 24}, "color_max"),
    "NaN": ({"carats_min": Decimal("NaN")}, "carats_min"),
    "NaN as text": ({"carats_min": "NaN"}, "carats_min"),
    "a signalling NaN": ({"ratio_max": Decimal("sNaN")}, "ratio_max"),
    "infinity": ({"depth_pct_max": Decimal("Infinity")}, "depth_pct_max"),
    "a negative measure": ({"table_pct_min": -1}, "table_pct_min"),
    "too many decimals": ({"carats_min": Decimal("1.0001")}, "carats_min"),
    "a huge number": ({"carats_max": Decimal("1e400")}, "carats_max"),
    "a huge cost": ({"cost_cents_max": 10**30}, "cost_cents_max"),
    "a negative cost": ({"cost_cents_min": -1}, "cost_cents_min"),
    "words for a number": ({"carats_min": "one"}, "carats_min"),
    "words for yes": ({"has_image": "perhaps"}, "has_image"),
}


@pytest.mark.parametrize("what", CLAUSES)
def test_a_clause_with_something_wrong_names_the_field(what: str) -> None:
    values, field = CLAUSES[what]

    assert list(refusal(clean_clause, Clause(**values))) == [field]


def test_all_that_is_wrong_with_a_clause_is_told_at_once() -> None:
    wrong = refusal(clean_clause, Clause(shapes=["';"], carats_min=2, carats_max=1, ratio_min=Decimal("NaN")))

    assert set(wrong) == {"shapes", "carats_max", "ratio_min"}


RULES: dict[str, tuple[dict[str, Any], str]] = {
    "no name": ({"name": "  "}, "name"),
    "a long name": ({"name": LONG}, "name"),
    "HTML in the name": ({"name": "<script>alert(1)</script>"}, "name"),
    "SQL in the name": ({"name": "x'; DROP TABLE pricing_rule; --"}, "name"),
    "a comment of SQL in the name": ({"name": "x' OR 1=1 --"}, "name"),
    "a NUL in the name": ({"name": "a\0b"}, "name"),
    "two lines in the name": ({"name": "a\nb"}, "name"),
    "a NUL in the notes": ({"notes": "a\0b"}, "notes"),
    "long notes": ({"notes": LONG}, "notes"),
    "no priority": ({"priority": None}, "priority"),
    "priority 0": ({"priority": 0}, "priority"),
    "a huge priority": ({"priority": 10**30}, "priority"),
    "NaN": ({"modifier": Decimal("NaN")}, "modifier"),
    "a huge modifier": ({"modifier": Decimal("9999.001")}, "modifier"),
    "a huge fixed amount": ({"fixed_cents": 10**8 + 1}, "fixed_cents"),
    "an ending without steps": ({"ending_cents": 99}, "ending_step_cents"),
    "steps without an ending": ({"ending_step_cents": 100}, "ending_cents"),
    "an ending beyond its steps": ({"ending_cents": 100, "ending_step_cents": 100}, "ending_cents"),
    "an unknown way to end": ({"ending_mode": "down"}, "ending_mode"),
    "rating 11": ({"rating": 11}, "rating"),
    "days in the wrong order": ({"valid_from": date(2026, 2, 1), "valid_to": date(2026, 1, 31)}, "valid_to"),
    "words for a day": ({"valid_from": "tomorrow"}, "valid_from"),
}


@pytest.mark.parametrize("what", RULES)
def test_a_rule_with_something_wrong_names_the_field(what: str) -> None:
    values, field = RULES[what]

    assert list(refusal(clean_rule, Rule(**{"name": "ovals", "priority": 1, **values}))) == [field]


@pytest.mark.parametrize("modifier", ["-9999", "-100", "9999"])
def test_a_rule_may_say_whatever_the_database_takes(modifier: str) -> None:
    rule = Rule(
        name=" Oval & pear (≥ 2 ct, 10 % off) ", priority=1_000_000, modifier=Decimal(modifier), notes="two\nlines"
    )

    clean_rule(rule)

    assert rule.name == "Oval & pear (≥ 2 ct, 10 % off)"


@pytest.mark.parametrize("margin", ["-100", "9999.001", "NaN", "1.0001"])
def test_margins_have_bounds(margin: str) -> None:
    rule_set = RuleSet(margin_natural=Decimal(margin), margin_lab_grown=-Decimal("99.999"), margin_fancy=Decimal(40))

    assert list(refusal(clean_rule_set, rule_set)) == ["margin_natural"]


def test_long_notes_of_a_set_are_refused() -> None:
    rule_set = RuleSet(margin_natural=1, margin_lab_grown=1, margin_fancy=1, notes=LONG)

    assert list(refusal(clean_rule_set, rule_set)) == ["notes"]


def test_names_of_rules_are_written_in_any_script() -> None:
    rule = Rule(name="Öl – हीरे & 钻石 (1)", priority=1)

    clean_rule(rule)

    assert rule.name.startswith("Öl")


def test_of_many_unknown_shapes_none_is_let_through() -> None:
    for i in range(25):
        a_diamond(shape=f"A{i:02}")

    wrong = refusal(clean_clause, Clause(shapes=[*(f"A{i:02}" for i in range(25)), "ZZZ"]))

    assert wrong == {"shapes": ["ZZZ: neither we nor any stone of the catalogue knows this shape."]}

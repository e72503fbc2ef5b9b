"""The table of columns: whole, and nothing of the seller's own in what clients see."""

from __future__ import annotations

import pytest

from catalog.api.stones import DiamondAnswer
from catalog.columns import COLUMNS, needs, seen_with
from catalog.models import Diamond
from catalog.searching.filters import FILTERS
from catalog.searching.sorts import SORTS
from diamondhub.access.scopes import Scope


def test_every_column_of_the_model_is_in_the_table_once() -> None:
    assert sorted(column.source for column in COLUMNS) == sorted(field.name for field in Diamond._meta.get_fields())


def test_clients_see_what_the_table_lets_them_see() -> None:
    shown = [column.name for column in seen_with(Scope.CATALOG_READ)]

    assert set(map(str, DiamondAnswer().fields)) == {"currency", *shown}
    assert not {
        "cost",
        "cost_per_carat",
        "supplier_name",
        "rule",
        "rule_set",
        "experiment_arm",
        "payload_hash",
        "raw_id",
    } & set(shown)


def test_what_is_hidden_from_some_names_its_scope_and_the_seller_s_own_cannot_be_asked_for() -> None:
    asked = {known.column for known in FILTERS} | {sort.column for sort in SORTS.values()}

    for column in COLUMNS:
        if column.scope in (Scope.CATALOG_READ, None):
            assert not needs(column.name)
        else:
            assert {needs(name) for name in column.names} == {column.scope}
        if column.scope in (Scope.PRICING_READ, None):
            assert column.source not in asked


@pytest.mark.parametrize(
    ("name", "scope"),
    [
        ("cost_min", Scope.CATALOG_COST),
        ("cost_per_carat_max", Scope.CATALOG_COST),
        ("-cost", Scope.CATALOG_COST),
        ("cost_cents", Scope.CATALOG_COST),
        ("supplier", Scope.CATALOG_SUPPLIER),
        ("supplier_name", Scope.CATALOG_SUPPLIER),
        ("price_min", None),
        ("-newest", None),
        ("bogus", None),
    ],
)
def test_a_name_says_the_scope_that_it_needs(name: str, scope: Scope | None) -> None:
    assert needs(name) is scope


def test_names_of_filters_are_unique() -> None:
    names = [known.name for known in FILTERS]

    assert len(names) == len(set(names))

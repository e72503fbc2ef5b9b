"""The table of columns: whole, and nothing of the seller's own in what clients see."""

from __future__ import annotations

from catalog.api.stones import DiamondAnswer
from catalog.columns import COLUMNS, seen_with
from catalog.models import Diamond
from catalog.searching.filters import FILTERS
from catalog.searching.sorts import SORTS
from diamondhub.access.scopes import Scope


def test_every_column_of_the_model_is_in_the_table_once() -> None:
    assert sorted(column.source for column in COLUMNS) == sorted(field.name for field in Diamond._meta.get_fields())


def test_clients_see_what_the_table_lets_them_see() -> None:
    shown = [column.name for column in seen_with(Scope.CATALOG_READ)]

    assert set(map(str, DiamondAnswer().fields)) == {"currency", *shown}
    assert not {"cost", "cost_per_carat", "rule", "rule_set", "experiment_arm", "payload_hash", "raw_id"} & set(shown)


def test_nothing_hidden_can_be_asked_for_or_sorted_by() -> None:
    hidden = {column.source for column in COLUMNS if column.scope is not Scope.CATALOG_READ}

    assert not hidden & {known.column for known in FILTERS}
    assert not hidden & {sort.column for sort in SORTS.values()}


def test_names_of_filters_are_unique() -> None:
    names = [known.name for known in FILTERS]

    assert len(names) == len(set(names))

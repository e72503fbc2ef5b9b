"""A rule set as one SQL expression: the evaluator that prices in sets.

Means exactly what `pricing.evaluate` means; a property-based test holds the two together.
"""

from __future__ import annotations

from decimal import Decimal

from psycopg import sql

from pricing.models import RuleSet


def price_expression(rule_set: RuleSet, stone: str) -> sql.Composed:
    """The price in cents of the row that the table alias `stone` names (columns of `catalog.Diamond`).

    Exact integer arithmetic in thousandths of a percent; halves round up, as `diamondhub.money` does.
    """
    alias = sql.Identifier(stone)
    return sql.SQL(
        """(
            {stone}.cost_cents * CASE
                WHEN {stone}.fancy_color IS NOT NULL OR {stone}.color = 24 THEN {fancy}
                WHEN {stone}.lab_grown THEN {lab_grown}
                ELSE {natural}
            END + 50000
        ) / 100000"""
    ).format(
        stone=alias,
        fancy=sql.Literal(_factor(rule_set.margin_fancy)),
        lab_grown=sql.Literal(_factor(rule_set.margin_lab_grown)),
        natural=sql.Literal(_factor(rule_set.margin_natural)),
    )


def price_per_carat_expression(price: sql.Composable, stone: str) -> sql.Composed:
    """The price per carat in cents for a price expression; NULL where the carats are unknown or zero."""
    return sql.SQL("CASE WHEN {stone}.carats > 0 THEN round({price} / {stone}.carats)::bigint END").format(
        stone=sql.Identifier(stone), price=price
    )


def _factor(margin: Decimal) -> int:
    """`100 + margin` percent in thousandths of a percent."""
    return int((100 + margin) * 1000)

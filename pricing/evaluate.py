"""The price of one stone in plain Python: what explanations and the invariant checker's doubters use."""

from __future__ import annotations

from decimal import Decimal

from catalog.grades import Color
from diamondhub import money
from pricing.models import RuleSet


def stone_type(*, lab_grown: bool, color: int | None, fancy_color: str | None) -> str:
    """Say "fancy" if the stone has a fancy colour (named or not), else "lab_grown" or "natural"."""
    if fancy_color is not None or color == Color.FANCY:
        return "fancy"
    return "lab_grown" if lab_grown else "natural"


def price_cents(
    rule_set: RuleSet, *, cost_cents: int, lab_grown: bool, color: int | None, fancy_color: str | None
) -> int:
    """Cost raised by the base margin of the stone's type, rounded half-up to the cent."""
    margin: Decimal = getattr(
        rule_set, f"margin_{stone_type(lab_grown=lab_grown, color=color, fancy_color=fancy_color)}"
    )
    return money.add_percentage(cost_cents, margin)

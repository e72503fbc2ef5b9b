"""Bounds of the amounts and the sizes of rules, and the fields of a percentage."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

#: Most rules of a set, most clauses of a rule, most names of a list.
MAX_RULES, MAX_CLAUSES, MAX_NAMES = 1_000, 50, 500
#: The highest number of a rule.
MAX_NUMBER = 2_000_000_000
#: Fixed amounts and price endings stay within a million dollars (cents).
MAX_CENTS = 10**8
#: No stone costs more than a billion dollars (cents): prices stay far within the database's integers.
MAX_COST_CENTS = 10**11


def percentage(label: str, *, lowest: str = "-99.999", **options: Any) -> models.DecimalField[Any, Any]:
    """A field for percent with three decimals, from `lowest` to 9,999."""
    return models.DecimalField(
        label,
        max_digits=7,
        decimal_places=3,
        validators=[MinValueValidator(Decimal(lowest)), MaxValueValidator(9999)],
        **options,
    )

"""What a diamond looks like by REST.

What a stone costs, which rule priced it and what the supplier's payload was are the seller's own and never shown here:
`catalog.columns` says so.
"""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from catalog.columns import Chosen, Graded, Measured, Money, seen_with
from catalog.models import Diamond
from diamondhub.access.scopes import Scope

SHOWN = seen_with(Scope.CATALOG_READ)


class DiamondAnswer(serializers.ModelSerializer[Diamond]):
    """A diamond as clients see it. Lengths are millimetres, angles degrees, `*_pct` percent, delivery in business days."""

    currency = serializers.CharField(read_only=True, help_text="The currency of the prices.")

    class Meta:
        model = Diamond
        # What is money or a grade has a field of its own; the others are as the model says.
        fields = ["currency", *(shown.name for shown in SHOWN if not isinstance(shown.kind, Money))]
        read_only_fields = fields

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        by_model = super().get_fields()
        answered: dict[str, serializers.Field[Any, Any, Any, Any]] = {}
        for shown in SHOWN:
            if shown.name == "price":
                answered["currency"] = by_model["currency"]
            answered[shown.name] = by_model.get(shown.name) or shown.kind.field()  # type: ignore[assignment]
            if isinstance(shown.kind, Money | Graded | Measured | Chosen):
                source = {"source": shown.column} if shown.column else {}
                field = shown.kind.field(read_only=True, allow_null=shown.nullable, **source)
                assert field is not None
                answered[shown.name] = field
        return answered

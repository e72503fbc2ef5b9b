"""What a diamond looks like by REST, and one of them: `GET /api/v1/diamonds/{id}`, for clients with `catalog:read`.

What a stone costs, which rule priced it and what the supplier's payload was are the seller's own and never shown here:
`catalog.columns` says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.http import Http404
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.columns import Chosen, Graded, Measured, Money, seen_with
from catalog.models import Diamond
from diamondhub import money
from diamondhub.access.scopes import Scope
from diamondhub.access.throttles.limits import LimitClass
from diamondhub.api.answers import Rows
from diamondhub.api.endpoint import Endpoint, operation

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


class OneDiamond(Endpoint):
    """One stone of the catalogue, whatever its availability."""

    scope = Scope.CATALOG_READ
    limit = LimitClass.LOOKUP
    tag = "diamonds"

    @operation("get_diamond", "One diamond", answer=DiamondAnswer)
    def get(self, request: Request, id: UUID) -> Response:  # noqa: A002 - its name in the address
        """The stone with this id. Stones stay after they are sold or delisted; `availability` says so."""
        stones = shown([id])
        if id not in stones:
            raise Http404
        return Response(stones[id])


_ROWS = Rows(DiamondAnswer(), {"currency": money.CURRENCY})


def shown(ids: Sequence[UUID]) -> Mapping[UUID, dict[str, Any]]:
    """The answers of stones by their ids; stones that are not there are left out."""
    rows = Diamond.objects.filter(pk__in=ids).values_list("id", *_ROWS.columns)
    return {identity: _ROWS.show(row) for identity, *row in rows}

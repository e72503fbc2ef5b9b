"""The diamonds by REST: `GET /api/v1/diamonds` and `GET /api/v1/diamonds/{id}`, for clients with `catalog:read`.

What a stone costs, which rule priced it and what the supplier's payload was are the seller's own and never shown here:
`catalog.columns` says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any
from uuid import UUID

from django.http import Http404
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from catalog import search as searching
from catalog import vocabulary
from catalog.columns import Chosen, Graded, Measured, Money, seen_with
from catalog.filters import FILTERS, ORDERED
from catalog.models import Diamond
from diamondhub import money
from diamondhub.access.scopes import Scope
from diamondhub.access.throttles.limits import LimitClass
from diamondhub.api import fields
from diamondhub.api.answers import Rows
from diamondhub.api.endpoint import Endpoint, PageQuery, operation

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


class DiamondsAnswer(serializers.Serializer[Any]):
    """One page of a search."""

    count = serializers.IntegerField(read_only=True, help_text="Stones of the whole search, over all pages.")
    count_is_exact = serializers.BooleanField(
        read_only=True, help_text=f"False: there are more than {searching.COUNT_CAP:,}; `count` is a lower bound."
    )
    dataset_version = serializers.IntegerField(
        read_only=True, help_text="Version of the catalogue; it rises whenever stones change."
    )
    results = DiamondAnswer(many=True, read_only=True)
    next = serializers.CharField(
        read_only=True, allow_null=True, help_text="`cursor` of the next page; null on the last."
    )


class SearchQuery(PageQuery):
    """Every filter, and the page."""

    sort = fields.OneOf(
        list(searching.SORTS),
        default="price",
        help_text="The order, `-` for the other way round: grades go from the best to the worst, "
        "stones without the value come last.",
    )
    limit = fields.Limit(searching.MAX_PAGE_SIZE, help_text="Stones on a page.")
    cursor = fields.Cursor(
        help_text="Where the page begins: `next` of the page before. All other parameters but `limit` stay as they were."
    )

    class Meta:
        ordered = ORDERED

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        declared = super().get_fields()
        filters = {known.name: deepcopy(known.field) for known in FILTERS}
        return {**filters, "sort": declared["sort"], **declared}

    def validate_shape(self, names: Sequence[str]) -> Sequence[str]:
        return _known("shape", names)

    def validate_lab(self, names: Sequence[str]) -> Sequence[str]:
        return _known("lab", names)


class Diamonds(Endpoint):
    """Searching the catalogue."""

    scope = Scope.CATALOG_READ
    limit = LimitClass.SEARCH
    tag = "diamonds"

    @operation("search_diamonds", "Search diamonds", query=SearchQuery, answer=DiamondsAnswer)
    def get(self, request: Request) -> Response:
        """Stones that pass every filter, a page at a time. Without `availability`, only what can be sold now."""
        filters = dict(self.query)
        paging = {name: filters.pop(name, None) for name in ("sort", "limit", "cursor")}
        page = searching.search(searching.Search(filters, **paging), _shown)
        return Response(
            {
                "count": page.count,
                "count_is_exact": page.count_is_exact,
                "dataset_version": page.dataset_version,
                "results": page.diamonds,
                "next": page.next_cursor,
            }
        )


class OneDiamond(Endpoint):
    """One stone of the catalogue, whatever its availability."""

    scope = Scope.CATALOG_READ
    limit = LimitClass.LOOKUP
    tag = "diamonds"

    @operation("get_diamond", "One diamond", answer=DiamondAnswer)
    def get(self, request: Request, id: UUID) -> Response:  # noqa: A002 - its name in the address
        """The stone with this id. Stones stay after they are sold or delisted; `availability` says so."""
        stones = _shown([id])
        if id not in stones:
            raise Http404
        return Response(stones[id])


_ROWS = Rows(DiamondAnswer(), {"currency": money.CURRENCY})


def _shown(ids: Sequence[UUID]) -> Mapping[UUID, dict[str, Any]]:
    rows = Diamond.objects.filter(pk__in=ids).values_list("id", *_ROWS.columns)
    return {identity: _ROWS.show(row) for identity, *row in rows}


def _known(column: str, names: Sequence[str]) -> Sequence[str]:
    if strange := vocabulary.unknown(column, names):
        hint = fields.nearest(strange[0], vocabulary.KNOWN[column])
        raise serializers.ValidationError(f"names {', '.join(strange)}, which no stone has{hint}")
    return names

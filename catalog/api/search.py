"""Searching the diamonds by REST: `GET /api/v1/diamonds`, for clients with `catalog:read`."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.api.stones import DiamondAnswer, shown
from catalog.searching import database, names, pages
from catalog.searching.filters import FILTERS, ORDERED
from catalog.searching.sorts import SORTS
from diamondhub.access.scopes import Scope
from diamondhub.access.throttles.limits import LimitClass
from diamondhub.api import fields
from diamondhub.api.endpoint import Endpoint, PageQuery, operation


class DiamondsAnswer(serializers.Serializer[Any]):
    """One page of a search."""

    count = serializers.IntegerField(read_only=True, help_text="Stones of the whole search, over all pages.")
    count_is_exact = serializers.BooleanField(
        read_only=True, help_text=f"False: there are more than {database.COUNT_CAP:,}; `count` is a lower bound."
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
        list(SORTS),
        default="price",
        help_text="The order, `-` for the other way round: grades go from the best to the worst, "
        "stones without the value come last.",
    )
    limit = fields.Limit(pages.MAX_PAGE_SIZE, help_text="Stones on a page.")
    cursor = fields.Cursor(
        help_text="Where the page begins: `next` of the page before. All other parameters but `limit` stay as they were."
    )

    class Meta:
        ordered = ORDERED

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        declared = super().get_fields()
        filters = {known.name: deepcopy(known.field) for known in FILTERS}
        return {**filters, "sort": declared["sort"], **declared}

    def validate_shape(self, written: Sequence[str]) -> Sequence[str]:
        return _known("shape", written)

    def validate_lab(self, written: Sequence[str]) -> Sequence[str]:
        return _known("lab", written)


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
        page = pages.search(pages.Search(filters, **paging), shown)
        return Response(
            {
                "count": page.count,
                "count_is_exact": page.count_is_exact,
                "dataset_version": page.dataset_version,
                "results": page.diamonds,
                "next": page.next_cursor,
            }
        )


def _known(column: str, written: Sequence[str]) -> Sequence[str]:
    if strange := names.unknown(column, written):
        hint = fields.nearest(strange[0], names.KNOWN[column])
        raise serializers.ValidationError(f"names {', '.join(strange)}, which no stone has{hint}")
    return written

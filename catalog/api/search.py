"""Searching the diamonds by REST: `GET /api/v1/diamonds`, for clients with `catalog:read`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.api.asking import Filters, FiltersBody, refuse_unseen
from catalog.api.stones import DiamondAnswer, shown
from catalog.searching import database, pages
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


_SORTS = (
    "The order, `-` for the other way round: grades go from the best to the worst, stones without the value come last."
)
_CURSOR = "Where the page begins: `next` of the page before. All other parameters but `limit` stay as they were."


class SearchQuery(Filters, PageQuery):
    """Every filter, and the page."""

    sort = fields.OneOf(list(SORTS), default="price", help_text=_SORTS)
    limit = fields.Limit(pages.MAX_PAGE_SIZE, help_text="Stones on a page.")
    cursor = fields.Cursor(help_text=_CURSOR)


class SearchBody(FiltersBody):
    """Every filter, and the page, as `GET /api/v1/diamonds` takes them."""

    sort = fields.OneOf(list(SORTS), default="price", help_text=_SORTS)
    limit = fields.Limit(pages.MAX_PAGE_SIZE, help_text="Stones on a page.")
    cursor = fields.Cursor(help_text=_CURSOR)


class Diamonds(Endpoint):
    """Searching the catalogue."""

    scope = Scope.CATALOG_READ
    limit = LimitClass.SEARCH
    tag = "diamonds"

    @operation("search_diamonds", "Search diamonds", query=SearchQuery, answer=DiamondsAnswer)
    def get(self, request: Request) -> Response:
        """Stones that pass every filter, a page at a time. Without `availability`, only what can be sold now."""
        return searched(request, self.query)


class DiamondsByBody(Endpoint):
    """Searching the catalogue by a body, for long lists."""

    scope = Scope.CATALOG_READ
    limit = LimitClass.SEARCH
    tag = "diamonds"

    @operation("search_diamonds_by_body", "Search diamonds by long lists", body=SearchBody, answer=DiamondsAnswer)
    def post(self, request: Request) -> Response:
        """The same as searching by `GET`, with the filters in a JSON object: lists are arrays, of ids and certificate
        numbers up to 500. Cursors of either are taken by both."""
        return searched(request, self.body)


def searched(request: Request, values: Mapping[str, Any]) -> Response:
    """The answer to a search by the values of a `SearchQuery` or a `SearchBody`."""
    refuse_unseen([*values, values["sort"]], request.auth.client)
    filters = dict(values)
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

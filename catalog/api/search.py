"""Searching the diamonds by REST: `GET /api/v1/diamonds`, for clients with `catalog:read`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse, HttpResponseBase
from rest_framework import serializers
from rest_framework.request import Request

from catalog.api import presenting
from catalog.api.asking import asks_for
from catalog.api.facets import FacetsBody, FacetsByAttribute, FacetsQuery, counted
from catalog.api.searching import FOUND_BY, SearchEndpoint
from catalog.api.showing import Shown, ShownDiamondAnswer
from catalog.client_views.reading import ViewUnusable
from catalog.client_views.view import ClientView
from catalog.columns import COLUMNS, Money
from catalog.searching import database, pages
from catalog.searching.hits import Hits
from catalog.searching.pages import Search
from catalog.searching.sorts import SORTS
from catalog.searching.suggesting import Suggestion, suggestions
from diamondhub.access.scopes import Scope
from diamondhub.api import fields
from diamondhub.api.answers import Answer, Encoded
from diamondhub.api.endpoint import operation

#: What takes a scope of its own to be seen.
_SCOPED = tuple(column for column in COLUMNS if column.scope in presenting.TELLING)
#: What one stone of each certificate is asked for by.
CERTIFICATE = "certificate"


class FoundDiamondAnswer(ShownDiamondAnswer):
    """A diamond among the hits of a search: all that the client sees, or what `form` or `fields` leave of it."""

    offers = serializers.IntegerField(
        read_only=True, help_text="With `distinct=certificate`: how many of the hits have this certificate."
    )

    class Meta(ShownDiamondAnswer.Meta):
        fields = [
            *ShownDiamondAnswer.Meta.fields,
            *(column.name for column in _SCOPED if not isinstance(column.kind, Money)),
            "offers",
        ]
        read_only_fields = fields

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        by_model = serializers.ModelSerializer.get_fields(self)
        scoped: dict[str, Any] = {
            column.name: column.kind.field(read_only=True, allow_null=column.nullable, source=column.source)
            if isinstance(column.kind, Money)
            else by_model[column.name]
            for column in _SCOPED
        }
        for column in _SCOPED:
            scoped[column.name].help_text = f"Only with the scope `{column.scope}`."
        return {**super().get_fields(), **scoped, "offers": by_model["offers"]}


class SuggestionAnswer(Answer):
    """One filter to leave out or to widen, and how many stones there are then."""

    filter = fields.Text(help_text="The attribute whose filters would be others.")
    change = fields.OneOf(["without", "wider"], help_text="Left out, or widened by a grade or by 10 %.")
    parameters = fields.Anything(help_text="All parameters of that attribute as they would be; empty: none.")
    count = fields.Whole(0, help_text="Stones that the search then finds.")


class DiamondsAnswer(serializers.Serializer[Any]):
    """One page of a search."""

    count = serializers.IntegerField(read_only=True, help_text="Stones of the whole search, over all pages.")
    count_is_exact = serializers.BooleanField(
        read_only=True,
        help_text=f"False: there are more than {database.COUNT_CAP:,}, and `count` is a lower bound. The index counts "
        "exactly. False as well where a search of your client shows so many stones at most, and finds more.",
    )
    dataset_version = serializers.IntegerField(
        read_only=True,
        help_text="Version of the catalogue that was counted and paged; it rises whenever stones change. What is shown of "
        "stones is as it is now.",
    )
    results = FoundDiamondAnswer(many=True, read_only=True)
    facets = FacetsByAttribute(read_only=True, help_text="With `include=facets`, as at `/api/v1/diamonds/facets`.")
    suggestions = SuggestionAnswer(
        many=True, read_only=True, help_text="Where nothing is found: what single change finds something."
    )
    next = serializers.CharField(
        read_only=True, allow_null=True, help_text="`cursor` of the next page; null on the last."
    )

    class Meta:
        described = {"required": ["count", "count_is_exact", "dataset_version", "results", "next"]}


class Showing(Shown):
    """What is shown, and the page."""

    distinct = fields.OneOf(
        [CERTIFICATE],
        required=False,
        help_text="One stone of each certificate, the cheapest offer, with the number of `offers`; stones without a "
        "certificate stand for themselves.",
    )
    include = fields.ListOf(fields.OneOf(["facets"]), required=False, help_text="What is answered besides.")
    sort = fields.OneOf(
        list(SORTS),
        required=False,
        help_text="The order, `-` for the other way round: grades go from the best to the worst, "
        "stones without the value come last. Without it by `price`, or if your client is not shown prices by the first "
        "order that it may ask for.",
    )
    limit = fields.Limit(pages.MAX_PAGE_SIZE, help_text="Stones on a page.")
    cursor = fields.Cursor(
        help_text="Where the page begins: `next` of the page before. Filters, `sort` and `distinct` stay as they were."
    )

    def combine(self, values: dict[str, Any], mistakes: Any) -> Any:
        if "facets" in values and "include" not in values:
            mistakes.add("facets", "needs include=facets")
        return super().combine(values, mistakes)


class SearchQuery(Showing, FacetsQuery):
    """Every filter, what is shown, and the page, as parameters."""


class SearchBody(Showing, FacetsBody):
    """Every filter, what is shown, and the page, as a JSON object. Lists are arrays."""

    class Meta(FacetsBody.Meta):
        example: Mapping[str, Any] = {
            "shape": ["ROUND", "OVAL"],
            "carats_min": 1,
            "carats_max": 2.5,
            "color_from": "D",
            "color_to": "G",
            "lab": ["GIA"],
            "sort": "-carats",
            "limit": 20,
        }


class Diamonds(SearchEndpoint):
    """Searching the catalogue."""

    @operation("search_diamonds", "Search diamonds", query=SearchQuery, answer=DiamondsAnswer)
    def get(self, request: Request) -> HttpResponseBase:
        """Stones that pass every filter, a page at a time. Without `availability`, only what can be sold now."""
        return found(self, self.query)


class DiamondsByBody(SearchEndpoint):
    """Searching the catalogue by a body, for long lists."""

    @operation("search_diamonds_by_body", "Search diamonds by long lists", body=SearchBody, answer=DiamondsAnswer)
    def post(self, request: Request) -> HttpResponseBase:
        """The same search as by `GET`, with the filters in a JSON object: lists are arrays.

        Up to 500 `ids` or certificate numbers can be asked for, and names with commas in them. Cursors of either way are
        taken by both.
        """
        return found(self, self.body)


def found(view: SearchEndpoint, values: Mapping[str, Any]) -> HttpResponseBase:
    """The answer to a search with these values of `SearchQuery` or `SearchBody`."""
    shown = presenting.chosen(
        view.client, view.client_view, names=values.get("fields"), form=values.get("form") or "full"
    )
    facets = view.facet_names(values.get("facets")) if values.get("include") else None
    wanted = view.wanted(
        values,
        sort=values.get("sort") or usual_sort(view.client_view),
        limit=values["limit"],
        cursor=values.get("cursor"),
        by_certificate=values.get("distinct") == CERTIFICATE,
    )
    return view.answered(wanted, [shown, facets], lambda: _answer(wanted, shown, facets), costly=facets is not None)


def usual_sort(view: ClientView) -> str:
    """The order of a search that asks for none: the first one by something that the view shows. Raises `ViewUnusable`."""
    for name in SORTS:
        if view.shows(asks_for(name)[0].name) and asks_for(name)[0].scope == Scope.CATALOG_READ:
            return name
    raise ViewUnusable("it shows nothing that stones can be ordered by")


def _answer(wanted: Search, shown: tuple[str, ...], facets: list[str] | None) -> HttpResponse:
    position = pages.position_of(wanted)
    read = presenting.presenter(shown, wanted.view.exchange).read_encodable

    def answer(hits: Hits) -> Encoded:
        page = pages.page_of(wanted, hits, position, read)
        count, is_exact = page.count, page.count_is_exact
        besides: dict[str, Any] = {}
        if facets is not None:
            exact, besides["facets"] = counted(hits, page.counts, wanted.asked, facets, wanted.view.exchange)
            exact = pages.at_most(wanted.view.max_rows, exact)
            count, is_exact = exact.number, exact.exact
        if not count and is_exact:
            besides["suggestions"] = [_suggested(suggestion) for suggestion in suggestions(hits, wanted)]
        if page.offers is not None:
            for stone, offers in zip(page.diamonds, page.offers, strict=True):
                setattr(stone, presenting.OFFERS, offers)
        answered = Encoded(
            {
                "count": count,
                "count_is_exact": is_exact,
                "dataset_version": page.dataset_version,
                "results": page.diamonds,
                **besides,
                "next": page.next_cursor,
            },
            data={"next": page.next_cursor},
        )
        answered[FOUND_BY] = page.found_by
        return answered

    return pages.with_hits(wanted.asked, answer)


def _suggested(suggestion: Suggestion) -> dict[str, Any]:
    return {
        "filter": suggestion.attribute,
        "change": suggestion.change,
        "parameters": suggestion.parameters,
        "count": suggestion.count,
    }

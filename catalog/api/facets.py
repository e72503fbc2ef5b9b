"""The counts behind a shop's tick boxes: `GET /api/v1/diamonds/facets`, for clients with `catalog:read`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.http import HttpResponse, HttpResponseBase
from rest_framework import serializers
from rest_framework.request import Request

from catalog.api.asking import FilterBody, FilterQuery
from catalog.api.searching import FOUND_BY, SearchEndpoint
from catalog.currencies.converting import DOLLARS, Exchange
from catalog.currencies.fields import Currency
from catalog.facets import counting
from catalog.facets.table import ATTRIBUTES
from catalog.searching import pages
from catalog.searching.conditions import Asked
from catalog.searching.hits import Count, Hits, Pages
from diamondhub.api import fields
from diamondhub.api.answers import Answer, Encoded, shown_as
from diamondhub.api.endpoint import operation
from diamondhub.api.serializers import Strict

_EXAMPLE: Mapping[str, Any] = {
    "shape": {
        "values": [
            {"value": "ROUND", "label": "Round", "count": 1204},
            {"value": "OVAL", "label": "Oval", "count": 138},
        ],
        "unknown": 0,
        "others": 0,
    },
    "carats": {
        "buckets": [{"from": 0.9, "to": 1.0, "count": 338}, {"from": 1.0, "to": 1.1, "count": 1004}],
        "unknown": 0,
        "min": 0.9,
        "max": 1.09,
    },
}


class _AnyValue(fields.Field):
    """A value as its attribute has it."""

    def __init__(self, kinds: list[str], **options: Any) -> None:
        super().__init__(**options)
        self.kinds = kinds

    def schema(self) -> dict[str, Any]:
        return {"type": self.kinds}


class Counted(Answer):
    """One value, and how many stones have it."""

    value = _AnyValue(["string", "boolean"], help_text="As the filter takes it.")
    count = fields.Whole(0)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        # DRF's fields have a label themselves.
        value, count = super().get_fields().values()
        return {"value": value, "label": fields.Text(help_text="As people read it."), "count": count}


class Bucket(Answer):
    """One range of a histogram, and how many stones lie in it."""

    to = _AnyValue(["number", "string", "null"], help_text="Up to here, this number excluded; null: without an end.")
    count = fields.Whole(0)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        # `from` is no name in Python.
        begins = _AnyValue(["number", "string"], help_text="From here, this number included.")
        return {"from": begins, **super().get_fields()}


class FacetAnswer(Answer):
    """The stones of a search by one attribute, as if the search had no filter of its own on that attribute.

    Attributes with few values have `values`, in the trade's order; `price` and `carats` have `buckets`, `min` and `max`.
    """

    values = Counted(many=True, help_text="Also those that no stone has, where the trade has a fixed scale.")
    buckets = Bucket(many=True, help_text="Ranges that follow each other without a gap.")
    unknown = fields.Whole(0, help_text="Stones that lack a value.")
    others = fields.Whole(0, help_text="Stones with values that are too rare to be listed.")
    min = _AnyValue(["number", "string", "null"], help_text="The least value.")
    max = _AnyValue(["number", "string", "null"], help_text="The greatest value.")

    class Meta:
        described: Mapping[str, Any] = {"required": ["unknown"]}
        example = _EXAMPLE["shape"]


class FacetsByAttribute(Answer):
    """Facets by the names of their attributes: those that were asked for."""

    class Meta:
        described: Mapping[str, Any] = {"required": []}
        example = _EXAMPLE

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {name: FacetAnswer() for name in ATTRIBUTES}


@shown_as({"as_of": 4711, "count": 1342, "count_is_exact": True, "facets": _EXAMPLE})
class FacetsAnswer(Answer):
    """The facets of a search, of one version of the catalogue."""

    as_of = fields.Whole(0, help_text="The version of the catalogue that was counted.")
    count = fields.Whole(0, help_text="Stones that pass all filters.")
    count_is_exact = fields.YesNo(help_text="False: there may be more.")
    facets = FacetsByAttribute()


class WithFacets(Strict):
    """Which facets, and the currency of prices."""

    currency = Currency()

    facets = fields.ListOf(
        fields.OneOf(list(ATTRIBUTES)), required=False, help_text="One or several attributes; without it all of them."
    )


class FacetsQuery(WithFacets, FilterQuery):
    """Every filter, and which facets, as parameters."""


class FacetsBody(WithFacets, FilterBody):
    """Every filter, and which facets, as a JSON object."""


class Facets(SearchEndpoint):
    """How the stones of a search spread."""

    @operation("get_facets", "Facets of a search", query=FacetsQuery, answer=FacetsAnswer)
    def get(self, request: Request) -> HttpResponseBase:
        """How many stones there are by each value of an attribute, all filters applied but those on that attribute itself.

        So a box that is not ticked tells what ticking it would bring. Stones that lack a value are counted as `unknown`.
        """
        names = self.facet_names(self.query.get("facets"))
        wanted = self.wanted(self.query)

        def answer(hits: Hits) -> Encoded:
            count, facets = counted(hits, hits, wanted.asked, names, wanted.view.exchange)
            answered = Encoded(
                {"as_of": hits.version, "count": count.number, "count_is_exact": count.exact, "facets": facets}
            )
            answered[FOUND_BY] = hits.found_by
            return answered

        def make() -> HttpResponse:
            return pages.with_hits(wanted.asked, answer)

        return self.answered(wanted, ["facets", names], make, costly=True)


def counted(
    hits: Hits, counts: Pages, asked: Asked, names: Iterable[str], exchange: Exchange = DOLLARS
) -> tuple[Count, dict[str, Any]]:
    """How many stones `counts` has, and the facets of `hits`, which know it where it is not known exactly otherwise."""
    facets = counting.facets(hits, asked, names, exchange)
    count = counts.count()
    if not count.exact and counts is hits and (total := counting.total_of(facets, asked)) is not None:
        count = Count(total)
    return count, facets

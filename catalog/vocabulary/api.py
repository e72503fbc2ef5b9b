"""The vocabulary by REST: `GET /api/v1/diamonds/vocabulary`, for clients with `catalog:read`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import msgspec
from django.http import HttpResponseBase
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.api.asking import asks_for
from catalog.client_views.reading import view_of
from catalog.client_views.view import ClientView
from catalog.currencies.fields import MAX_DOLLARS
from catalog.facets.table import ATTRIBUTES
from catalog.searching.filters import FILTERS
from catalog.vocabulary.words import Described, vocabulary
from diamondhub.access.models import ApiKey
from diamondhub.access.scopes import Scope
from diamondhub.access.throttles.limits import LimitClass
from diamondhub.api import fields
from diamondhub.api.answers import Answer, shown_as
from diamondhub.api.endpoint import Endpoint, operation, version_of

_FIELDS = {known.name: known.field for known in FILTERS}

_KINDS = ["grade", "name", "state", "flag", "number", "money", "text", "id", "time"]
_SCOPE = "The scope that it needs besides `catalog:read`; null: none."
_EXAMPLE: Mapping[str, Any] = {
    "name": "cut",
    "attribute": "cut",
    "kind": "grade",
    "description": "Cut: one or several grades; `NONE` for stones of which it is not known.",
    "several": True,
    "most": 50,
    "most_in_body": 50,
    "end": None,
    "unit": None,
    "minimum": None,
    "maximum": None,
    "values": [
        {"value": "IDEAL", "label": "Ideal", "spellings": ["ID", "IDL"]},
        {"value": "EXCELLENT", "label": "Excellent", "spellings": ["EX", "EXC", "3EX"]},
    ],
    "ordered": True,
    "open": False,
    "lacking": ["NONE", "UNKNOWN"],
    "default": [],
    "example": "IDEAL",
    "scope": None,
}


class ValueAnswer(Answer):
    """One value that a filter takes."""

    value = fields.Text(help_text="As answers have it, and filters take it.")
    spellings = serializers.ListField(
        child=serializers.CharField(),
        help_text="How else it is written; case, spaces, `_`, `-` and dots do not matter.",
    )

    def get_fields(self) -> dict[str, Any]:
        # DRF's fields have a label themselves.
        value, spellings = super().get_fields().values()
        return {"value": value, "label": fields.Text(help_text="As people read it."), "spellings": spellings}


@shown_as(_EXAMPLE)
class FilterAnswer(Answer):
    """One filter of searches."""

    name = fields.Text(help_text="The parameter of a query, and the field of a body.")
    attribute = fields.Text(
        help_text="What it asks about; filters of one attribute are a range, or narrow it together."
    )
    kind = fields.OneOf(_KINDS, help_text="What its values are.")
    description = fields.Text(help_text="What it asks for.")
    several = fields.YesNo(help_text="Whether it takes several values, of which stones have one.")
    most = fields.Whole(1, allow_null=True, help_text="Values of one list in a query.")
    most_in_body = fields.Whole(1, allow_null=True, help_text="Values of one list in a body.")
    end = fields.OneOf(["from", "to", "min", "max"], allow_null=True, help_text="The end of a range that it is.")
    unit = fields.Text(allow_null=True, help_text="`ct`, `mm`, `%`, `°`, `days`, or a currency.")
    minimum = fields.Text(allow_null=True, help_text="The least number that it takes.")
    maximum = fields.Text(allow_null=True, help_text="The greatest number that it takes.")
    values = ValueAnswer(many=True, help_text="Values that it takes; grades from the best on, or as the scale goes.")
    ordered = fields.YesNo(help_text="Whether the values are a scale, in its order.")
    open = fields.YesNo(help_text="Whether names of the catalogue's stones are taken as well.")
    lacking = serializers.ListField(
        child=serializers.CharField(), help_text="Words for stones of which it is not known."
    )
    default = serializers.ListField(
        child=serializers.CharField(), help_text="What is asked for where the filter is not given; empty: all."
    )
    example = fields.Text(help_text="A value as a query has it.")  # type: ignore[assignment]  # a field, none of its own
    scope = fields.Text(allow_null=True, help_text=_SCOPE)


@shown_as({"name": "-price", "description": "By price, the lowest last; stones without the value last.", "scope": None})
class SortAnswer(Answer):
    """One order."""

    name = fields.Text(help_text="The value of `sort`.")
    description = fields.Text(help_text="Which stones come first.")
    scope = fields.Text(allow_null=True, help_text=_SCOPE)


@shown_as({"name": "shape", "label": "Shape", "kind": "values", "scope": None})
class FacetName(Answer):
    """One facet."""

    name = fields.Text(help_text="The value of `facets`.")
    kind = fields.OneOf(["values", "histogram"], help_text="Whether values are counted, or ranges of them.")
    scope = fields.Text(allow_null=True, help_text=_SCOPE)

    def get_fields(self) -> dict[str, Any]:
        name, kind, scope = super().get_fields().values()
        return {"name": name, "label": fields.Text(help_text="As people read it."), "kind": kind, "scope": scope}


@shown_as(
    {
        "filters": [_EXAMPLE],
        "sorts": [SortAnswer.example],
        "facets": [FacetName.example],
    }
)
class VocabularyAnswer(Answer):
    """What searches can be asked in."""

    filters = FilterAnswer(many=True)
    sorts = SortAnswer(many=True)
    facets = FacetName(many=True)


class Vocabulary(Endpoint):
    """What searches can be asked in."""

    scope = Scope.CATALOG_READ
    limit = LimitClass.LOOKUP
    tag = "diamonds"

    @operation("get_vocabulary", "Filters, grades, spellings, sorts and facets", answer=VocabularyAnswer)
    def get(self, request: Request) -> HttpResponseBase:
        """Every filter with its kind, unit, bounds, grades in the trade's order and their spellings; every sort and facet.

        It has what your client's view of the catalogue shows, and changes with that and with releases only: keep it by its
        `ETag`.
        """
        assert isinstance(request.auth, ApiKey)
        view = view_of(request.auth.client)
        known = _answer()
        if view.fields is not None or view.exchange.is_needed or view.defaults:
            known = _within(view, known)
        return self.unless_known(version_of(known), lambda: Response(known))


def _within(view: ClientView, known: Mapping[str, Any]) -> dict[str, Any]:
    """What can be asked within a view, money in its currency."""

    def is_open(name: str) -> bool:
        return all(view.shows(column.name) for column in asks_for(name))

    def seen(described: dict[str, Any]) -> dict[str, Any]:
        money = {"unit": view.currency, "maximum": most} if described["kind"] == "money" else {}
        return {**described, **money, **_default_of(view, described["name"])}

    most = view.exchange.text(view.exchange.amount(MAX_DOLLARS * 100))
    return {
        "filters": [seen(described) for described in known["filters"] if is_open(described["name"])],
        "sorts": [sort for sort in known["sorts"] if is_open(sort["name"])],
        "facets": [facet for facet in known["facets"] if view.shows(ATTRIBUTES[facet["name"]].column.name)],
    }


def _default_of(view: ClientView, name: str) -> dict[str, list[str]]:
    """What holds of a filter in a view where nothing is said of its attribute, as a query has it."""
    if name not in view.defaults:
        return {}
    value, field = view.defaults[name], _FIELDS[name]
    if isinstance(field, fields.Dollars):
        return {"default": [view.exchange.amount_text(value)]}
    shown = field.to_representation(list(value) if isinstance(value, tuple) else value)
    texts = shown if isinstance(shown, list) else [shown]
    return {"default": [str(text).lower() if isinstance(text, bool) else str(text) for text in texts]}


@cache
def _answer() -> dict[str, Any]:
    known = vocabulary()
    return {
        "filters": [_of_filter(described) for described in known.filters],
        "sorts": [{**msgspec.to_builtins(sort), "scope": sort.scope or None} for sort in known.sorts],
        "facets": [{**msgspec.to_builtins(facet), "scope": facet.scope or None} for facet in known.facets],
    }


def _of_filter(described: Described) -> dict[str, Any]:
    most, most_in_body = described.most or (None, None)
    return {
        "name": described.name,
        "attribute": described.attribute,
        "kind": described.kind,
        "description": described.description,
        "several": described.several,
        "most": most,
        "most_in_body": most_in_body,
        "end": described.end or None,
        "unit": described.unit or None,
        "minimum": described.low,
        "maximum": described.high,
        "values": msgspec.to_builtins(described.values),
        "ordered": described.ordered,
        "open": described.open,
        "lacking": list(described.lacking),
        "default": list(described.default),
        "example": described.example,
        "scope": described.scope or None,
    }

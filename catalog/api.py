"""The diamonds by REST: `GET /api/v1/diamonds` and `GET /api/v1/diamonds/{id}`, for clients with `catalog:read`.

What a stone costs, which rule priced it and what the supplier's payload was are the seller's own and never shown here.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.db import models
from django.http import Http404
from django.utils.functional import cached_property
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from catalog import search as searching
from catalog.filters import FILTERS, ORDERS
from catalog.grades import Clarity, Color, FancyIntensity, Finish, Fluorescence
from catalog.models import Availability, Diamond
from diamondhub import money
from diamondhub.access.scopes import Scope
from diamondhub.api.documentation import problems
from diamondhub.api.parameters import OneOf, Parameter, Text, Whole, parse

_Field = serializers.Field[Any, Any, Any, Any]


class GradeName(_Field):
    """A grade, stored as its place in the trade's order, by its name."""

    grades: type[IntEnum]

    def to_representation(self, value: int) -> str:
        return self.grades(value).name


def _grade(grades: type[IntEnum]) -> _Field:
    kind = type(f"{grades.__name__}Name", (GradeName,), {"grades": grades})
    described = extend_schema_field({"type": "string", "enum": [*(grade.name for grade in grades), None]})(kind)
    field: _Field = described(read_only=True, allow_null=True)
    return field


@extend_schema_field({"type": "string", "enum": Availability.values})
class _Availability(serializers.CharField):
    """The state in the API's words, which are the catalogue's."""


@extend_schema_field({"type": "string", "pattern": r"^[0-9]+\.[0-9]{2}$", "example": "1234.50"})
class Dollars(_Field):
    """Cents as a decimal text."""

    def to_representation(self, value: int) -> str | None:
        return money.to_text(value)


class Measure(serializers.FloatField):
    """A decimal of a few digits as a JSON number."""

    def __init__(self, *, max_digits: int, decimal_places: int, **options: Any) -> None:
        super().__init__(**options)


class DiamondAnswer(serializers.ModelSerializer[Diamond]):
    """A diamond as clients see it. Lengths are millimetres, angles degrees, `*_pct` percent, delivery in business days."""

    serializer_field_mapping = {**serializers.ModelSerializer.serializer_field_mapping, models.DecimalField: Measure}
    color = _grade(Color)
    clarity = _grade(Clarity)
    cut = _grade(Finish)
    polish = _grade(Finish)
    symmetry = _grade(Finish)
    fluorescence_intensity = _grade(Fluorescence)
    fancy_intensity = _grade(FancyIntensity)
    currency = serializers.CharField(read_only=True, help_text="The currency of the prices.")
    price = Dollars(source="price_cents", read_only=True)
    price_per_carat = Dollars(source="price_per_carat_cents", read_only=True, allow_null=True)
    availability = _Availability(read_only=True)

    class Meta:
        model = Diamond
        fields = [
            "id", "feed", "supplier_stone_id", "offer_id", "availability",
            "currency", "price", "price_per_carat", "rating",
            "shape", "carats", "color", "clarity", "cut", "polish", "symmetry",
            "fluorescence_intensity", "fluorescence_color", "fancy_color", "fancy_intensity", "fancy_overtone",
            "lab_grown", "treated", "lab", "certificate_number", "certificate_url",
            "length_mm", "width_mm", "depth_mm", "ratio", "table_pct", "depth_pct",
            "crown_angle", "crown_height", "pavilion_angle", "pavilion_depth", "girdle", "culet",
            "eye_clean", "brown", "green", "milky", "image_url", "video_url", "images",
            "supplier_name", "country_of_origin", "delivery_days_min", "delivery_days_max",
            "source_updated_at", "first_seen_at", "changed_at",
        ]  # fmt: skip
        read_only_fields = fields

    def to_representation(self, stone: Diamond) -> dict[str, Any]:
        """As DRF does it, without asking each value whether it could be called: that is most of the time of a page."""
        values = stone.__dict__ | {"currency": money.CURRENCY}
        return {
            name: None if (value := values[source]) is None else represent(value)
            for name, source, represent in self._columns
        }

    @cached_property
    def _columns(self) -> list[tuple[str, str, Callable[[Any], Any]]]:
        return [(name, str(field.source), field.to_representation) for name, field in self.fields.items()]


class DiamondsAnswer(serializers.Serializer[searching.Page]):
    """One page of a search."""

    count = serializers.IntegerField(read_only=True, help_text="Stones of the whole search, over all pages.")
    count_is_exact = serializers.BooleanField(
        read_only=True, help_text=f"False: there are more than {searching.COUNT_CAP:,}; `count` is a lower bound."
    )
    dataset_version = serializers.IntegerField(
        read_only=True, help_text="Version of the catalogue; it rises whenever stones change."
    )
    results = DiamondAnswer(source="diamonds", many=True, read_only=True)
    next = serializers.CharField(
        source="next_cursor", read_only=True, allow_null=True, help_text="`cursor` of the next page; null on the last."
    )


_PAGING = (
    Parameter(
        "sort",
        OneOf({name: name for name in searching.SORTS}),
        "The order, `-` for the other way round: grades go from the best to the worst, stones without the value come last.",
        default="price",
    ),
    Parameter("limit", Whole(1, searching.MAX_PAGE_SIZE), "Stones on a page.", default="50"),
    Parameter(
        "cursor",
        Text(r"[A-Za-z0-9_:-]{1,500}", "the `next` of an answer, unchanged"),
        "Where the page begins: `next` of the page before. All other parameters but `limit` stay as they were.",
    ),
)
PARAMETERS = (*(found.parameter for found in FILTERS), *_PAGING)


class Diamonds(APIView):
    """Searching the catalogue."""

    required_scope = Scope.CATALOG_READ

    @extend_schema(
        operation_id="search_diamonds",
        summary="Search diamonds",
        tags=["diamonds"],
        parameters=[parameter.described() for parameter in PARAMETERS],
        responses={200: DiamondsAnswer, **problems(HTTPStatus.BAD_REQUEST)},
    )
    def get(self, request: Request) -> Response:
        """Stones that pass every filter, a page at a time. Without `availability`, only what can be sold now."""
        values = parse(request, PARAMETERS, ORDERS)
        paging = {parameter.name: values.pop(parameter.name, None) for parameter in _PAGING}
        page = searching.search(searching.Search(values, **paging))
        return Response(DiamondsAnswer(page).data)


class OneDiamond(APIView):
    """One stone of the catalogue, whatever its availability."""

    required_scope = Scope.CATALOG_READ

    @extend_schema(
        operation_id="get_diamond",
        summary="One diamond",
        tags=["diamonds"],
        responses={200: DiamondAnswer, **problems(HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND)},
    )
    def get(self, request: Request, id: UUID) -> Response:  # noqa: A002 - its name in the address
        """The stone with this id. Stones stay after they are sold or delisted; `availability` says so."""
        parse(request, ())
        stone = Diamond.objects.filter(pk=id).first()
        if stone is None:
            raise Http404
        return Response(DiamondAnswer(stone).data)

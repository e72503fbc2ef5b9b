"""Plain DRF: ModelSerializer, django-filter, CursorPagination. `gunicorn -k gthread -w 2 --threads 8 drf_app`."""

from catalogue import COUNT_CAP, FIELDS, GRADES, configure

configure("drf_app", ["rest_framework", "django_filters"])

import django_filters as filters
import django_filters.rest_framework
from django.core.wsgi import get_wsgi_application
from django.db import models
from django.urls import path
from rest_framework import generics, pagination, serializers
from rest_framework.response import Response
from table import Diamond


class Measure(serializers.FloatField):
    def __init__(self, *, max_digits, decimal_places, **options):
        super().__init__(**options)


class DiamondSerializer(serializers.ModelSerializer):
    serializer_field_mapping = {**serializers.ModelSerializer.serializer_field_mapping, models.DecimalField: Measure}
    price = serializers.CharField()
    price_per_carat = serializers.CharField()
    currency = serializers.CharField()
    color, clarity, cut, polish, symmetry, fluorescence_intensity, fancy_intensity = (
        serializers.CharField(source=f"get_{name}_display") for name in GRADES
    )

    class Meta:
        model = Diamond
        fields = FIELDS


def _grade(name, look="exact"):
    names = GRADES[name]
    return filters.TypedChoiceFilter(
        field_name=name,
        lookup_expr=look,
        choices=[(grade, grade) for grade in names],
        coerce=lambda grade: names.index(grade) + 1,
    )


class DiamondFilter(filters.FilterSet):
    shape = filters.CharFilter()
    lab = filters.CharFilter()
    lab_grown = filters.BooleanFilter()
    carats_min = filters.NumberFilter(field_name="carats", lookup_expr="gte")
    carats_max = filters.NumberFilter(field_name="carats", lookup_expr="lte")
    color_from = _grade("color", "gte")
    color_to = _grade("color", "lte")
    clarity_to = _grade("clarity", "lte")
    cut = _grade("cut")
    polish = _grade("polish")
    symmetry = _grade("symmetry")
    price_min = filters.NumberFilter(method="price_from")
    price_max = filters.NumberFilter(method="price_to")

    def price_from(self, query, name, value):
        return query.filter(price_cents__gte=int(value * 100))

    def price_to(self, query, name, value):
        return query.filter(price_cents__lte=int(value * 100))


class Cursor(pagination.CursorPagination):
    page_size = 50
    page_size_query_param = "limit"
    max_page_size = 100

    def get_ordering(self, request, queryset, view):
        return ("-carats", "-id") if request.query_params.get("sort") == "-carats" else ("price_cents", "id")

    def paginate_queryset(self, queryset, request, view=None):
        self.count = queryset.order_by()[: COUNT_CAP + 1].count()
        return super().paginate_queryset(queryset, request, view)

    def get_paginated_response(self, data):
        return Response(
            {
                "count": min(self.count, COUNT_CAP),
                "count_is_exact": self.count <= COUNT_CAP,
                "results": data,
                "next": self.get_next_link(),
            }
        )


class Diamonds(generics.ListAPIView):
    queryset = Diamond.objects.filter(availability="available")
    serializer_class = DiamondSerializer
    filter_backends = [filters.rest_framework.DjangoFilterBackend]
    filterset_class = DiamondFilter
    pagination_class = Cursor


urlpatterns = [path("api/v1/diamonds", Diamonds.as_view())]
application = get_wsgi_application()

"""Addresses of the catalogue's API, below `/api/v1/`."""

from __future__ import annotations

from django.urls import URLPattern, path

from catalog.api.facets import Facets
from catalog.api.lookup import Lookup
from catalog.api.one_stone import OneDiamond
from catalog.api.related import Related
from catalog.api.search import Diamonds, DiamondsByBody

urlpatterns: list[URLPattern] = [
    path("diamonds", Diamonds.as_view(), name="diamonds"),
    path("diamonds/lookup", Lookup.as_view(), name="lookup"),
    path("diamonds/facets", Facets.as_view(), name="facets"),
    path("diamonds/search", DiamondsByBody.as_view(), name="diamonds-by-body"),
    path("diamonds/<uuid:id>", OneDiamond.as_view(), name="diamond"),
    path("diamonds/<uuid:id>/related", Related.as_view(), name="related"),
]

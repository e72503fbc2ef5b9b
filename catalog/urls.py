"""Addresses of the catalogue's API, below `/api/v1/`."""

from __future__ import annotations

from django.urls import URLPattern, path

from catalog.api.facets import Facets
from catalog.api.search import Diamonds, DiamondsByBody
from catalog.api.stones import OneDiamond
from catalog.vocabulary.api import Vocabulary

urlpatterns: list[URLPattern] = [
    path("diamonds", Diamonds.as_view(), name="diamonds"),
    path("diamonds/facets", Facets.as_view(), name="facets"),
    path("diamonds/search", DiamondsByBody.as_view(), name="diamonds-by-body"),
    path("diamonds/vocabulary", Vocabulary.as_view(), name="vocabulary"),
    path("diamonds/<uuid:id>", OneDiamond.as_view(), name="diamond"),
]

"""Addresses of the catalogue's API, below `/api/v1/`."""

from __future__ import annotations

from django.urls import URLPattern, path

from catalog import kinds  # noqa: F401 - declares what the API answers with
from catalog.api.changes import Changes
from catalog.api.exchange_rates import ExchangeRates
from catalog.api.export_files import ExportFile
from catalog.api.exports import Exports, OneExport
from catalog.api.facets import Facets
from catalog.api.lookup import Lookup
from catalog.api.one_stone import OneDiamond
from catalog.api.related import Related
from catalog.api.search import Diamonds, DiamondsByBody
from catalog.api.stock import WholeStock
from catalog.vocabulary.api import Vocabulary

urlpatterns: list[URLPattern] = [
    path("exchange-rates", ExchangeRates.as_view(), name="exchange-rates"),
    path("diamonds", Diamonds.as_view(), name="diamonds"),
    path("diamonds/changes", Changes.as_view(), name="changes"),
    path("diamonds/lookup", Lookup.as_view(), name="lookup"),
    path("diamonds/facets", Facets.as_view(), name="facets"),
    path("diamonds/search", DiamondsByBody.as_view(), name="diamonds-by-body"),
    path("diamonds/vocabulary", Vocabulary.as_view(), name="vocabulary"),
    path("diamonds/<uuid:id>", OneDiamond.as_view(), name="diamond"),
    path("diamonds/<uuid:id>/related", Related.as_view(), name="related"),
    path("exports", Exports.as_view(), name="exports"),
    path("exports/stock", WholeStock.as_view(), name="stock"),
    path("exports/<int:number>", OneExport.as_view(), name="export"),
    path("exports/<int:number>/file", ExportFile.as_view(), name="export_file"),
]

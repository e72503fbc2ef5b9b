"""Addresses of the catalogue's API, below `/api/v1/`."""

from __future__ import annotations

from django.urls import URLPattern, path

from catalog.api.export_files import ExportFile
from catalog.api.exports import Exports, OneExport
from catalog.api.facets import Facets
from catalog.api.search import Diamonds, DiamondsByBody
from catalog.api.stock import WholeStock
from catalog.api.stones import OneDiamond

urlpatterns: list[URLPattern] = [
    path("diamonds", Diamonds.as_view(), name="diamonds"),
    path("diamonds/facets", Facets.as_view(), name="facets"),
    path("diamonds/search", DiamondsByBody.as_view(), name="diamonds-by-body"),
    path("diamonds/<uuid:id>", OneDiamond.as_view(), name="diamond"),
    path("exports", Exports.as_view(), name="exports"),
    path("exports/stock", WholeStock.as_view(), name="stock"),
    path("exports/<int:number>", OneExport.as_view(), name="export"),
    path("exports/<int:number>/file", ExportFile.as_view(), name="export_file"),
]

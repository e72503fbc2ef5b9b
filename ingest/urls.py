"""Addresses of ingestion's API, below `/api/v1/`."""

from __future__ import annotations

from django.urls import URLPattern, path

from ingest.api.proxy import SupplierProxy

urlpatterns: list[URLPattern] = [
    path("suppliers/<slug:feed>/graphql", SupplierProxy.as_view(), name="supplier_proxy"),
]

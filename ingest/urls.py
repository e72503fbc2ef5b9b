"""Addresses of ingestion's API, below `/api/v1/`."""

from __future__ import annotations

from django.urls import URLPattern, path

from ingest import kinds  # noqa: F401 - declares what the API answers with
from ingest.api import SupplierProxy

urlpatterns: list[URLPattern] = [
    path("suppliers/<slug:feed>/graphql", SupplierProxy.as_view(), name="supplier_proxy"),
]

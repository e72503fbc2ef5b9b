"""Addresses of the audit's API, below `/api/v1/`."""

from __future__ import annotations

from django.urls import URLPattern, path

from diamondhub.audit.api import Events, OneEvent

urlpatterns: list[URLPattern] = [
    path("audit/events", Events.as_view(), name="audit_events"),
    path("audit/events/<str:event>", OneEvent.as_view(), name="audit_event"),
]

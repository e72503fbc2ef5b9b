"""Addresses of the webhooks' API, below `/api/v1/`."""

from __future__ import annotations

from django.urls import URLPattern, path

from diamondhub.webhooks.api import OneWebhook, Webhooks, WebhookSecret, WebhookTest

urlpatterns: list[URLPattern] = [
    path("webhooks", Webhooks.as_view(), name="webhooks"),
    path("webhooks/<int:number>", OneWebhook.as_view(), name="webhook"),
    path("webhooks/<int:number>/rotate-secret", WebhookSecret.as_view(), name="webhook_rotate_secret"),
    path("webhooks/<int:number>/test", WebhookTest.as_view(), name="webhook_test"),
]

"""The menu of the admin and how its theme is set up: named in the settings, read by the theme.

It names pages by their addresses, so that it imports no app. What the start page shows is registered by each app in its
`operations.py` (see `diamondhub.operations.home`).
"""

from __future__ import annotations

from typing import Any

from django.templatetags.static import static
from django.urls import reverse_lazy


def _entry(title: str, icon: str, model: str) -> dict[str, Any]:
    """An entry that leads to the list of a model (`<app>_<model>`); icons are those of Material Symbols."""
    return {"title": title, "icon": icon, "link": reverse_lazy(f"admin:{model}_changelist")}


NAVIGATION: list[dict[str, Any]] = [
    {
        "title": "Catalogue",
        "items": [
            _entry("Diamonds", "diamond", "catalog_diamond"),
            _entry("Exports", "download", "catalog_export"),
            _entry("Client views", "visibility", "catalog_catalogview"),
            _entry("Exchange rates", "currency_exchange", "catalog_exchangerate"),
        ],
    },
    {
        "title": "Ingestion",
        "items": [
            _entry("Feeds", "rss_feed", "ingest_feed"),
            _entry("Runs", "sync", "ingest_run"),
            _entry("Dead letters", "report", "ingest_deadletter"),
        ],
    },
    {
        "title": "Pricing",
        "items": [
            _entry("Rule sets", "sell", "pricing_ruleset"),
            _entry("Experiments", "science", "pricing_experiment"),
            _entry("Repricings", "price_change", "pricing_repricing"),
        ],
    },
    {
        "title": "Operations",
        "items": [
            _entry("Alerts", "notifications", "alerts_event"),
            _entry("API clients", "key", "access_apiclient"),
            _entry("Webhooks", "webhook", "webhooks_subscription"),
            _entry("Audit", "history", "audit_auditevent"),
            _entry("Users", "person", "auth_user"),
            _entry("Sign-ins", "login", "access_signin"),
        ],
    },
]

#: The theme's settings (django-unfold's `UNFOLD`).
THEME: dict[str, Any] = {
    "SITE_TITLE": "DiamondHub",
    "SITE_HEADER": "DiamondHub",
    "SITE_SUBHEADER": "The seller's diamond catalogue",
    "SITE_SYMBOL": "diamond",
    "SITE_URL": None,
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda _request: static("diamondhub/favicon.svg")},
    ],
    "STYLES": [lambda _request: static("diamondhub/admin.css")],
    "DASHBOARD_CALLBACK": "diamondhub.operations.home.context",
    "SIDEBAR": {"show_search": False, "navigation": NAVIGATION},
}

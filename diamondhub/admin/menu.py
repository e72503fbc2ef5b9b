"""The menu of the admin and how its theme is set up: named in the settings, read by the theme.

It names pages by their addresses, so that it imports no app. What the start page shows is registered by each app in its
`operations.py` (see `diamondhub.operations.home`).
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse, reverse_lazy


def _entry(title: str, icon: str, model: str) -> dict[str, Any]:
    """An entry that leads to the list of a model (`<app>_<model>`); icons are those of Material Symbols."""

    def may_see(request: HttpRequest) -> bool:
        from django.apps import apps
        from django.contrib import admin

        shown = admin.site.get_model_admin(apps.get_model(model.replace("_", ".", 1)))
        return bool(shown.has_view_or_change_permission(request))

    return {"title": title, "icon": icon, "link": reverse_lazy(f"admin:{model}_changelist"), "permission": may_see}


def _is_at_feeds(request: HttpRequest) -> bool:
    feeds, new_list = reverse("admin:ingest_feed_changelist"), reverse("admin:ingest_feed_new_list")
    return request.path.startswith(feeds) and not request.path.startswith(new_list)


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
            # The theme would mark it on all pages below its own.
            {**_entry("Feeds", "rss_feed", "ingest_feed"), "active": _is_at_feeds},
            {
                "title": "New price list",
                "icon": "playlist_add",
                "link": reverse_lazy("admin:ingest_feed_new_list"),
                "permission": lambda request: request.user.has_perm("ingest.add_feed"),
            },
            _entry("Runs", "sync", "ingest_run"),
            _entry("Dead letters", "report", "ingest_deadletter"),
            _entry("Pauses", "pause_circle", "ingest_pause"),
        ],
    },
    {
        "title": "Pricing",
        "items": [
            _entry("Rule sets", "sell", "pricing_ruleset"),
            _entry("Experiments", "science", "pricing_experiment"),
            _entry("Repricings", "price_change", "pricing_repricing"),
            _entry("Price changes", "timeline", "pricing_pricechange"),
        ],
    },
    {
        "title": "Operations",
        "items": [
            _entry("Problems", "warning", "operations_problem"),
            _entry("Alerts", "notifications", "alerts_event"),
            _entry("Channels", "campaign", "alerts_channel"),
            _entry("Channels' state", "network_check", "alerts_channelstate"),
            _entry("Rules of telling", "rule", "alerts_rule"),
            _entry("Workers", "memory", "operations_worker"),
            _entry("API clients", "key", "access_apiclient"),
            _entry("Webhooks", "webhook", "webhooks_subscription"),
            _entry("Doctor", "stethoscope", "operations_examination"),
            _entry("Background jobs", "pending_actions", "operations_job"),
            _entry("Audit", "history", "audit_auditevent"),
            _entry("Users", "person", "auth_user"),
            _entry("Sign-ins", "login", "access_signin"),
        ],
    },
]


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The menu of one person: what they may open, and no group of which that is nothing."""
    shown = [
        {**group, "items": [item for item in group["items"] if "permission" not in item or item["permission"](request)]}
        for group in NAVIGATION
    ]
    return [group for group in shown if group["items"]]


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
    "SCRIPTS": [lambda _request: static("diamondhub/polling.js"), lambda _request: static("diamondhub/access.js")],
    "DASHBOARD_CALLBACK": "diamondhub.operations.home.context",
    "SIDEBAR": {"show_search": False, "navigation": navigation},
}

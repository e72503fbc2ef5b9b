"""The catalogue in the admin, one file per noun. Django imports this package; the modules register themselves."""

from __future__ import annotations

from catalog.admin import client_views, exchange_rates, exports, several_offers, stones, versions

__all__ = ["client_views", "exchange_rates", "exports", "several_offers", "stones", "versions"]

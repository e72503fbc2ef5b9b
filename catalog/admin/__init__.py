"""The catalogue in the admin, one file per noun. Django imports this package; the modules register themselves."""

from __future__ import annotations

from catalog.admin import exports, stones, versions

__all__ = ["exports", "stones", "versions"]

"""The catalogue in the admin, one file per noun. Django imports this package; the modules register themselves."""

from __future__ import annotations

from catalog.admin import stones, versions

__all__ = ["stones", "versions"]

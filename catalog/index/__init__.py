"""The catalogue's index: every stone of one version in a mapped file, searched without the database."""

from __future__ import annotations

from catalog.index.readers import current

__all__ = ["current"]

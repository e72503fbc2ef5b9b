"""Which feeds the stones come from: feeds belong to an app above this one, which says where their slugs are read."""

from __future__ import annotations

from collections.abc import Callable, Sequence

_sources: list[Callable[[], Sequence[str]]] = []


def name_feeds_by(slugs: Callable[[], Sequence[str]]) -> None:
    """Register the source of the feeds' slugs. Reading them from the stones would scan the table."""
    if slugs not in _sources:
        _sources.append(slugs)


def feed_slugs() -> list[str]:
    """The slugs of all feeds, from every registered source."""
    return [slug for slugs in _sources for slug in slugs()]

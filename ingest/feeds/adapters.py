"""The adapter that serves a feed: built once per process and state of its parameters and secrets."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import msgspec

from ingest import feed_secrets
from ingest.errors import IngestError
from ingest.feeds.adapter import Adapter
from ingest.feeds.registry import ADAPTERS, module_of
from ingest.models import Feed

#: Adapters that a process keeps: more than it has feeds, and few enough that those of former parameters are let go.
KEPT = 128


class UnknownAdapter(IngestError):
    """The feed names an adapter that does not exist."""


def adapter_of(feed: Feed) -> Adapter:
    """The adapter of a feed, with its secrets, one per process and state of both. Raises `IngestError`."""
    return adapter_for(feed.adapter, feed.parameters, feed_secrets.opened(feed))


def mapping_adapter_of(feed: Feed) -> Adapter:
    """The adapter of a feed where only items are mapped: it needs no account and no secret, and asks nobody."""
    return _build(feed.adapter, _written(feed.parameters), None)


def adapter_for(name: str, parameters: dict[str, Any], secrets: Mapping[str, str] | None = None) -> Adapter:
    """The adapter of these parameters and secrets, where there is no feed yet. Raises `IngestError`."""
    return _build(name, _written(parameters), tuple(sorted((secrets or {}).items())))


def _written(parameters: dict[str, Any]) -> bytes:
    return msgspec.json.encode(parameters, order="sorted")


@lru_cache(maxsize=KEPT)
def _build(name: str, parameters: bytes, secrets: tuple[tuple[str, str], ...] | None) -> Adapter:
    if name not in ADAPTERS:
        raise UnknownAdapter(f"there is no adapter {name!r}; known are: {', '.join(sorted(ADAPTERS))}")
    chosen = msgspec.json.decode(parameters)
    adapter: Adapter = module_of(name).build(chosen, None if secrets is None else dict(secrets))
    return adapter

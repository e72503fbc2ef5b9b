"""The adapters by name, and the one that serves a feed. Nothing else knows their names."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

import msgspec

from ingest.errors import IngestError
from ingest.feeds.adapter import Adapter

#: Adapter name → module with `build(parameters) -> Adapter`.
ADAPTERS = {"nivoda": "ingest.feeds.nivoda", "pricelist": "ingest.feeds.pricelist"}


class UnknownAdapter(IngestError):
    """The feed names an adapter that does not exist."""


def adapter_for(name: str, parameters: dict[str, Any]) -> Adapter:
    """The adapter of a feed, one per process and set of parameters. Raises `IngestError` if it cannot be built."""
    return _build(name, msgspec.json.encode(parameters, order="sorted"))


@cache
def _build(name: str, parameters: bytes) -> Adapter:
    if name not in ADAPTERS:
        raise UnknownAdapter(f"there is no adapter {name!r}; known are: {', '.join(sorted(ADAPTERS))}")
    adapter: Adapter = import_module(f"{ADAPTERS[name]}.build").build(msgspec.json.decode(parameters))
    return adapter

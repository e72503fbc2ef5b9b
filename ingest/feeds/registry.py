"""The adapters by name, and the one that serves a feed. Nothing else knows their names."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

import msgspec

from ingest.errors import IngestError
from ingest.feeds.adapter import Adapter

if TYPE_CHECKING:
    from ingest.models import Feed

#: Adapter name → package whose module `build` has `build(parameters, secrets) -> Adapter`, with None for the secrets where
#: nobody will be asked, `secrets_of(parameters)`: the secrets that it sends, by name, and where to, and
#: `account_of(parameters)`: the limiter's name of the account that it asks by. `PARAMETERS` is the struct of its parameters,
#: `check(parameters)` raises what is wrong with them, `SECRETS` are the secrets there may be.
ADAPTERS = {"nivoda": "ingest.feeds.nivoda", "pricelist": "ingest.feeds.pricelist"}
#: Adapters that a process keeps: more than it has feeds, and few enough that those of former parameters are let go.
KEPT = 128


class UnknownAdapter(IngestError):
    """The feed names an adapter that does not exist."""


def adapter_of(feed: Feed) -> Adapter:
    """The adapter of a feed, with its secrets, one per process and state of both. Raises `IngestError`."""
    from ingest import feed_secrets

    return adapter_for(feed.adapter, feed.parameters, feed_secrets.opened(feed))


def mapping_adapter_of(feed: Feed) -> Adapter:
    """The adapter of a feed where only items are mapped: it needs no account and no secret, and asks nobody."""
    return _build(feed.adapter, _written(feed.parameters), None)


def adapter_for(name: str, parameters: dict[str, Any], secrets: Mapping[str, str] | None = None) -> Adapter:
    """The adapter of these parameters and secrets, where there is no feed yet. Raises `IngestError`."""
    return _build(name, _written(parameters), tuple(sorted((secrets or {}).items())))


def secrets_of(name: str, parameters: dict[str, Any]) -> Mapping[str, str]:
    """The names of the secrets that a feed with these parameters sends, each with where it sends it; no adapter, none."""
    if name not in ADAPTERS:
        return {}
    sent: Mapping[str, str] = _module(name).secrets_of(parameters)
    return sent


def account_of(name: str, parameters: dict[str, Any]) -> str:
    """The name of the supplier's account, and so of its limiter, that a feed with these parameters asks by; "" if none."""
    if name not in ADAPTERS:
        return ""
    account: str = _module(name).account_of(parameters)
    return account


def parameters_type(name: str) -> type[msgspec.Struct]:
    """The struct of an adapter's parameters, whose fields say what each is (`ingest.feeds.declared`)."""
    declared: type[msgspec.Struct] = _module(name).PARAMETERS
    return declared


def check_parameters(name: str, parameters: dict[str, Any]) -> None:
    """Raise the adapter's `IngestError` for parameters that it does not take."""
    _module(name).check(parameters)


def secret_names(name: str) -> tuple[str, ...]:
    """The secrets that feeds of an adapter may have."""
    names: tuple[str, ...] = _module(name).SECRETS
    return names


def _written(parameters: dict[str, Any]) -> bytes:
    return msgspec.json.encode(parameters, order="sorted")


def _module(name: str) -> ModuleType:
    return import_module(f"{ADAPTERS[name]}.build")


@lru_cache(maxsize=KEPT)
def _build(name: str, parameters: bytes, secrets: tuple[tuple[str, str], ...] | None) -> Adapter:
    if name not in ADAPTERS:
        raise UnknownAdapter(f"there is no adapter {name!r}; known are: {', '.join(sorted(ADAPTERS))}")
    chosen = msgspec.json.decode(parameters)
    adapter: Adapter = _module(name).build(chosen, None if secrets is None else dict(secrets))
    return adapter

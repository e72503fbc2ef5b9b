"""The adapters by name, and what each declares of itself. Nothing else knows their names; `adapters` builds them."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import ModuleType
from typing import Any

import msgspec

#: Adapter name → package whose module `build` has `build(parameters, secrets) -> Adapter`, with None for the secrets where
#: nobody will be asked, `secrets_of(parameters)`: the secrets that it sends, by name, and where to, and
#: `account_of(parameters)`: the limiter's name of the account that it asks by. `PARAMETERS` is the struct of its parameters,
#: `check(parameters)` raises what is wrong with them, `SECRETS` are the secrets there may be.
ADAPTERS = {"nivoda": "ingest.feeds.nivoda", "pricelist": "ingest.feeds.pricelist"}


def secrets_of(name: str, parameters: dict[str, Any]) -> Mapping[str, str]:
    """The names of the secrets that a feed with these parameters sends, each with where it sends it; no adapter, none."""
    if name not in ADAPTERS:
        return {}
    sent: Mapping[str, str] = module_of(name).secrets_of(parameters)
    return sent


def account_of(name: str, parameters: dict[str, Any]) -> str:
    """The name of the supplier's account, and so of its limiter, that a feed with these parameters asks by; "" if none."""
    if name not in ADAPTERS:
        return ""
    account: str = module_of(name).account_of(parameters)
    return account


def parameters_type(name: str) -> type[msgspec.Struct]:
    """The struct of an adapter's parameters, whose fields say what each is (`ingest.feeds.declared`)."""
    declared: type[msgspec.Struct] = module_of(name).PARAMETERS
    return declared


def check_parameters(name: str, parameters: dict[str, Any]) -> None:
    """Raise the adapter's `IngestError` for parameters that it does not take."""
    module_of(name).check(parameters)


def secret_names(name: str) -> tuple[str, ...]:
    """The secrets that feeds of an adapter may have."""
    names: tuple[str, ...] = module_of(name).SECRETS
    return names


def module_of(name: str) -> ModuleType:
    """The module that builds an adapter and says what it takes. Raises `KeyError` for names that are none."""
    return import_module(f"{ADAPTERS[name]}.build")

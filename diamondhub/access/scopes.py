"""What an API client may do: the scopes that a client holds and that a view asks for."""

from __future__ import annotations

from enum import StrEnum


class Scope(StrEnum):
    """One permission of an API client; each says what it opens."""

    #: Search the catalogue and read diamonds with their prices, never what they cost.
    CATALOG_READ = "catalog:read"
    #: Ask a supplier through its limit, to read.
    SUPPLIERS_PROXY = "suppliers:proxy"
    #: Hold and order stones at a supplier, on top of `suppliers:proxy`.
    SUPPLIERS_ORDER = "suppliers:order"

"""Web origins (scheme, host and port): how they are written, which ones a client has, and where a request comes from.

A publishable client is bound to its origins. A browser says the page's own origin in `Origin`, always when a page of one
origin asks another; only a page that asks its own origin sends none with GET, and there `Referer` tells it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from ipaddress import AddressValueError, IPv6Address

from django.http import HttpRequest

from diamondhub.access.models import ApiClient, Kind

#: Origins of one client.
MAX_ORIGINS = 50
MAX_LENGTH = 255
#: The union of all clients' origins is asked for by strangers, so it is looked up at most so often (seconds).
UNION_SECONDS = 2.0

_FORM = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?|\[[0-9a-f:.]+\])(?::(?P<port>[0-9]{1,5}))?",
    re.ASCII,
)
_USUAL_PORT = {"http": 80, "https": 443}
_union: tuple[float, frozenset[str]] | None = None


class OriginError(ValueError):
    """A text is no origin; the message says what is accepted."""


def normal(text: str) -> str:
    """An origin as browsers write it: in small letters, without the scheme's usual port. Raises `OriginError`."""
    written = text.strip()
    origin = _read(written.removesuffix("/"))
    if origin is None or len(origin) > MAX_LENGTH:
        shown = written[:60]
        raise OriginError(
            f"{shown!r} is no origin: write scheme, host and port as browsers send them, without a path and without *, "
            "e.g. https://www.example.com or http://localhost:3000 (a name in other letters as xn--…)"
        )
    return origin


def normal_list(texts: Iterable[str]) -> list[str]:
    """Origins in their normal form, each once, in their order. Raises `OriginError`."""
    origins = list(dict.fromkeys(normal(text) for text in texts if text.strip()))
    if len(origins) > MAX_ORIGINS:
        raise OriginError(f"a client can have {MAX_ORIGINS} origins, not {len(origins)}")
    return origins


def origins_of(client: ApiClient) -> frozenset[str]:
    """The origins whose pages may use the client's keys: none for a client whose keys are secret."""
    return frozenset(client.origins) if client.is_publishable else frozenset()


def all_origins() -> frozenset[str]:
    """The origins of all active clients: for preflights, which bring no key. True to `UNION_SECONDS`."""
    global _union
    now = time.monotonic()
    if _union is None or now - _union[0] > UNION_SECONDS:
        lists = ApiClient.objects.filter(active=True, kind=Kind.PUBLISHABLE).values_list("origins", flat=True)
        _union = now, frozenset(origin for origins in lists for origin in origins)
    return _union[1]


def forget() -> None:
    """Have the next `all_origins` look again."""
    global _union
    _union = None


def origin_of(request: HttpRequest) -> str | None:
    """Where the page is from that sent the request, by its `Origin`, else by its `Referer`; None if neither tells."""
    origin = request.headers.get("Origin")
    if origin is not None:
        return _read(origin)
    # The path behind the origin is of no interest, and what stands before an @ is no part of an origin.
    scheme, separator, rest = request.headers.get("Referer", "").partition("://")
    host = re.split(r"[/?#\\]", rest, maxsplit=1)[0]
    return _read(f"{scheme}{separator}{host}")


def is_from_a_foreign_page(request: HttpRequest) -> bool:
    """Whether the request's `Origin` is another than our own, whose pages are ours: they may be used with any key."""
    origin = request.headers.get("Origin")
    if origin is None:
        return False
    # A proxy that ends TLS hides the scheme, so hosts alone are compared.
    return origin.partition("://")[2].lower() != request.get_host().lower()


def _read(text: str) -> str | None:
    """The normal form of an origin; None if it is none."""
    found = _FORM.fullmatch(text.lower()) if len(text) <= 2 * MAX_LENGTH and text.isascii() else None
    if found is None:
        return None
    scheme, host, port = found["scheme"], found["host"], int(found["port"] or 0)
    if host.startswith("["):
        try:
            host = f"[{IPv6Address(host[1:-1]).compressed}]"
        except AddressValueError:
            return None
    elif ".." in host:
        return None
    if found["port"] is not None and not 1 <= port <= 65535:
        return None
    return f"{scheme}://{host}" if port in (0, _USUAL_PORT[scheme]) else f"{scheme}://{host}:{port}"

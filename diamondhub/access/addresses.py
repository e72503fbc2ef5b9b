"""Where a request comes from: the address by which it is limited, logged and, for clients with networks, let in.

What a request says of itself (`X-Forwarded-For`, `X-Forwarded-Proto`) counts only from a proxy in `TRUSTED_PROXIES`: anybody
can write it. The list of `X-Forwarded-For` is read from its right end, where each proxy adds whom it heard from, and only
for as long as the ones that wrote it are trusted.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

from django.conf import settings
from django.http import HttpRequest

#: What is counted of an IPv6 address: whoever has one has all of these.
IPV6_PREFIX = 64
#: Stands for an address that the server does not tell (a socket of the host), or that is none.
UNKNOWN = "unknown"
#: Proxies one behind another that are followed.
MAX_HOPS = 10

_Address = IPv4Address | IPv6Address


def of(meta: Mapping[str, Any]) -> str:
    """The caller's address by a request's `META`; `UNKNOWN` if the server tells none."""
    peer = _read(str(meta.get("REMOTE_ADDR", "")))
    if peer is None:
        return UNKNOWN
    told = str(meta.get("HTTP_X_FORWARDED_FOR", "")).split(",")
    for entry in reversed(told[-MAX_HOPS:]):
        if not is_trusted(peer):
            break
        before = _read(entry)
        if before is None:
            # A trusted proxy passed on what is no address: the caller is no nearer known than by that proxy.
            break
        peer = before
    return str(peer)


def of_request(request: HttpRequest) -> str:
    """The caller's address as django-ratelimit counts it (`RATELIMIT_IP_META_KEY`), which knows numbers only."""
    address = of(request.META)
    return address if address != UNKNOWN else "0.0.0.0"  # noqa: S104 - stands for nobody's address


def counted(address: str) -> str:
    """What limits count an address as: itself, or its network if it is an IPv6 one."""
    known = _read(address)
    if isinstance(known, IPv6Address):
        return str(ip_network((known, IPV6_PREFIX), strict=False))
    return str(known) if known else UNKNOWN


def is_inside(meta: Mapping[str, Any]) -> bool:
    """Whether a request comes from this host or a private network, and through no proxy that we do not know.

    A proxy that is not in `TRUSTED_PROXIES` has a private address itself, and brings anybody.
    """
    peer = _read(str(meta.get("REMOTE_ADDR", "")))
    if peer is None or ("HTTP_X_FORWARDED_FOR" in meta and not is_trusted(peer)):
        return False
    caller = _read(of(meta))
    return caller is not None and caller.is_private


def believe_trusted_proxies_only(meta: dict[str, Any]) -> None:
    """Take `X-Forwarded-Proto` out of a request's `META` unless a trusted proxy says it.

    What stays is what `SECURE_PROXY_SSL_HEADER` asks for. Of several values every one must be https: the nearest proxy may
    have been reached without TLS by one that was not.
    """
    told = meta.pop("HTTP_X_FORWARDED_PROTO", None)
    peer = _read(str(meta.get("REMOTE_ADDR", "")))
    if told is None or peer is None or not is_trusted(peer):
        return
    is_secure = {scheme.strip().lower() for scheme in told.split(",")} == {"https"}
    meta["HTTP_X_FORWARDED_PROTO"] = "https" if is_secure else "http"


def is_trusted(address: _Address) -> bool:
    """Whether this is one of our own proxies."""
    return any(address in network for network in settings.TRUSTED_PROXIES if network.version == address.version)


@lru_cache(maxsize=4096)
def _read(written: str) -> _Address | None:
    """An address as proxies write it: perhaps with a port, in brackets, or as an IPv4 one within IPv6."""
    text = written.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address

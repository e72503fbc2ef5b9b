"""The networks that a client may call from: how they are written, and whether an address lies in one of them."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from diamondhub.access.models import ApiClient

#: Networks of one client.
MAX_NETWORKS = 100

_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")


class NetworkError(ValueError):
    """A text is no network; the message says what is accepted."""


def normal(text: str) -> str:
    """A network in CIDR form; a single address is the network of itself. Raises `NetworkError`."""
    written = text.strip()
    shown = f"{written[:50]!r}"
    accepted = "write an address or a network in CIDR form, e.g. 203.0.113.7, 198.51.100.0/24 or 2001:db8::/32"
    if not written.isascii() or "%" in written:
        raise NetworkError(f"{shown} is no network: {accepted}")
    try:
        network = ipaddress.ip_network(written, strict=False)
    except ValueError:
        raise NetworkError(f"{shown} is no network: {accepted}") from None
    address, slash, _mask = written.partition("/")
    if slash and ipaddress.ip_address(address) != network.network_address:
        raise NetworkError(f"{shown} is an address within a network: write {network} for the network")
    if isinstance(network, ipaddress.IPv6Network) and network.subnet_of(_MAPPED):
        raise NetworkError(f"{shown} is IPv4 written as IPv6: write it as IPv4")
    return str(network)


def normal_list(texts: Iterable[str]) -> list[str]:
    """Networks in their normal form, each once, in their order. Raises `NetworkError`."""
    networks = list(dict.fromkeys(normal(text) for text in texts if text.strip()))
    if len(networks) > MAX_NETWORKS:
        raise NetworkError(f"a client can have {MAX_NETWORKS} networks, not {len(networks)}")
    return networks


def admits(client: ApiClient, address: str) -> bool:
    """Whether the client may call from this address: from anywhere if it has no networks, never from an unknown one else."""
    if not client.networks:
        return True
    try:
        caller = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(caller, ipaddress.IPv6Address) and caller.ipv4_mapped is not None:
        caller = caller.ipv4_mapped
    return any(caller in ipaddress.ip_network(network) for network in client.networks)

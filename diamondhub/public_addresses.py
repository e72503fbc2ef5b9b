"""Which addresses of the internet may be called for somebody else: public ones, judged before anything is sent.

A name is resolved once and every address that it has is judged; the caller connects to what was judged, so a name that means
another host a moment later changes nothing, and nobody learns which ports of a private host are open.
"""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

#: Addresses that Python takes for public and that lead, or led, to others: IPv4 in IPv6 (RFC 4291, 6052, 8215), 6to4 with
#: its relays (RFC 3056, 7526), Teredo (RFC 4380), and site-local ones (RFC 3879).
_LEADING_ELSEWHERE = tuple(
    ip_network(text)
    for text in (
        *("::/96", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "192.88.99.0/24", "2001::/32", "fec0::/10"),
        "ff00::/8",
    )
)


class NotPublic(Exception):
    """A host has an address that is not public."""


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address is one of the internet, of a single host, and of nothing that leads elsewhere."""
    judged = getattr(address, "ipv4_mapped", None) or address
    return (
        judged.is_global
        and not judged.is_multicast
        and not any(judged.version == network.version and judged in network for network in _LEADING_ELSEWHERE)
    )


def public_address_of(host: str, port: int) -> str:
    """The address to connect to, of a name or an address as it stands in a URL.

    Raises `NotPublic` if any of its addresses is not public, and `OSError` if it has none.
    """
    addresses = [str(place[0]) for *_, place in socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)]
    for address in addresses:
        if not is_public(ip_address(address.partition("%")[0])):
            raise NotPublic(f"{host} is {address}")
    return addresses[0]

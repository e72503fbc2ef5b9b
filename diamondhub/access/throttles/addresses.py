"""The limit of an address before anybody has signed in there: by the same script, and a share while Redis is away."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address

from diamondhub.access.throttles.buckets import Bucket, Verdict
from diamondhub.access.throttles.limits import DEFAULTS, Limit, LimitClass
from diamondhub.access.throttles.taking import limits


def network(address: str) -> str:
    """What counts as one address: an IPv4 address, or an IPv6 /64, which is what one household gets."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return f"{IPv6Address(int(parsed) >> 64 << 64)}/64"
    return str(parsed)


def take_address(address: str, limit: Limit = DEFAULTS[LimitClass.ADDRESS]) -> Verdict:
    """Take one request from the limit of an address. Whoever has a good key should not be refused by it."""
    return limits().take([Bucket(f"address:{network(address)}", limit)])

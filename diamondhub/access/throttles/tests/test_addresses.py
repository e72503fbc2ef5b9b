"""The limit of an address."""

from __future__ import annotations

import pytest

from diamondhub.access.throttles.addresses import network, take_address
from diamondhub.access.throttles.limits import parse

FEW = parse("address", "1/h burst 3")


def test_an_address_is_refused_beyond_its_limit_and_others_are_not() -> None:
    verdicts = [take_address("192.0.2.1", FEW) for _ in range(4)]

    assert [verdict.allowed for verdict in verdicts] == [True, True, True, False]
    assert verdicts[-1].retry_after in range(3_500, 3_601)
    assert take_address("192.0.2.2", FEW).allowed


def test_a_household_of_ipv6_is_one_address() -> None:
    verdicts = [take_address(f"2001:db8:1:2::{number}", FEW).allowed for number in range(1, 5)]

    assert verdicts == [True, True, True, False]
    assert take_address("2001:db8:1:3::1", FEW).allowed


@pytest.mark.parametrize(
    ("address", "counted_as"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", "unknown"),
        ("unix:", "unknown"),
    ],
)
def test_what_counts_as_one_address(address: str, counted_as: str) -> None:
    assert network(address) == counted_as

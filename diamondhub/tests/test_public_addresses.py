"""Which addresses may be called for somebody else."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from diamondhub.public_addresses import NotPublic, is_public, public_address_of


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.215.14", "2606:4700:4700::1111", "::ffff:8.8.8.8"])
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        *("0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "169.254.169.254", "172.16.0.1", "192.168.1.1"),
        *("192.0.0.1", "192.0.2.1", "192.88.99.1", "198.18.0.1", "224.0.0.1", "239.255.255.250", "240.0.0.1"),
        *("255.255.255.255", "::", "::1", "::8.8.8.8", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1"),
        *("64:ff9b::808:808", "64:ff9b:1::1", "2001:0:1::1", "2001:db8::1", "2002:7f00:1::1", "fc00::1", "fe80::1"),
        *("fec0::1", "ff02::1", "ff0e::1"),
    ],
)
def test_addresses_of_others_and_what_leads_to_them_are_not(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("host", ["localhost", "127.1", "2130706433", "0x7f.1", "[::1]", "::ffff:127.0.0.1"])
def test_a_host_is_judged_by_what_it_means_however_it_is_written(host: str) -> None:
    with pytest.raises(NotPublic):
        public_address_of(host, 80)

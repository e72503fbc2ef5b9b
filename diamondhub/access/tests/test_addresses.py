"""Where a request comes from: proxies are believed if they are ours, from the right end, and nobody else."""

from __future__ import annotations

import os
import subprocess
import sys
from ipaddress import ip_network
from typing import Any

import pytest
from django.test import RequestFactory
from django_ratelimit.core import get_usage

from diamondhub.access import addresses
from diamondhub.access.gate import Visit

PROXY, EDGE, CALLER = "10.0.0.9", "192.0.2.1", "203.0.113.5"


@pytest.fixture
def behind_proxies(settings: Any) -> None:
    settings.TRUSTED_PROXIES = [ip_network("10.0.0.0/8"), ip_network(EDGE), ip_network("fd00::/8")]


def seen(peer: str, forwarded: str | None) -> str:
    told = {} if forwarded is None else {"HTTP_X_FORWARDED_FOR": forwarded}
    return addresses.of({"REMOTE_ADDR": peer, **told})


def test_without_trusted_proxies_a_forwarded_address_is_nobody_s() -> None:
    assert seen(PROXY, CALLER) == PROXY


@pytest.mark.usefixtures("behind_proxies")
@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        (PROXY, None, PROXY),
        (PROXY, CALLER, CALLER),
        (CALLER, "1.2.3.4", CALLER),
        # What the caller itself wrote stands further left.
        (PROXY, f"1.2.3.4, {CALLER}", CALLER),
        (PROXY, f"1.2.3.4, {CALLER}, {EDGE}", CALLER),
        (PROXY, f"{EDGE}, {CALLER}, {EDGE}", CALLER),
        # All of them ours: the first of them asked by itself.
        (PROXY, f"10.1.1.1,{EDGE}", "10.1.1.1"),
        (PROXY, "nonsense", PROXY),
        (PROXY, f"nonsense, {EDGE}", EDGE),
        (PROXY, "", PROXY),
        (PROXY, f"{CALLER}:4711", CALLER),
        (PROXY, "[2001:db8::7]:4711", "2001:db8::7"),
        (PROXY, "2001:db8::7%eth0", "2001:db8::7"),
        (PROXY, f"::ffff:{CALLER}", CALLER),
        (f"::ffff:{PROXY}", CALLER, CALLER),
        ("fd00::1", CALLER, CALLER),
        ("", CALLER, addresses.UNKNOWN),
        (PROXY, ", ".join([CALLER, *["10.0.0.1"] * 50]), "10.0.0.1"),
    ],
)
def test_proxies_are_followed_for_as_long_as_they_are_ours(peer: str, forwarded: str | None, expected: str) -> None:
    assert seen(peer, forwarded) == expected


@pytest.mark.usefixtures("behind_proxies")
@pytest.mark.parametrize(
    ("peer", "proto", "is_secure"),
    [
        (PROXY, "https", True),
        (PROXY, "HTTPS", True),
        (PROXY, "http", False),
        (PROXY, "https, http", False),
        (PROXY, "", False),
        (CALLER, "https", False),
    ],
)
def test_the_scheme_is_believed_from_our_proxies_alone(peer: str, proto: str, is_secure: bool) -> None:
    request = RequestFactory().get("/", REMOTE_ADDR=peer, HTTP_X_FORWARDED_PROTO=proto)

    addresses.believe_trusted_proxies_only(request.META)

    assert request.is_secure() is is_secure


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        (CALLER, CALLER),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8::ffff:1", "2001:db8::/64"),
        ("2001:db8:0:1::1", "2001:db8:0:1::/64"),
        ("2001:DB8:1:2::", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        (addresses.UNKNOWN, addresses.UNKNOWN),
        ("unix:", addresses.UNKNOWN),
        ("", addresses.UNKNOWN),
    ],
)
def test_an_ipv6_address_is_counted_as_its_network(address: str, counted: str) -> None:
    assert addresses.counted(address) == counted


@pytest.mark.usefixtures("behind_proxies", "one_minute")
def test_django_ratelimit_counts_by_the_same_address() -> None:
    def count(forwarded: str) -> Any:
        request = RequestFactory().get("/", REMOTE_ADDR=PROXY, HTTP_X_FORWARDED_FOR=forwarded)
        return get_usage(request, group="test-addresses", key="ip", rate="9/m", increment=True)["count"]

    assert [count("203.0.113.201"), count("203.0.113.202"), count("1.1.1.1, 203.0.113.201")] == [1, 1, 2]


@pytest.mark.usefixtures("behind_proxies")
def test_a_visit_knows_its_address() -> None:
    assert Visit(RequestFactory().get("/", REMOTE_ADDR=PROXY, HTTP_X_FORWARDED_FOR=CALLER)).address == CALLER


@pytest.mark.parametrize(
    ("value", "says"),
    [("10.0.0.0/33", "networks"), ("proxy.local", "networks"), ("0.0.0.0/0", "everybody"), ("::/0", "everybody")],
)
def test_wrong_networks_stop_the_start(value: str, says: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import diamondhub.settings"],
        env=os.environ | {"TRUSTED_PROXIES": value},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode != 0
    assert "TRUSTED_PROXIES" in done.stderr
    assert says in done.stderr

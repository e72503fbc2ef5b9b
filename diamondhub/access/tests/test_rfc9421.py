"""Signatures and digests against the RFCs' own examples, and against another implementation, both ways."""

from __future__ import annotations

import base64
import re
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings as project
from django.http import HttpRequest
from django.test import RequestFactory
from http_message_signatures import (
    HTTPMessageSigner,
    HTTPMessageVerifier,
    HTTPSignatureKeyResolver,
    InvalidSignature,
    algorithms,
)
from hypothesis import given
from hypothesis import strategies as st

from diamondhub.access import digests, rfc9421, signatures
from diamondhub.access.tests.signing import Signer, digest

# --- RFC 9421, B.1.5 and B.2.5 ------------------------------------------------------------------------------------

SHARED_SECRET = base64.b64decode(
    "uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ=="
)
INPUT = 'sig-b25=("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret"'
SIGNATURE = "sig-b25=:pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=:"
VALUES = {"date": "Tue, 20 Apr 2021 02:07:55 GMT", "@authority": "example.com", "content-type": "application/json"}
BASE = b"""\
"date": Tue, 20 Apr 2021 02:07:55 GMT
"@authority": example.com
"content-type": application/json
"@signature-params": ("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret\""""


def test_the_rfcs_own_example_is_signed_as_in_the_rfc() -> None:
    signature = rfc9421.parse(INPUT, SIGNATURE)

    base = signature.base(VALUES)

    assert base == BASE
    assert signature.mac == rfc9421.mac(SHARED_SECRET, base)
    assert signature.label == "sig-b25"


@pytest.mark.parametrize("name", VALUES)
def test_no_component_of_the_rfcs_example_can_be_another(name: str) -> None:
    signature = rfc9421.parse(INPUT, SIGNATURE)

    base = signature.base({**VALUES, name: VALUES[name] + "x"})

    assert signature.mac != rfc9421.mac(SHARED_SECRET, base)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        # RFC 9421, 2.3 and 4.1: parameters are signed as they are serialized strictly, in their order.
        (
            'sig1=("@method" "@target-uri");created=1618884473;keyid="test-key";alg="hmac-sha256"',
            '("@method" "@target-uri");created=1618884473;keyid="test-key";alg="hmac-sha256"',
        ),
        ('s=("a"   "b" );  created=007', '("a" "b");created=7'),
        ('s=();keyid="a \\"b\\" \\\\"', '();keyid="a \\"b\\" \\\\"'),
    ],
)
def test_parameters_are_written_strictly(text: str, written: str) -> None:
    signature = rfc9421.parse(text, f"{text.partition('=')[0]}=:{'A' * 43}=:")

    assert signature.written_parameters == written


def test_a_value_of_two_lines_is_not_signed() -> None:
    signature = rfc9421.parse(INPUT, SIGNATURE)

    with pytest.raises(rfc9421.MalformedSignature):
        signature.base({**VALUES, "content-type": 'x\n"@authority": evil.example'})


# --- RFC 9530, Appendix B and D, and the bodies of RFC 9421 -------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b'{"hello": "world"}\n', "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:"),
        (
            b'{"hello": "world"}\n',
            "sha-512=:YMAam51Jz/jOATT6/zvHrLVgOYTGFy1d6GJiOHTohq4yP+pgk4vf2aCsyRZOtw8MjkM7iw7yZ/WkppmM44T3qg==:",
        ),
        (b'{"hello": "world"}', "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:"),
        (
            b'{"hello": "world"}',
            "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:",
        ),
    ],
)
def test_the_rfcs_own_digests_are_those_of_their_bodies(body: bytes, field: str) -> None:
    claimed = digests.parse(field)

    assert digests.wrong(claimed, body) == []
    assert digests.wrong(claimed, body + b" ") == list(claimed)


# --- against another implementation -------------------------------------------------------------------------------

#: Characters of targets, and octets as they may be sent.
SEGMENTS = st.text("abzAZ09-._~!$&'()*+,;=:@/%", max_size=12).map(lambda text: text.replace("%", "%2f"))
QUERIES = st.none() | st.text("abzAZ09-._~!$&'()*+,;=:@/?", max_size=20).map(
    lambda text: text.replace("!", "%20").replace("~", "%7e%7E")
)
TARGETS = st.builds(
    lambda path, query: f"/{path}" if query is None else f"/{path}?{query}",
    # A path that begins with two slashes would be read as a host by URL libraries.
    SEGMENTS.map(lambda path: path.lstrip("/")),
    QUERIES,
)
BODIES = st.binary(max_size=40)
HOSTS = st.sampled_from(["testserver", "testserver:8000", "[::1]:8000", "127.0.0.1"])
NONCES = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=8, max_size=64)
METHODS = st.sampled_from(["GET", "POST", "PUT", "DELETE", "HEAD"])
SIGNER = Signer("dh_" + "a" * 12, "dhs_secret")


class Keys(HTTPSignatureKeyResolver):
    """The one key of these tests, for the other implementation."""

    def resolve_public_key(self, key_id: str) -> bytes:
        return SIGNER.secret.encode()

    def resolve_private_key(self, key_id: str) -> bytes:
        return SIGNER.secret.encode()


class Message:
    """A request as the other implementation wants it."""

    def __init__(self, method: str, url: str, headers: dict[str, str]) -> None:
        self.method, self.url, self.headers = method, url, headers


def as_served(method: str, host: str, target: str, headers: dict[str, str], body: bytes) -> HttpRequest:
    """A request as the server hands it over."""
    environment: dict[str, Any] = {"HTTP_HOST": host, "RAW_URI": target}
    for name, value in headers.items():
        field = name.upper().replace("-", "_")
        environment[field if field == "CONTENT_TYPE" else f"HTTP_{field}"] = value
    if body:
        environment["CONTENT_LENGTH"] = str(len(body))
    return RequestFactory().generic(method, urlsplit(target).path or "/", body, **environment)


def components_of(body: bytes) -> tuple[str, ...]:
    return signatures.COMPONENTS + (signatures.COMPONENTS_OF_BODY if body else ())


@pytest.fixture(autouse=True)
def any_host(settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["*"]


@given(METHODS, HOSTS, TARGETS, BODIES, NONCES)
def test_what_another_implementation_signs_is_right_here(
    method: str, host: str, target: str, body: bytes, nonce: str
) -> None:
    message = Message(method, f"http://{host}{target}", {"Content-Type": "application/json"} if body else {})
    HTTPMessageSigner(signature_algorithm=algorithms.HMAC_SHA256, key_resolver=Keys()).sign(
        message,
        key_id=SIGNER.key_id,
        nonce=nonce,
        expires=datetime.now(UTC) + timedelta(minutes=1),
        covered_component_ids=components_of(body),
        body=body or None,
    )

    signed = signatures.read(as_served(method, host, target, message.headers, body))

    assert rfc9421.mac(SIGNER.secret.encode(), signed.base) == signed.mac
    assert signed.nonce == nonce
    assert digests.wrong(signed.digests, body) == []


@given(METHODS, HOSTS, TARGETS, BODIES, NONCES)
def test_what_is_right_here_is_right_for_another_implementation(
    method: str, host: str, target: str, body: bytes, nonce: str
) -> None:
    signer = Signer(SIGNER.key_id, SIGNER.secret, host=host)
    headers = signer.headers(method, target, body, nonce=nonce)
    verifier = HTTPMessageVerifier(signature_algorithm=algorithms.HMAC_SHA256, key_resolver=Keys())

    signed = signatures.read(as_served(method, host, target, headers, body))
    (verified,) = verifier.verify(
        Message(method, f"http://{host}{target}", headers), max_age=timedelta(minutes=5), body=body or None
    )

    assert rfc9421.mac(SIGNER.secret.encode(), signed.base) == signed.mac
    assert verified.parameters["nonce"] == nonce
    assert [*verified.covered_components][:-1] == [f'"{name}"' for name in components_of(body)]


@given(TARGETS, TARGETS, BODIES)
def test_two_targets_never_have_one_signature(target: str, other: str, body: bytes) -> None:
    headers = SIGNER.headers("POST", target, body)
    verifier = HTTPMessageVerifier(signature_algorithm=algorithms.HMAC_SHA256, key_resolver=Keys())

    signed = signatures.read(as_served("POST", "testserver", other, headers, body))
    right = rfc9421.mac(SIGNER.secret.encode(), signed.base) == signed.mac

    assert right == (target == other)
    if not right:
        with pytest.raises(InvalidSignature):
            verifier.verify(Message("POST", f"http://testserver{other}", headers))


@given(st.text(max_size=200), st.text(max_size=80))
def test_any_other_texts_are_no_signature(inputs: str, written: str) -> None:
    with pytest.raises(rfc9421.MalformedSignature):
        rfc9421.parse(inputs, written)


@given(st.binary(min_size=1, max_size=200))
def test_a_digest_is_that_of_one_body(body: bytes) -> None:
    for algorithm in ("sha256", "sha512"):
        claimed = digests.parse(digest(body, algorithm))
        assert digests.wrong(claimed, body) == []
        assert digests.wrong(claimed, body[:-1]) == list(claimed)
        assert digests.wrong(claimed, secrets.token_bytes(len(body)) + b"x") == list(claimed)


# --- the documentation --------------------------------------------------------------------------------------------


def test_the_example_of_the_documentation_is_right() -> None:
    text = (project.BASE_DIR / "docs" / "api" / "signing.md").read_text()
    secret = re.search(r"dhs_[0-9A-Za-z]{49}", text)
    lines, request = re.findall(r"```(?:http)?\n(.*?)\n```", text, re.DOTALL)
    head, body = request.split("\n\n")
    first, *others = head.splitlines()
    headers = dict(line.split(": ", 1) for line in others)
    method, target, _ = first.split(" ")

    served = as_served(method, headers.pop("Host"), target, headers, body.encode())
    served.META["wsgi.url_scheme"] = "https"
    served.environ["wsgi.url_scheme"] = "https"  # type: ignore[attr-defined]
    signed = signatures.read(served)

    assert secret is not None
    assert signed.base.decode() == lines
    assert rfc9421.mac(secret[0].encode(), signed.base) == signed.mac
    assert digests.wrong(signed.digests, body.encode()) == []
    assert int(headers["Content-Length"]) == len(body)

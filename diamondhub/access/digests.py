"""Digests of bodies (RFC 9530) in the `Content-Digest` of a request: read, and compared with a body."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping

#: How a request names its digests, as WSGI has them.
FIELD = "HTTP_CONTENT_DIGEST"
#: The algorithms that are taken, all others being broken or unknown.
ALGORITHMS = {"sha-256": hashlib.sha256, "sha-512": hashlib.sha512}
_MEMBER = re.compile(r"(?P<algorithm>[a-z*][a-z0-9_.*-]*)=:(?P<digest>[A-Za-z0-9+/]*={0,2}):", re.ASCII)


class UnacceptableDigest(Exception):
    """A `Content-Digest` cannot be read, or names an algorithm that is not taken; the message says what is accepted."""


def parse(text: str) -> dict[str, bytes]:
    """The digests by their algorithms, at least one. Raises `UnacceptableDigest`."""
    digests: dict[str, bytes] = {}
    for member in text.split(","):
        read = _MEMBER.fullmatch(member.strip(" \t"))
        if read is None or read["algorithm"] not in ALGORITHMS or read["algorithm"] in digests:
            raise UnacceptableDigest("Send the body's digest as Content-Digest: sha-256=:…: (or sha-512), in Base64.")
        digests[read["algorithm"]] = _decoded(read["algorithm"], read["digest"])
    return digests


def wrong(digests: Mapping[str, bytes], body: bytes) -> list[str]:
    """The algorithms whose digest is not the body's."""
    return [
        algorithm
        for algorithm, digest in digests.items()
        if not hmac.compare_digest(ALGORITHMS[algorithm](body).digest(), digest)
    ]


def _decoded(algorithm: str, text: str) -> bytes:
    length = ALGORITHMS[algorithm]().digest_size
    try:
        digest = base64.b64decode(text, validate=True)
    except binascii.Error:
        digest = b""
    if len(digest) != length:
        raise UnacceptableDigest(f"The {algorithm} of Content-Digest must be {length} bytes in Base64.")
    return digest

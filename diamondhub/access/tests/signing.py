"""Signing requests in tests, by hand: nothing of what verifies them is used."""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import secrets
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_to_bytes

from django.test import Client

from diamondhub.access.clients import IssuedKey, create_client

HOST = "testserver"
ADDRESS = "/api/v1/diamonds"
_names = itertools.count(1)


@dataclass
class Signer:
    """A client that signs; what a test sets differs from what is right."""

    key_id: str
    secret: str
    host: str = HOST
    scheme: str = "http"
    #: What the parameters of every signature are, unless a call says something else.
    parameters: dict[str, Any] = field(default_factory=dict)

    def headers(
        self, method: str, target: str, body: bytes = b"", *, content_type: str = "application/json", **parameters: Any
    ) -> dict[str, str]:
        """The headers of a signed request; a parameter that is None is left away."""
        headers: dict[str, str] = {}
        values = {
            "@method": method,
            "@authority": self.host,
            "@target-uri": f"{self.scheme}://{self.host}{target}",
        }
        if body:
            headers |= {"Content-Type": content_type, "Content-Digest": digest(body)}
            values |= {name.lower(): value for name, value in headers.items()}
        said = {
            "created": int(time.time()),
            "nonce": secrets.token_urlsafe(16),
            "keyid": self.key_id,
            "alg": "hmac-sha256",
            **self.parameters,
            **parameters,
        }
        written = "".join(f";{name}={quoted(value)}" for name, value in said.items() if value is not None)
        return headers | sign(self.secret, values, written)


def sign(secret: str, values: dict[str, str], parameters: str) -> dict[str, str]:
    """The two fields of a signature over these components and parameters."""
    covered = "(" + " ".join(f'"{name}"' for name in values) + ")" + parameters
    lines = [*(f'"{name}": {value}' for name, value in values.items()), f'"@signature-params": {covered}']
    mac = hmac.new(secret.encode(), "\n".join(lines).encode("latin-1"), hashlib.sha256).digest()
    return {"Signature-Input": f"sig={covered}", "Signature": f"sig=:{base64.b64encode(mac).decode()}:"}


def digest(body: bytes, algorithm: str = "sha256") -> str:
    """A `Content-Digest`."""
    named = {"sha256": "sha-256", "sha512": "sha-512"}[algorithm]
    return f"{named}=:{base64.b64encode(hashlib.new(algorithm, body).digest()).decode()}:"


def quoted(value: Any) -> str:
    return str(value) if isinstance(value, int) else '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def signing_client(*scopes: str, name: str = "") -> tuple[Signer, IssuedKey]:
    """A client whose key signs."""
    issued = create_client(name or f"signer {next(_names)}", scopes=scopes or ["catalog:read"], signing=True)
    assert issued.signing_secret is not None
    return Signer(f"dh_{issued.key.key_id}", issued.signing_secret), issued


def send(http: Client, method: str, target: str, headers: dict[str, str], body: bytes = b"", **more: Any) -> Any:
    """A request as a server hands it over, with its raw target."""
    path, _, query = target.partition("?")
    environment = {
        "RAW_URI": target,
        "QUERY_STRING": query,
        # As WSGI has it: decoded, every byte a character.
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        **more,
    }
    content_type = headers.get("Content-Type", "application/octet-stream") if body else ""
    others = {name: value for name, value in headers.items() if name != "Content-Type"}
    return http.generic(method, "/", body, content_type=content_type, headers=others, **environment)


def problem(answer: Any) -> tuple[int, str]:
    """Status and kind of a refusal."""
    assert answer["Content-Type"] == "application/problem+json", answer.content
    return answer.status_code, answer.json()["type"].rpartition(":")[2].rpartition("/")[2]

"""Send a signed request: `python3 sign.py GET https://shop.example/api/v1/diamonds`, with a JSON body as third argument.

Needs nothing but Python 3.9, and DIAMONDHUB_KEY_ID (`dh_…`) and DIAMONDHUB_SIGNING_SECRET (`dhs_…`) in the environment.
"""

import base64
import hashlib
import hmac
import os
import secrets
import sys
import time
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from urllib.parse import urlsplit


def signed_headers(method: str, url: str, body: bytes, key_id: str, secret: str) -> dict[str, str]:
    """The headers of a request; make them anew for every attempt, and send the URL exactly as it is here."""
    parts = urlsplit(url)
    default_port = ":443" if parts.scheme == "https" else ":80"
    host = parts.netloc.lower().removesuffix(default_port)
    target = url.split("#")[0].split(parts.netloc, 1)[1]
    headers = {}
    covered = {"@method": method, "@authority": host, "@target-uri": f"{parts.scheme}://{host}{target}"}
    if body:
        digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
        headers = {"Content-Type": "application/json", "Content-Digest": f"sha-256=:{digest}:"}
        covered.update({name.lower(): value for name, value in headers.items()})
    names = " ".join(f'"{name}"' for name in covered)
    nonce = secrets.token_urlsafe(16)
    inputs = f'({names});created={int(time.time())};nonce="{nonce}";keyid="{key_id}";alg="hmac-sha256"'
    base = "\n".join(f'"{name}": {value}' for name, value in {**covered, "@signature-params": inputs}.items())
    mac = base64.b64encode(hmac.new(secret.encode(), base.encode(), hashlib.sha256).digest()).decode()
    return {**headers, "Signature-Input": f"sig={inputs}", "Signature": f"sig=:{mac}:"}


def send(method: str, url: str, body: bytes, key_id: str, secret: str) -> HTTPResponse:
    """The answer to a signed request."""
    parts = urlsplit(url)
    connection = (HTTPSConnection if parts.scheme == "https" else HTTPConnection)(parts.netloc, timeout=30)
    headers = signed_headers(method, url, body, key_id, secret)
    connection.request(method, url.split("#")[0].split(parts.netloc, 1)[1], body or None, headers)
    return connection.getresponse()


if __name__ == "__main__":
    answer = send(
        sys.argv[1],
        sys.argv[2],
        sys.argv[3].encode() if len(sys.argv) > 3 else b"",
        os.environ["DIAMONDHUB_KEY_ID"],
        os.environ["DIAMONDHUB_SIGNING_SECRET"],
    )
    print(answer.status)
    print(answer.read().decode())

"""The proxy's file for production, run: nginx before a web process in production, as docs/serving.md says."""

from __future__ import annotations

import base64
import gzip
import http.client
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from diamondhub.local import debian, processes
from diamondhub.local.testing import servers
from diamondhub.local.tests.test_services import ROOT, until
from diamondhub.serving.tests.processes import PATIENCE, Web, rest_of
from diamondhub.tests.tls import Authority

pytestmark = [pytest.mark.processes, pytest.mark.in_order]

CONFIGURATION = ROOT / "deploy" / "nginx.conf"
PRODUCTION = {
    "ENV": "production",
    "SECRET_KEY": "a secret key of which nobody knows, 0123456789",
    "ENCRYPTION_KEYS": f"1:{base64.b64encode(bytes(range(32))).decode()}",
    "API_KEY_PEPPERS": f"1:{base64.b64encode(bytes(range(32, 64))).decode()}",
    "NIVODA_ENDPOINT": "https://supplier.example.com/graphql",
    "NIVODA_USERNAME": "nobody",
    "NIVODA_PASSWORD": "a long enough one",
    "ALLOWED_HOSTS": "127.0.0.1",
    "TRUSTED_PROXIES": "127.0.0.1",
}


class Nginx:
    """nginx by the file, with addresses, certificate and folders of a test; heads are waited for two seconds."""

    def __init__(self, program: str, folder: Path, upstream: int) -> None:
        self.plain, self.tls = processes.free_port(), processes.free_port()
        authority = Authority(folder, "authority")
        certificate = authority.sign("127.0.0.1")
        self._trust = ssl.create_default_context(cafile=str(authority.path))
        text = CONFIGURATION.read_text()
        own = "".join(
            f"    {name}_temp_path {folder}/{name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        for written, instead in {
            "http {\n": f"http {{\n    access_log off;\n{own}",
            "listen 80;": f"listen 127.0.0.1:{self.plain};",
            "listen 443 ssl http2;": f"listen 127.0.0.1:{self.tls} ssl http2;",
            "server_name shop.example.com;": "server_name 127.0.0.1;",
            "ssl_certificate /etc/ssl/diamondhub/fullchain.pem;": f"ssl_certificate '{certificate}';",
            "ssl_certificate_key /etc/ssl/diamondhub/privkey.pem;": f"ssl_certificate_key '{certificate}';",
            "server 127.0.0.1:8000 ": f"server 127.0.0.1:{upstream} ",
        }.items():
            assert text.count(written) == 1, written
            text = text.replace(written, instead)
        if os.geteuid() == 0:
            text = f"user root;\n{text}"
        (folder / "nginx.conf").write_text(text)
        places = ["-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")]
        self._process = subprocess.Popen(
            [program, *places, "-g", f"daemon off; pid {folder}/pid;"],
            preexec_fn=processes.die_with_parent(signal.SIGTERM),
        )
        until(lambda: self._listens() or self._process.poll() is not None)
        assert self._process.poll() is None, (folder / "error.log").read_text()

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.tls), timeout=1).close()
        except OSError:
            return False
        return True

    def ask(
        self,
        path: str,
        headers: Mapping[str, str] | None = None,
        *,
        method: str = "GET",
        body: bytes | None = None,
        tls: bool = True,
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        connection = (
            http.client.HTTPSConnection("127.0.0.1", self.tls, context=self._trust, timeout=PATIENCE)
            if tls
            else http.client.HTTPConnection("127.0.0.1", self.plain, timeout=PATIENCE)
        )
        try:
            connection.request(method, path, body=body, headers=dict(headers or {}))
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def end(self) -> None:
        self._process.terminate()
        self._process.wait(PATIENCE)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    path = ROOT / "var" / "test" / "web" / f"{os.getpid()}-nginx"
    path.mkdir(parents=True)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="module")
def program() -> str:
    path = debian.program("nginx-light", "nginx")
    if path is None:
        pytest.skip("there is no nginx on this machine (apt-get install nginx-light): its file was not run")
    return path


@pytest.fixture(scope="module")
def web(program: str, folder: Path) -> Iterator[Web]:
    running = Web(folder / "web", DATABASE_URL=servers.database_url(), REDIS_URL=servers.redis_url(), **PRODUCTION)
    yield running
    running.end()


@pytest.fixture(scope="module")
def nginx(program: str, folder: Path, web: Web) -> Iterator[Nginx]:
    running = Nginx(program, folder, web.port)
    yield running
    running.end()


def test_what_comes_by_tls_is_answered_and_plain_pages_are_redirected(nginx: Nginx) -> None:
    assert nginx.ask("/api/docs/")[0] == 200
    status, headers, _ = nginx.ask("/api/docs/", tls=False)
    assert (status, headers["Location"].partition("://")[0]) == (301, "https")
    status, _, body = nginx.ask("/api/v1/diamonds")
    assert (status, json.loads(body)["type"]) == (401, "/api/problems/unauthorized")


def test_a_key_that_comes_in_clear_is_refused_and_not_redirected(nginx: Nginx) -> None:
    status, headers, body = nginx.ask("/api/v1/diamonds", {"X-API-Key": "dh_x"}, tls=False)

    assert (status, json.loads(body)["type"]) == (403, "/api/problems/credential-sent-in-clear")
    assert "Location" not in headers


def test_the_api_is_compressed_and_no_page_with_a_form_is(nginx: Nginx) -> None:
    _, headers, body = nginx.ask("/api/schema/", {"Accept-Encoding": "gzip"})
    assert headers["Content-Encoding"] == "gzip"
    assert json.loads(gzip.decompress(body))["openapi"]
    status, headers, body = nginx.ask("/admin/login/", {"Accept-Encoding": "gzip"})
    assert status == 200
    assert "Content-Encoding" not in headers
    assert b"csrfmiddlewaretoken" in body


def test_what_a_client_says_of_its_address_is_replaced(nginx: Nginx) -> None:
    # To callers from outside the checks say less.
    _, _, body = nginx.ask("/health/status", {"X-Forwarded-For": "8.8.8.8", "X-Forwarded-Proto": "http"})

    assert all("detail" in check for check in json.loads(body)["checks"])


def test_a_body_that_is_too_long_is_a_problem_like_the_others(nginx: Nginx) -> None:
    status, headers, body = nginx.ask("/api/v1/diamonds/search", method="POST", body=b"x" * 1_000_001)

    assert (status, headers["Content-Type"]) == (413, "application/problem+json")
    assert json.loads(body)["type"] == "/api/problems/body-too-large"


def test_half_a_head_is_not_waited_for_and_holds_nobody_up(nginx: Nginx) -> None:
    slow = [socket.create_connection(("127.0.0.1", nginx.plain), timeout=PATIENCE) for _ in range(40)]
    for client in slow:
        client.sendall(b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: ")

    assert nginx.ask("/health/live")[0] == 200

    assert {rest_of(client)[:12] for client in slow} <= {b"", b"HTTP/1.1 408"}
    for client in slow:
        client.close()


def test_while_no_web_process_answers_the_api_says_so_and_when_to_ask_again(nginx: Nginx, web: Web) -> None:
    web.end()

    status, headers, body = nginx.ask("/api/v1/diamonds")

    assert (status, headers["Content-Type"]) == (503, "application/problem+json")
    assert headers["Retry-After"] == "5"
    assert json.loads(body)["status"] == 503

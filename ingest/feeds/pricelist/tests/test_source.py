"""Fetching price lists by address, from a server that does as it is told."""

from __future__ import annotations

import gzip
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from diamondhub import public_addresses
from ingest.feeds.pricelist.errors import ListAway, ListRefused
from ingest.feeds.pricelist.source import fetch
from ingest.feeds.pricelist.tests.lists import adapter, limits, stones, text

DATE = "Tue, 02 Jun 2026 08:00:00 GMT"


@dataclass
class Server:
    """What it answers by path, and what it was asked: (path, `If-None-Match`)."""

    port: int = 0
    status: int = 200
    content: bytes = text(stones(3)).encode()
    headers: dict[str, str] = field(default_factory=lambda: {"Last-Modified": DATE})
    cut: int = 0
    drips: bool = False
    asked: list[tuple[str, str | None]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/list.csv"


@pytest.fixture
def server() -> Iterator[Server]:
    told, stopped = Server(), threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told.asked.append((self.path, self.headers["If-None-Match"]))
            known = "ETag" in told.headers and self.headers["If-None-Match"] == told.headers["ETag"]
            self.send_response(304 if known else told.status)
            for name, value in told.headers.items():
                self.send_header(name, value)
            content = b"" if known else told.content
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if told.drips:
                # Until nobody listens any more.
                with suppress(OSError):
                    while not stopped.wait(0.02):
                        self.wfile.write(b"x")
            else:
                self.wfile.write(content[: len(content) - told.cut])

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        told.port = listening.server_address[1]
        thread = threading.Thread(target=listening.serve_forever, args=(0.05,))
        thread.start()
        yield told
        stopped.set()
        listening.shutdown()
        thread.join()


def test_a_list_comes_by_address_with_its_date(tmp_path: Path, server: Server) -> None:
    server.content = gzip.compress(server.content)

    moment = adapter(tmp_path, source=server.url).server_time()

    assert moment.replace(microsecond=0) == datetime(2026, 6, 2, 8, tzinfo=UTC)


def test_a_list_that_has_not_changed_is_not_sent_again(tmp_path: Path, server: Server) -> None:
    server.headers["ETag"] = '"one"'
    reader = adapter(tmp_path, source=server.url)

    first, second = reader.server_time(), reader.server_time()
    server.headers["ETag"], server.content = '"two"', text(stones(4)).encode()
    third = reader.server_time()

    assert [etag for _, etag in server.asked] == [None, '"one"', '"one"']
    assert first == second != third


def test_a_list_packed_on_its_way_is_unpacked(tmp_path: Path, server: Server) -> None:
    server.content = gzip.compress(server.content)
    server.headers["Content-Encoding"] = "gzip"

    fetch(server.url, tmp_path / "copy", limits(tmp_path, hosts=["127.0.0.1"]))

    assert (tmp_path / "copy").read_text().startswith("Stock #")


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"status": 404}, ListRefused, "answers 404"),
        ({"status": 403}, ListRefused, "answers 403"),
        ({"status": 503}, ListAway, "answers 503"),
        ({"status": 429}, ListAway, "answers 429"),
        ({"cut": 10}, ListAway, "did not send|cut the price list off"),
        ({"content": b"x" * 3_000_000}, ListRefused, "more than 2,000,000 bytes"),
        ({"status": 302, "headers": {"Location": "/list.csv"}}, ListRefused, "redirects more than 3 times"),
        ({"status": 302, "headers": {"Location": "file:///etc/passwd"}}, ListRefused, "no address"),
    ],
)
def test_what_goes_wrong_on_the_way_is_said_with_the_host_only(
    tmp_path: Path, server: Server, change: dict[str, object], error: type[Exception], says: str
) -> None:
    for name, value in change.items():
        setattr(server, name, value)

    with pytest.raises(error, match=says) as raised:
        fetch(
            f"{server.url}?token=secret", tmp_path / "copy", limits(tmp_path, hosts=["127.0.0.1"], most_bytes=2_000_000)
        )

    assert "secret" not in str(raised.value)


def test_a_server_that_sends_a_byte_now_and_then_is_not_waited_for(tmp_path: Path, server: Server) -> None:
    server.drips = True

    with pytest.raises(ListAway, match=r"took more than 0\.5 seconds|did not send|cannot be reached"):
        fetch(server.url, tmp_path / "copy", limits(tmp_path, hosts=["127.0.0.1"], seconds=0.5))


def test_a_server_that_is_away_is_tried_again(tmp_path: Path) -> None:
    with pytest.raises(ListAway, match="cannot be reached"):
        fetch("http://127.0.0.1:9/list.csv", tmp_path / "copy", limits(tmp_path, hosts=["127.0.0.1"]))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0", "[::ffff:127.0.0.1]", "0x7f.1"])
def test_private_addresses_are_not_asked(tmp_path: Path, server: Server, host: str) -> None:
    with pytest.raises(ListRefused, match="PRICELIST_HOSTS"):
        fetch(f"http://{host}:{server.port}/list.csv", tmp_path / "copy", limits(tmp_path))

    assert server.asked == []


def test_open_and_closed_ports_of_a_private_host_cannot_be_told_apart(tmp_path: Path, server: Server) -> None:
    said = []
    for port in (server.port, 9):
        with pytest.raises(ListRefused) as refused:
            fetch(f"http://127.0.0.1:{port}/list.csv", tmp_path / "copy", limits(tmp_path))
        said.append(str(refused.value).replace(str(port), "port"))

    assert said[0] == said[1]


def test_a_name_that_means_another_host_a_moment_later_is_connected_to_what_was_judged(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve = socket.getaddrinfo
    meant = iter(["127.0.0.2"])

    def moving(host: str, *rest: Any, **more: Any) -> Any:
        return resolve(next(meant, "127.0.0.1") if host == "moving.example" else host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", moving)
    monkeypatch.setattr(public_addresses, "is_public", lambda address: str(address) == "127.0.0.2")

    with pytest.raises(ListAway):
        fetch(f"http://moving.example:{server.port}/list.csv", tmp_path / "copy", limits(tmp_path))

    assert server.asked == []


def test_a_redirect_to_a_private_address_is_not_followed(tmp_path: Path, server: Server) -> None:
    server.status, server.headers = 302, {"Location": f"http://localhost:{server.port}/inside"}

    with pytest.raises(ListRefused, match="PRICELIST_HOSTS"):
        fetch(server.url, tmp_path / "copy", limits(tmp_path, hosts=["127.0.0.1"]))

    assert [path for path, _ in server.asked] == ["/list.csv"]

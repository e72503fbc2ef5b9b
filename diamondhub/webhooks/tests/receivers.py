"""A receiver of webhooks that listens on this machine and behaves as it is told."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from diamondhub.access.clients import create_client
from diamondhub.tests.patience import HANG_SECONDS
from diamondhub.webhooks import subscriptions
from diamondhub.webhooks.subscriptions import Issued

ALL_SCOPES = ("webhooks:manage", "catalog:read", "runs:read", "pricing:read")


@dataclass
class Receiver:
    """What it was sent, and how it answers: a status, or nothing until `release` for status 0."""

    port: int = 0
    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    messages: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    asked: threading.Event = field(default_factory=threading.Event)
    release: threading.Event = field(default_factory=threading.Event)
    drip: float = 0.0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def ids(self) -> list[str]:
        return [headers["webhook-id"] for headers, _ in self.messages]


@contextmanager
def listening() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.messages.append(({name.lower(): value for name, value in self.headers.items()}, body))
            receiver.asked.set()
            if receiver.drip:
                # A byte now and then, and never the whole of an answer.
                self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
                while not receiver.release.wait(receiver.drip):
                    try:
                        self.wfile.write(b"x")
                    except OSError:
                        break
                return
            if not receiver.status:
                receiver.release.wait(HANG_SECONDS)
                return
            if "Date" in receiver.headers:
                self.send_response_only(receiver.status)
            else:
                self.send_response(receiver.status)
            for name, value in receiver.headers.items():
                self.send_header(name, value)
            self.end_headers()
            try:
                self.wfile.write(receiver.body)
            except OSError:
                # The sender reads no long answers.
                pass

        def do_GET(self) -> None:
            # Where a redirect was followed to.
            receiver.messages.append(({"webhook-id": "followed"}, b""))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.release.set()
        server.shutdown()
        server.server_close()
        thread.join(timeout=HANG_SECONDS)


def subscribed(url: str, *events: str, name: str = "shop") -> Issued:
    """A client's webhook."""
    client = create_client(name, scopes=ALL_SCOPES).key.client
    return subscriptions.create(client, url=url, events=events or ("catalog.changed",))

"""The sandbox supplier behind HTTP/1.1: the GraphQL endpoint, and the control interface beside it.

`python -m ingest.sandbox` serves it as a process of its own; tests run a `Sandbox` in a thread.
"""

from __future__ import annotations

import io
import socket
import socketserver
import sys
import threading
import time
from collections.abc import Iterator
from email.utils import formatdate
from http.client import responses
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

import msgspec

from ingest.sandbox import accounting, control
from ingest.sandbox.arrivals import StampedSocket, stamp
from ingest.sandbox.control import Refusal
from ingest.sandbox.faults import Mishap, Refusing
from ingest.sandbox.supplier import Options, Supplier

GRAPHQL_PATH, CONTROL_PATH = "/api/diamonds", "/control"
#: Largest request that is read (bytes).
MAX_REQUEST_BYTES = 4_000_000
#: An unused connection is closed after this long (seconds).
IDLE_SECONDS = 120.0
_JSON, _HTML, _LINES = "application/json; charset=utf-8", "text/html; charset=utf-8", "application/x-ndjson"
_ALIASES_REFUSED = "Aliases are not supported: an operation may be asked for once per request"


class _Request(msgspec.Struct):
    """The body of a GraphQL request."""

    query: str
    variables: dict[str, Any] | None = None
    operation_name: str | None = msgspec.field(default=None, name="operationName")


_request_decoder = msgspec.json.Decoder(_Request)
_encoder = msgspec.json.Encoder()


class Sandbox:
    """A sandbox supplier with a server in a thread; a context manager. Port 0 takes a free one."""

    def __init__(self, options: Options | None = None, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self.supplier = Supplier(options or Options())
        self._server = _Server((host, port), self.supplier)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="sandbox", daemon=True)
        origin = f"http://{f'[{host}]' if ':' in host else host}:{self._server.server_port}"
        self.url, self.control = f"{origin}{GRAPHQL_PATH}", f"{origin}{CONTROL_PATH}"

    def start(self) -> Self:
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop serving and close all connections."""
        self._server.stopping.set()
        if self._thread.is_alive():
            self._server.shutdown()
        self._server.hang_up()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self, address: tuple[str, int], supplier: Supplier) -> None:
        self.supplier = supplier
        self.stopping = threading.Event()
        self._connections: set[socket.socket] = set()
        self._connections_lock = threading.Lock()
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        # HTTPServer would ask the resolver for the machine's name, which may take seconds and is not needed.
        socketserver.TCPServer.server_bind(self)
        stamp(self.socket)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._connections_lock:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._connections_lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        with self._connections_lock:
            for connection in self._connections:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "sandbox", ""
    disable_nagle_algorithm = True
    timeout = IDLE_SECONDS
    server: _Server

    def setup(self) -> None:
        super().setup()
        self._incoming = StampedSocket(self.connection)
        self.rfile = io.BufferedReader(self._incoming)

    def parse_request(self) -> bool:
        # The request line has just been read: its arrival is the moment that the contract counts.
        self._arrived = self._incoming.arrived_at
        return super().parse_request()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Log nothing: the accounting has every request."""

    def do_GET(self) -> None:
        self._handle(b"")

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > MAX_REQUEST_BYTES:
            self.close_connection = True
            status = 413 if length.isdecimal() else 411
            self._send_json(status, {"error": f"a request has a Content-Length of at most {MAX_REQUEST_BYTES:,} bytes"})
            return
        self._handle(self.rfile.read(int(length)))

    def _handle(self, body: bytes) -> None:
        target = urlsplit(self.path)
        try:
            if target.path == GRAPHQL_PATH:
                self._graphql(body)
            elif target.path.startswith(f"{CONTROL_PATH}/"):
                self._control(target.path.removeprefix(CONTROL_PATH), dict(parse_qsl(target.query)), body)
            else:
                raise Refusal(404, f"nothing is at {target.path}; diamonds are at {GRAPHQL_PATH}")
        except Refusal as error:
            self._send_json(error.status, {"error": str(error)})

    def _control(self, path: str, parameters: dict[str, str], body: bytes) -> None:
        answer = control.answer(self.server.supplier, self.command, path, parameters, body)
        if isinstance(answer, Iterator):
            self._stream(answer)
        else:
            self._send_json(200, answer)

    def _graphql(self, body: bytes) -> None:
        """Account for the request, apply the faults, and answer it."""
        if self.command != "POST":
            raise Refusal(405, "GraphQL is asked by POST")
        supplier = self.server.supplier
        books = supplier.accounting
        try:
            request = _request_decoder.decode(body)
        except msgspec.DecodeError as error:
            books.arrived(self._arrived, accounting.OTHER)
            self._send_errors(400, f"the body must be JSON with a query: {error}", "BAD_REQUEST")
            return
        variables = request.variables or {}
        compiled = supplier.executor.compile(request.query, request.operation_name)
        kind = accounting.kind_of(compiled.operations, variables)
        books.arrived(self._arrived, kind, compiled.operations.count("diamonds_by_query_count"))
        limit = supplier.options.rate_limit
        if limit and not books.accept(self._arrived, limit):
            self._fail(Mishap("status", 429, 1))
            return
        if self._misfortune():
            return
        if compiled.aliased and supplier.refuses_aliases:
            self._send_errors(200, _ALIASES_REFUSED, "GRAPHQL_VALIDATION_FAILED")
            return
        refusing = supplier.faults.refusal(compiled.operations, variables)
        if refusing:
            books.injected()
            self._refuse(refusing)
            return
        if kind == accounting.PAGE:
            supplier.churn()
        self._send_json(*supplier.executor.execute(compiled, variables, self._bearer()))

    def _misfortune(self) -> bool:
        """Apply the latency and the fault of this request; True if a fault has answered it."""
        faults, books = self.server.supplier.faults, self.server.supplier.accounting
        hanging = faults.hanging()
        if hanging:
            books.injected()
        delay = hanging + faults.latency()
        if delay:
            self.server.stopping.wait(delay)
        mishap = faults.mishap(time.monotonic())
        if mishap:
            books.injected()
            self._fail(mishap)
        return mishap is not None

    def _refuse(self, refusing: Refusing) -> None:
        if refusing.words is None:
            self._send(refusing.status, b"", _HTML)
            return
        error: dict[str, Any] = {"message": refusing.words}
        if refusing.code:
            error["extensions"] = {"code": refusing.code}
        self._send_json(refusing.status, {"errors": [error]})

    def _fail(self, mishap: Mishap) -> None:
        if mishap.kind == "status":
            phrase = responses.get(mishap.status, "Failed")
            page = f"<html><body><h1>{mishap.status} {phrase}</h1></body></html>"
            # Rounded up to whole seconds, so that a client that waits as long is served.
            retry = {} if mishap.retry_after is None else {"Retry-After": str(-int(-mishap.retry_after // 1))}
            self._send(mishap.status, page.encode(), _HTML, retry)
        elif mishap.kind == "html":
            self._send(200, b"<!doctype html><html><body>Just a moment...</body></html>", _HTML)
        elif mishap.kind == "graphql":
            self._send_errors(200, "Internal server error", "INTERNAL_SERVER_ERROR")
        else:
            self.close_connection = True
            if mishap.kind == "cut midway":
                self.wfile.write(self._head(200, 100_000, _JSON, {}) + b'{"data":{"as":{"diamonds_by_query":{"items":[')
            self.connection.shutdown(socket.SHUT_RDWR)

    def _bearer(self) -> str | None:
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else None

    def _send_errors(self, status: int, message: str, code: str) -> None:
        self._send_json(status, {"errors": [{"message": message, "extensions": {"code": code}}], "data": None})

    def _send_json(self, status: int, answer: Any) -> None:
        self._send(status, _encoder.encode(answer), _JSON)

    def _send(self, status: int, body: bytes, kind: str, headers: dict[str, str] | None = None) -> None:
        self.wfile.write(self._head(status, len(body), kind, headers or {}) + body)

    def _stream(self, pieces: Iterator[bytes]) -> None:
        self.wfile.write(self._head(200, None, _LINES, {"Transfer-Encoding": "chunked"}))
        for piece in pieces:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")

    def _head(self, status: int, length: int | None, kind: str, headers: dict[str, str]) -> bytes:
        phrase = responses.get(status, "Failed")
        lines = [f"HTTP/1.1 {status} {phrase}", f"Date: {formatdate(usegmt=True)}", f"Content-Type: {kind}"]
        if length is not None:
            lines.append(f"Content-Length: {length}")
        if self.close_connection:
            lines.append("Connection: close")
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

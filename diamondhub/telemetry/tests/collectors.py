"""A collector of traces on this host, which takes OTLP over HTTP as real ones do."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class Exported:
    """A span as it came: ids in hexadecimal, and the traces that it is linked to."""

    program: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    links: tuple[str, ...]


@dataclass
class Collector:
    """What has come, and each request as it was sent."""

    port: int = 0
    spans: list[Exported] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        """What OTEL_EXPORTER_OTLP_ENDPOINT is set to."""
        return f"http://127.0.0.1:{self.port}"

    def of_trace(self, trace_id: str) -> list[Exported]:
        """The spans of one trace."""
        return [span for span in list(self.spans) if span.trace_id == trace_id]

    def linked_to(self, trace_id: str) -> list[Exported]:
        """The spans of other traces that are linked to it."""
        return [span for span in list(self.spans) if trace_id in span.links]

    def take(self, body: bytes) -> None:
        """Keep what one request has."""
        self.bodies.append(body)
        for of_process in ExportTraceServiceRequest.FromString(body).resource_spans:
            resource = {each.key: each.value.string_value for each in of_process.resource.attributes}
            for scope in of_process.scope_spans:
                self.spans += [
                    Exported(
                        resource["diamondhub.program"],
                        span.name,
                        span.trace_id.hex(),
                        span.span_id.hex(),
                        span.parent_span_id.hex(),
                        tuple(link.trace_id.hex() for link in span.links),
                    )
                    for span in scope.spans
                ]


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector that listens."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.path == "/v1/traces":
                collector.take(body)
            self.send_response(200 if self.path == "/v1/traces" else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        collector.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield collector
        server.shutdown()

"""A port of its own for the process metrics of a host that has no web process: `METRICS_PORT`, in a worker or the index."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import structlog
from django.conf import settings

from diamondhub.telemetry import process_metrics
from diamondhub.telemetry.views import METRICS_TYPE, may_read_metrics

log = structlog.get_logger(__name__)

#: Whoever asks and then says nothing is hung up on (seconds).
PATIENCE_SECONDS = 5.0


class _Answers(BaseHTTPRequestHandler):
    """Answers `/metrics`, and nothing else."""

    timeout = PATIENCE_SECONDS

    def do_GET(self) -> None:
        """Tell what was counted, to those who may know."""
        meta = {"REMOTE_ADDR": self.client_address[0], "HTTP_AUTHORIZATION": self.headers.get("Authorization", "")}
        if "X-Forwarded-For" in self.headers:
            meta["HTTP_X_FORWARDED_FOR"] = self.headers["X-Forwarded-For"]
        if not may_read_metrics(meta):
            self.send_error(403)
        elif self.path != "/metrics":
            self.send_error(404)
        else:
            body = process_metrics.exposed().encode()
            self.send_response(200)
            self.send_header("Content-Type", METRICS_TYPE)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the standard library's name
        """Say nothing of each request."""


def serve() -> int:
    """Tell metrics on METRICS_PORT from a thread of this process; returns the port, 0 if there is none.

    Of several programs of a host with one port the first has it, and tells for all.
    """
    if not settings.METRICS_PORT:
        return 0
    try:
        server = ThreadingHTTPServer(("", settings.METRICS_PORT), _Answers)
    except OSError as error:
        log.info("metrics_port_taken", port=settings.METRICS_PORT, error=error.strerror)
        return 0
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return int(server.server_address[1])

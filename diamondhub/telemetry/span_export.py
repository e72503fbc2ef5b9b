"""How spans leave: scrubbed, by OTLP over HTTP, counted; that a collector goes, and is back, is logged once."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from urllib.parse import unquote

import structlog
from django.conf import settings
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import Link, Status

from diamondhub.telemetry import process_metrics, scrub

log = structlog.get_logger(__name__)

#: One try to send takes no longer (seconds).
SEND_SECONDS = 2.0


class Scrubbed(SpanExporter):
    """Hands spans on without secrets."""

    def __init__(self, onward: SpanExporter) -> None:
        self._onward = onward
        self._is_away = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send them; those that cannot be sent are lost, and nothing waits for them."""
        try:
            result = self._onward.export([scrubbed(span) for span in spans])
        except Exception as error:  # noqa: BLE001 - traces must never disturb the work that they are of
            result, why = SpanExportResult.FAILURE, type(error).__name__
        else:
            why = "the collector does not take them"
        is_sent = result is SpanExportResult.SUCCESS
        process_metrics.count("diamondhub_spans_total", "exported" if is_sent else "lost", by=len(spans))
        if not is_sent and not self._is_away:
            log.warning("spans_lost", error=why)
        elif is_sent and self._is_away:
            log.info("spans_sent_again")
        self._is_away = not is_sent
        return result

    def shutdown(self) -> None:
        """Send no more."""
        self._onward.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Nothing waits here."""
        return True


def exporter() -> SpanExporter:
    """To the collector of the settings."""
    # It logs every try, with the collector's own words.
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
    written = [header.partition("=") for header in settings.OTEL_EXPORTER_OTLP_HEADERS.split(",") if "=" in header]
    return Scrubbed(
        OTLPSpanExporter(
            endpoint=f"{settings.OTEL_EXPORTER_OTLP_ENDPOINT.rstrip('/')}/v1/traces",
            headers={name.strip(): unquote(value.strip()) for name, _, value in written},
            timeout=SEND_SECONDS,
        )
    )


def scrubbed(span: ReadableSpan) -> ReadableSpan:
    """The span as it may leave: every text of it without secrets."""
    status = span.status
    return ReadableSpan(
        name=scrub.text(span.name),
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=scrub.nested(dict(span.attributes or {})),
        links=[Link(link.context, scrub.nested(dict(link.attributes or {}))) for link in span.links],
        kind=span.kind,
        status=Status(status.status_code, scrub.text(status.description) if status.description else None),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )

"""Traces by OpenTelemetry: off unless OTEL_EXPORTER_OTLP_ENDPOINT says where spans go.

The context comes from rows, never from messages: work re-rings itself and is rung by the sweep, so a context that travelled
with doorbells would make one endless trace. `of_row` opens a span in the trace that a row names (`run.trace_id` is a valid
trace id); its stages, slices and batches stay below 2,000 spans. Pages and statements go to traces of their own, sampled and
linked to the row's (`sampled`), and `statement` opens spans only within such a trace.

`begin` is called in each process that works, after it was forked; `end` flushes for `FLUSH_SECONDS` at most, and a process
ends whether a collector answers or not. Every text of a span is scrubbed before it leaves (`span_export`).
"""

from __future__ import annotations

import atexit
import os
import random
import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import TYPE_CHECKING, Any

import structlog
from django.conf import settings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.trace import Tracer

log = structlog.get_logger(__name__)

#: The flush at the end of a process takes no longer (seconds).
FLUSH_SECONDS = 3.0
#: Spans that wait to be sent; more are lost rather than kept.
MAX_WAITING = 2_048
#: Partitions, and batches, of one row that have spans: of more, every so many-th. A partition that is walked in fifteen
#: slices has four spans, a batch has one: with the stages, fewer than 2,000 in all.
MAX_PARTS = 350

_provider: TracerProvider | None = None
_processor: BatchSpanProcessor | None = None
_tracer: Tracer | None = None
_pid = 0
#: Whether statements of the current work have spans.
_is_detailed: ContextVar[bool] = ContextVar("is_detailed", default=False)
_PURPOSE = re.compile(r"\s*/\*\s*(.*?)\s*(?:\*/|$)", re.DOTALL)
_SENTENCE = re.compile(r"[.;:](?:\s|$)")


def begin(program: str) -> None:
    """Have this process make spans, once; a child that was forked since begins its own."""
    global _provider, _processor, _tracer, _pid
    if not settings.OTEL_EXPORTER_OTLP_ENDPOINT or _pid == os.getpid():
        return
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    from diamondhub.telemetry.span_export import SEND_SECONDS, exporter
    from diamondhub.version import version

    resource = Resource(
        {
            "service.name": settings.OTEL_SERVICE_NAME,
            "service.version": version(),
            "service.instance.id": f"{program}-{os.getpid()}",
            "diamondhub.program": program,
        }
    )
    _pid = os.getpid()
    _provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    _processor = BatchSpanProcessor(exporter(), max_queue_size=MAX_WAITING, export_timeout_millis=SEND_SECONDS * 1000)
    _provider.add_span_processor(_processor)
    _tracer = _provider.get_tracer("diamondhub")
    atexit.register(end)


def is_on() -> bool:
    """Whether this process makes spans."""
    return _tracer is not None


def end() -> None:
    """Send what waits, for `FLUSH_SECONDS` at most, and make no more spans."""
    global _provider, _tracer
    if _provider is None or _pid != os.getpid():
        return
    provider, _provider, _tracer = _provider, None, None
    # A daemon: whoever hangs in there must not keep the process.
    flushing = threading.Thread(target=provider.shutdown, name="spans-flush", daemon=True)
    flushing.start()
    flushing.join(FLUSH_SECONDS)


def keeps(number: int, parts: int) -> bool:
    """Whether the part of this number (an id) has a span, of a row that has so many parts."""
    return number % (1 + max(0, parts - 1) // MAX_PARTS) == 0


def keeps_attempt(attempt: int) -> bool:
    """Whether this try of one part has a span: the first two, and then ever fewer."""
    return attempt <= 2 or attempt & (attempt - 1) == 0


@contextmanager
def of_row(name: str, trace_id: str, *, when: bool = True, **attributes: Any) -> Iterator[None]:
    """A span in the trace that a row names. An error that passes through is noted on it."""
    tracer = _tracer
    if tracer is None or not when or (context := _context_of(trace_id)) is None:
        yield
        return
    with _recorded(tracer, name, context, (), attributes):
        yield


def root_of_row(name: str, trace_id: str, *, began: datetime, is_ok: bool, **attributes: Any) -> None:
    """The span that all others of a row's trace hang on, told when the row is over."""
    if _provider is None or _processor is None or (context := _context_of(trace_id)) is None:
        return
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import Status, StatusCode, get_current_span

    _processor.on_end(
        ReadableSpan(
            name=name,
            context=get_current_span(context).get_span_context(),
            resource=_provider.resource,
            attributes={f"diamondhub.{key}": value for key, value in attributes.items()},
            status=Status(StatusCode.OK if is_ok else StatusCode.ERROR),
            start_time=int(began.timestamp() * 1e9),
            end_time=time.time_ns(),
        )
    )


@contextmanager
def sampled(name: str, trace_id: str, **attributes: Any) -> Iterator[None]:
    """A trace of its own, linked to a row's, for a share of the calls (TRACED_SHARE); its statements have spans."""
    tracer = _tracer
    if tracer is None or random.random() >= settings.TRACED_SHARE or (context := _context_of(trace_id)) is None:
        yield
        return
    from opentelemetry.context import Context
    from opentelemetry.trace import Link, get_current_span

    link = Link(get_current_span(context).get_span_context())
    marked = _is_detailed.set(True)
    try:
        with _recorded(tracer, name, Context(), (link,), attributes):
            yield
    finally:
        _is_detailed.reset(marked)


@contextmanager
def statement(query: Any, *, copies: bool = False) -> Iterator[None]:
    """A span of a statement, within a sampled trace: named by the comment that it begins with, without its parameters."""
    tracer = _tracer
    if tracer is None or not _is_detailed.get():
        yield
        return
    with _recorded(tracer, name_of(query, copies=copies), None, (), {"db.system": "postgresql"}):
        yield


def name_of(query: Any, *, copies: bool = False) -> str:
    """What a statement is called: the first sentence of its leading comment, else its first word."""
    words = query if isinstance(query, str) else query.decode("utf-8", "replace") if isinstance(query, bytes) else ""
    if not words and hasattr(query, "as_string"):
        words = query.as_string(None)
    purpose = _PURPOSE.match(words)
    if purpose:
        return " ".join(_SENTENCE.split(purpose[1], maxsplit=1)[0].split())[:100] or "statement"
    first = words.split(maxsplit=1)[0].upper() if words.split() else "statement"
    return "COPY" if copies else first[:20]


def _context_of(trace_id: str) -> Any:
    """The context of a row's trace, on whose root, which the trace id names, all in it hangs; None if it is no trace id."""
    from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

    try:
        number = int(trace_id, 16)
    except ValueError:
        return None
    if len(trace_id) != 32 or not number:
        return None
    root = SpanContext(number, (number & (2**64 - 1)) or 1, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))
    from opentelemetry.context import Context

    return set_span_in_context(NonRecordingSpan(root), Context())


@contextmanager
def _recorded(tracer: Tracer, name: str, context: Any, links: Any, attributes: Mapping[str, Any]) -> Iterator[None]:
    from opentelemetry.trace import Status, StatusCode

    with tracer.start_as_current_span(
        name,
        context=context,
        links=links,
        attributes={f"diamondhub.{key}" if "." not in key else key: value for key, value in attributes.items()},
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        try:
            yield
        except Exception as error:
            # Its traceback is in the log, with the same trace id.
            span.set_status(Status(StatusCode.ERROR, f"{type(error).__name__}: {str(error)[:500]}"))
            span.set_attribute("error.type", type(error).__name__)
            raise

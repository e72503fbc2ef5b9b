"""Traces: off without an endpoint, context from rows, statements by their comments, no secret, and no exit that hangs."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from diamondhub.database import psycopg_cursor
from diamondhub.telemetry import scrub, tracing
from diamondhub.tests.patience import HANG_SECONDS

ROOT = Path(__file__).resolve().parents[3]


class Collector:
    """What a collector would be sent."""

    def __init__(self) -> None:
        self.spans: list[Any] = []

    def named(self, name: str) -> Any:
        return next(span for span in self.spans if span.name == name)


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[Collector]:
    """This process makes spans, scrubbed as they leave."""
    from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

    from diamondhub.telemetry import span_export

    got = Collector()

    class Kept(SpanExporter):
        def export(self, spans: Any) -> SpanExportResult:
            got.spans.extend(spans)
            return SpanExportResult.SUCCESS

    settings.OTEL_EXPORTER_OTLP_ENDPOINT = "http://collector.invalid:4318"
    settings.TRACED_SHARE = 1.0
    monkeypatch.setattr(span_export, "exporter", lambda: span_export.Scrubbed(Kept()))
    monkeypatch.setattr(tracing, "_pid", 0)
    tracing.begin("tests")
    yield got
    tracing.end()


def flushed(collector: Collector) -> Collector:
    assert tracing._processor is not None
    tracing._processor.force_flush()
    return collector


def test_a_rows_trace_is_the_context_of_its_work_and_ends_with_its_root(collector: Collector, today: Any) -> None:
    trace_id = uuid.uuid4().hex

    with tracing.of_row("walk", trace_id, run_id=17), pytest.raises(ValueError, match="no"):
        with tracing.of_row("batch", trace_id, run_id=17):
            raise ValueError("no")
    tracing.root_of_row("full run", trace_id, began=_an_hour_ago(), is_ok=True, run_id=17)

    spans = flushed(collector)
    root = spans.named("full run")
    assert {span.context.trace_id for span in spans.spans} == {int(trace_id, 16)}
    assert {span.parent.span_id for span in spans.spans if span is not root} == {root.context.span_id}
    assert spans.named("batch").status.description == "ValueError: no"
    assert spans.named("walk").attributes["diamondhub.run_id"] == 17


@pytest.mark.django_db
def test_statements_are_spans_in_linked_traces_alone_named_by_their_comment_without_parameters(
    collector: Collector,
) -> None:
    trace_id = uuid.uuid4().hex

    with tracing.of_row("batch", trace_id), psycopg_cursor() as cursor:
        cursor.execute("/* Is in no span. */ SELECT 1")
        with tracing.sampled("page", trace_id):
            cursor.execute("/* Finds the answer; index none. */ SELECT %s::text", ["a-stone-of-somebody"])
            cursor.execute("CREATE TEMPORARY TABLE traced (words text) ON COMMIT DROP")
            with cursor.copy("COPY traced FROM STDIN") as copy:
                copy.write_row(["another-stone"])

    spans = flushed(collector)
    page = spans.named("page")
    assert [link.context.trace_id for link in page.links] == [int(trace_id, 16)]
    assert page.context.trace_id != int(trace_id, 16)
    inside = [span.name for span in spans.spans if span.parent and span.parent.span_id == page.context.span_id]
    assert inside == ["Finds the answer", "CREATE", "COPY"]
    assert not any("stone" in span.to_json() for span in spans.spans)
    assert {span.name for span in spans.spans} == {"batch", "page", *inside}


@pytest.mark.parametrize("trace_id", ["", "0" * 32, "no trace", "ab", "é" * 32])
def test_a_row_without_a_trace_costs_no_work(collector: Collector, trace_id: str) -> None:
    with tracing.of_row("walk", trace_id), tracing.sampled("page", trace_id):
        done = True

    assert done
    assert flushed(collector).spans == []


def test_planted_secrets_are_in_no_span(collector: Collector, settings: Any) -> None:
    settings.NIVODA_PASSWORD = "hush-hush-planted"
    scrub.forget()
    words = "password=hush-hush-planted, Bearer abcdefghijkl, postgresql://u:p4ss-word@host/db"

    with pytest.raises(ValueError, match="hush"):
        with tracing.of_row(f"walk {words}", uuid.uuid4().hex, said=words, api_key="zzz-key-zzz"):
            raise ValueError(words)

    written = json.dumps([span.to_json() for span in flushed(collector).spans])
    assert len(collector.spans) == 1
    assert not any(secret in written for secret in ("hush-hush", "abcdefghijkl", "p4ss-word", "zzz-key"))


def test_a_run_of_any_size_has_a_bounded_number_of_spans() -> None:
    for parts in (1, 349, 350, 351, 520, 700, 701, 5_000, 1_000_000):
        kept = sum(tracing.keeps(number, parts) for number in range(parts))
        assert kept <= tracing.MAX_PARTS + 1
        assert kept >= min(parts, tracing.MAX_PARTS // 2)
        slices = sum(map(tracing.keeps_attempt, range(1, 16)))
        stages = sum(map(tracing.keeps_attempt, range(1, 100_000)))
        # Each partition in fifteen slices, as many batches, and the stages, which look again and again.
        assert kept * slices + kept + 10 * stages < 2_000
    assert sum(map(tracing.keeps_attempt, range(1, 1_000))) < 12


def test_without_an_endpoint_nothing_begins_and_no_exporter_is_loaded() -> None:
    script = """
        import django, sys
        django.setup()
        from diamondhub.telemetry import tracing
        tracing.begin("worker-io")
        with tracing.of_row("walk", "ab" * 16), tracing.sampled("page", "ab" * 16), tracing.statement("SELECT 1"):
            pass
        print(tracing.is_on(), any(name.startswith("opentelemetry.exporter") for name in sys.modules))
    """

    assert _run(script).stdout.split() == ["False", "False"]


def _run(script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    import os

    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "diamondhub.settings", "LOG_FORMAT": "json", **environment},
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        check=True,
    )


FORKING = """
    import django, os, signal, sys
    django.setup()
    from diamondhub.telemetry import tracing
    tracing.begin("worker-cpu")
    child = os.fork()
    tracing.begin("worker-cpu")
    for _ in range(50):
        with tracing.of_row("batch", "ab" * 16, said="hush-hush-planted"):
            pass
    if not child:
        tracing.end()
        os._exit(0)
    os.waitpid(child, 0)
    print("worked", flush=True)
"""


@pytest.mark.parametrize("kind", ["refuses", "never answers"])
def test_a_process_ends_though_no_collector_answers_and_says_it_once(kind: str) -> None:
    import socket

    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        if kind == "never answers":
            mute.listen()
        port = mute.getsockname()[1]

        ended = _run(FORKING, OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{port}")

    lines = [line for line in ended.stderr.splitlines() if "spans_lost" in line]
    assert ended.stdout.strip() == "worked"
    # The parent and the child, each once; whoever is still asking when its time is over says nothing.
    assert len(lines) <= 2
    assert "Traceback" not in ended.stderr


def _an_hour_ago() -> Any:
    from datetime import UTC, datetime, timedelta

    return datetime.now(UTC) - timedelta(hours=1)

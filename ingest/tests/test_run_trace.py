"""The trace of a run: its root comes whenever the run ends, and all its parts hang on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from diamondhub.telemetry.tests.test_tracing import Collector, collector, flushed  # noqa: F401 - a fixture
from ingest import runs
from ingest.models import Run
from ingest.tests import factories
from ingest.tests.factories import MemorySupplier

pytestmark = pytest.mark.django_db(transaction=True)


def completed() -> Run:
    return factories.settled()


def cancelled() -> Run:
    run = factories.start()
    runs.cancel_run(run.pk, actor="olga", reason="a test")
    return run


@pytest.mark.parametrize("ended", [completed, cancelled])
def test_a_run_that_ends_sends_the_root_that_its_parts_hang_on(
    collector: Collector,  # noqa: F811 - the fixture
    monkeypatch: pytest.MonkeyPatch,
    ended: Callable[[], Run],
) -> None:
    factories.supplying(monkeypatch, MemorySupplier(factories.stones(30)))

    run = ended()

    spans: list[Any] = [span for span in flushed(collector).spans if span.context.trace_id == int(run.trace_id, 16)]
    (root,) = [span for span in spans if span.name == "full run"]
    assert root.attributes["diamondhub.run_id"] == run.pk
    assert {span.parent.span_id for span in spans if span is not root} <= {root.context.span_id}
    assert root.status.is_ok == (run.state == "completed")

"""What `manage.py bench` makes of its figures; the benchmarks themselves are run by hand."""

from __future__ import annotations

import json
from io import StringIO
from unittest import mock

import pytest
from django.core.management import CommandError, call_command

from benchmarks.result import Figure
from ingest.management.commands import bench

REACHED = Figure("pages", 3.0, "the limit", "30 a second", goal=2.0)
MISSED = Figure("memory", 1.3, "a process", "130 MB", goal=1.2, at_most=True)
WITHOUT_GOAL = Figure("rows", 0.1, "a COPY", "10 a second")


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> StringIO:
    monkeypatch.setattr(bench, "call_command", mock.Mock())
    monkeypatch.setattr(bench, "empty_catalogue", mock.Mock())
    for name in ("NIVODA_ENDPOINT", "NIVODA_USERNAME", "NIVODA_PASSWORD"):
        monkeypatch.setattr(f"django.conf.settings.{name}", "")
    return StringIO()


def test_a_goal_that_is_missed_ends_it_with_the_names_after_all_is_told(said: StringIO) -> None:
    with (
        mock.patch.dict(bench.BENCHMARKS, {"pages": lambda: [REACHED, MISSED, WITHOUT_GOAL]}),
        pytest.raises(CommandError, match=r"^goals that were missed: memory$"),
    ):
        call_command("bench", "--only", "pages", "--json", stdout=said)

    assert [figure["reached"] for figure in json.loads(said.getvalue())] == [True, False, True]


def test_goals_that_are_reached_are_no_fault(said: StringIO) -> None:
    with mock.patch.dict(bench.BENCHMARKS, {"pages": lambda: [REACHED, WITHOUT_GOAL]}):
        call_command("bench", "--only", "pages", stdout=said)

    assert "pages" in said.getvalue()
    assert "!" not in said.getvalue()

"""What is told of the builders of hosts: those that are behind, those that died, and hosts that are gone."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from catalog import state_metrics
from catalog.index import reports
from catalog.models import IndexBuilder
from diamondhub.database import psycopg_cursor
from diamondhub.operations.models import Worker

pytestmark = pytest.mark.django_db


def builder(host: str, *, silent: float = 0.0, behind: float = 0.0) -> None:
    """A builder that was heard of so many seconds ago."""
    IndexBuilder.objects.create(
        host=host, seen_at=timezone.now() - timedelta(seconds=silent), version=1, behind_seconds=behind
    )


def process(host: str, *, silent: float = 0.0, program: str = "web", ended: str = "") -> None:
    """A process of a host that was heard of so many seconds ago."""
    at = timezone.now() - timedelta(seconds=silent)
    Worker.objects.create(
        program=program,
        place=f"{host} {program} ",
        host=host,
        pid=1,
        queues=[],
        started_at=at - timedelta(hours=1),
        seen_at=at,
        ended=ended,
        ended_at=at if ended else None,
    )


def wrong() -> list[str]:
    return [item.about for item in reports.look()]


def told(name: str) -> dict[tuple[str, ...], float]:
    return {value.labels: value.value for value in state_metrics.indexes() if value.name == name}


def test_a_builder_that_died_on_a_host_that_lives_is_told_as_long_as_it_is_dead() -> None:
    builder("living", silent=3_600)
    process("living")
    process("living", silent=3_600, program="index")

    assert wrong() == ["host:living"]
    assert told("diamondhub_index_builder_silent_seconds")[()] >= 3_600
    assert told("diamondhub_index_hosts") == {("there",): 1, ("gone",): 0}


def test_a_host_of_which_nothing_is_heard_is_told_at_first_and_is_gone_after_minutes() -> None:
    builder("new", silent=120)
    process("new", silent=120)
    builder("gone", silent=400, behind=90)
    process("gone", silent=400)

    assert wrong() == ["host:new"]
    assert 120 <= told("diamondhub_index_builder_silent_seconds")[()] < 400
    assert told("diamondhub_index_behind_seconds") == {(): 0}
    assert told("diamondhub_index_hosts") == {("there",): 1, ("gone",): 1}


def test_processes_that_stopped_in_order_keep_no_host_there() -> None:
    builder("emptied", silent=400)
    process("emptied", silent=10, ended="stopped")

    assert wrong() == []


def test_a_builder_that_stops_in_order_is_forgotten_and_no_other_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "mine" * 60)
    builder(("mine" * 60)[:200])
    builder("other")

    with psycopg_cursor() as cursor:
        reports.withdraw(cursor)

    assert [kept.host for kept in IndexBuilder.objects.all()] == ["other"]

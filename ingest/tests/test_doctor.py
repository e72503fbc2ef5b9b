"""What ingestion adds to the doctor: the supplier's clock and invariants; and that a stack that is well has no findings."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from diamondhub.operations.doctor import of_servers
from diamondhub.operations.doctor.tests.planting import findings
from ingest import doctor
from ingest.feeds import adapters
from ingest.models import Feed, Partition
from ingest.tests import rows
from ingest.tests.stack import Stack, until


@pytest.mark.django_db
def test_what_must_always_hold_and_does_not_is_critical() -> None:
    run = rows.run(state="ingesting", due_at=timezone.now())
    partition = rows.partition(run, state="ready", due_at=None)
    told = findings(doctor.invariants_hold)
    Partition.objects.filter(pk=partition.pk).update(
        due_at=timezone.now(), lease_expires_at=timezone.now() - timedelta(hours=1), lease_owner="a dead one"
    )

    lease = findings(doctor.invariants_hold)

    assert any("is unfinished and has no due time" in finding.words for finding in told)
    assert {finding.severity for finding in told} == {"critical"}
    assert any("the lease of a dead one ran out" in finding.words for finding in lease)


@pytest.mark.django_db
def test_the_suppliers_clock_is_asked_for_by_its_feed_and_without_one_there_is_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Supplier:
        def server_time(self) -> Any:
            return timezone.now() + timedelta(hours=2)

    monkeypatch.setattr(adapters, "adapter_of", lambda _feed: Supplier())
    Feed.objects.update(enabled=False)
    none = doctor.suppliers_clock()
    Feed.objects.update(enabled=True)

    found = findings(of_servers.clocks_agree)

    assert none is None
    assert any("the supplier is ahead" in finding.words for finding in found)


@pytest.mark.processes
def test_a_stack_that_is_well_has_no_findings(stack: Stack) -> None:
    sweeps = "SELECT count(*) FROM telemetry_heartbeat WHERE name = 'sweep'"
    until(lambda: stack.value(sweeps) == 1, seconds=60, what="a sweep")

    # How full this machine's disks are says nothing of the stack.
    listed = json.loads(stack.manage("doctor", "--list", "--json").stdout)["checks"]
    asked = [f"--only={check['check']}" for check in listed if check["check"] != "disks"]
    looks: list[Any] = []

    def is_well() -> bool:
        # A machine that is busy with starting has not told of all programs yet, and answers late.
        looks[:] = [stack.manage("doctor", "--json", *asked)]
        return bool(looks[0].returncode == 0)

    with suppress(AssertionError):
        until(is_well, seconds=30, what="the doctor finds nothing")
    (well,) = looks
    found = [finding for check in json.loads(well.stdout)["checks"] for finding in check["findings"]]
    assert [finding for finding in found if finding["severity"] != "info"] == []
    assert well.returncode == 0

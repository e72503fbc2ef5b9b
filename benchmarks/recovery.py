"""The cost of a killed worker: seconds from SIGKILL until every row that it held has moved on, with the real leases.

The stack runs as real processes on data of its own; `up` starts the killed worker again, the sweep finds the rows it held.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from django.conf import settings

from benchmarks.result import Figure
from diamondhub.local.processes import var_dir
from ingest.tests.stack import PACE, Sandbox, Stack, until

FEED = "nivoda-labgrown"
_HELD = "SELECT id, next_offset FROM ingest_partition WHERE run_id = %(run)s AND lease_expires_at IS NOT NULL"
_MOVED = "SELECT id FROM ingest_partition WHERE id = %(id)s AND (state <> 'ready' OR next_offset > %(next_offset)s)"
_BATCHES = "SELECT id FROM ingest_consolidationbatch WHERE run_id = %(run)s AND lease_expires_at IS NOT NULL"
_DONE = "SELECT id FROM ingest_consolidationbatch WHERE id = %(id)s AND state <> 'ready'"


def measure(stones: int) -> list[Figure]:
    """Kill the reading and then the consolidating worker, each in a run over `stones` stones."""
    supplier = Sandbox(stones)
    real = {name: f"{getattr(settings, name)}" for name in PACE}
    stack = Stack(var_dir() / "recovery", supplier, **real, NIVODA_RATE_LIMIT="25")
    try:
        run = stack.start(FEED, "--full")
        until(lambda: stack.pages(run) >= 20, seconds=120, what="the run reads pages")
        reading = _seconds_until_all_moved(stack, "worker-io", _left(stack, stack.rows(_HELD, run=run), _MOVED))
        stack.wait_for(run, seconds=600)
        stack.forget()
        run = stack.start(FEED, "--full")
        until(lambda: stack.rows(_BATCHES, run=run), seconds=600, what="the run consolidates")
        consolidating = _seconds_until_all_moved(
            stack, "worker-cpu", _left(stack, stack.rows(_BATCHES, run=run), _DONE)
        )
        stack.wait_for(run, seconds=600)
    finally:
        stack.stop()
        supplier.stop()
    return [
        _figure("reading goes on after SIGKILL", reading, settings.PARTITION_LEASE_SECONDS),
        _figure("consolidating goes on after SIGKILL", consolidating, settings.BATCH_LEASE_SECONDS),
    ]


def _seconds_until_all_moved(stack: Stack, worker: str, left: Callable[[], int]) -> float:
    """Kill a worker; returns the seconds until every row that it held has moved on."""
    stack.kill(worker)
    killed = time.monotonic()
    until(lambda: left() == 0, seconds=600, what=f"what {worker} held moves on")
    return time.monotonic() - killed


def _left(stack: Stack, held: list[dict[str, Any]], moved: str) -> Callable[[], int]:
    """A function that counts the rows of `held` that have not moved on."""
    return lambda: sum(not stack.rows(moved, **row) for row in held)


def _figure(name: str, seconds: float, lease: float) -> Figure:
    allowed = lease + settings.SWEEP_SECONDS
    return Figure(
        name,
        ratio=seconds / allowed,
        goal=1.0,
        at_most=True,
        of="lease and sweep",
        detail=f"{seconds:.1f} s against {lease:g} s + {settings.SWEEP_SECONDS:g} s",
    )

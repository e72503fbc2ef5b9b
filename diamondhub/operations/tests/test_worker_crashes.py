"""Processes that show themselves and are really killed: a host that goes down and comes back, and one that dies on."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connections

from diamondhub.operations import worker_problems, workers
from diamondhub.operations.models import Worker

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]

#: Processes of one program on the host.
MANY = 4


@contextmanager
def shown(number: int = 1) -> Iterator[None]:
    """So many processes at once, each with its row; they are killed at the end."""
    connections.close_all()
    started: list[int] = []
    try:
        for _ in range(number):
            if not (child := os.fork()):
                try:
                    workers.show("web", pool="threads", slots=8)
                    signal.pause()
                finally:
                    os._exit(1)
            started.append(child)
        deadline = time.monotonic() + 120
        while Worker.objects.filter(pid__in=started, ended="").count() < number:
            assert time.monotonic() < deadline, "they do not show themselves"
            time.sleep(0.02)
        yield
    finally:
        for child in started:
            os.kill(child, signal.SIGKILL)
        for child in started:
            os.waitpid(child, 0)


def loops() -> list[str]:
    return [item.kind for item in worker_problems.look() if item.kind == "worker-restarting"]


def test_a_host_that_is_killed_whole_and_started_again_is_no_loop_and_one_process_that_dies_on_is() -> None:
    with shown(MANY):
        pass
    with shown(MANY):
        after_crash, restarts = loops(), sum(workers.restarts().values())
        # Beside the others, which live.
        for _ in range(worker_problems.LOOP_STARTS):
            with shown():
                pass
        with shown():
            dying_on = loops()

    assert (after_crash, restarts) == ([], MANY)
    assert dying_on == ["worker-restarting"]

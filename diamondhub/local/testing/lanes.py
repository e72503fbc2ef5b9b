"""The scheduler of the tests of whole processes: deals files to the processes of `-n`, the longest first.

Each file goes to the process with the least to do. pytest-xdist gives a worker its next file at its last but one test, which
may take minutes; here all files are dealt at the beginning, and a file's stack is started once.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler.loadscope import LoadScopeScheduling

from diamondhub.local.testing.templates import ROOT, SOURCES

#: Approximate durations of the long files (seconds); only their proportions matter.
LONG = {
    "ingest/tests/test_kills.py": 340,
    "ingest/tests/test_kill_matrix.py": 230,
    "ingest/tests/test_planted_faults.py": 180,
    "ingest/tests/test_weather.py": 160,
    "diamondhub/local/tests/test_up.py": 160,
    "ingest/tests/test_demo.py": 125,
    "ingest/tests/test_draining.py": 110,
    "ingest/tests/test_doctor.py": 80,
    "ingest/tests/test_pausing_processes.py": 80,
    "ingest/tests/test_pricing_at_work.py": 75,
    "ingest/tests/test_main_job.py": 70,
    "ingest/tests/test_limit_at_the_supplier.py": 65,
    "ingest/tests/test_silence.py": 60,
    "ingest/tests/test_misuse.py": 50,
    "diamondhub/pace/tests/test_limiter.py": 45,
    "diamondhub/postgresql/tests/test_hanging.py": 45,
    "diamondhub/local/tests/test_services.py": 40,
    "ingest/tests/test_secrets_of_a_stack.py": 30,
    "diamondhub/serving/tests/test_slow_clients.py": 30,
    "diamondhub/access/throttles/tests/test_exact.py": 30,
}
OTHERS = 10
#: Long files of the other lane: begun last, they would be waited for when all other tests are over.
BEGUN_FIRST = ("ingest/tests/test_whole_api.py", "ingest/tests/test_access_for_all.py")
#: The text by which a file with tests of whole processes is known.
MARK = "pytest.mark.processes"


@cache
def files() -> list[Path]:
    """The files with tests of whole processes: to collect all others takes each process of `-n` many times as long."""
    tests = (path for app in SOURCES for path in sorted((ROOT / app).rglob("test_*.py")))
    return [path for path in tests if MARK in path.read_text()]


def deal(files: Iterable[str], lanes: int) -> list[list[str]]:
    """The files of each lane, longest first."""
    dealt: list[list[str]] = [[] for _ in range(lanes)]
    load = [0] * lanes
    for file in sorted(files, key=lambda name: -LONG.get(name, OTHERS)):
        least = load.index(min(load))
        dealt[least].append(file)
        load[least] += LONG.get(file, OTHERS)
    return dealt


class Dealing(LoadScopeScheduling):  # type: ignore[misc]  # has no types
    """A scheduler that deals all files at once; a worker that replaces a crashed one takes over its files."""

    _dealt: list[list[str]] | None = None

    def _split_scope(self, nodeid: str) -> str:
        return nodeid.partition("::")[0]

    def _assign_work_unit(self, node: Any) -> None:
        if self._dealt is None:
            self._dealt = deal(self.workqueue, len(self.nodes))
        for file in self._dealt.pop(0) if self._dealt else list(self.workqueue)[:1]:
            self.workqueue.move_to_end(file, last=False)
            super()._assign_work_unit(node)


@pytest.hookimpl
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Dealing:
    """Deal files instead of single tests."""
    return Dealing(config, log)

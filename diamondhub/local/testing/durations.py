"""The durations of tests: a file for each run in `var/test/durations`, and the costliest test files at its end.

`seconds` are wall-clock time, in setup, call and teardown; `processor` is the CPU time of the process of the tests and of
the children that it waited for. The CPU time of servers is not counted.
"""

from __future__ import annotations

import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from diamondhub.local import processes

#: Runs whose durations are kept.
MAX_FILES = 40
COSTLIEST = 10
_PROCESSOR = pytest.StashKey[float]()


def folder() -> Path:
    """The folder of the durations of runs."""
    return processes.var_dir() / "durations"


class Durations:
    """The plugin that measures in each process of tests; the process that reports writes the file."""

    def __init__(self, lane: str) -> None:
        self._path = folder() / f"{datetime.now(UTC):%Y-%m-%dT%H-%M-%S}-{lane}.json"
        self.tests: dict[str, dict[str, Any]] = defaultdict(lambda: {"outcome": "passed", "seconds": 0.0})

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Count a test as lost until it is reported."""
        self.tests[nodeid]["outcome"] = "lost"

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Note the CPU time before a test."""
        item.stash[_PROCESSOR] = _processor_seconds()
        return (yield)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> None:
        """Add the CPU time to the last report of a test."""
        if call.when == "teardown":
            item.user_properties.append(("processor", round(_processor_seconds() - item.stash[_PROCESSOR], 3)))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add the setup, call or teardown of a test."""
        test = self.tests[report.nodeid]
        test["seconds"] = round(test["seconds"] + report.duration, 3)
        test[report.when] = round(report.duration, 3)
        if report.failed or report.when == "setup" or (report.skipped and test["outcome"] != "failed"):
            test["outcome"] = report.outcome
        test.update((name, value) for name, value in report.user_properties if name == "processor")

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
        """Write the file, and print the costliest test files."""
        # The processes of `-n` report to the one that started them.
        if not self.tests or "PYTEST_XDIST_WORKER" in os.environ:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        outcomes = Counter(test["outcome"] for test in self.tests.values())
        self._path.write_text(json.dumps({"outcomes": outcomes, "tests": self.tests}, indent=1))
        for old in sorted(self._path.parent.glob("*.json"))[:-MAX_FILES]:
            old.unlink(missing_ok=True)
        seconds, processor = Counter[str](), Counter[str]()
        for name, test in self.tests.items():
            file = name.partition("::")[0]
            seconds[file] += test["seconds"]
            processor[file] += test.get("processor", 0)
        terminalreporter.section(f"costliest files, of {sum(processor.values()):.0f} s computed")
        for file, spent in processor.most_common(COSTLIEST):
            terminalreporter.write_line(f"{spent:6.1f} s computed in {seconds[file]:6.1f} s  {file}")
        terminalreporter.write_line(f"all tests: {self._path}")
        terminalreporter.write_line(f"this order again: --randomly-seed={config.getoption('randomly_seed', None)}")


def _processor_seconds() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system

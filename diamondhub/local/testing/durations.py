"""How long every test of a run took: a file of each run in `var/test/durations`, and the costliest files at its end.

`seconds` are the clock's, in setup, call and teardown; `processor` are those that the process of the tests and the children
that it waited for have computed. What servers computed is in neither alone.
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
    """Where the durations of runs are."""
    return processes.var_dir() / "durations"


class Durations:
    """Takes the time in each process of tests; the process that reports writes it down."""

    def __init__(self, lane: str) -> None:
        self._path = folder() / f"{datetime.now(UTC):%Y-%m-%dT%H-%M-%S}-{lane}.json"
        self.tests: dict[str, dict[str, Any]] = defaultdict(lambda: {"outcome": "passed", "seconds": 0.0})

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Know a test that is never reported, too."""
        self.tests[nodeid]["outcome"] = "lost"

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Look at the processor's time before a test."""
        item.stash[_PROCESSOR] = _processor_seconds()
        return (yield)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> None:
        """Say with the last report of a test what it has computed."""
        if call.when == "teardown":
            item.user_properties.append(("processor", round(_processor_seconds() - item.stash[_PROCESSOR], 3)))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add a part of a test."""
        test = self.tests[report.nodeid]
        test["seconds"] = round(test["seconds"] + report.duration, 3)
        test[report.when] = round(report.duration, 3)
        if report.failed or report.when == "setup" or (report.skipped and test["outcome"] != "failed"):
            test["outcome"] = report.outcome
        test.update((name, value) for name, value in report.user_properties if name == "processor")

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
        """Write all down, and print what cost most."""
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

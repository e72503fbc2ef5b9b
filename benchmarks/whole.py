"""The whole stack at the supplier's real limit: the share of the limit that is used, and each process's peak memory.

The benchmark runs `manage.py demo` as a new user would, on data of its own, and reads its processes' memory from `/proc`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.result import Figure
from diamondhub.local.processes import var_dir
from diamondhub.local.stack import ROOT
from ingest.errors import IngestError

#: Workers whose memory must not grow with the inventory.
WORKERS = ("worker-io", "worker-cpu")


@dataclass(frozen=True, slots=True)
class Whole:
    """One demo: its report, its length (seconds), and the peak of each process's memory with its children's (MB)."""

    report: dict[str, Any]
    seconds: float
    peaks: dict[str, float]


def measure(few: int, many: int) -> list[Figure]:
    """Pull `few` and then `many` stones."""
    small, large = _demo(few), _demo(many)
    figures = []
    for number, whole in ((few, small), (many, large)):
        supplier = whole.report["supplier"]
        requests = sum(run["requests"] for run in whole.report["runs"])
        planning = sum(run["planning_requests"] for run in whole.report["runs"])
        ideal = -(-number // 50)
        figures += [
            Figure(
                f"requests while paging, {number:,} stones",
                ratio=supplier["per_second_while_paging"] / 25,
                goal=23 / 25,
                of="the supplier's limit of 25 requests/s",
                detail=f"{supplier['per_second_while_paging']:.2f} requests/s, at most {supplier['max_in_one_second']} in "
                f"any second, {whole.seconds:,.0f} s from the command's start to its end",
            ),
            Figure(
                f"walk overhead, {number:,} stones",
                ratio=(requests - planning) / ideal,
                goal=1.06,
                at_most=True,
                of="pages of 50 that hold all stones",
                detail=f"{requests - planning:,} requests without planning ({planning}), {ideal:,} pages",
            ),
        ]
    for name in sorted(large.peaks):
        figures.append(
            Figure(
                f"peak memory of {name}, {many:,} stones",
                ratio=large.peaks[name] / small.peaks[name],
                goal=1.1 if name in WORKERS else None,
                at_most=True,
                of=f"that over {few:,} stones",
                detail=f"{large.peaks[name]:,.0f} MB against {small.peaks[name]:,.0f} MB",
            )
        )
    return figures


def _demo(number: int) -> Whole:
    var = var_dir() / "whole"
    shutil.rmtree(var, ignore_errors=True)
    kept = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL", "LOG_LEVEL")}
    started = time.monotonic()
    demo = subprocess.Popen(
        [sys.executable, "manage.py", "demo", "--exit", "--json", "--stones", str(number)],
        cwd=ROOT,
        env={**kept, "DIAMONDHUB_VAR": str(var)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    peaks: dict[str, float] = {}
    while demo.poll() is None:
        for name, pid in _processes(var).items():
            peaks[name] = max(peaks.get(name, 0.0), _resident(pid))
        time.sleep(0.25)
    assert demo.stdout is not None
    said = demo.stdout.read()
    if demo.returncode:
        raise IngestError(f"the demo of {number:,} stones ended with {demo.returncode}: not every stone is there")
    report = json.loads(said)
    return Whole(report, time.monotonic() - started, peaks)


def _processes(var: Path) -> dict[str, int]:
    try:
        processes: dict[str, int] = json.loads((var / "run" / "up.json").read_text())["processes"]
    except (OSError, ValueError, KeyError):
        return {}
    return processes


def _resident(pid: int) -> float:
    """Memory of a process and its descendants (MB, proportional set size: shared pages count in shares)."""
    total = 0.0
    for member in (pid, *_descendants(pid)):
        try:
            for row in Path(f"/proc/{member}/smaps_rollup").read_text().splitlines():
                if row.startswith("Pss:"):
                    total += int(row.split()[1]) / 1024
        except (OSError, ValueError):
            continue
    return total


def _descendants(pid: int) -> list[int]:
    try:
        children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
    return [member for child in children for member in (child, *_descendants(child))]

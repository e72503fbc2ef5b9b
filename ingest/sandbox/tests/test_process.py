"""`python -m ingest.sandbox`: a process of its own that needs no Django."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from diamondhub.tests.patience import HANG_SECONDS

_CHECKOUT = Path(__file__).resolve().parents[3]


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "ingest.sandbox", *arguments],
        cwd=_CHECKOUT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_is_and_stops_cleanly_at_a_signal(number: signal.Signals) -> None:
    with start("--stones", "300") as process:
        try:
            assert process.stdout is not None
            ready = json.loads(process.stdout.readline())
            stats = requests.get(f"{ready['control']}/stats", timeout=HANG_SECONDS).json()
        finally:
            process.send_signal(number)
        rest, errors = process.communicate(timeout=HANG_SECONDS)

    assert (ready["stones"], ready["natural"], ready["labgrown"]) == (300, 98, 202)
    assert ready["url"].endswith("/api/diamonds")
    assert stats["requests"] == 0
    assert (process.returncode, rest, errors) == (0, "", "")


def test_a_number_of_stones_that_cannot_be_is_refused() -> None:
    with start("--stones", "-1") as process:
        _, errors = process.communicate(timeout=HANG_SECONDS)

    assert process.returncode == 1
    assert errors.startswith("the sandbox supplier cannot start:")


def test_it_loads_no_django() -> None:
    code = "import sys, ingest.sandbox.__main__; sys.exit('django' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], cwd=_CHECKOUT, check=False).returncode == 0

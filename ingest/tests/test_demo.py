"""`manage.py demo --exit`, as a stranger runs it but for the number of stones: the real limit, an empty folder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest

from ingest.tests.stack import ROOT

pytestmark = pytest.mark.processes

STONES = 20_000


@pytest.fixture
def environment() -> dict[str, str]:
    kept = ("DATABASE_URL", "REDIS_URL", "PORT", "DJANGO_SETTINGS_MODULE", "LOG_LEVEL")
    var = ROOT / "var" / "test" / "stacks" / f"{os.getpid()}-demo"
    shutil.rmtree(var, ignore_errors=True)
    inherited = {name: value for name, value in os.environ.items() if name not in kept}
    return {**inherited, "DIAMONDHUB_VAR": str(var), "DIAMONDHUB_BOOTSTRAP": "off", "DIAMONDHUB_EMBEDDED_FSYNC": "off"}


# Slow because the supplier's limit is real: some 450 requests at 23 a second.
def test_the_demo_fills_the_catalogue_within_the_suppliers_limit_and_ends_with_0(environment: dict[str, str]) -> None:
    ended = subprocess.run(
        [sys.executable, "manage.py", "demo", "--exit", "--json", f"--stones={STONES}"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=1500,
        check=False,
    )

    assert ended.returncode == 0, ended.stderr[-3000:]
    told = json.loads(ended.stdout)
    assert told["problems"] == []
    assert told["catalogue"] == {"stones": STONES, "priced": STONES}
    assert [run["state"] for run in told["runs"]] == ["completed", "completed"]
    assert told["search"]["found_by"] == "index"
    assert 0 < told["search"]["count"] < STONES
    assert sum(told["search"]["facets"]["clarity"].values()) <= told["search"]["count"]
    assert told["search"]["milliseconds"] > 0
    # How near to the limit it comes, on a machine that has nothing else to do, is measured by `bench`.
    assert 0 < told["supplier"]["per_second_while_paging"] <= told["supplier"]["max_in_one_second"] <= 25
    shutil.rmtree(environment["DIAMONDHUB_VAR"], ignore_errors=True)


@pytest.mark.parametrize("number", ["0", "-1", "many", "1.5", "99999999", "١٢"])
def test_a_number_of_stones_that_makes_no_sense_is_refused_before_anything_starts(
    environment: dict[str, str], number: str
) -> None:
    ended = subprocess.run(
        [sys.executable, "manage.py", "demo", "--exit", f"--stones={number}"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )

    assert ended.returncode != 0
    assert "must be a whole number from 1 to 2,000,000" in ended.stderr
    assert "Traceback" not in ended.stderr

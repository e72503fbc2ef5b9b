"""A run killed at every place where it writes goes on by itself and ends as an undisturbed one."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from ingest.tests.stack import ROOT

pytestmark = pytest.mark.processes


# Slow because it is some hundred runs, each killed at another place and taken up again.
def test_a_run_killed_before_any_write_or_commit_ends_with_the_same_catalogue(database_server: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "ingest.tests.kill_matrix"],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": database_server, "LOG_LEVEL": "ERROR"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.stdout, ended.stderr[-3000:]
    matrix = json.loads(ended.stdout)
    assert matrix["problems"] == []
    assert matrix["expected"].startswith("completed  30 stones ")
    # Plan, page, settle, confirm, claim, upsert and finish: were it much less, some stage would not be in it.
    assert matrix["places"] > 80
    assert matrix["taken_up"] > 40
    assert ended.returncode == 0

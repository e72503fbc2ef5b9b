"""What must be true of the project as a whole."""

from __future__ import annotations

import subprocess
import sys

import pytest
from django.conf import settings
from django.core.management import call_command


@pytest.mark.django_db
def test_no_migration_is_missing() -> None:
    # Exits with a status other than 0 if a model has changed without one.
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


@pytest.mark.django_db
def test_the_system_checks_find_nothing() -> None:
    call_command("check", fail_level="WARNING")


def test_the_locks_hold_every_direct_dependency_with_a_hash() -> None:
    for name in ("requirements", "requirements-dev"):
        lock = (settings.BASE_DIR / f"{name}.txt").read_text()
        direct = [
            row.split("[")[0].split("=")[0].split("<")[0].split(">")[0].split("~")[0].strip()
            for row in (settings.BASE_DIR / f"{name}.in").read_text().splitlines()
            if row and not row.startswith(("#", "-"))
        ]

        assert direct
        for package in direct:
            assert f"\n{package}==" in f"\n{lock}", f"{package} is not in {name}.txt"
        pinned = [row for row in lock.splitlines() if "==" in row and not row.startswith((" ", "#"))]
        assert lock.count("--hash=sha256:") >= len(pinned)
        assert "index-url" not in lock


@pytest.mark.parametrize("command", ["demo", "up", "bench", "start_run", "plan_run", "watch_run", "create_api_client"])
def test_every_command_explains_itself_without_starting_a_server(command: str) -> None:
    told = subprocess.run(
        [sys.executable, "manage.py", command, "--help"],
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )

    assert told.returncode == 0
    assert f"manage.py {command}" in told.stdout

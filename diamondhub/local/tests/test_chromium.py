"""Where the tests' browser comes from."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from diamondhub.local.chromium import chromium


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine whose only program is an apt-get that installs a Chromium, asked for as root."""
    apt_get = tmp_path / "apt-get"
    apt_get.write_text(
        f"#!/bin/sh\ncase \"$*\" in *install*chromium*) printf '#!/bin/sh' > {tmp_path}/chromium; "
        f"/bin/chmod +x {tmp_path}/chromium;; esac\n"
    )
    apt_get.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return tmp_path


def test_a_machine_that_checks_changes_gets_one(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")

    assert chromium() == str(path / "chromium")


def test_nothing_is_installed_on_anybodys_own_machine(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)

    assert chromium() is None
    assert not (path / "chromium").exists()


def test_an_apt_get_that_fails_leaves_the_tests_without_one(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    (path / "apt-get").write_text("#!/bin/sh\nexit 100\n")

    assert chromium() is None

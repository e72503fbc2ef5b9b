"""The bootstrap: makes the virtual environment and installs the pinned packages, with the standard library alone.

`manage.py` calls `prepare` before it imports anything else; with DIAMONDHUB_BOOTSTRAP=off the environment is left alone
(containers, packagers).
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
ENVIRONMENT = ROOT / ".venv"
#: Commands that need the development tools as well.
DEVELOPMENT_COMMANDS = frozenset({"test"})


def prepare(argv: list[str]) -> None:
    """Re-execute `argv` inside the project's own environment, made or brought up to date first.

    Exits with one line if Python is too old, or the environment cannot be made.
    """
    if sys.version_info < (3, 11):  # noqa: UP036 - this runs before anything has checked
        sys.exit(f"DiamondHub needs Python 3.11 or newer; this is {sys.version.split()[0]} ({sys.executable})")
    if os.environ.get("DIAMONDHUB_BOOTSTRAP") == "off":
        return
    names = ["requirements.txt"]
    if len(argv) > 1 and argv[1] in DEVELOPMENT_COMMANDS:
        names.append("requirements-dev.txt")
    python = ENVIRONMENT / "bin" / "python"
    if not all(_is_installed(name) for name in names):
        (ROOT / "var").mkdir(exist_ok=True)
        with open(ROOT / "var" / "bootstrap.lock", "w") as lock:
            # Another command may be installing right now.
            fcntl.flock(lock, fcntl.LOCK_EX)
            _install(python, [name for name in names if not _is_installed(name)])
    if Path(sys.prefix) != ENVIRONMENT:
        os.execv(python, [str(python), *argv])


def _stamp(name: str) -> Path:
    return ENVIRONMENT / f".installed-{name}"


def _fingerprint(name: str) -> str:
    return hashlib.sha256((ROOT / name).read_bytes()).hexdigest()


def _is_installed(name: str) -> bool:
    try:
        return _stamp(name).read_text() == _fingerprint(name)
    except FileNotFoundError:
        return False


def _install(python: Path, names: list[str]) -> None:
    if not names:
        return
    print("Preparing the Python environment in .venv (once, less than a minute) …", file=sys.stderr, flush=True)
    if not python.exists():
        _run([sys.executable, "-m", "venv", str(ENVIRONMENT)], "cannot make .venv; is Python's venv module installed?")
    for name in names:
        command = [str(python), "-m", "pip", "install", "-qq", "--disable-pip-version-check", "--no-input"]
        _run([*command, "--require-hashes", "-r", str(ROOT / name)], f"cannot install {name}")
        _stamp(name).write_text(_fingerprint(name))


def _run(command: list[str], failure: str) -> None:
    if subprocess.run(command, check=False).returncode:
        sys.exit(f"DiamondHub: {failure} (command: {' '.join(command)})")

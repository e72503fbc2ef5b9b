"""The index of a benchmark's catalogue: the real builder beside it, and this process as one that reads what it builds."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

from catalog import index
from catalog.index import board
from diamondhub.local.processes import die_with_parent
from diamondhub.local.stack import ROOT

#: Whatever takes longer will not come (seconds).
PATIENCE = 600.0


@contextmanager
def builder(folder: str) -> Iterator[subprocess.Popen[bytes]]:
    """The program that builds the index, with its file in this folder."""
    process = subprocess.Popen(
        [sys.executable, "-m", "django", "index"],
        cwd=ROOT,
        env={
            **os.environ,
            "DIAMONDHUB_INDEX_DIR": folder,
            "DIAMONDHUB_PROGRAM": "index",
            "DATABASE_POOL_SIZE": "0",
            "LOG_LEVEL": "ERROR",
        },
        preexec_fn=die_with_parent(signal.SIGKILL),
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def until_found(version: int) -> float:
    """Seconds until the index of this process is of a version, or of a later one."""
    return until(lambda: (snapshot := index.current()) is not None and snapshot.version >= version)


def until(condition: Callable[[], bool]) -> float:
    """Seconds until the condition is true; ends the program if it does not come true."""
    begun = time.monotonic()
    while not condition():
        if time.monotonic() - begun > PATIENCE:
            raise SystemExit(f"the index is not brought up to date; the board says {board.read(settings.INDEX_DIR)}")
        time.sleep(0.005)
    return time.monotonic() - begun


def memory() -> str | None:
    """A memory-backed folder with room, where there is one."""
    shared = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
    if not shared.is_dir():
        return None
    room = os.statvfs(shared)
    return str(shared) if room.f_bavail * room.f_frsize > 2e9 else None

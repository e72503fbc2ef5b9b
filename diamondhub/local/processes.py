"""Child processes that never outlive their parent, and helpers to run a server as another user."""

from __future__ import annotations

import ctypes
import os
import pwd
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

_PR_SET_PDEATHSIG = 1
# Loaded before any fork: a child between fork and exec must not load libraries.
_prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None


class ServerError(Exception):
    """An embedded server could not be started."""


def var_dir() -> Path:
    """The folder of this checkout's data: `var/`, or the one that DIAMONDHUB_VAR names."""
    return Path(os.environ.get("DIAMONDHUB_VAR") or Path(__file__).resolve().parent.parent.parent / "var").absolute()


def die_with_parent(death_signal: int) -> Callable[[], None]:
    """A function for a child to call right after its fork: the kernel sends it `death_signal` when its starting thread ends.

    It is made in the parent, so that a parent which dies before the child calls it is noticed as well.
    """
    parent = os.getpid()

    def prepare() -> None:
        if _prctl is not None:
            _prctl(_PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
            if os.getppid() != parent:
                os._exit(1)

    return prepare


def spawn(
    argv: Sequence[str | Path],
    *,
    cwd: Path,
    environment: Mapping[str, str] | None = None,
    user: pwd.struct_passwd | None = None,
    death_signal: int = signal.SIGTERM,
    output: int | IO[bytes] | None = None,
    standard_input: int | IO[bytes] | None = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own (a terminal's Ctrl-C does not reach it) that dies with this thread."""
    return subprocess.Popen(
        [str(word) for word in argv],
        cwd=cwd,
        env=dict(environment) if environment is not None else None,
        stdin=standard_input,
        stdout=output,
        stderr=subprocess.STDOUT if output is not None else None,
        start_new_session=True,
        # Runs after the change of user, which would clear the signal.
        preexec_fn=die_with_parent(death_signal),
        user=user.pw_uid if user else None,
        group=user.pw_gid if user else None,
        extra_groups=[] if user else None,
    )


def stop(process: subprocess.Popen[bytes], stop_signal: int, *, seconds: float) -> None:
    """End a child: `stop_signal`, and SIGKILL if it is still there after `seconds`."""
    if process.poll() is None:
        with suppress(ProcessLookupError):
            process.send_signal(stop_signal)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()


def free_port() -> int:
    """A loopback port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def unprivileged_user() -> pwd.struct_passwd | None:
    """The user for a server that refuses to run as root; None when we are not root ourselves.

    Raises `LookupError` if this machine has neither `postgres` nor `nobody`.
    """
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            return pwd.getpwnam(name)
    raise LookupError("there is no user postgres or nobody to run PostgreSQL as")


def can_reach(user: pwd.struct_passwd, path: Path) -> bool:
    """Whether `user` may enter `path` (a folder that exists) from the root downwards."""
    for folder in (path, *path.parents):
        status = folder.stat()
        if status.st_uid == user.pw_uid:
            bit = stat.S_IXUSR
        elif status.st_gid == user.pw_gid:
            bit = stat.S_IXGRP
        else:
            bit = stat.S_IXOTH
        if not status.st_mode & bit:
            return False
    return True

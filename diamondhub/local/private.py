"""Keeps what the product writes to itself: no other user of the host reads `var/` (costs, logs, keys).

The settings call `keep` in every process. As root the embedded PostgreSQL runs as another user, who must get through the
folders above its own, so these may be entered but not listed; below, all are closed.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

#: The folders of `var/` that other users have no business in; the server's user goes through none of them.
CLOSED = ("run", "spool", "log", "valkey", "pricelists", "static", "index", "exports", "metrics")


def keep(var: Path) -> None:
    """Let this process, and all it starts, make files for its own user only, and close what older releases left open."""
    os.umask(0o077)
    with suppress(OSError):
        make(var)
    _tighten(var, 0o066 if os.geteuid() == 0 else 0o077)
    for name in CLOSED:
        _tighten(var / name, 0o077)


def in_memory(var: Path) -> Path:
    """A folder of this checkout and user in memory, for what a restart of the host may take; `var` where there is no such.

    Whoever makes it checks that nobody else did: its name can be guessed.
    """
    memory = Path("/dev/shm")  # noqa: S108 - made for its user only
    if not (memory.is_dir() and os.access(memory, os.W_OK)):
        return var
    mark = sha256(str(var.absolute()).encode()).hexdigest()[:12]
    return memory / f"diamondhub-{os.geteuid()}-{mark}"


def make(var: Path) -> None:
    """Make a `var/` and the folders above it that are not there; as root such that the server's user gets through."""
    if var.is_dir():
        return
    make(var.parent)
    with suppress(FileExistsError):
        var.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700)
        if os.geteuid() == 0:
            # The mask has taken what `mode` gives.
            var.chmod(0o711)


def _tighten(folder: Path, forbidden: int) -> None:
    """Take rights from a folder of our own; one that is shared (sticky, as /tmp is), a link or another's stays as it is."""
    with suppress(OSError):
        status = folder.lstat()
        if stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & stat.S_ISVTX:
            mode = stat.S_IMODE(status.st_mode)
            if mode & forbidden:
                folder.chmod(mode & ~forbidden)

"""The worker class that gunicorn runs: its processes, its signals and its watch over them, and waitress's connections.

gunicorn's own threads read a request's head and body and write its answer themselves, so that a few slow clients hold them
all (docs/serving.md has the figures). Here a thread makes answers and does nothing else.
"""

from __future__ import annotations

import os
import resource
from contextlib import suppress
from types import FrameType
from typing import Any

from gunicorn.workers.base import Worker

from diamondhub.serving import bounds
from diamondhub.serving.server import Loop


class LoopWorker(Worker):  # type: ignore[misc]  # gunicorn has no types
    """One process: a loop with connections, and threads that make answers."""

    loop: Loop | None = None

    def run(self) -> None:
        """Serve until told to stop, then finish what is in hand."""
        _allow_files(bounds.MAX_CONNECTIONS + 500)
        for listener in self.sockets:
            listener.setblocking(False)
        self.loop = Loop([listener.sock for listener in self.sockets], self.wsgi, threads=self.cfg.threads)
        self.loop.run(self.notify, until=lambda: not self.alive or self._is_orphaned())
        self.loop.stop(self.notify, seconds=self.cfg.graceful_timeout)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        if self.loop is not None:
            self.loop.wake()

    def _is_orphaned(self) -> bool:
        return bool(self.ppid != os.getppid())


def _allow_files(number: int) -> None:
    """Let this process open so many files, if the host lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < number:
        wanted: Any = number if hard == resource.RLIM_INFINITY else min(number, hard)
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))

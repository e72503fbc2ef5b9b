"""Rounds that a process makes in a thread of its own, on a connection of its own, as long as it lives.

Showing that a worker is there, and writing down what it counted, must not wait for what the worker itself waits for.
"""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Callable
from typing import Any

import psycopg
import structlog

from diamondhub.database import separate_cursor

log = structlog.get_logger(__name__)

#: What is done in a round, on a cursor in autocommit.
Work = Callable[["psycopg.Cursor[Any]"], None]


class Rounds:
    """Does `work` at once and then every so many seconds; when the process ends, or `end` is called, `at_end` once."""

    def __init__(self, name: str, work: Work, *, every: float, at_end: Work) -> None:
        self._name = name
        self._work = work
        self._every = every
        self._at_end = at_end
        self._pid = os.getpid()
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def begin(self) -> None:
        """Start the thread."""
        self._thread.start()
        atexit.register(self.end)

    def end(self) -> None:
        """Stop and do the last work, once; a forked child, which is somebody else, does nothing."""
        if os.getpid() != self._pid:
            return
        with self._lock:
            if self._over.is_set():
                return
            self._over.set()
        self._thread.join(self._every)
        self._try(self._at_end)

    def _run(self) -> None:
        self._try(self._work)
        while not self._over.wait(self._every):
            self._try(self._work)

    def _try(self, work: Work) -> None:
        try:
            with separate_cursor(f"diamondhub-{self._name}") as cursor:
                work(cursor)
        except psycopg.Error as error:
            # The database is away: the next round is soon.
            log.warning("round_not_made", round=self._name, error=str(error).strip().splitlines()[:1])
        except Exception:
            # Whatever it is, it must not end the rounds.
            log.exception("round_failed", round=self._name)

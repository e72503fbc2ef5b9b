"""Whether the database hangs: it takes connections and statements and answers none, as a stopped or cut-off server does.

A slow statement is no sign of that, and neither is a lock that is waited for. So whoever has waited a while has it found
out by a connection of its own, which is made for it. If that gets no answer either, and nobody else in this process had
one meanwhile, the database hangs: everybody who waits for it stops waiting, and nobody begins to, until it answers.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any

import psycopg
import structlog
from psycopg.errors import ConnectionTimeout, _WaitTimeout

log = structlog.get_logger(__name__)

#: Whoever has waited so long has it looked at (seconds).
LOOK_SECONDS = 1.0
#: A server that does not answer a look in this time hangs (seconds); psycopg takes no less for a connection.
ANSWER_SECONDS = 2.0
#: Pause between looks at a server that hangs (seconds).
PAUSE_SECONDS = 0.3


class _Looking(psycopg.Connection[Any]):
    """The connection of a look."""

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        return super().wait(gen, interval, timeout or ANSWER_SECONDS)


class Watch:
    """One database server, as this process finds it. `came_back` is called when it answers again."""

    def __init__(self, parameters: Callable[[], Mapping[str, Any]], came_back: Callable[[], None]) -> None:
        self._parameters = parameters
        self._came_back = came_back
        self._answered_at = monotonic()
        self._lock = threading.Lock()
        self._looks = False
        #: Whether the server hangs, by the last look.
        self.hangs = False

    def answered(self) -> None:
        """Note that somebody had an answer just now."""
        self._answered_at = monotonic()

    def look(self) -> None:
        """Have it found out whether the server hangs, unless that is being done."""
        with self._lock:
            if self._looks:
                return
            self._looks = True
        threading.Thread(target=self._look_until_it_answers, name="database-watch", daemon=True).start()

    def _look_until_it_answers(self) -> None:
        pause = threading.Event()
        try:
            while not self._answers():
                if not self.hangs:
                    self.hangs = True
                    log.error("database_hangs")
                pause.wait(PAUSE_SECONDS)
            if self.hangs:
                self._came_back()
                self.hangs = False
                log.warning("database_answers_again")
        finally:
            with self._lock:
                self._looks = False

    def _answers(self) -> bool:
        begun = monotonic()
        try:
            with _Looking.connect(**self._parameters()) as connection:
                connection.execute("SELECT 1")
        except (ConnectionTimeout, _WaitTimeout):
            return self._answered_at > begun
        except psycopg.Error:
            # It says no, which is an answer, and one that everybody else gets, too.
            return True
        return True

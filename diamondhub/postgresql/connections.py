"""Connections that wait no longer for an answer than the process can: see `watch`."""

from __future__ import annotations

from collections.abc import Generator
from time import monotonic
from typing import Any, ClassVar

import psycopg
from psycopg.waiting import READY_NONE

from diamondhub.postgresql.watch import LOOK_SECONDS, Watch

#: A statement that was cancelled must end so soon, or its connection is closed (seconds).
CANCEL_SECONDS = 3.0
#: How often it is looked how long a wait has taken (seconds).
INTERVAL = 0.1


class Hangs(psycopg.OperationalError):
    """The database does not answer."""

    def __init__(self) -> None:
        super().__init__("the database does not answer")


class WatchedConnection(psycopg.Connection[Any]):
    """A connection whose waits end: when the database hangs, and when a statement takes too long.

    Nothing of this is a setting of the session, which PgBouncer in transaction mode would not keep.
    """

    watch: ClassVar[Watch]
    #: Longest statement (seconds).
    statement_seconds: ClassVar[float]

    def wait(self, gen: Any, interval: float = INTERVAL, timeout: float | None = None) -> Any:
        if self.watch.hangs:
            gen.close()
            self.pgconn.finish()
            raise Hangs
        result = super().wait(self._bounded(gen), interval, timeout)
        self.watch.answered()
        return result

    def _bounded(self, gen: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
        begun = monotonic()
        is_cancelled = False
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if ready == READY_NONE:
                    waited = monotonic() - begun
                    if waited > LOOK_SECONDS:
                        self._stop_if_it_hangs()
                    if waited > self.statement_seconds and not is_cancelled:
                        is_cancelled = True
                        self.cancel_safe(timeout=1.0)
                    if waited > self.statement_seconds + CANCEL_SECONDS:
                        self._give_up()
                wanted = gen.send(ready)
        except StopIteration as end:
            return end.value

    def _stop_if_it_hangs(self) -> None:
        if self.watch.hangs:
            self._give_up()
        self.watch.look()

    def _give_up(self) -> None:
        # The server may still be at work on the statement; it finds nobody to answer to.
        self.pgconn.finish()
        raise Hangs

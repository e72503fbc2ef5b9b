"""The backend that `settings.DATABASES` names; Django finds `DatabaseWrapper` here.

With `DATABASE_STATEMENT_SECONDS` (the web server sets it) connections have deadlines; without, as in workers and commands,
it is Django's own backend.
"""

from __future__ import annotations

from functools import cached_property
from time import monotonic
from typing import Any, ClassVar

from django.conf import settings
from django.db.backends.postgresql import base
from psycopg_pool import ConnectionPool

from diamondhub.postgresql.connections import Hangs, WatchedConnection
from diamondhub.postgresql.watch import ANSWER_SECONDS, Watch
from diamondhub.telemetry import process_metrics

_POOL_WAIT = "diamondhub_database_pool_wait_seconds"


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's, with pools of watched connections."""

    #: By alias; shared by the threads of this process, as pools are.
    _connection_pools: ClassVar[dict[str, ConnectionPool[Any]]]
    _watched: ClassVar[dict[str, type[WatchedConnection]]] = {}

    @cached_property
    def watched(self) -> type[WatchedConnection] | None:
        """The class of this database's connections; None if they wait as long as it takes."""
        if not settings.DATABASE_STATEMENT_SECONDS:
            return None
        if self.alias not in self._watched:
            seconds = settings.DATABASE_STATEMENT_SECONDS
            watch = Watch(self._parameters_of_a_look, self._close_pool_that_waits)
            kind = type("WatchedConnection", (WatchedConnection,), {"watch": watch, "statement_seconds": seconds})
            self._watched.setdefault(self.alias, kind)
        return self._watched[self.alias]

    @property
    def pool(self) -> ConnectionPool[Any] | None:
        pool: ConnectionPool[Any] | None = super().pool
        if pool is not None and self.watched is not None:
            pool.connection_class = self.watched
        return pool

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """A connection; at once an error while the database hangs."""
        if self.watched is not None and self.watched.watch.hangs:
            raise Hangs
        began = monotonic()
        try:
            connection = super().get_new_connection(conn_params)
        except Exception:
            process_metrics.observe(_POOL_WAIT, "failed", seconds=monotonic() - began)
            raise
        process_metrics.observe(_POOL_WAIT, "got", seconds=monotonic() - began)
        return connection

    def _parameters_of_a_look(self) -> dict[str, Any]:
        parameters = self.get_connection_params()
        for name in ("cursor_factory", "context", "prepare_threshold"):
            parameters.pop(name, None)
        return {
            **parameters,
            "connect_timeout": int(ANSWER_SECONDS),
            "autocommit": True,
            "application_name": "diamondhub-watch",
        }

    def _close_pool_that_waits(self) -> None:
        # It waits longer and longer between its tries to connect. The next request makes a new one.
        pool = self._connection_pools.pop(self.alias, None)
        if pool is not None:
            pool.close(timeout=0)

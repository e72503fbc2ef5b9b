"""The servers of one process of tests: each is started at its first use, so that plain tests start none.

PostgreSQL belongs to a whole run: the processes of `-n` share it, each with a database of its own. Each process has its own
Valkey, which tests may flush; its address is known from the start, and the first connection starts it.
"""

from __future__ import annotations

import os
import shutil
import socket
import threading
from contextlib import ExitStack

from redis.connection import AbstractConnection

from diamondhub.local import processes
from diamondhub.local.services import opened
from diamondhub.local.testing.templates import prepared, set_apart
from diamondhub.local.valkey import Valkey

_open = ExitStack()
_valkey: LateValkey | None = None


def database_url() -> str:
    """The URL of PostgreSQL, which is started unless the environment names one."""
    if not os.environ.get("DATABASE_URL"):
        os.environ["DIAMONDHUB_EMBEDDED_TEMPLATE"] = str(prepared())
        _open.enter_context(opened(urls=["DATABASE_URL"]))
        set_apart(os.environ["DATABASE_URL"])
    return os.environ["DATABASE_URL"]


def name_redis() -> None:
    """Set REDIS_URL to a Valkey that the first connection will start, unless one is named."""
    global _valkey
    if os.environ.get("REDIS_URL"):
        return
    _valkey = LateValkey()
    os.environ["REDIS_URL"] = _valkey.server.url
    connect = AbstractConnection.connect

    def starting(self: AbstractConnection) -> None:
        if _valkey is not None and getattr(self, "port", None) == _valkey.server.port:
            _valkey.start()
        connect(self)  # type: ignore[no-untyped-call]

    AbstractConnection.connect = starting  # type: ignore[method-assign]


def redis_url() -> str:
    """The URL of Redis, which is started if it is ours: for tests that pass the URL to another process."""
    if _valkey is not None:
        _valkey.start()
    return os.environ["REDIS_URL"]


def close() -> None:
    """Stop the servers that this process started."""
    global _valkey
    if _valkey is not None:
        _valkey.stop()
        _valkey = None
    _open.close()


class LateValkey:
    """A Valkey whose port is reserved until it is started."""

    def __init__(self) -> None:
        self._var = processes.var_dir() / "processes" / str(os.getpid())
        self.server = Valkey(self._var)
        self._place: socket.socket | None = socket.socket()
        # Bound and not listening: no other program gets this port meanwhile, and on Linux the server may bind it as well.
        self._place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._place.bind(("127.0.0.1", 0))
        self.server.port = self._place.getsockname()[1]
        self._starting, self._ready, self._over = threading.Lock(), threading.Event(), threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="valkey", daemon=True)
        self._failed: processes.ServerError | None = None

    def start(self) -> None:
        """Start the server at the first call; later calls wait until it answers."""
        if threading.current_thread() is self._keeper:
            # The keeper itself connects to see whether the server answers.
            return
        with self._starting:
            if not self._keeper.is_alive() and not self._ready.is_set():
                self._keeper.start()
            self._ready.wait()
        if self._failed is not None:
            raise self._failed

    def _keep(self) -> None:
        """Start the server and stay: the kernel ends it with its starting thread, and a test's threads end soon."""
        place, self._place = self._place, None
        assert place is not None
        if os.uname().sysname != "Linux":
            place.close()
        try:
            self.server.start()
        except processes.ServerError as error:
            self._failed = error
        finally:
            place.close()
            self._ready.set()
        self._over.wait()

    def stop(self) -> None:
        """Stop the server, if it was started, and release the port."""
        if self._place is not None:
            self._place.close()
        self.server.stop()
        self._over.set()
        shutil.rmtree(self._var, ignore_errors=True)

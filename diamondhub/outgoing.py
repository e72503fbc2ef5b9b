"""Requests to addresses that others have given us: they reach public hosts only, and end in time.

The address of a host is judged before anything is sent, and connected to as judged (`public_addresses`). Hosts that a
session is given may be private. Neither proxies nor passwords of the environment are used.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Self

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, NameResolutionError

from diamondhub.public_addresses import NotPublic, public_address_of

#: Called with each connection that was made, before anything is sent on it.
Connected = Callable[[socket.socket], None]


class Forbidden(HTTPError):
    """A connection to an address that is not public."""


class Deadline:
    """The end of everything that was begun within it: connections that are still open then are shut.

    Time limits of sockets count from byte to byte, so whoever sends one now and then is never over them.
    """

    def __init__(self, seconds: float) -> None:
        self.over = False
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True
        self._lock = threading.Lock()
        self._handles: list[socket.socket] = []

    def watch(self, connection: socket.socket) -> None:
        """Shut this connection at the end, whatever wraps it by then."""
        with self._lock:
            self._handles.append(connection.dup())
        if self.over:
            self._end()

    def _end(self) -> None:
        self.over = True
        with self._lock:
            for handle in self._handles:
                with suppress(OSError):
                    handle.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        with self._lock:
            for handle in self._handles:
                handle.close()
            self._handles.clear()


def session(hosts: Sequence[str], *, connected: Connected | None = None) -> requests.Session:
    """A session that connects to public addresses, and to `hosts` wherever they are. Requests raise `Forbidden` besides."""
    made = requests.Session()
    made.trust_env = False
    made.mount("http://", _Adapter(hosts, connected))
    made.mount("https://", _Adapter(hosts, connected))
    return made


class _Adapter(HTTPAdapter):
    def __init__(self, hosts: Sequence[str], connected: Connected | None) -> None:
        allowed = frozenset(host.lower() for host in hosts)

        class Plain(HTTPConnection):
            def _new_conn(self) -> socket.socket:
                return _connect(self, super()._new_conn, allowed, connected)

        class Secure(HTTPSConnection):
            def _new_conn(self) -> socket.socket:
                return _connect(self, super()._new_conn, allowed, connected)

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = Plain

        class SecurePool(HTTPSConnectionPool):
            ConnectionCls = Secure

        self._pools = {"http": PlainPool, "https": SecurePool}
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pools


def _connect(
    connection: Any, connect: Callable[[], socket.socket], allowed: frozenset[str], connected: Connected | None
) -> socket.socket:
    """Connect to the address that was judged; the certificate is held against the name all the same."""
    name = connection._dns_host  # noqa: SLF001 - urllib3 connects to this, and offers no other way to name an address
    if connection.host.lower() not in allowed:
        try:
            connection._dns_host = public_address_of(name, connection.port)  # noqa: SLF001
        except NotPublic as error:
            raise Forbidden(str(error)) from None
        except OSError as error:
            raise NameResolutionError(connection.host, connection, error) from error  # type: ignore[arg-type]
    try:
        made = connect()
    finally:
        connection._dns_host = name  # noqa: SLF001
    if connected is not None:
        connected(made)
    return made

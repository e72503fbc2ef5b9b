"""A web process as `manage.py up` runs it, and a relay in front of its servers that can be frozen."""

from __future__ import annotations

import base64
import http.client
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from django.conf import settings

from diamondhub.local import processes
from diamondhub.local.testing import servers
from diamondhub.local.tests.test_services import ROOT, until

#: Bounds only a test that hangs (seconds).
PATIENCE = 120


class Web:
    """gunicorn with one worker process, as the stack starts it, with deadlines of two seconds."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.port = processes.free_port()
        folder.mkdir(parents=True, exist_ok=True)
        self.log = folder / "web.log"
        with open(self.log, "wb") as output:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "gunicorn", "--config", "python:diamondhub.serving.tests.hurried"),
                    *("--bind", f"127.0.0.1:{self.port}", "diamondhub.wsgi"),
                ],
                cwd=ROOT,
                env={**os.environ, "WEB_CONCURRENCY": "1", "DIAMONDHUB_VAR": str(folder), **environment},
                stdout=output,
                stderr=output,
                preexec_fn=processes.die_with_parent(signal.SIGKILL),
            )
        until(lambda: self.ask("/health/live") == 200 or self.process.poll() is not None)
        assert self.process.poll() is None, self.said()

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def ask(self, path: str, **headers: str) -> int | None:
        """The status of the answer; None if there is none."""
        try:
            status, _headers, _body = self.answer("GET", path, headers)
        except OSError:
            return None
        return status

    def answer(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> tuple[int, Mapping[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, body=body, headers=dict(headers or {}))
            response = connection.getresponse()
            return response.status, dict(response.headers), response.read()
        finally:
            connection.close()

    def connect(self, *, receive_buffer: int | None = None) -> socket.socket:
        client = socket.socket()
        if receive_buffer is not None:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        client.connect(("127.0.0.1", self.port))
        client.settimeout(PATIENCE)
        return client

    def say(self, text: bytes) -> bytes:
        """Send some bytes and read until the server closes."""
        with self.connect() as client:
            client.sendall(text)
            return rest_of(client)

    def end(self) -> int:
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(PATIENCE)


def rest_of(client: socket.socket) -> bytes:
    """All that comes until the other side closes, or breaks off."""
    parts = []
    with suppress(ConnectionError):
        while part := client.recv(65536):
            parts.append(part)
    return b"".join(parts)


def database_of_test() -> str:
    """The address of the database that this test has."""
    from django.db import connection

    parts = urlsplit(servers.database_url())
    return urlunsplit(parts._replace(path=f"/{connection.settings_dict['NAME']}"))


def peppers() -> str:
    """`API_KEY_PEPPERS` for a process that is to know the keys of this one."""
    return ",".join(
        f"{version}:{base64.b64encode(pepper).decode()}" for version, pepper in settings.API_KEY_PEPPERS.items()
    )


class Relay:
    """Passes bytes on to a server. Frozen, it still accepts connections, and nothing comes through: as if stopped."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._frozen = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def freeze(self) -> None:
        self._frozen.set()

    def thaw(self) -> None:
        self._frozen.clear()

    def close(self) -> None:
        self._over.set()
        self._thread.join(PATIENCE)

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ, None)
            while not self._over.is_set():
                if self._frozen.is_set():
                    self._over.wait(0.02)
                    continue
                for key, _ in selector.select(0.05):
                    if key.data is None:
                        self._accept(selector)
                    else:
                        self._pass_on(selector, key)
            for key in list(selector.get_map().values()):
                key.fileobj.close()  # type: ignore[union-attr]

    def _accept(self, selector: selectors.BaseSelector) -> None:
        client, _ = self._listener.accept()
        server = socket.create_connection(self._target)
        selector.register(client, selectors.EVENT_READ, server)
        selector.register(server, selectors.EVENT_READ, client)

    @staticmethod
    def _pass_on(selector: selectors.BaseSelector, key: selectors.SelectorKey) -> None:
        source: Any = key.fileobj
        try:
            part = source.recv(65536)
            if part:
                key.data.sendall(part)
        except OSError:
            part = b""
        if not part:
            for end in (source, key.data):
                with suppress(KeyError, ValueError):
                    selector.unregister(end)
                end.close()

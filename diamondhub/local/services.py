"""PostgreSQL and Valkey for a command: those that the environment names, those that already run here, or embedded ones.

The command that starts them owns them (an exclusive lock in `var/run`) and stops them at its end, once the other commands
of the same checkout that attached meanwhile are done.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Protocol

from diamondhub.local.postgres import Postgres
from diamondhub.local.processes import ServerError, var_dir
from diamondhub.local.valkey import Valkey, cache

#: Time limit of waiting for servers that another command is just starting (seconds).
ATTACH_SECONDS = 60.0


class ServicesError(Exception):
    """The servers that this command needs are not there."""


class Server(Protocol):
    """An embedded server as a supervisor sees it."""

    name: str

    @property
    def pid(self) -> int | None: ...

    def alive(self) -> bool: ...

    def restart(self) -> None:
        """Start the server again on the same port. Raises `processes.ServerError`."""

    def stop(self) -> None: ...


class Services:
    """The servers of this process; `embedded` lists those that it started itself, in starting order.

    `needed` are the variables that named no server, and name an embedded one now.
    """

    def __init__(self) -> None:
        self.needed: list[str] = []
        self.embedded: list[Server] = []
        self.locks: list[IO[str]] = []
        self.descriptor: Path | None = None

    def close(self) -> None:
        """Stop what this process started, once the commands that attached to it are done."""
        if self.descriptor is not None:
            # From here on nobody attaches any more.
            self.descriptor.unlink(missing_ok=True)
            self._wait_for_others()
        for server in reversed(self.embedded):
            server.stop()
        for lock in self.locks:
            lock.close()
        self.embedded, self.locks, self.descriptor = [], [], None

    def _wait_for_others(self) -> None:
        with open(var_dir() / "run" / "services.users", "w") as users:
            deadline = time.monotonic() + 10
            while time.monotonic() < deadline:
                try:
                    fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    return
                except BlockingIOError:
                    time.sleep(0.1)


_current: Services | None = None


def current() -> Services | None:
    """The servers of this process, if it opened any."""
    return _current


def database_is_named() -> bool:
    """Whether DATABASE_URL came with this process's environment, and not from the embedded server."""
    return _current is None or "DATABASE_URL" not in _current.needed


@contextmanager
def opened(*, owned: bool = False, urls: Collection[str] = ("DATABASE_URL", "REDIS_URL")) -> Iterator[Services]:
    """The servers for the time of the block; sets their `urls` in the environment. Raises `ServicesError`.

    With `owned`, servers of another command are not used, since that one stops them at its end; its end is waited for.
    SIGTERM ends the block like Ctrl-C does, so that a killed command stops its servers in order.
    """
    global _current
    services = Services()
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _terminate)
    try:
        _open(services, owned=owned, urls=urls)
        _current = services
        yield services
    finally:
        _current = None
        services.close()


def _terminate(_number: int, _frame: Any) -> None:
    sys.exit(143)


def _open(services: Services, *, owned: bool, urls: Collection[str]) -> None:
    needed = [name for name in urls if not os.environ.get(name)]
    services.needed = needed
    if not needed:
        return
    run = var_dir() / "run"
    run.mkdir(parents=True, exist_ok=True)
    owner = open(run / "services.owner", "a+")  # noqa: SIM115 - held as long as the servers run
    services.locks.append(owner)
    descriptor = run / "services.json"
    deadline = time.monotonic() + ATTACH_SECONDS
    told = False
    while True:
        try:
            fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not owned and _attach(services, descriptor, needed):
                return
            owner.seek(0)
            other = f"another command of this checkout (process {owner.read().strip() or 'unknown'})"
            if owned and not told:
                print(f"DiamondHub: {other} uses the servers; waiting for it to end …", file=sys.stderr, flush=True)
                told = True
            if time.monotonic() > deadline:
                raise ServicesError(
                    f"{other} still uses the servers; end it first"
                    if owned
                    else f"{other} holds {run / 'services.owner'}, but its servers do not answer"
                ) from None
            time.sleep(0.1)
        else:
            break
    owner.truncate(0)
    owner.write(str(os.getpid()))
    owner.flush()
    descriptor.unlink(missing_ok=True)
    _start(services, descriptor, needed)


def _besides(needed: Collection[str]) -> list[str]:
    """The Redis for what may be forgotten is started with the other one."""
    return ["CACHE_URL"] if "REDIS_URL" in needed and not os.environ.get("CACHE_URL") else []


def _attach(services: Services, descriptor: Path, needed: list[str]) -> bool:
    users = open(descriptor.parent / "services.users", "w")  # noqa: SIM115 - held while attached
    try:
        fcntl.flock(users, fcntl.LOCK_SH | fcntl.LOCK_NB)
        urls = json.loads(descriptor.read_text())
    except (BlockingIOError, FileNotFoundError, ValueError):
        users.close()
        return False
    if not all(name in urls for name in needed):
        users.close()
        return False
    services.locks.append(users)
    os.environ.update({name: urls[name] for name in [*needed, *_besides(needed)] if name in urls})
    return True


def _start(services: Services, descriptor: Path, needed: list[str]) -> None:
    urls: dict[str, str] = {}
    try:
        if "DATABASE_URL" in needed:
            postgres = Postgres(var_dir())
            services.embedded.append(postgres)
            postgres.start()
            urls["DATABASE_URL"] = postgres.url
        if "REDIS_URL" in needed:
            valkey = Valkey(var_dir())
            services.embedded.append(valkey)
            valkey.start()
            urls["REDIS_URL"] = valkey.url
        if _besides(needed):
            answers = cache(var_dir())
            services.embedded.append(answers)
            answers.start()
            urls["CACHE_URL"] = answers.url
    except ServerError as error:
        raise ServicesError(str(error)) from error
    os.environ.update(urls)
    partial = descriptor.with_suffix(".partial")
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(urls, file)
    partial.rename(descriptor)
    services.descriptor = descriptor

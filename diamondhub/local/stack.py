"""The stack of one machine: its programs, its port, and the lock and state file of the process that runs it.

`manage.py up` and `manage.py demo` run it under a `Supervisor`; `diamondhub.local.commandline` ensures that a checkout
runs only one. `var/run/up.json` tells others where it is and which processes it consists of.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from diamondhub.environment import for_program
from diamondhub.local.processes import var_dir
from diamondhub.local.services import ServicesError
from diamondhub.local.supervisor import ProgramSpec

ROOT = Path(__file__).resolve().parent.parent.parent
#: Number of ports that are tried, the default one included.
PORTS_TRIED = 50
#: Connections to PostgreSQL that each process keeps for its threads.
IO_CONNECTIONS, WEB_CONNECTIONS = 12, 8

#: The claims of ports that this process has taken.
_claims: list[socket.socket] = []


class AlreadyRunning(ServicesError):
    """The stack of this checkout runs already."""


class PortTaken(Exception):
    """Somebody else listens on the port that was asked for."""


def state_file() -> Path:
    """The state file while the stack runs: JSON with `pid` (the supervisor's), `url` and `processes` (by name)."""
    return var_dir() / "run" / "up.json"


@contextmanager
def claimed() -> Iterator[None]:
    """Hold the lock of this checkout's stack for the time of the block. Raises `AlreadyRunning` with the other's URL."""
    path = _lock_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(_where_it_runs(path)) from None
        state_file().unlink(missing_ok=True)
        _write(path, {"pid": os.getpid(), "url": None})
        try:
            yield
        finally:
            state_file().unlink(missing_ok=True)
            lock.truncate(0)


def announce(url: str, processes: Mapping[str, int]) -> None:
    """Write the state file; called again whenever a process was started or has ended."""
    _write(_lock_file(), {"pid": os.getpid(), "url": url})
    partial = state_file().with_suffix(".partial")
    _write(partial, {"pid": os.getpid(), "url": url, "processes": dict(processes)})
    partial.rename(state_file())


def choose_port(host: str, port: int, *, by_name: bool) -> int:
    """A port that nobody listens on: `port`, or the next free one above it unless it was asked for by name.

    It is this process's until that ends, though the server listens only once the database is up to date: no other stack
    that is begun meanwhile takes it. Raises `PortTaken`.
    """
    for candidate in [port] if by_name else range(port, min(port + PORTS_TRIED, 65536)):
        claim = _claim_of_port(candidate)
        if claim is None:
            continue
        try:
            is_free = _is_free(host, candidate)
        except PortTaken:
            claim.close()
            raise
        if is_free:
            _claims.append(claim)
            return candidate
        claim.close()
    if by_name:
        raise PortTaken(f"PORT: {port} is taken by another program; stop it, or set PORT to a free one")
    raise PortTaken(f"no port from {port} to {port + PORTS_TRIED - 1} is free; set PORT to a free one")


def stack_programs(
    *, port: int, host: str = "127.0.0.1", environment: Mapping[str, str] | None = None, logs: Path | None = None
) -> list[ProgramSpec]:
    """The programs of the standard stack, in starting order.

    `environment` is put on top of this process's own, which names the servers; each program is given only the secrets that
    it needs (`diamondhub.environment`). With `logs`, a folder, every program
    writes `<name>.log` there.
    """
    common = {
        **os.environ,
        "DIAMONDHUB_VAR": str(var_dir()),
        "DJANGO_SETTINGS_MODULE": "diamondhub.settings",
        "PYTHONUNBUFFERED": "1",
        **(environment or {}),
    }

    def program(name: str, argv: list[str], *, pool: int, stop_rank: int, grace: float = 30.0) -> ProgramSpec:
        return ProgramSpec(
            name=name,
            argv=[sys.executable, "-m", *argv],
            cwd=ROOT,
            environment=for_program(name, {**common, "DATABASE_POOL_SIZE": str(pool)}),
            stop_rank=stop_rank,
            grace=grace,
            log=logs / f"{name}.log" if logs else None,
        )

    # `up` has run the checks, with the secrets of all: a program by itself would load every page for them.
    celery = ["celery", "--skip-checks", "--quiet", "--app", "diamondhub.celery"]
    alone = ["--without-gossip", "--without-mingle", "--without-heartbeat"]

    def worker(name: str, *options: str) -> list[str]:
        return [*celery, "worker", *alone, "--hostname", f"{name}-{os.getpid()}@%h", *options]

    return [
        program(
            "worker-io",
            worker("worker-io", "--pool", "threads", "--concurrency", "32", "--queues", "control,supplier"),
            pool=IO_CONNECTIONS,
            stop_rank=2,
        ),
        program(
            "worker-cpu",
            worker("worker-cpu", "--pool", "prefork", "--concurrency", "2", "--queues", "consolidation"),
            pool=0,
            stop_rank=2,
        ),
        program(
            "web",
            ["gunicorn", "--config", "python:diamondhub.gunicorn_conf", "--bind", f"{host}:{port}", "diamondhub.wsgi"],
            pool=WEB_CONNECTIONS,
            stop_rank=1,
        ),
        # Killed at any point it harms nothing, so nothing is waited for.
        program("index", ["django", "index"], pool=0, stop_rank=1, grace=5.0),
        # The schedule is one constant entry: in memory, nothing to corrupt.
        program("beat", [*celery, "beat", "--scheduler", "diamondhub.beat:Scheduler"], pool=0, stop_rank=0, grace=10.0),
    ]


def _lock_file() -> Path:
    return var_dir() / "run" / "up.lock"


def _write(path: Path, value: dict[str, Any]) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(value, file)


def _where_it_runs(path: Path) -> str:
    try:
        holder = json.loads(path.read_text())
        pid, url = holder["pid"], holder["url"]
    except (OSError, ValueError, KeyError):
        return "this checkout's stack is just starting or stopping in another terminal"
    if url is None:
        return f"this checkout's stack is just starting in process {pid}"
    return f"this checkout's stack runs already at {url} (process {pid}); stop that one first"


def _claim_of_port(port: int) -> socket.socket | None:
    """This process's claim of a port among stacks, as long as the socket is open; None if another one has it.

    An abstract socket is of the same network namespace as the port, and gone with its process.
    """
    claim = socket.socket(socket.AF_UNIX)
    if sys.platform == "linux":
        try:
            claim.bind(f"\0diamondhub-port-{port}")
        except OSError:
            claim.close()
            return None
    return claim


def _is_free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        # Like the server: a port whose last connections are in TIME_WAIT is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host.strip("[]"), port))
            probe.listen(1)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise PortTaken(f"cannot listen on {host}:{port}: {error.strerror}") from None
    return True

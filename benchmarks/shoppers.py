"""Web processes under one limit, and clients that ask them by HTTP as fast as they are answered, or at a pace of their own.

`excess` and `shortfall` hold what was admitted against the limit by the moments of sending and receiving alone, so a busy
machine does not look like a wrong limit.
"""

from __future__ import annotations

import http.client
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Self
from urllib.parse import quote

from django.conf import settings

from diamondhub.local.processes import die_with_parent, free_port
from diamondhub.local.stack import stack_programs

#: The web processes answer within this time on any machine (seconds).
START_SECONDS = 120.0
#: Refusals by which `shortfall` judges: more than those of one moment in which the machine did not get on.
LAST_REFUSALS = 25


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: when it was sent and answered (monotonic seconds), and how."""

    sent: float
    received: float
    status: int
    headers: dict[str, str]
    body: bytes = b""


class Web:
    """The web program of the stack with so many processes, on the database of the settings and a Redis of one's own."""

    def __init__(self, *, processes: int, redis_url: str, log: Path, **environment: str) -> None:
        self.port = free_port()
        environment = {
            **environment,
            "DATABASE_URL": database_url(),
            "REDIS_URL": redis_url,
            "WEB_CONCURRENCY": str(processes),
            "DIAMONDHUB_BOOTSTRAP": "off",
        }
        (web,) = [
            program for program in stack_programs(port=self.port, environment=environment) if program.name == "web"
        ]
        self._log = open(log, "wb")  # noqa: SIM115 - closed by `__exit__`
        self._process = subprocess.Popen(
            web.argv,
            cwd=web.cwd,
            env=dict(web.environment),
            stdout=self._log,
            stderr=subprocess.STDOUT,
            preexec_fn=die_with_parent(signal.SIGTERM),
        )

    def __enter__(self) -> Self:
        deadline = time.monotonic() + START_SECONDS
        while self.ask("/health/live").status != 200:
            assert time.monotonic() < deadline, f"the web does not start: {Path(self._log.name).read_text()[-2000:]}"
            time.sleep(0.1)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()

    def ask(self, path: str, key: str = "", *, headers: Mapping[str, str] | None = None) -> Asked:
        """Ask once, on a connection of its own, so that any process may answer; status 0 if none does."""
        sent = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            with_key = {"X-API-Key": key} if key else {}
            connection.request("GET", path, headers={"Connection": "close", **with_key, **(headers or {})})
            answer = connection.getresponse()
            body = answer.read()
        except OSError:
            return Asked(sent, time.monotonic(), 0, {})
        finally:
            connection.close()
        return Asked(sent, time.monotonic(), answer.status, dict(answer.headers), body)


class Shopper:
    """Threads that ask with one key, one request after the other; with `every`, one each so many seconds."""

    def __init__(self, web: Web, path: str, key: str, *, threads: int = 1, every: float = 0.0) -> None:
        self.asked: list[Asked] = []
        self._web, self._path, self._key, self._every = web, path, key, every
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._ask, daemon=True) for _ in range(threads)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        while not self._over.is_set():
            self.asked.append(self._web.ask(self._path, self._key))
            if self._every:
                self._over.wait(self._every)

    @property
    def statuses(self) -> set[int]:
        """The statuses of all answers."""
        return {asked.status for asked in self.asked}


def excess(asked: Sequence[Asked], *, per_second: float, burst: int) -> float:
    """By how many requests the fullest stretch of time surely had more than the limit; negative if none had."""
    admitted = [request for request in asked if request.status == 200]
    return max(
        sum(first.sent <= request.sent and request.received <= last.received for request in admitted)
        - burst
        - per_second * (last.received - first.sent)
        for first in admitted
        for last in admitted
        if last.received >= first.received
    )


def shortfall(asked: Sequence[Asked], *, per_second: float, burst: int) -> float:
    """How many requests fewer than the limit gives had surely been let in when one of the last was refused by name.

    That is the median of the last ones: what a limit has lost it lacks at all of them, and a machine without a free moment
    turns somebody away too early once.
    """
    admitted = [request for request in asked if request.status == 200]
    begun = min(request.received for request in admitted)
    refused = [request for request in asked if request.status == 429 and "RateLimit" in request.headers]
    return median(
        burst + per_second * (last.sent - begun) - 1 - sum(request.sent <= last.received for request in admitted)
        for last in sorted(refused, key=lambda request: request.sent)[-LAST_REFUSALS:]
    )


def database_url() -> str:
    """The address of the database of the settings, for another program."""
    database = settings.DATABASES["default"]
    user, password = quote(str(database["USER"]), safe=""), quote(str(database["PASSWORD"]), safe="")
    host, port = quote(str(database["HOST"]), safe=""), database["PORT"]
    return f"postgresql://{user}:{password}@/{quote(str(database['NAME']), safe='')}?host={host}&port={port}"

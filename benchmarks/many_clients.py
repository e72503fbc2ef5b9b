"""Two hundred clients at once on a whole stack: `python -m benchmarks.many_clients [--clients 200] [--seconds 60]`.

Clients ask as fast as they are answered, each with a key of its own; beside them strangers guess keys and an honest client
asks twice a second, all from one address. What is printed: how all of it was answered, which connections PostgreSQL had
before, during and after, what memory the web processes held from second to second, and what of it must not be: then the
status is 1.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ingest.tests.stack import ROOT, Sandbox, Stack

STONES = 2_000
STRANGERS = 4
ADDRESSES = (
    *("/api/v1/diamonds?shape=ROUND&limit=20", "/api/v1/diamonds?carats_min=1&limit=50", "/api/v1/diamonds?limit=1"),
    *("/api/v1/diamonds?unknown=1", "/api/v1/nothing"),
)
#: A client that was told to wait waits so long at most, so that limits are met again and again (seconds).
MAX_PAUSE = 1.0
CLIENTS, STRANGER, HONEST = "clients", "strangers", "honest client beside them"
#: Memory is flat if the last third of the time takes at most so much more than the third before it.
FLAT = 1.05
#: Connections that may be left of the crowd, beside those before it: the pools of the web processes, and of workers.
KEPT_CONNECTIONS = 24


@dataclass
class Crowd:
    """Whoever asks, and how they were answered: statuses, and 0 where a connection failed."""

    url: str
    over: threading.Event = field(default_factory=threading.Event)
    answered: dict[str, Counter[int]] = field(default_factory=dict)
    threads: list[threading.Thread] = field(default_factory=list)

    def join(self, group: str, key: str, *, every: float = 0.0) -> None:
        """Let one more ask: as fast as it is answered, or `every` so many seconds."""
        counted = self.answered.setdefault(group, Counter())
        thread = threading.Thread(target=self._ask, args=(key, every, counted), daemon=True)
        self.threads.append(thread)

    def ask_for(self, seconds: float) -> None:
        """Let all of them ask for so long, and wait until each has its last answer."""
        for thread in self.threads:
            thread.start()
        time.sleep(seconds)
        self.over.set()
        for thread in self.threads:
            thread.join()

    def _ask(self, key: str, every: float, counted: Counter[int]) -> None:
        parts = urlsplit(self.url)
        connection: http.client.HTTPConnection | None = None
        number = 0
        while not self.over.wait(every):
            number += 1
            try:
                if connection is None:
                    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
                connection.request(
                    "GET", ADDRESSES[0 if every else number % len(ADDRESSES)], headers={"X-API-Key": key}
                )
                answer = connection.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException):
                counted[0] += 1
                connection = None
                continue
            counted[answer.status] += 1
            if answer.status == 429 and not every:
                self.over.wait(min(MAX_PAUSE, float(answer.headers.get("Retry-After", "1"))))


@dataclass
class Watched:
    """The stack from outside: memory of its web processes (MB) and connections of PostgreSQL, by seconds."""

    stack: Stack
    memory: list[int] = field(default_factory=list)
    connections: list[int] = field(default_factory=list)

    def look(self) -> None:
        """Look once."""
        self.memory.append(sum(_resident(process) for process in _web_processes(self.stack.processes["web"])))
        self.connections.append(
            self.stack.value("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'")
        )

    def watch(self, over: threading.Event, every: float) -> None:
        """Look again and again."""
        while not over.wait(every):
            self.look()


def main() -> None:
    """Run it once and print what came of it, and what of it must not be (`faults`): then the status is 1."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60.0)
    options = parser.parse_args()
    sandbox = Sandbox(STONES)
    stack = Stack(ROOT / "var" / "bench" / f"{os.getpid()}-many-clients", sandbox)
    try:
        told = _measured(stack, options.clients, options.seconds)
    finally:
        stack.stop()
        sandbox.stop()
    told["faults"] = list(_faults(told))
    print(json.dumps(told, indent=2))
    raise SystemExit(1 if told["faults"] else 0)


def _faults(told: dict[str, Any]) -> Iterator[str]:
    """What must not be: no answer, a 5xx, an honest client that is refused, connections that stay, memory that grows."""
    for group, counted in told["answers"].items():
        for status, count in counted.items():
            if status == "0" or status >= "500":
                yield f"{group}: {count} times {'no answer' if status == '0' else status}"
    honest = told["answers"][HONEST]
    if set(honest) != {"200"}:
        yield f"{HONEST}: {honest}"
    if not told["answers"][CLIENTS].get("200") or "200" in told["answers"][STRANGER]:
        yield "nobody was answered, or strangers were"
    connections = told["connections of PostgreSQL"]
    if connections["after"] > connections["before"] + KEPT_CONNECTIONS:
        yield f"connections stay: {connections}"
    memory = told["memory of the web processes (MB)"]
    third = len(memory) // 3
    if third and max(memory[-third:]) > FLAT * max(memory[-2 * third : -third]):
        yield "memory grows"


def _measured(stack: Stack, clients: int, seconds: float) -> dict[str, Any]:
    stack.run("nivoda-labgrown", "--full")
    crowd = Crowd(json.loads((stack.var / "run" / "up.json").read_text())["url"])
    for number in range(clients):
        crowd.join(CLIENTS, _key(stack, f"client-{number}"))
    for _ in range(STRANGERS):
        crowd.join(STRANGER, "dh_000000000000_" + "0" * 49)
    crowd.join(HONEST, _key(stack, "honest"), every=0.5)
    watched = Watched(stack)
    watched.look()
    watching = threading.Thread(target=watched.watch, args=(crowd.over, max(1.0, seconds / 30)))
    watching.start()
    crowd.ask_for(seconds)
    watching.join()
    # What was opened for the crowd is closed by whoever opened it, or kept by pools, which have a size.
    time.sleep(5)
    watched.look()
    answers = {
        group: {str(status): count for status, count in sorted(counted.items())}
        for group, counted in crowd.answered.items()
    }
    return {
        "answers": answers,
        "connections of PostgreSQL": {
            "before": watched.connections[0],
            "most": max(watched.connections),
            "after": watched.connections[-1],
        },
        "memory of the web processes (MB)": watched.memory,
    }


def _key(stack: Stack, name: str) -> str:
    made = stack.manage("create_api_client", name, "--json")
    assert made.returncode == 0, made.stderr
    key: str = json.loads(made.stdout)["key"]
    return key


def _web_processes(master: int) -> list[int]:
    """A process and its children."""
    return [master, *map(int, Path(f"/proc/{master}/task/{master}/children").read_text().split())]


def _resident(process: int) -> int:
    """The memory that a process has to itself, as far as pages that it shares with others are divided (MB)."""
    for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) // 1024
    return 0


if __name__ == "__main__":
    main()

"""PostgreSQL and Redis that hang, on a whole stack: `python -m benchmarks.hanging [--clients 24] [--seconds 15]`.

All processes of a server are stopped (SIGSTOP) for so long, while clients ask again and again; then they go on. What is
printed: how all were answered, the longest wait for an answer in seconds, that of `/health/live`, and after how many
seconds all was as before. The status is 1 where a bound is missed (`BOUNDS`).
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from ingest.tests.stack import ROOT, Sandbox, Stack

STONES = 2_000
SEARCH = "/api/v1/diamonds?limit=5&carats_min="
#: The longest wait for an answer while a server hangs (seconds): what the product promises, or what Redis is given twice.
BOUNDS = {"postgres": 5.0, "redis": 1.0}
#: So long at most until all is as before (seconds).
BACK = 60.0


@dataclass
class Asked:
    """How somebody was answered: statuses, and the longest wait (seconds)."""

    statuses: Counter[str] = field(default_factory=Counter)
    longest: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, address: str, key: str) -> int:
        """Ask once; 0 if there was no answer."""
        begun = time.monotonic()
        try:
            status = requests.get(address, headers={"X-API-Key": key}, timeout=60).status_code
        except requests.RequestException:
            status = 0
        with self.lock:
            self.statuses[str(status)] += 1
            self.longest = max(self.longest, time.monotonic() - begun)
        return status


def processes_of(stack: Stack, server: str) -> list[int]:
    """The processes of an embedded server: it, and for PostgreSQL its children."""
    if server == "redis":
        return [int(pid.name) for pid in Path("/proc").glob("[0-9]*") if _is_valkey_of(pid, stack.var)]
    (postmaster,) = [int(path.read_text().splitlines()[0]) for path in stack.var.rglob("postmaster.pid")]
    return [postmaster, *map(int, Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split())]


def _is_valkey_of(process: Path, var: Path) -> bool:
    try:
        words = (process / "cmdline").read_bytes().decode(errors="replace")
        return "valkey" in words and (process / "cwd").resolve().is_relative_to(var)
    except OSError:
        return False


def hanging(stack: Stack, server: str, *, keys: list[str], seconds: float) -> dict[str, Any]:
    """Stop a server for so long, and tell how clients were answered."""
    stopped = processes_of(stack, server)
    assert stopped, f"no process of {server} found"
    url = stack.url()
    shops, health = Asked(), Asked()
    over = threading.Event()

    def shop(number: int) -> None:
        asked = 0
        while not over.is_set():
            asked += 1
            # No answer that was kept.
            shops.ask(f"{url}{SEARCH}{(number * 1_000 + asked) / 1_000}", keys[number])
            over.wait(0.5)

    def look() -> None:
        while not over.wait(0.2):
            health.ask(f"{url}/health/live", "")

    crowd = [threading.Thread(target=shop, args=(number,)) for number in range(len(keys))]
    crowd.append(threading.Thread(target=look))
    for process in stopped:
        os.kill(process, signal.SIGSTOP)
    try:
        for thread in crowd:
            thread.start()
        time.sleep(seconds)
        over.set()
        for thread in crowd:
            thread.join()
    finally:
        for process in stopped:
            os.kill(process, signal.SIGCONT)
    again = time.monotonic()
    while Asked().ask(f"{url}{SEARCH}0.{time.monotonic_ns() % 1000:03}", keys[0]) != 200:
        if time.monotonic() - again > BACK:
            break
        time.sleep(0.1)
    return {
        "answers": dict(sorted(shops.statuses.items())),
        "longest wait (s)": round(shops.longest, 2),
        "health/live": {"answers": dict(health.statuses), "longest wait (s)": round(health.longest, 2)},
        "as before after (s)": round(time.monotonic() - again, 2),
    }


def _faults(server: str, told: dict[str, Any]) -> list[str]:
    faults = []
    if told["longest wait (s)"] > BOUNDS[server]:
        faults.append(f"somebody waited {told['longest wait (s)']} s")
    if set(told["answers"]) - {"200", "503"}:
        faults.append(f"answers {told['answers']}")
    if set(told["health/live"]["answers"]) != {"200"}:
        faults.append("health was not answered")
    if told["as before after (s)"] > BACK:
        faults.append("it did not come back")
    return faults


def main() -> None:
    """Run it once and print what came of it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--clients", type=int, default=24)
    parser.add_argument("--seconds", type=float, default=15.0)
    options = parser.parse_args()
    sandbox = Sandbox(STONES)
    stack = Stack(ROOT / "var" / "bench" / f"{os.getpid()}-hanging", sandbox)
    told: dict[str, Any] = {}
    try:
        stack.run("nivoda-labgrown", "--full")
        keys = []
        for number in range(options.clients):
            made = stack.manage("create_api_client", f"client-{number}", "--json")
            assert made.returncode == 0, made.stderr
            keys.append(json.loads(made.stdout)["key"])
        for server in BOUNDS:
            told[server] = hanging(stack, server, keys=keys, seconds=options.seconds)
            told[server]["faults"] = _faults(server, told[server])
    finally:
        stack.stop()
        sandbox.stop()
    print(json.dumps(told, indent=2))
    raise SystemExit(1 if any(part["faults"] for part in told.values()) else 0)


if __name__ == "__main__":
    main()

"""Runs a second beat and many workers of one name: `python -m ingest.tests.twins WORKERS`, until SIGTERM.

Each is a process of its own, forked from one that has Django and Celery loaded: loading them is most of what a start costs.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence

from diamondhub.celery import app

BEAT = ("beat", "--scheduler", "diamondhub.beat:Scheduler")
WORKER = (
    *("worker", "--pool", "threads", "--concurrency", "2", "--hostname", "twin@here"),
    *("--queues", "control,supplier,consolidation"),
)


def start(arguments: Sequence[str]) -> int:
    """Fork a process that does what `celery` does with these arguments; its process id."""
    child = os.fork()
    if child == 0:
        try:
            app.start(["--quiet", *arguments])
        finally:
            os._exit(1)
    return child


def main() -> None:
    app.loader.import_default_modules()
    children = [start(BEAT), *(start(WORKER) for _ in range(int(sys.argv[1])))]

    def stop(number: int, _frame: object) -> None:
        for child in children:
            os.kill(child, number)

    signal.signal(signal.SIGTERM, stop)
    for child in children:
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()

"""One of the processes that consolidate for `benchmarks.consolidation`: `python -m benchmarks.consolidator RUN`."""

from __future__ import annotations

import sys

import django


def main() -> None:
    """Print `ready` when all is loaded, wait for the end of standard input, and print `done` when no batch is left."""
    django.setup()
    from django.db import connection

    from benchmarks.consolidation import work
    from diamondhub import memory

    # As the CPU worker's processes do.
    memory.share_loaded()
    memory.keep_freed()
    connection.ensure_connection()
    print("ready", flush=True)
    sys.stdin.read()
    work(int(sys.argv[1]))
    print("done", flush=True)


if __name__ == "__main__":
    main()

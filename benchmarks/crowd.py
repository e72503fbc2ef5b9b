"""Processes that ask the supplier as often as the limiter lets them, over real HTTP: `python -m benchmarks.crowd`.

`Crowd` starts them and reads the results that they print at their end; the benchmark of the limiter and its test use it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

from diamondhub.pace.limiter import Lane, Limiter, LimiterUnavailable, WaitTooLong
from ingest.errors import SupplierError
from ingest.feeds.nivoda.transport import Transport

ROOT = Path(__file__).resolve().parent.parent
BODY = json.dumps({"query": "query ($token: String!) { as(token: $token) { diamonds_by_query_count } }"}).encode()


@dataclass(frozen=True, slots=True)
class Behaviour:
    """The measurements of a crowd: seconds waited for each slot, those after refusals included, and refusals."""

    waits: list[float]
    refused: int


class Crowd:
    """`processes` × `threads` callers that ask `endpoint` for `seconds`, all through one limiter in `redis_url`."""

    def __init__(
        self, endpoint: str, redis_url: str, *, processes: int, threads: int, per_second: int, seconds: float
    ) -> None:
        options = [endpoint, str(threads), str(per_second), str(seconds)]
        self.processes = [
            subprocess.Popen(
                [sys.executable, "-m", "benchmarks.crowd", *options],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(processes)
        ]
        for process in self.processes:
            assert process.stdin is not None
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        # All begin together. The address holds a password, which must not show on a command line.
        for process in self.processes:
            assert process.stdin is not None
            process.stdin.write(f"{redis_url}\n")
            process.stdin.flush()

    def ended(self) -> Behaviour:
        """Wait until every process has ended; returns the measurements of all."""
        waits: list[float] = []
        refused = 0
        for process in self.processes:
            output, _ = process.communicate(timeout=300)
            # The result is the last line; the limiter's warnings stand above it.
            told = json.loads(output.splitlines()[-1])
            waits += told["waits"]
            refused += told["refused"]
        return Behaviour(waits, refused)

    def kill(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()


def main() -> None:
    """Call the endpoint from all threads for the given time, then print waits and refusals as one JSON object."""
    parser = argparse.ArgumentParser()
    parser.add_argument("endpoint")
    parser.add_argument("threads", type=int)
    parser.add_argument("per_second", type=int)
    parser.add_argument("seconds", type=float)
    options = parser.parse_args()
    print("ready", flush=True)
    limiter = Limiter("crowd", per_second=options.per_second, redis_url=sys.stdin.readline().strip())
    transport = Transport(options.endpoint, limiter)
    waits: list[float] = []
    refused: list[float] = []
    end = monotonic() + options.seconds

    def ask() -> None:
        wanted = monotonic()
        while monotonic() < end:
            try:
                received = transport.post(BODY, lane=Lane.BULK, max_wait=None, timeout=5.0, answer_limit=None)
            except WaitTooLong as error:
                refused.append(error.wait)
                sleep(min(1.0, error.wait))
            except (LimiterUnavailable, SupplierError):
                sleep(0.1)
            else:
                waits.append(monotonic() - wanted - received.elapsed)
                wanted = monotonic()
                if received.response.status_code == 429:
                    limiter.penalize(received.slot, retry_after=float(received.response.headers["Retry-After"]))
                else:
                    limiter.succeeded(received.slot)

    callers = [threading.Thread(target=ask) for _ in range(options.threads)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    print(json.dumps({"waits": waits, "refused": len(refused)}), flush=True)


if __name__ == "__main__":
    main()

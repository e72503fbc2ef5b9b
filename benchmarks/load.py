"""Connections that are kept, each asking a server for one query after the other: `measure` gives rates and latencies."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, islice


@dataclass(frozen=True, slots=True)
class Load:
    """Answers in a second, and the median and the 99th percentile of their latencies (ms)."""

    rate: float
    p50: float
    p99: float

    @property
    def words(self) -> str:
        return f"{self.rate:.1f}/s, p50 {self.p50:.1f} ms, p99 {self.p99:.0f} ms"


def measure(
    port: int, path: str, queries: Sequence[str], headers: Mapping[str, str], *, seconds: float, connections: int = 8
) -> Load:
    """Ask for `seconds`; the queries take turns, each connection begins with another one. Errors raise `SystemExit`."""
    latencies: list[float] = []
    faults: set[str] = set()
    begun = time.perf_counter()

    def ask(place: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        for query in islice(cycle(queries), place, None):
            sent = time.perf_counter()
            if sent - begun > seconds:
                break
            connection.request("GET", f"{path}?{query}", headers=dict(headers))
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != 200:
                faults.add(f"{query}: {answer.status} {body[:300]!r}")
                break
            latencies.append(time.perf_counter() - sent)
        connection.close()

    threads = [threading.Thread(target=ask, args=(place,)) for place in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - begun
    if faults or not latencies:
        raise SystemExit(f"port {port} answered otherwise: {'; '.join(sorted(faults)) or 'nothing at all'}")
    ordered = sorted(latencies)
    return Load(
        len(ordered) / took,
        1000 * ordered[len(ordered) // 2],
        1000 * ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)],
    )

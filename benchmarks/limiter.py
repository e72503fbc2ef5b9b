"""The limiter under ten processes for a minute: their share of the limit, and the longest wait against the mean."""

from __future__ import annotations

from statistics import fmean

from django.conf import settings

from benchmarks.crowd import Crowd
from benchmarks.result import Figure
from ingest.sandbox.server import Sandbox
from ingest.sandbox.supplier import Options


def measure(seconds: float) -> list[Figure]:
    """Call the sandbox from 10 processes of 3 threads each for `seconds`."""
    with Sandbox(Options(stones=100)) as supplier:
        crowd = Crowd(supplier.url, settings.REDIS_URL, processes=10, threads=3, per_second=25, seconds=seconds)
        behaviour = crowd.ended()
        books = supplier.supplier.accounting.stats()
    # With an empty Redis the limiter waits one second before its first slot; that second does not count.
    rate = books["requests"] / (seconds - 1)
    mean = fmean(behaviour.waits)
    return [
        Figure(
            "requests through the limiter",
            ratio=rate / 25,
            goal=23 / 25,
            of="the supplier's limit of 25 requests/s",
            detail=f"{books['requests']:,} requests in {seconds:.0f} s ({rate:.2f}/s), at most {books['max_in_one_second']} "
            f"in any second",
        ),
        Figure(
            "longest wait for a slot",
            ratio=max(behaviour.waits) / mean,
            goal=3,
            at_most=True,
            of="the mean wait",
            detail=f"{max(behaviour.waits):.2f} s against {mean:.2f} s, with 30 callers and {behaviour.refused} refusals",
        ),
    ]

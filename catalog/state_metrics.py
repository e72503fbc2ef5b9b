"""What the catalogue tells of the state as metrics: the index of searches."""

from __future__ import annotations

from collections.abc import Iterator

from catalog.index import reports
from diamondhub.telemetry import state_metrics
from diamondhub.telemetry.state_metrics import Gauge, Value


def indexes() -> Iterator[Value]:
    """How many builders are at work, how far the oldest of their indexes is behind, and how long one was missed."""
    hosts = reports.hosts()
    yield Value("diamondhub_index_hosts", ("there",), len(hosts.there))
    yield Value("diamondhub_index_hosts", ("gone",), len(hosts.gone))
    if hosts.there:
        yield Value("diamondhub_index_behind_seconds", (), max(builder.behind_seconds for builder in hosts.there))
    if hosts.missing:
        yield Value("diamondhub_index_builder_silent_seconds", (), max(hosts.missing.values()))


state_metrics.register(
    "index",
    indexes,
    Gauge("diamondhub_index_hosts", "Hosts with a builder of the index: at work there, or gone.", ("state",)),
    Gauge("diamondhub_index_behind_seconds", "Seconds that the oldest index is behind the database."),
    Gauge(
        "diamondhub_index_builder_silent_seconds",
        "Seconds for which no builder has been at work where web processes search, of the host that misses one longest.",
    ),
)

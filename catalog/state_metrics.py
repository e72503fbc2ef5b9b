"""What the catalogue tells of the state as metrics: the index of searches."""

from __future__ import annotations

from collections.abc import Iterator

from catalog.index import reports
from diamondhub.database import clock
from diamondhub.telemetry import state_metrics
from diamondhub.telemetry.state_metrics import Gauge, Value


def indexes() -> Iterator[Value]:
    """The oldest index of the hosts that are there: how far it is behind, and how long its builder has been silent."""
    hosts, now = reports.hosts(), clock()
    yield Value("diamondhub_index_hosts", ("there",), len(hosts.there))
    yield Value("diamondhub_index_hosts", ("gone",), len(hosts.gone))
    if hosts.there:
        silent = max((now - builder.seen_at).total_seconds() for builder in hosts.there)
        yield Value("diamondhub_index_behind_seconds", (), max(builder.behind_seconds for builder in hosts.there))
        yield Value("diamondhub_index_builder_silent_seconds", (), max(0.0, silent))


state_metrics.register(
    "index",
    indexes,
    Gauge("diamondhub_index_hosts", "Hosts that keep an index of searches, there or gone as a whole.", ("state",)),
    Gauge("diamondhub_index_behind_seconds", "Seconds that the oldest index is behind the database."),
    Gauge("diamondhub_index_builder_silent_seconds", "Seconds since the builder that is silent longest was heard of."),
)

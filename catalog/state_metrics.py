"""What the catalogue tells of the state as metrics: the index of searches."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import F
from django.db.models.functions import Extract, Now

from catalog.index import reports
from catalog.models import IndexBuilder
from diamondhub.telemetry import state_metrics
from diamondhub.telemetry.state_metrics import Gauge, Value


def indexes() -> Iterator[Value]:
    """The oldest index of all hosts: how far it is behind, and how long its builder has been silent."""
    builders = IndexBuilder.objects.filter(seen_at__gt=Now() - reports.FORGOTTEN_AFTER)
    ages = builders.annotate(silent=Extract(Now() - F("seen_at"), "epoch")).values_list("silent", "behind_seconds")
    silent, behind, hosts = 0.0, 0.0, 0
    for of_builder, of_index in ages:
        silent, behind, hosts = max(silent, float(of_builder)), max(behind, of_index), hosts + 1
    yield Value("diamondhub_index_hosts", (), hosts)
    if hosts:
        yield Value("diamondhub_index_behind_seconds", (), behind)
        yield Value("diamondhub_index_builder_silent_seconds", (), silent)


state_metrics.register(
    "index",
    indexes,
    Gauge("diamondhub_index_hosts", "Hosts that keep an index of searches."),
    Gauge("diamondhub_index_behind_seconds", "Seconds that the oldest index is behind the database."),
    Gauge("diamondhub_index_builder_silent_seconds", "Seconds since the builder that is silent longest was heard of."),
)

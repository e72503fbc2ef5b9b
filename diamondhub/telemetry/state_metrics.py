"""State metrics: how the deployment is, from its rows, for `/metrics/state`, which is scraped once for all hosts.

Every web process would tell the same, so each is no source of its own: a sum over them would lie. Apps register what they
know in their `operations.py`. What is told is one snapshot, at most seconds old, however many ask. Labels have few values:
feeds, stages, kinds; never a run, a stone or an error's words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from diamondhub.operations import snapshots

log = structlog.get_logger(__name__)

#: Values of one metric that are told: more are a mistake in its labels.
MAX_VALUES = 1_000


@dataclass(frozen=True, slots=True)
class Gauge:
    """A metric of the state: its name, what it says, and what its labels are called."""

    name: str
    help: str
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a gauge, with the values of its labels in their order."""

    name: str
    labels: tuple[str, ...]
    value: float


#: Asks the database for values of the gauges that it was registered with.
Source = Callable[[], Iterable[Value]]

#: Whether a source could be asked.
UP = Gauge("diamondhub_state_source_up", "1 if this part of the state could be read, else 0.", ("source",))

_sources: dict[str, tuple[tuple[Gauge, ...], Source]] = {}


def register(name: str, source: Source, *gauges: Gauge) -> None:
    """Have the values of these gauges asked of `source` whenever the state is told."""
    _sources[name] = (gauges, source)


def declared() -> list[Gauge]:
    """Every gauge that there is."""
    return [UP, *(gauge for gauges, _ in _sources.values() for gauge in gauges)]


def exposed() -> str:
    """The state in the text format that Prometheus reads; seconds old at most. Raises what the database does."""
    return snapshots.of("metrics", lambda _former: taken())


def taken() -> str:
    """The state as it is now."""
    from prometheus_client.core import GaugeMetricFamily
    from prometheus_client.exposition import generate_latest

    families: dict[str, Any] = {}
    for gauge in declared():
        families[gauge.name] = GaugeMetricFamily(gauge.name, gauge.help, labels=gauge.labels)
    for name, (gauges, source) in _sources.items():
        values, is_up = _asked(name, source, {gauge.name: gauge for gauge in gauges})
        families[UP.name].add_metric([name], float(is_up))
        for value in values:
            families[value.name].add_metric(value.labels, value.value)

    class _Taken:
        def collect(self) -> Iterable[Any]:
            return families.values()

    return generate_latest(_Taken()).decode()  # it asks for nothing but `collect`


def _asked(name: str, source: Source, gauges: Mapping[str, Gauge]) -> tuple[list[Value], bool]:
    values: list[Value] = []
    told: dict[str, int] = {}
    try:
        for value in source():
            told[value.name] = told.get(value.name, 0) + 1
            if told[value.name] <= MAX_VALUES and len(value.labels) == len(gauges[value.name].labels):
                values.append(value)
    except Exception:
        # One part that has a fault of its own must not hide all others.
        log.exception("state_metrics_failed", source=name)
        return [], False
    return values, True

"""Process metrics: what the processes of this host count of their own work, for `/metrics`.

Each process counts into files of its own (prometheus_client's multiprocess mode), so whoever is asked, a web process or a
worker's main one, tells for all of the host, and a process that is killed loses nothing. Kept in files and not in rows,
because these numbers matter most while the database is away. A program calls `prepare` in its main process before it forks;
where nobody did, as in commands, counting costs nothing and does nothing. What comes from rows is in `state_metrics`.

Labels have few values: never an id, a stone, an address or an error's words.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, Any

#: Where prometheus_client has its files, by the variable that it reads.
VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
#: Beside the files of a program: locked as long as one of its processes lives.
_ALIVE = "alive"

_SHORT = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_LONG = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)


@dataclass(frozen=True, slots=True)
class Declared:
    """A metric: a counter, or with `buckets` a histogram of seconds. `program` is a label of every one besides."""

    help: str
    labels: tuple[str, ...]
    buckets: tuple[float, ...] = ()


#: Every process metric by its name.
DECLARED: dict[str, Declared] = {
    "diamondhub_http_requests_total": Declared(
        "Requests that were answered, by the class of the endpoint and the status of the answer.",
        ("endpoint", "status"),
    ),
    "diamondhub_http_request_seconds": Declared(
        "Seconds from a request until its answer begins, by the class of the endpoint and outcome: answered, refused (4xx),"
        " limited (429) or failed (5xx).",
        ("endpoint", "outcome"),
        _SHORT,
    ),
    "diamondhub_database_pool_wait_seconds": Declared(
        "Seconds that somebody waited for a connection to the database, by outcome: got or failed.",
        ("outcome",),
        _SHORT,
    ),
    "diamondhub_limiter_wait_seconds": Declared(
        "Seconds that a caller waited for its slot at the supplier, by account and lane.", ("account", "lane"), _LONG
    ),
    "diamondhub_limiter_refusals_total": Declared(
        "Callers that got no slot at the supplier, by reason: busy, lane, open (the supplier does not answer), unavailable"
        " (Redis is away).",
        ("account", "lane", "reason"),
    ),
    "diamondhub_supplier_requests_total": Declared(
        "Requests to suppliers, by account and outcome: answered, throttled or failed.", ("account", "outcome")
    ),
    "diamondhub_sends_total": Declared(
        "Tries to send an alert or a webhook, by channel and outcome: delivered, failed or dead.",
        ("channel", "outcome"),
    ),
    "diamondhub_batch_seconds": Declared(
        "Seconds that a batch of a run took to consolidate, by feed.", ("feed",), _LONG
    ),
    "diamondhub_spans_total": Declared("Spans of traces, by outcome: exported or lost.", ("outcome",)),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A gauge of this host without labels, whose value is asked for at each scrape; `look` takes some seconds at most."""

    help: str
    look: Callable[[], float]


#: Every gauge of a host by its name.
ASKED: dict[str, Asked] = {}

_lock: IO[str] | None = None
_counting = False
_program = ""
_building = threading.Lock()


def folder() -> Path:
    """Where the programs of this host have their files, each in a folder of its own; in memory where there is such."""
    from django.conf import settings

    return Path(settings.METRICS_DIR)


def prepare(program: str, *, under: Path | None = None) -> None:
    """Have this process and those that it forks count, as `program`; called once, before anything is forked.

    What a former process of the program left is wiped, unless another one of it lives on this host: then nothing of the
    program may fall. A folder that cannot be written costs the metrics, never the program.
    """
    global _lock, _counting, _program
    base = under or folder()
    mine = base / f"{program}.{os.getpid()}"
    try:
        base.mkdir(mode=0o700, parents=True, exist_ok=True)
        if base.stat().st_uid != os.geteuid() or base.parent.stat().st_uid not in (0, os.geteuid()):
            raise PermissionError
        _wipe(base, program)
        shutil.rmtree(mine, ignore_errors=True)
        mine.mkdir(mode=0o700)
        # Inherited by what is forked: the lock is held as long as any of them lives.
        _lock = (mine / _ALIVE).open("w")
        fcntl.flock(_lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        _counting = False
        return
    os.environ[VARIABLE] = str(mine)

    from prometheus_client import values

    values.ValueClass = values.MultiProcessValue()  # type: ignore[no-untyped-call]
    _metric.cache_clear()
    _counting, _program = True, program


def stop() -> None:
    """Count no more; for tests."""
    global _counting, _lock, _program
    _counting, _program = False, ""
    os.environ.pop(VARIABLE, None)
    if _lock is not None:
        _lock.close()
        _lock = None


def program() -> str:
    """What this process counts as; "" if it does not count."""
    return _program


def begin_at_zero(name: str, *labels: str) -> None:
    """Have a declared metric told with these labels from now on, as 0 until something is counted."""
    if _counting:
        _metric(name).labels(*labels)


def count(name: str, *labels: str, by: float = 1) -> None:
    """Count one more, or `by`, of a declared counter."""
    if _counting:
        _metric(name).labels(*labels).inc(by)


def observe(name: str, *labels: str, seconds: float) -> None:
    """Note that something took so long, in a declared histogram."""
    if _counting:
        _metric(name).labels(*labels).observe(seconds)


def ask(name: str, explanation: str, look: Callable[[], float]) -> None:
    """Have a gauge of this host told beside what its processes count."""
    ASKED[name] = Asked(explanation, look)


def exposed() -> str:
    """What the processes of this host have counted and what is asked at each scrape, in the format that Prometheus reads."""
    from prometheus_client.exposition import generate_latest

    return generate_latest(_Host(folder())).decode()  # it asks for nothing but `collect`


def _wipe(base: Path, program: str) -> None:
    former = [path for path in base.glob(f"{program}.*") if path.is_dir()]
    if not any(_lives(path) for path in former):
        for path in former:
            shutil.rmtree(path, ignore_errors=True)


def _lives(path: Path) -> bool:
    try:
        with (path / _ALIVE).open("r") as held:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


@cache
def _metric(name: str) -> Any:
    from prometheus_client import Counter, Histogram

    declared = DECLARED[name]
    if declared.buckets:
        return Histogram(name, declared.help, declared.labels, buckets=declared.buckets, registry=None)
    return Counter(name, declared.help, declared.labels, registry=None)


class _Host:
    """The programs of a host as prometheus_client collects them: each program's processes added up."""

    def __init__(self, base: Path) -> None:
        self._base = base

    def collect(self) -> Iterator[Any]:
        """Every metric once, its samples labelled with their program: a program that starts anew is one reset, not a dip."""
        from prometheus_client.core import GaugeMetricFamily
        from prometheus_client.multiprocess import MultiProcessCollector

        programs: dict[str, list[str]] = {}
        with suppress(OSError):
            for path in sorted(self._base.glob("*/*.db")):
                programs.setdefault(path.parent.name.partition(".")[0], []).append(str(path))
        merged: dict[str, Any] = {}
        for program, files in programs.items():
            try:
                metrics = MultiProcessCollector.merge(files)  # type: ignore[no-untyped-call]
            except (OSError, ValueError):
                # It was wiped just now: its program starts.
                continue
            for metric in metrics:
                kept = merged.setdefault(metric.name, metric)
                labelled = [sample._replace(labels={"program": program, **sample.labels}) for sample in metric.samples]
                kept.samples = labelled if kept is metric else kept.samples + labelled
        yield from merged.values()
        for name, asked in ASKED.items():
            yield GaugeMetricFamily(name, asked.help, value=asked.look())

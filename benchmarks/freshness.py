"""How soon the index has what was committed: one stone of a supplier, a hundredth of all, all of them; and from nothing.

The builder is the real program. This process stands for a web process: a thread of it looks at the builder's board, and a
change counts as there when a search by the index, its facet and the log of changes have it. `BENCH_FRESHNESS_STONES` sizes
the catalogue for a smaller machine; the goals are for 1,300,000.
"""

from __future__ import annotations

import os
import tempfile
import time
import uuid
from pathlib import Path
from statistics import median
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from benchmarks import built, catalogue
from benchmarks.consolidation import work
from benchmarks.result import Figure
from benchmarks.stones import Stone, repriced, stones
from catalog import index
from catalog.changes import feed
from catalog.changes.feed import Place
from catalog.index.hits import IndexHits
from catalog.models import DatasetVersion, Diamond
from catalog.searching.conditions import AnyOf
from catalog.searching.sorts import SORTS
from ingest import consolidation, raw_store
from ingest.feeds.nivoda import mapping
from ingest.models import Feed, Partition, Run

#: Seconds from the commit, or from the builder's start, until the index has it.
GOALS = {"one": 2.0, "few": 2.0, "all": 15.0, "nothing": 20.0}
#: What the index may take of a host's memory, and a web process of its own (MB).
HOST_MB, PRIVATE_MB = 200.0, 30.0
#: How often a small change is timed.
ROUNDS = 7
#: Between changes, so that each one comes alone and finds the builder at rest (seconds).
PAUSE = 3.0
FEED = "nivoda-natural"


def stones_to_measure(number: int) -> int:
    """The size of the catalogue: `number`, or what the environment says."""
    return int(os.environ.get("BENCH_FRESHNESS_STONES") or number)


def measure(number: int) -> list[Figure]:
    """Fill the catalogue with `number` stones, start a builder, and change one, a hundredth and all of them."""
    catalogue.fill(number)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE) catalog_diamond")
    watched = stones(1, feed=FEED)[0]
    _consolidate(watched)
    with tempfile.TemporaryDirectory(dir=built.memory()) as folder:
        settings.INDEX_DIR = Path(folder)
        before = _private()
        with built.builder(folder) as process:
            nothing = built.until_found(DatasetVersion.current())
            file = (_snapshot().nbytes) / 1e6
            of_reader = max(0.0, _private() - before)
            one = [_of_a_supplier(watched, place) for place in range(ROUNDS)]
            few = [_changed(0.01) for _ in range(ROUNDS)]
            everything = _changed(1.0)
            peak, kept = _memory_of(process.pid)
    load = os.getloadavg()[0]
    beside = f"{number:,} stones, load {load:.1f}"
    return [
        _figure("index from nothing", nothing, "nothing", beside),
        _figure("a supplier's stone in search, facets and changes", median(one), "one", f"{beside}; {_each(one)}"),
        _figure("a hundredth of the stones repriced", median(few), "few", f"{beside}; {_each(few)}"),
        _figure("all stones repriced at once", everything, "all", beside),
        Figure(
            "memory of the index, shared by all processes",
            file / HOST_MB,
            of=f"{HOST_MB:g} MB",
            goal=1.0,
            at_most=True,
            detail=f"{file:.0f} MB mapped; the builder had {kept:.0f} MB of its own afterwards and {peak:.0f} MB at most, "
            "with what it maps",
        ),
        Figure(
            "memory of a process that reads it",
            of_reader / PRIVATE_MB,
            of=f"{PRIVATE_MB:g} MB",
            goal=1.0,
            at_most=True,
            detail=f"{of_reader:.1f} MB of its own",
        ),
    ]


def _figure(name: str, seconds: float, goal: str, beside: str) -> Figure:
    allowed = GOALS[goal]
    return Figure(
        name, seconds / allowed, of=f"{allowed:g} s", goal=1.0, at_most=True, detail=f"{seconds:.2f} s; {beside}"
    )


def _each(seconds: list[float]) -> str:
    return "each " + ", ".join(f"{took:.2f}" for took in seconds)


def _snapshot() -> Any:
    snapshot = index.current()
    assert snapshot is not None
    return snapshot


def _changed(share: float) -> float:
    """Reprice a share of the stones in one transaction; the seconds from its commit until the index has them."""
    time.sleep(PAUSE)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE catalog_diamond SET price_cents = price_cents + 1 + (random() * 1000)::int WHERE random() <= %s",
            [share],
        )
    return built.until_found(DatasetVersion.current())


def _of_a_supplier(stone: Stone, place: int) -> float:
    """Consolidate another payload of a stone; the seconds from its commit until search, facets and changes have it."""
    changed = stone
    for _ in range(place + 1):
        changed = repriced(changed)
    time.sleep(PAUSE)
    before = Place(DatasetVersion.current())
    _consolidate(changed)
    begun = time.monotonic()
    price = Diamond.objects.values_list("price_cents", flat=True).get(pk=stone.diamond_id)
    built.until(lambda: _is_found(stone.diamond_id, price))
    assert stone.diamond_id in [identity for _, identity in feed.read(before, limit=100).stones]
    return time.monotonic() - begun


def _is_found(identity: uuid.UUID, price: int) -> bool:
    """Whether the index finds the stone at its price, and a facet counts it."""
    snapshot = index.current()
    if snapshot is None:
        return False
    hits = IndexHits(snapshot, {"price": AnyOf("price_cents", (price,)), "feed": AnyOf("feed", (FEED,))})
    is_on_the_page = identity in [place for _, place in hits.page(SORTS["price"], None, 100)]
    return is_on_the_page and sum(hits.facet("shape", "shape").counts.values()) > 0


def _consolidate(stone: Stone) -> None:
    """Take a stone's payload through consolidation, as a run of its own."""
    run = Run.objects.create(
        feed=Feed.objects.get(slug=FEED),
        kind=Run.Kind.FULL,
        state=Run.State.SETTLING,
        trace_id=uuid.uuid4().hex,
        started_by="bench",
        rule_set=1,
        mapper_version=mapping.MAPPER_VERSION,
    )
    partition = Partition.objects.create(run=run, ordinal=0, expected=1, state=Partition.State.COMPLETED)
    raw_store.make_days_ahead()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (now,) = cursor.fetchone()
    with transaction.atomic():
        raw_store.store(run.pk, partition.pk, now, [stone.received()])
    consolidation.cut_batches(run)
    work(run.pk)
    Run.objects.filter(pk=run.pk).update(state=Run.State.COMPLETED, finished_at=now)


def _private() -> float:
    """What this process alone has in memory (MB)."""
    return _field(Path("/proc/self/smaps_rollup"), "Anonymous:")


def _memory_of(pid: int) -> tuple[float, float]:
    """The most that a process had in memory, and what it has of its own now (MB)."""
    status = Path(f"/proc/{pid}/status")
    return _field(status, "VmHWM:"), _field(status, "RssAnon:")


def _field(path: Path, name: str) -> float:
    return next(int(line.split()[1]) / 1024 for line in path.read_text().splitlines() if line.startswith(name))

"""Builders and readers as processes: killed, two at once, and swapping versions for long."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import numpy as np
import pytest
from django.db import connection, connections
from django.utils import timezone

from catalog.index import board, builder, history, reports
from catalog.index.board import Notice
from catalog.index.builder import Builder, held
from catalog.index.readers import Reader
from catalog.index.snapshot import write
from catalog.index.tests.factories import stones_of
from catalog.index.tests.reading_back import said_of
from catalog.models import DatasetVersion, Diamond, IndexBuilder
from catalog.tests.factories import a_diamond, build_diamond
from diamondhub.local.processes import die_with_parent
from diamondhub.operations import workers
from diamondhub.operations.models import Worker
from diamondhub.tests.patience import HANG_SECONDS

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]

#: Swaps of versions that a process must not remember.
SWAPS = 100
#: What a process may grow by in all of them: that of a few versions (bytes).
MAX_GROWTH = 15_000_000


def until(condition: Callable[[], Any], what: str) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline, f"it does not come: {what}"
        time.sleep(0.02)


def prices(stones: dict[Any, dict[str, Any]]) -> dict[Any, int]:
    return {identity: of["price_cents"] for identity, of in stones.items()}


@contextmanager
def a_process(run: Callable[[], None]) -> Iterator[int]:
    """A child that runs it, until it is killed."""
    connections.close_all()
    child = os.fork()
    if child == 0:
        try:
            run()
        finally:
            os._exit(1)
    try:
        yield child
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_a_builder_killed_at_random_is_never_seen_half_and_the_next_one_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(builder, "VERSION_SECONDS", 0.0)
    monkeypatch.setattr(builder, "REST_SHARE", 0.0)
    monkeypatch.setattr(builder, "LOOK_SECONDS", 0.0)
    stones = [a_diamond(price_cents=1000 + place) for place in range(60)]
    table = {stone.pk: stone.price_cents for stone in stones}
    #: What the catalogue was at each version.
    known = {DatasetVersion.current(): dict(table)}
    chance = random.Random(7)
    reader = Reader(tmp_path, max_age=60)

    def build() -> None:
        with held(tmp_path) as hold:
            assert hold is not None
            Builder(tmp_path).run(hold)

    def seen() -> int:
        snapshot = reader.look().snapshot
        if snapshot is None:
            return -1
        assert prices(said_of(snapshot.stones)) == known[snapshot.version]
        return snapshot.version

    for _ in range(15):
        with a_process(build):
            for _ in range(chance.randrange(1, 4)):
                stone = chance.choice(stones)
                table[stone.pk] += 1
                known[DatasetVersion.current() + 1] = dict(table)
                Diamond.objects.filter(pk=stone.pk).update(price_cents=table[stone.pk])
            # The kill falls wherever this finds the builder.
            for _ in range(chance.randrange(0, 40)):
                seen()
    with a_process(build):
        until(lambda: seen() == DatasetVersion.current(), "the builder after the killed ones is up to date")


def test_of_two_builders_one_waits_and_goes_on_when_the_other_is_killed(tmp_path: Path, database_server: str) -> None:
    a_diamond()
    environment = {
        **os.environ,
        "DATABASE_URL": urlsplit(database_server)._replace(path=f"/{connection.settings_dict['NAME']}").geturl(),
        "DIAMONDHUB_INDEX_DIR": str(tmp_path / "index"),
        "DIAMONDHUB_PROGRAM": "index",
    }
    both = [
        subprocess.Popen(
            [sys.executable, "-m", "django", "index"],
            env=environment,
            stderr=subprocess.PIPE,
            preexec_fn=die_with_parent(signal.SIGKILL),
        )
        for _ in range(2)
    ]
    reader = Reader(tmp_path / "index", max_age=60)

    def of_process() -> int | None:
        notice = reader.look().notice
        return notice.pid if notice is not None and notice.file else None

    try:
        until(lambda: reader.look().snapshot is not None, "the first version")
        pids = [process.pid for process in both]
        until(lambda: Worker.objects.filter(pid__in=pids).count() == 2, "both show themselves")
        first = next(process for process in both if process.pid == of_process())
        (second,) = (process for process in both if process is not first)
        first.kill()
        until(lambda: of_process() == second.pid, "the second one takes over")
        a_diamond()
        until(lambda: len(reader.current() or ()) == 2, "the second one goes on")
        until(IndexBuilder.objects.exists, "the second one reports")
        second.terminate()
        assert second.wait(HANG_SECONDS) == -signal.SIGTERM
        # The one that was killed never said so.
        own = Worker.objects.filter(pid__in=(first.pid, second.pid))
        assert dict(own.values_list("pid", "ended")) == {first.pid: "", second.pid: "stopped"}
        assert not IndexBuilder.objects.exists()
    finally:
        for process in both:
            process.kill()
            assert process.stderr is not None
            process.stderr.close()
            process.wait()


def test_a_builder_that_is_killed_is_missed_by_who_searches_until_one_is_back_under_whatever_name(
    tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.INDEX_DIR = tmp_path
    monkeypatch.setattr(workers, "EVERY_SECONDS", 0.1)
    monkeypatch.setattr(reports, "SILENT_AFTER", timedelta(seconds=3))
    a_diamond()

    def on(host: str, run: Callable[[], Any]) -> Callable[[], None]:
        def work() -> None:
            monkeypatch.setattr("socket.gethostname", lambda: host)
            run()

        return work

    def build() -> None:
        with held(tmp_path) as hold:
            assert hold is not None
            Builder(tmp_path).run(hold)

    def search() -> None:
        workers.show("web")
        signal.pause()

    def missed() -> list[str]:
        return [item.about for item in reports.look()]

    def seen_at(host: str) -> Any:
        return IndexBuilder.objects.filter(host=host).values_list("seen_at", flat=True).first()

    with a_process(on("shop", search)):
        with a_process(on("index-1", build)):
            until(lambda: seen_at("index-1"), "the first one is heard of")
            until(lambda: reports.hosts().missing.get("shop", 9) < 3 and not missed(), "nobody is missed")
        until(lambda: missed() == ["host:shop"], "the first one is missed where somebody searches, not where it was")
        with a_process(on("index-2", build)):
            until(lambda: seen_at("index-2"), "the second one is heard of")
            until(lambda: reports.hosts().missing.get("shop", 9) < 3 and not missed(), "nobody is missed any more")
            until(lambda: {builder.host for builder in reports.hosts().gone} >= {"index-1"}, "the first one is gone")
        until(lambda: missed() == ["host:shop"], "the second one is missed, too")

    def missed_in_a_minute() -> list[str]:
        # Of processes that are killed the rows go later, and what they had sent before may be written later, too.
        Worker.objects.update(seen_at=timezone.now() - timedelta(minutes=1))
        return missed()

    until(lambda: not missed_in_a_minute(), "nobody searches any more")


def test_the_memory_of_a_process_is_flat_over_a_hundred_swaps(tmp_path: Path) -> None:
    generation = history.moment(connection).generation
    stones = stones_of([build_diamond(price_cents=number) for number in range(1, 400)])
    many = stones.taken(np.tile(np.arange(399), 150))
    write(tmp_path / "0.index", many, version=1, generation=generation)
    reader = Reader(tmp_path, max_age=3600)

    def swap(number: int) -> None:
        shutil.copy(tmp_path / f"{number}.index", tmp_path / f"{number + 1}.index")
        told = Notice(
            boot=board.boot(), pid=1, looked_at=time.monotonic(), file=f"{number + 1}.index", version=1, rows=len(many)
        )
        board.post(tmp_path, msgspec.structs.replace(told, generation=generation))
        snapshot = reader.look().snapshot
        assert snapshot is not None
        # Every page of it is touched, as searches do.
        snapshot.verify()
        (tmp_path / f"{number}.index").unlink()

    for number in range(5):
        swap(number)
    before = memory()
    for number in range(5, 5 + SWAPS):
        swap(number)

    assert (tmp_path / f"{5 + SWAPS}.index").stat().st_size * SWAPS > 20 * MAX_GROWTH
    assert memory() - before < MAX_GROWTH
    maps = Path("/proc/self/maps").read_text()
    assert maps.count(str(tmp_path)) == 1


def memory() -> int:
    """What this process has in memory, shared with others or not (bytes)."""
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Rss:"))

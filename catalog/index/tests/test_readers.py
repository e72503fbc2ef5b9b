"""Which version a process uses, when it lets it go, and that nothing which befalls a file is an error."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from django.db import connection

from catalog.index import board, current, history, readers
from catalog.index.board import Notice
from catalog.index.readers import Reader
from catalog.index.snapshot import Snapshot, Stones, write
from catalog.index.tests.factories import stones_of
from catalog.tests.factories import build_diamond

pytestmark = pytest.mark.django_db


@pytest.fixture
def generation() -> str:
    """What the database of the test counts in."""
    return history.moment(connection).generation


@pytest.fixture
def publish(tmp_path: Path, generation: str) -> Callable[..., Path]:
    """Does what the builder does: writes a version and names it."""

    def published(version: int = 1, stones: Stones | None = None, **changes: Any) -> Path:
        path = tmp_path / f"{version}.index"
        write(path, stones or stones_of([build_diamond()]), version=version, generation=generation)
        told = Notice(
            boot=board.boot(),
            pid=1,
            looked_at=time.monotonic(),
            database_version=version,
            file=path.name,
            version=version,
            generation=generation,
            rows=1,
        )
        board.post(tmp_path, msgspec.structs.replace(told, **changes))
        return path

    return published


def reading(folder: Path, max_age: float = 60) -> Reader:
    return Reader(folder, max_age=max_age)


def version_used(reader: Reader) -> int | None:
    snapshot = reader.look().snapshot
    return None if snapshot is None else snapshot.version


def test_the_file_that_the_board_names_is_used_and_the_next_one_from_the_next_look_on(
    tmp_path: Path, publish: Callable[..., Path]
) -> None:
    reader = reading(tmp_path)
    publish(1)
    assert version_used(reader) == 1

    publish(2)

    assert reader.current() is not None
    assert version_used(reader) == 2


def test_a_look_at_the_same_file_maps_nothing_anew(tmp_path: Path, publish: Callable[..., Path]) -> None:
    publish(1)
    reader = reading(tmp_path)
    first = reader.look().snapshot

    assert reader.look().snapshot is first


def test_without_a_builder_there_is_no_index(tmp_path: Path) -> None:
    seen = reading(tmp_path / "nowhere").look()

    assert (seen.snapshot, seen.reason) == (None, "no builder has been at work here")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"file": ""}, "the first version is being built"),
        ({"file": "", "failure": "No space left on device"}, "No space left on device"),
        ({"looked_at": -1e6}, "the builder is silent"),
        ({"looked_at": 1e12}, "the builder is silent"),
        ({"boot": "another"}, "the builder is silent"),
        ({"behind_since": -1e6, "database_version": 9}, "the builder is behind"),
    ],
)
def test_a_notice_that_is_too_old_or_names_nothing_is_not_followed(
    tmp_path: Path, publish: Callable[..., Path], changes: dict[str, Any], reason: str
) -> None:
    publish(1, **changes)

    seen = reading(tmp_path).look()

    assert (seen.snapshot, seen.reason) == (None, reason)


def test_a_version_in_use_is_given_up_when_its_builder_falls_silent_and_used_again_when_it_is_back(
    tmp_path: Path, publish: Callable[..., Path]
) -> None:
    reader = reading(tmp_path)
    publish(1)
    assert version_used(reader) == 1

    publish(1, looked_at=time.monotonic() - 61)
    assert version_used(reader) is None
    publish(1)
    assert version_used(reader) == 1


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda path: path.unlink(), "1.index cannot be read"),
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), "1.index is not whole"),
        (lambda path: path.write_bytes(b""), "1.index cannot be read"),
        (lambda path: path.write_bytes(b"?" * 5000), "1.index is no index"),
        (lambda path: path.write_bytes(path.read_bytes()[:8] + b"\x63" + path.read_bytes()[9:]), "has format 99"),
        (lambda path: path.chmod(0), ""),
    ],
)
def test_a_file_that_cannot_be_used_is_none_and_the_next_version_is_used(
    tmp_path: Path, publish: Callable[..., Path], spoil: Callable[[Path], None], reason: str
) -> None:
    path = publish(1)
    spoil(path)
    reader = reading(tmp_path)

    seen = reader.look()

    if reason:
        assert seen.snapshot is None
        assert reason in seen.reason
    publish(2)
    assert version_used(reader) == 2


def test_a_file_that_is_not_the_version_it_is_named_for_is_refused(
    tmp_path: Path, publish: Callable[..., Path]
) -> None:
    publish(1)
    publish(2, file="1.index")

    assert version_used(reading(tmp_path)) is None


def test_a_file_is_only_looked_for_in_its_folder(tmp_path: Path, publish: Callable[..., Path]) -> None:
    path = publish(1, file="../1.index")
    path.rename(tmp_path.parent / "1.index")

    assert version_used(reading(tmp_path)) is None


def test_an_index_of_another_database_is_refused(tmp_path: Path, publish: Callable[..., Path]) -> None:
    publish(1, generation="another")

    seen = reading(tmp_path).look()

    assert (seen.snapshot, seen.reason) == (None, "the index is of another database than this process's")


def test_while_the_database_does_not_say_what_it_is_the_index_is_not_used(
    tmp_path: Path, publish: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(1)
    reader = reading(tmp_path)
    with pytest.MonkeyPatch.context() as away:
        away.setitem(connection.settings_dict, "PORT", "1")
        assert version_used(reader) is None

    monkeypatch.setattr(readers, "ASK_SECONDS", 0.0)

    assert version_used(reader) == 1


def test_whatever_goes_wrong_is_no_error_for_who_asks(
    tmp_path: Path, publish: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(1)
    reader = reading(tmp_path)

    def broken(*_: Any) -> Any:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(readers, "unusable", broken)
    assert reader.current() is None
    monkeypatch.undo()

    assert version_used(reader) == 1


def test_a_version_stays_whole_for_who_uses_it_though_its_file_is_gone_and_another_is_current(
    tmp_path: Path, publish: Callable[..., Path]
) -> None:
    prices = [build_diamond(price_cents=price) for price in range(1, 5000)]
    old = publish(1, stones_of(prices))
    reader = reading(tmp_path)
    used = reader.look().snapshot
    assert used is not None

    publish(2)
    old.unlink()
    assert version_used(reader) == 2

    assert used.columns["price_cents"].tolist() == list(range(1, 5000))


def test_a_version_that_nobody_uses_is_unmapped(tmp_path: Path, publish: Callable[..., Path]) -> None:
    reader = reading(tmp_path)
    for version in range(1, 6):
        path = publish(version)
        reader.look()
        path.unlink()

    mapped = [line for line in Path("/proc/self/maps").read_text().splitlines() if str(tmp_path) in line]

    assert len(mapped) == 1
    assert "5.index" in mapped[0]


def test_the_index_of_the_process_follows_the_board_by_itself(
    tmp_path: Path, publish: Callable[..., Path], settings: Any, generation: str
) -> None:
    settings.INDEX_DIR = tmp_path
    assert current() is None
    publish(1)

    _until(lambda: _current_version() == 1)
    publish(2)
    _until(lambda: _current_version() == 2)
    (tmp_path / board.NAME).unlink()
    _until(lambda: current() is None)


def test_a_folder_is_followed_by_one_thread_and_left_for_another_folder(
    tmp_path: Path, publish: Callable[..., Path], settings: Any
) -> None:
    publish(1)
    settings.INDEX_DIR = tmp_path
    assert _current_version() == 1
    settings.INDEX_DIR = tmp_path / "another"
    assert current() is None

    _until(lambda: sum(thread.name == "index" for thread in threading.enumerate()) == 1)


def test_a_forked_process_follows_the_board_as_well(
    tmp_path: Path, publish: Callable[..., Path], settings: Any
) -> None:
    publish(1)
    settings.INDEX_DIR = tmp_path
    assert _current_version() == 1
    connection.close()

    child = os.fork()
    if child == 0:
        try:
            of_child = readers.of_process()
            alive = any(thread.name == "index" and thread.is_alive() for thread in threading.enumerate())
            os._exit(0 if alive and of_child is not None else 1)
        finally:
            os._exit(2)
    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0


def test_many_threads_that_ask_while_versions_come_and_go_find_whole_ones(
    tmp_path: Path, publish: Callable[..., Path]
) -> None:
    reader = reading(tmp_path)
    publish(0, _of_one_price(0))
    reader.look()
    done = threading.Event()
    wrong: list[Any] = []

    def ask() -> None:
        while not done.is_set():
            snapshot = reader.current()
            if snapshot is None or (snapshot.columns["price_cents"] != snapshot.version + 1).any():
                wrong.append(snapshot)

    asking = [threading.Thread(target=ask) for _ in range(4)]
    for thread in asking:
        thread.start()
    before = tmp_path / "0.index"
    for version in range(1, 12):
        path = publish(version, _of_one_price(version))
        reader.look()
        before.unlink()
        before = path
    done.set()
    for thread in asking:
        thread.join()

    assert wrong == []


def _of_one_price(version: int) -> Stones:
    stones = stones_of([build_diamond() for _ in range(3)])
    prices = np.full(3, version + 1, np.int64)
    return Stones(stones.id_high, stones.id_low, {**stones.columns, "price_cents": prices}, stones.words)


def _current_version() -> int | None:
    snapshot: Snapshot | None = current()
    return None if snapshot is None else snapshot.version


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it does not come"
        time.sleep(0.01)

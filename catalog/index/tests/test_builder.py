"""The builder: what it makes of the table and the log, and that nothing which befalls it is an error for a reader."""

from __future__ import annotations

import errno
import itertools
import os
import resource
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from django.db import connection, transaction

from catalog.index import board, builder, history
from catalog.index.board import Notice
from catalog.index.builder import Builder, held
from catalog.index.readers import Reader
from catalog.index.reading import read
from catalog.index.snapshot import Snapshot, write
from catalog.index.tests.factories import stones_of
from catalog.index.tests.reading_back import said_of
from catalog.models import DatasetVersion, Diamond, VersionCounter
from catalog.tests.factories import a_diamond

pytestmark = pytest.mark.django_db(transaction=True)


class Killed(BaseException):
    """Stands for SIGKILL: nothing handles it."""


@pytest.fixture(autouse=True)
def _a_version_at_every_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builder, "VERSION_SECONDS", 0.0)
    monkeypatch.setattr(builder, "REST_SHARE", 0.0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the index lies; not there yet."""
    folder = tmp_path / "index"
    folder.mkdir()
    return folder


def a_builder(folder: Path) -> Builder:
    """One that has just been started."""
    started = Builder(folder)
    started.take_up()
    return started


def usable(folder: Path) -> Snapshot | None:
    """What a process that has just been started would use."""
    return Reader(folder, max_age=60).look().snapshot


def assert_current(folder: Path) -> None:
    """A new process finds the newest version, which has exactly the stones of the table."""
    snapshot = usable(folder)
    assert snapshot is not None
    assert snapshot.version == DatasetVersion.current()
    assert said_of(snapshot.stones) == said_of(stones_of(list(Diamond.objects.all())))


def posted(folder: Path) -> Notice:
    notice = board.read(folder)
    assert notice is not None
    return notice


def indexes(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if ".index" in path.name]


def many(number: int) -> list[Diamond]:
    """Stones of which a change of one is no big share."""
    return [a_diamond(price_cents=1000 + place) for place in range(number)]


# --- versions ---------------------------------------------------------------------------------------------------------


def test_the_first_version_has_all_stones(folder: Path) -> None:
    many(3)

    a_builder(folder).turn()

    assert_current(folder)
    assert (posted(folder).rows, posted(folder).patched) == (3, False)


def test_an_empty_catalogue_has_an_index_too(folder: Path) -> None:
    a_builder(folder).turn()

    assert_current(folder)


def test_few_changes_are_patched_in_whether_stones_came_changed_or_went(folder: Path) -> None:
    stones = many(60)
    working = a_builder(folder)
    working.turn()

    a_diamond(shape="MARQUISE", price_cents=1)
    Diamond.objects.filter(pk=stones[5].pk).update(price_cents=10**10, lab=None)
    Diamond.objects.filter(pk=stones[6].pk).delete()
    working.turn()

    assert posted(folder).patched
    assert_current(folder)


def test_many_changes_have_all_stones_read_again(folder: Path) -> None:
    many(20)
    working = a_builder(folder)
    working.turn()

    Diamond.objects.update(price_cents=7)
    working.turn()

    assert not posted(folder).patched
    assert_current(folder)


def test_what_is_not_committed_is_in_no_version(folder: Path) -> None:
    many(30)
    working = a_builder(folder)
    working.turn()
    before = posted(folder).version

    with transaction.atomic():
        stone = a_diamond(price_cents=5)
        transaction.set_rollback(True)
    working.turn()

    assert not Diamond.objects.filter(pk=stone.pk).exists()
    assert (posted(folder).version, len(indexes(folder))) == (before, 1)
    assert_current(folder)


def test_a_look_at_nothing_new_says_that_the_file_is_still_the_newest(folder: Path) -> None:
    many(2)
    working = a_builder(folder)
    working.turn()
    first = posted(folder)

    working.turn()

    second = posted(folder)
    assert second.file == first.file
    assert second.looked_at > first.looked_at
    assert second.behind_since is None


def test_versions_are_made_no_faster_than_one_in_a_while(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builder, "VERSION_SECONDS", 3600.0)
    many(20)
    working = a_builder(folder)
    working.turn()
    first = posted(folder)

    a_diamond()
    working.turn()
    working.turn()

    waiting = posted(folder)
    assert (waiting.file, waiting.database_version) == (first.file, first.version + 1)
    assert waiting.behind_since is not None
    # A new one owes nothing.
    a_builder(folder).turn()
    assert_current(folder)
    assert posted(folder).behind_since is None


def test_only_the_newest_file_is_left(folder: Path) -> None:
    many(20)
    working = a_builder(folder)
    for _ in range(3):
        a_diamond()
        working.turn()

    assert indexes(folder) == [posted(folder).file]


def test_a_version_that_somebody_uses_stays_whole_when_its_file_is_gone(folder: Path) -> None:
    many(20)
    working = a_builder(folder)
    working.turn()
    used = usable(folder)
    assert used is not None
    before = said_of(used.stones)

    a_diamond()
    working.turn()

    assert not used.path.exists()
    assert said_of(used.stones) == before


# --- another builder --------------------------------------------------------------------------------------------------


def test_a_new_builder_goes_on_with_the_file_of_the_one_before(folder: Path) -> None:
    many(30)
    a_builder(folder).turn()
    first = posted(folder)

    a_builder(folder).turn()
    assert posted(folder).file == first.file
    a_diamond()
    a_builder(folder).turn()

    assert posted(folder).patched
    assert_current(folder)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.unlink(),
        lambda path: path.write_bytes(path.read_bytes()[:-1]),
        lambda path: path.write_bytes(path.read_bytes()[:-200] + bytes(200)),
        lambda path: path.write_bytes(path.read_bytes()[:4096] + bytes(path.stat().st_size - 4096)),
        lambda path: path.write_bytes(b""),
    ],
)
def test_a_file_that_is_gone_torn_or_strange_is_not_gone_on_with(folder: Path, spoil: Callable[[Path], None]) -> None:
    many(30)
    a_builder(folder).turn()
    spoilt = posted(folder).file
    kept = (folder / spoilt).read_bytes()
    (folder / spoilt).unlink()
    (folder / spoilt).write_bytes(kept)
    spoil(folder / spoilt)

    a_builder(folder).turn()

    assert posted(folder).file != spoilt
    assert indexes(folder) == [posted(folder).file]
    assert_current(folder)


def test_after_a_restart_of_the_host_everything_is_built_anew(folder: Path) -> None:
    many(3)
    a_builder(folder).turn()
    before = posted(folder)
    board.post(folder, msgspec.structs.replace(before, boot="the one before"))
    assert usable(folder) is None

    a_builder(folder).turn()

    assert posted(folder).file != before.file
    assert indexes(folder) == [posted(folder).file]
    assert_current(folder)


def test_only_one_process_holds_a_folder_and_the_next_one_does_when_it_lets_go(folder: Path) -> None:
    with held(folder) as first, held(folder) as second:
        assert first is not None
        assert second is None
        assert builder.is_alive(folder)

    assert not builder.is_alive(folder)
    with held(folder) as third:
        assert third is not None


def test_a_folder_that_was_removed_is_held_no_more(folder: Path) -> None:
    with held(folder) as hold:
        assert hold is not None
        assert hold.lasts()
        for path in folder.iterdir():
            path.unlink()
        assert not hold.lasts()
        folder.rmdir()
        assert not hold.lasts()

    with held(folder) as again:
        assert again is not None


def test_two_builders_at_once_do_no_harm(folder: Path) -> None:
    stones = many(40)
    first, second = a_builder(folder), a_builder(folder)

    for turn in range(6):
        Diamond.objects.filter(pk=stones[turn].pk).update(price_cents=5 + turn)
        for working in (first, second) if turn % 2 else (second, first):
            working.turn()
            # Whichever wrote last, the one that is named is there and right.
            assert_current(folder)
    first.turn()
    second.turn()
    assert_current(folder)


def test_a_folder_that_somebody_emptied_is_filled_again(folder: Path) -> None:
    many(3)
    working = a_builder(folder)
    working.turn()
    for path in folder.iterdir():
        path.unlink()
    assert usable(folder) is None

    working.turn()

    assert_current(folder)


# --- killed at any point ----------------------------------------------------------------------------------------------


def kill_at(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kill the builder before this step of those that leave a trace outside, the first one being 1."""
    steps = itertools.count(1)

    def dying(do: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            if next(steps) == step:
                raise Killed
            return do(*arguments, **options)

        return call

    monkeypatch.setattr(os, "pwrite", dying(os.pwrite))
    monkeypatch.setattr(os, "replace", dying(os.replace))
    monkeypatch.setattr(builder, "read", dying(read))
    monkeypatch.setattr(builder, "write", dying(write))
    monkeypatch.setattr(Snapshot, "map", dying(Snapshot.map))
    monkeypatch.setattr(Builder, "_sweep", dying(Builder._sweep))


#: Telling that it is behind, reading, writing, renaming, mapping, naming, sweeping up.
@pytest.mark.parametrize("step", range(1, 8))
def test_a_builder_killed_at_any_step_leaves_the_version_before_or_the_next_one(folder: Path, step: int) -> None:
    stones = many(40)
    working = a_builder(folder)
    working.turn()
    versions = {posted(folder).version, posted(folder).version + 1}
    Diamond.objects.filter(pk=stones[0].pk).update(price_cents=9)

    with pytest.MonkeyPatch.context() as monkeypatch:
        kill_at(step, monkeypatch)
        with pytest.raises(Killed):
            working.turn()

    left = usable(folder)
    assert left is not None
    assert left.version in versions
    # A killed process leaves its half-written file, which an exception does not.
    (folder / "99-cafe.index.1.partial").write_bytes(b"half")
    a_builder(folder).turn()
    assert_current(folder)
    assert indexes(folder) == [posted(folder).file]


# --- the disk ---------------------------------------------------------------------------------------------------------


def test_a_full_disk_leaves_the_version_before_and_is_told_and_got_over(folder: Path) -> None:
    stones = many(40)
    working = a_builder(folder)
    working.turn()
    before = posted(folder)
    Diamond.objects.filter(pk=stones[0].pk).update(price_cents=9)

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (board.RECORD_BYTES, hard))
    try:
        pause = working.turn()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    told = posted(folder)
    assert told.file == before.file
    assert told.failure == os.strerror(errno.EFBIG)
    assert told.failing_since is not None
    assert pause == builder.FIRST_PAUSE
    assert usable(folder) is not None
    assert indexes(folder) == [before.file]
    working.turn()
    assert posted(folder).failure == ""
    assert_current(folder)


def test_a_folder_in_which_nothing_can_be_written_is_got_over(folder: Path) -> None:
    many(1)
    # Nobody makes files here, not even root.
    working = Builder(Path("/proc/self/task"))
    working.take_up()

    assert working.turn() == builder.FIRST_PAUSE
    assert usable(Path("/proc/self/task")) is None
    assert not builder.is_alive(Path("/proc/self/task"))


def test_tries_that_fail_come_slower_and_slower(folder: Path) -> None:
    many(1)
    working = a_builder(folder)
    folder.rmdir()

    pauses = [working.turn() for _ in range(8)]

    assert pauses == [1, 2, 4, 8, 16, 30, 30, 30]
    folder.mkdir()
    assert working.turn() == builder.LOOK_SECONDS
    assert_current(folder)


# --- the database -----------------------------------------------------------------------------------------------------


def test_a_database_that_is_away_costs_a_try(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    many(1)
    working = a_builder(folder)
    working.turn()
    before = posted(folder)
    connection.close()
    with pytest.MonkeyPatch.context() as away:
        away.setitem(connection.settings_dict, "PORT", "1")
        working.turn()

    told = posted(folder)
    assert told.file == before.file
    assert told.looked_at == before.looked_at, "nobody has seen whether it is still the newest"
    assert told.failure == "OperationalError"
    assert working.turn() == builder.LOOK_SECONDS
    assert posted(folder).failure == ""
    assert_current(folder)


def test_a_connection_that_is_lost_while_rows_come_costs_a_try(
    folder: Path, django_db_blocker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    many(40)
    working = a_builder(folder)

    def cut(server: Any, ids: Any = None) -> Any:
        monkeypatch.undo()
        with connection.copy().cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [server.info.backend_pid])
            cursor.connection.close()
        return read(server, ids)

    monkeypatch.setattr(builder, "read", cut)
    working.turn()

    assert posted(folder).failure
    working.turn()
    assert_current(folder)


def test_a_log_that_does_not_reach_back_has_all_stones_read(folder: Path) -> None:
    many(40)
    working = a_builder(folder)
    working.turn()

    a_diamond()
    VersionCounter.objects.update(forgotten=DatasetVersion.current())
    working.turn()

    assert not posted(folder).patched
    assert_current(folder)


def restored(to: int) -> None:
    """Have the counter say what it said at an earlier version, as after a restore of the whole database."""
    VersionCounter.objects.update(version=to)
    DatasetVersion.objects.filter(version__gt=to).delete()


def test_a_version_behind_the_files_has_all_stones_read(folder: Path) -> None:
    stones = many(40)
    working = a_builder(folder)
    earlier = DatasetVersion.current()
    Diamond.objects.filter(pk=stones[0].pk).update(price_cents=9)
    working.turn()
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("UPDATE catalog_diamond SET price_cents = 1000 WHERE id = %s", [stones[0].pk])
        cursor.execute("SET session_replication_role = origin")
    restored(earlier)

    a_builder(folder).turn()

    assert posted(folder).version == earlier
    assert not posted(folder).patched
    assert_current(folder)


def test_a_version_that_came_again_with_other_stones_has_all_stones_read(folder: Path) -> None:
    stones = many(40)
    a_builder(folder).turn()
    lost = DatasetVersion.current()
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("UPDATE catalog_diamond SET price_cents = 77 WHERE id = %s", [stones[0].pk])
        cursor.execute("SET session_replication_role = origin")
    restored(lost - 1)
    Diamond.objects.filter(pk=stones[1].pk).update(price_cents=5)
    assert DatasetVersion.current() == lost
    Diamond.objects.filter(pk=stones[2].pk).update(price_cents=6)

    a_builder(folder).turn()

    assert_current(folder)


def test_a_file_of_another_generation_is_used_by_nobody_from_the_next_look_on(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many(3)
    working = a_builder(folder)
    working.turn()
    VersionCounter.objects.update(generation=uuid.uuid4())
    monkeypatch.setattr(Builder, "_make", lambda _self: None)

    working.turn()

    assert posted(folder).file == ""
    assert usable(folder) is None
    monkeypatch.undo()
    working.turn()
    assert_current(folder)


def test_a_catalogue_that_was_emptied_at_once_is_built_anew(folder: Path) -> None:
    many(3)
    working = a_builder(folder)
    working.turn()
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE catalog_diamond")
    many(2)

    a_builder(folder).turn()

    assert posted(folder).rows == 2
    assert_current(folder)


def test_the_clock_set_back_or_ahead_changes_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stones = many(30)
    working = a_builder(folder)
    working.turn()

    for wrong in (0.0, 4e9):
        monkeypatch.setattr(time, "time", lambda wrong=wrong: wrong)
        stones[0].price_cents += 1
        stones[0].save()
        working.turn()
        os.utime(folder / board.NAME, (wrong, wrong))

        assert posted(folder).patched
        assert_current(folder)


def test_the_moment_says_version_generation_and_how_far_the_log_reaches() -> None:
    a_diamond()

    now = history.moment(connection)

    counter = VersionCounter.objects.get()
    assert (now.version, now.generation, now.forgotten) == (
        counter.version,
        str(counter.generation),
        counter.forgotten,
    )

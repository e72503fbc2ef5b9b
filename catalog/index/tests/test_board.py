"""The board: what the builder says, read whole or not at all."""

from __future__ import annotations

import threading
from pathlib import Path

import msgspec
import pytest

from catalog.index import board
from catalog.index.board import Notice, post, read

NOTICE = Notice(boot="this", pid=1, looked_at=5.0, database_version=7, file="7.index", version=7, rows=3)


def test_what_was_posted_last_is_read(tmp_path: Path) -> None:
    post(tmp_path, NOTICE)
    post(tmp_path, msgspec.structs.replace(NOTICE, version=8))

    assert read(tmp_path) == msgspec.structs.replace(NOTICE, version=8)
    assert (tmp_path / board.NAME).stat().st_size == board.RECORD_BYTES


def test_a_failure_of_any_length_fits_in(tmp_path: Path) -> None:
    post(tmp_path, msgspec.structs.replace(NOTICE, failure="\N{SKULL}" * 100_000))

    notice = read(tmp_path)

    assert notice is not None
    assert notice.failure == "\N{SKULL}" * board.MAX_FAILURE


@pytest.mark.parametrize("written", [b"", b"\0", b"\0" * 4096, b"x" * 4096, b'{"boot": ""}'])
def test_what_is_no_notice_is_none(tmp_path: Path, written: bytes) -> None:
    (tmp_path / board.NAME).write_bytes(written)

    assert read(tmp_path) is None


def test_a_notice_that_is_cut_off_changed_or_of_another_format_is_none(tmp_path: Path) -> None:
    post(tmp_path, NOTICE)
    path = tmp_path / board.NAME
    whole = path.read_bytes()

    for broken in (whole[:40], whole[:20] + b"?" + whole[21:], b"\x09" + whole[1:]):
        path.write_bytes(broken)
        assert read(tmp_path) is None


def test_a_folder_that_is_not_there_has_no_notice(tmp_path: Path) -> None:
    assert read(tmp_path / "gone") is None
    (tmp_path / board.NAME).mkdir()
    assert read(tmp_path) is None


def test_a_reader_never_meets_half_a_notice_while_it_is_overwritten(tmp_path: Path) -> None:
    post(tmp_path, NOTICE)
    done = threading.Event()
    met: set[tuple[int, str] | None] = set()

    def look() -> None:
        while not done.is_set():
            notice = read(tmp_path)
            met.add(None if notice is None else (notice.version, notice.file))

    looking = threading.Thread(target=look)
    looking.start()
    for version in range(2000):
        post(tmp_path, msgspec.structs.replace(NOTICE, version=version, file="x" * (version % 200)))
    done.set()
    looking.join()

    # Nothing at all where a writer was interrupted for long.
    met.discard(None)
    assert met
    assert met <= {(7, "7.index")} | {(version, "x" * (version % 200)) for version in range(2000)}


def test_a_builder_of_another_start_of_the_host_has_been_silent_for_ever() -> None:
    of_now = msgspec.structs.replace(NOTICE, boot=board.boot())

    assert of_now.silent(now=6.0) == 1.0
    assert NOTICE.silent(now=6.0) == float("inf")
    # The monotonic clock never goes back: such a time is of another clock.
    assert of_now.silent(now=4.0) == float("inf")


def test_a_file_is_behind_from_when_the_database_was_seen_to_be_ahead() -> None:
    assert NOTICE.behind(now=100.0) == 0.0
    assert msgspec.structs.replace(NOTICE, behind_since=40.0).behind(now=100.0) == 60.0

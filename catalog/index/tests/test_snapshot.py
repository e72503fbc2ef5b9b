"""Versions of the index as files: what is written is read again, and what is not whole is known."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from catalog.index.snapshot import Snapshot, UnusableSnapshot, id_at, missing, write
from catalog.index.tests.factories import snapshot_of, stones_of
from catalog.tests.factories import build_diamond


def test_a_version_says_what_it_is_of(tmp_path: Path) -> None:
    made_at = datetime(2026, 5, 6, 7, 8, 9, 123456, tzinfo=UTC)
    path = tmp_path / "7.index"

    length = write(path, stones_of([build_diamond()]), version=7, made_at=made_at, generation="first")

    snapshot = Snapshot.map(path)
    assert (snapshot.version, snapshot.generation, snapshot.made_at, len(snapshot)) == (7, "first", made_at, 1)
    assert length == path.stat().st_size == snapshot.nbytes
    assert list(tmp_path.iterdir()) == [path]


def test_stones_lie_in_the_order_of_price_and_id_whatever_their_order_was(tmp_path: Path) -> None:
    diamonds = [build_diamond(price_cents=price) for price in (300, 100, 2**40, 200, 100, 100)]

    snapshot = snapshot_of(diamonds, tmp_path)

    ids = [id_at(snapshot.stones, row) for row in range(len(snapshot))]
    assert ids == [stone.pk for stone in sorted(diamonds, key=lambda stone: (stone.price_cents, stone.pk))]
    assert [int(snapshot.by_id[rank]) for rank in snapshot.rank] == list(range(6))


def test_columns_take_the_smallest_type_and_keep_what_is_lacking(tmp_path: Path) -> None:
    values = [Decimal("0.127"), None, Decimal("99999.999"), Decimal(0)]

    snapshot = snapshot_of(
        [build_diamond(carats=carats, ratio=carats and carats / 1000) for carats in values], tmp_path
    )

    carats = snapshot.columns["carats"]
    assert carats.dtype == np.int32
    assert sorted(carats.tolist()) == [missing(np.int32), 0, 127, 99_999_999]


def test_nobody_can_write_into_a_version(tmp_path: Path) -> None:
    snapshot = snapshot_of([build_diamond()], tmp_path)

    with pytest.raises(ValueError, match="read-only"):
        snapshot.columns["price_cents"][0] = 1


def test_columns_of_few_values_are_kept_as_bitmaps_alone(tmp_path: Path) -> None:
    few = snapshot_of([build_diamond(color=color, treated=treated) for color, treated in _COLORS], tmp_path)

    assert not few.is_kept("color")
    assert not few.is_kept("treated")
    assert few.is_kept("price_cents")
    assert sorted(few.columns["color"].tolist()) == [missing(np.int8), 1, 2, 2, 24]
    assert sorted(few.numbers_at("treated", np.arange(5)), key=str) == [0, 0, 1, None, None]


_COLORS = [(2, True), (1, None), (None, None), (24, False), (2, False)]


def test_a_version_of_no_stones_can_be_read(tmp_path: Path) -> None:
    snapshot = snapshot_of([], tmp_path)

    snapshot.verify()

    assert len(snapshot) == 0


def test_a_file_that_is_not_there_or_not_whole_is_unusable(tmp_path: Path) -> None:
    path = snapshot_of([build_diamond(), build_diamond()], tmp_path).path
    whole = path.read_bytes()
    torn = tmp_path / "torn"

    for length in (0, 1, 7, 31, 32, 33, 200, len(whole) // 2, len(whole) - 1):
        torn.write_bytes(whole[:length])
        with pytest.raises(UnusableSnapshot):
            Snapshot.map(torn)
    torn.write_bytes(whole + b"\0")
    with pytest.raises(UnusableSnapshot, match="torn is not whole"):
        Snapshot.map(torn)
    with pytest.raises(UnusableSnapshot, match="cannot be read"):
        Snapshot.map(tmp_path / "gone")
    with pytest.raises(UnusableSnapshot, match="cannot be read"):
        Snapshot.map(tmp_path)


def test_a_file_of_something_else_or_of_another_format_is_unusable(tmp_path: Path) -> None:
    path = snapshot_of([build_diamond()], tmp_path).path
    whole = path.read_bytes()

    path.write_bytes(b"PNG\0\0\0\0\n" + whole[8:])
    with pytest.raises(UnusableSnapshot, match="is no index"):
        Snapshot.map(path)
    path.write_bytes(whole[:8] + (99).to_bytes(4, "little") + whole[12:])
    with pytest.raises(UnusableSnapshot, match="has format 99; this program reads format 3"):
        Snapshot.map(path)


def test_every_flipped_bit_of_the_header_is_known_when_the_file_is_mapped(tmp_path: Path) -> None:
    path = snapshot_of([build_diamond()], tmp_path).path
    whole = bytearray(path.read_bytes())
    header = int.from_bytes(whole[12:16], "little")

    for place in [*range(20), *range(24, 32), *range(32, 32 + header, 97), len(whole) - 1]:
        whole[place] ^= 4
        path.write_bytes(whole)
        with pytest.raises(UnusableSnapshot):
            Snapshot.map(path)
        whole[place] ^= 4


def test_a_flipped_bit_of_the_stones_is_known_when_the_file_is_verified(tmp_path: Path) -> None:
    snapshot = snapshot_of([build_diamond()], tmp_path)
    whole = bytearray(snapshot.path.read_bytes())
    whole[whole.rindex(b"DHWHOLE") - 1] ^= 1
    snapshot.path.unlink()
    snapshot.path.write_bytes(whole)

    flipped = Snapshot.map(snapshot.path)

    with pytest.raises(UnusableSnapshot, match="has another single than was written"):
        flipped.verify()


def test_nothing_is_left_of_a_file_that_could_not_be_written(tmp_path: Path) -> None:
    path = tmp_path / "taken"
    path.mkdir()

    with pytest.raises(OSError, match="taken"):
        write(path, stones_of([build_diamond()]), version=1)

    assert list(tmp_path.iterdir()) == [path]

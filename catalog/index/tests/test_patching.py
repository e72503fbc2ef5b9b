"""A patched version is the one that would have been built from nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.index.patching import patched
from catalog.index.snapshot import Snapshot, Stones, write
from catalog.index.tests.factories import stones_of
from catalog.index.tests.reading_back import said_of
from catalog.models import Diamond, diamond_id
from catalog.tests.factories import build_diamond

_TEXTS = st.sampled_from([None, "", "ROUND", "OVAL", "PEAR"])
#: Few prices and numbers, so that stones tie; some of them beyond the smaller types.
_VALUES = st.fixed_dictionaries(
    {
        "price_cents": st.sampled_from([1, 2, 3, 40_000, 2**33]),
        "shape": _TEXTS,
        "lab": st.text("AB", max_size=3),
        "color": st.sampled_from([None, 1, 2, 200]),
        "certificate_number": st.sampled_from([None, "12345", "67890"]),
    }
)
_STONES = st.dictionaries(st.integers(0, 40), _VALUES, max_size=40)


def some_stones(values: dict[int, dict[str, Any]]) -> list[Diamond]:
    return [build_diamond(supplier_stone_id=str(number), **of) for number, of in values.items()]


def by_id(stones: Stones) -> Any:
    return np.lexsort((stones.id_low, stones.id_high))


def in_order(stones: Stones) -> list[tuple[Any, Any]]:
    return list(said_of(stones.in_order()).items())


@settings(max_examples=60)
@given(before=_STONES, changes=st.dictionaries(st.integers(0, 40), st.none() | _VALUES, max_size=20))
def test_a_patch_gives_what_all_stones_give(before: Any, changes: Any) -> None:
    after = {number: of for number, of in {**before, **changes}.items() if of is not None}
    base = stones_of(some_stones(before)).in_order()
    changed = stones_of(some_stones({number: of for number, of in changes.items() if of is not None}))

    ids = [diamond_id("nivoda-natural", str(number)) for number in changes]

    made = patched(base, changed, ids, by_id=by_id(base))

    assert in_order(made) == in_order(stones_of(some_stones(after)))
    assert list(said_of(made)) == [identity for identity, _ in in_order(made)], "it lies in its order already"


def test_a_version_is_patched_over_and_over_from_its_file(tmp_path: Path) -> None:
    stones = [build_diamond(price_cents=100 * number, shape="ROUND") for number in range(1, 30)]
    path = tmp_path / "0.index"
    write(path, stones_of(stones), version=0)

    for version in range(1, 6):
        stones[version].price_cents, stones[version].shape = 10**version, f"SHAPE_{version}"
        gone = stones.pop()
        base = Snapshot.map(path)
        changed = stones_of([stones[version]])
        made = patched(base.stones, changed, [stones[version].pk, gone.pk], by_id=base.by_id)
        path = tmp_path / f"{version}.index"
        write(path, made, version=version)

    assert in_order(Snapshot.map(path).stones) == in_order(stones_of(stones))


def test_stones_that_share_half_of_their_ids_are_told_apart() -> None:
    ids = [UUID(int=7 << 64 | low) for low in (0, 1, 2**64 - 1)] + [UUID(int=6 << 64 | 1), UUID(int=8 << 64)]
    stones = [build_diamond(id=identity, price_cents=50 - place) for place, identity in enumerate(ids)]
    base = stones_of(stones).in_order()

    made = patched(base, stones_of([]), [ids[1], ids[4], UUID(int=7 << 64 | 5), UUID(int=9)], by_id=by_id(base))

    assert set(said_of(made)) == {ids[0], ids[2], ids[3]}

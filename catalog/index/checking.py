"""Whether the index of this host says of every stone what the table says: the part of the invariants that is about it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from django.conf import settings
from django.db import connection
from numpy.typing import NDArray

from catalog.index import history
from catalog.index.builder import LOOK_SECONDS, is_alive, one_moment
from catalog.index.readers import Reader
from catalog.index.reading import read
from catalog.index.snapshot import Snapshot, Stones, id_at, missing

#: So long a builder that is at work is given to be at the newest version (seconds).
PATIENCE = 10.0
#: Stones that are named of each column that differs.
MAX_NAMED = 3

Array = NDArray[Any]


def differences() -> Iterator[str]:
    """What the index says otherwise than the table, in words; nothing where there is none, or it is of another version.

    Reads all stones: some ten seconds and 300 MB for 1.3 million.
    """
    newest = _newest()
    if newest is None:
        return
    with one_moment() as moment:
        if (newest.version, newest.generation) != (moment.version, moment.generation):
            return
        stones = read(connection.connection)
    yield from (f"the index of version {newest.version}: {problem}" for problem in _problems(newest.stones, stones))


def _newest() -> Snapshot | None:
    """The index, once it is at the newest version; as it is, where that takes too long."""
    reader = Reader(settings.INDEX_DIR, max_age=settings.INDEX_MAX_AGE_SECONDS)
    deadline = time.monotonic() + (PATIENCE if is_alive(settings.INDEX_DIR) else 0.0)
    while True:
        snapshot = reader.look().snapshot
        if snapshot is not None and snapshot.version == history.moment(connection).version:
            return snapshot
        if time.monotonic() >= deadline:
            return snapshot
        time.sleep(LOOK_SECONDS)


def _problems(index: Stones, table: Stones) -> Iterator[str]:
    if len(index) != len(table):
        yield f"it has {len(index):,} stones, the table {len(table):,}"
        return
    strange = np.flatnonzero((index.id_high != table.id_high) | (index.id_low != table.id_low))
    if len(strange):
        yield f"{len(strange):,} rows are of other stones than by the table's prices, such as {_named(table, strange)}"
        return
    for name in table.columns:
        differing = np.flatnonzero(_values(index, name) != _values(table, name))
        if len(differing):
            yield f"{name} differs for {len(differing):,} stones, such as {_named(table, differing)}"


def _values(stones: Stones, name: str) -> Array:
    """A column in terms that do not depend on the type it is kept in, nor on the order in which words were met."""
    numbers = stones.columns[name]
    lacking = numbers == missing(numbers.dtype)
    if name in stones.words:
        words = np.array([*stones.words[name], None], object)
        return words[np.where(lacking, len(words) - 1, numbers)]
    return np.where(lacking, missing(np.int64), numbers.astype(np.int64))


def _named(stones: Stones, rows: Array) -> str:
    return ", ".join(str(id_at(stones, int(row))) for row in rows[:MAX_NAMED])

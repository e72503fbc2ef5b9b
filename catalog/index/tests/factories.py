"""Versions of the index made from stones in Python."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from catalog.index.attributes import Certificate, Word, forms
from catalog.index.snapshot import Snapshot, Stones, missing, write
from catalog.models import Diamond

_LACKING = missing(np.int64)


def stones_of(diamonds: Sequence[Diamond]) -> Stones:
    """The arrays of stones, in their order."""
    columns, words = {}, {}
    for name, form in forms().items():
        if isinstance(form, Certificate):
            digests = [form.of(diamond.certificate_number) for diamond in diamonds]
            columns[name] = np.array([_LACKING if digest is None else digest for digest in digests], np.int64)
            continue
        values = [getattr(diamond, name) for diamond in diamonds]
        if isinstance(form, Word):
            words[name] = list(dict.fromkeys(value for value in values if value is not None))
            numbers: list[Any] = [_LACKING if value is None else words[name].index(value) for value in values]
        else:
            numbers = [_LACKING if value is None else form.number(value) for value in values]
        columns[name] = np.array(numbers, np.int64)
    high = np.array([diamond.pk.int >> 64 for diamond in diamonds], np.uint64)
    low = np.array([diamond.pk.int & 2**64 - 1 for diamond in diamonds], np.uint64)
    return Stones(high, low, columns, words)


def snapshot_of(diamonds: Sequence[Diamond], folder: Path, version: int = 1) -> Snapshot:
    """A mapped version of these stones."""
    path = folder / f"{version}.index"
    write(path, stones_of(diamonds), version=version)
    return Snapshot.map(path)

"""The real stones whose grades and measurements the sandbox's stones have.

They are 53,940 round diamonds in a file beside this module (see `diamonds.csv.gz.LICENSE.txt`), read once as numpy columns.
"""

from __future__ import annotations

import csv
import gzip
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_FILE = Path(__file__).with_name("diamonds.csv.gz")

#: Grades as the supplier spells them, best first; the data set's "Premium" is the laboratories' "excellent".
CUTS = ("ID", "EX", "VG", "GD", "F")
COLORS = ("D", "E", "F", "G", "H", "I", "J")
CLARITIES = ("FL", "IF", "VVS1", "VVS2", "VS1", "VS2", "SI1", "SI2", "I1")
_CUT_NAMES = {"Ideal": 0, "Premium": 1, "Very Good": 2, "Good": 3, "Fair": 4}


@dataclass(frozen=True, slots=True)
class Rows:
    """Columns of the real stones: thousandths of a carat, indexes of grades, hundredths of mm, whole dollars."""

    carats: NDArray[np.int32]
    cut: NDArray[np.uint8]
    color: NDArray[np.uint8]
    clarity: NDArray[np.uint8]
    #: Depth and table in tenths of a per cent.
    depth: NDArray[np.int32]
    table: NDArray[np.int32]
    price: NDArray[np.int32]
    length: NDArray[np.int32]
    width: NDArray[np.int32]
    height: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.carats)


@cache
def real_rows() -> Rows:
    """The rows of the shipped file, in its order."""
    with gzip.open(_FILE, "rt", newline="") as file:
        reader = csv.reader(file)
        next(reader)
        columns = list(zip(*reader, strict=True))

    def scaled(column: int, factor: int) -> NDArray[np.int32]:
        return np.rint(np.array(columns[column], dtype=np.float64) * factor).astype(np.int32)

    def graded(column: int, grades: dict[str, int]) -> NDArray[np.uint8]:
        return np.array([grades[name] for name in columns[column]], dtype=np.uint8)

    return Rows(
        carats=scaled(0, 1000),
        cut=graded(1, _CUT_NAMES),
        color=graded(2, {name: place for place, name in enumerate(COLORS)}),
        clarity=graded(3, {name: place for place, name in enumerate(CLARITIES)}),
        depth=scaled(4, 10),
        table=scaled(5, 10),
        price=scaled(6, 1),
        length=scaled(7, 100),
        width=scaled(8, 100),
        height=scaled(9, 100),
    )


def spread(number: int) -> NDArray[np.int64]:
    """Row numbers for `number` stones: whole passes through the file, the last one spread evenly over it."""
    size = len(real_rows())
    whole, rest = divmod(number, size)
    last = np.arange(rest, dtype=np.int64) * size // max(1, rest)
    return np.concatenate([np.tile(np.arange(size, dtype=np.int64), whole), last])

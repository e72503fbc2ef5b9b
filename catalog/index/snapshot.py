"""One version of the index: a file that never changes, written by the builder and mapped by every process that reads it.

The file is a fixed head (magic, format, lengths, checksum of the header), a header in JSON (what it is a version of, where
the arrays lie), the arrays, each on a border of 64 bytes, and a tail that is written last. A torn or strange file is known
when it is mapped; `verify` reads every byte.
"""

from __future__ import annotations

import mmap
import os
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import numpy as np
from numpy.typing import NDArray

from catalog.index import bits
from catalog.index.attributes import Coded, Form, Moment, coded, forms, layout
from catalog.index.deriving import MAX_ALONE, Bitmaps, derive, extent, smallest_type

#: Raised whenever the meaning of a file changes: files of other formats are not read.
FORMAT = 3
_MAGIC = b"DHINDEX\n"
_END = b"DHWHOLE\n"
#: Magic, format, length of the header, checksum of the header, length of the file.
_HEAD = struct.Struct("<8sIIIxxxxQ")
#: Magic, checksum of the header, length of the file.
_TAIL = struct.Struct("<8sIxxxxQ")
_BORDER = 64
_TYPES = frozenset({"int8", "int16", "int32", "int64", "uint8", "uint32", "uint64"})

#: Stands for the values of a column of so many that they have no bitmaps.
_MANY = range(MAX_ALONE + 1)

Array = NDArray[Any]


class UnusableSnapshot(Exception):
    """The file is no version of the index that this program can read."""


@dataclass(frozen=True)
class Stones:
    """Stones as arrays, one row each.

    Ids are two arrays of uint64, the big-endian halves of the UUIDs. `columns` has one array of signed whole numbers for
    each of `attributes.forms()`, in that form; the smallest number of an array's type is what a stone lacks. `words` has the
    texts of each column of the form `Word`, which the numbers are places of.
    """

    id_high: NDArray[np.uint64]
    id_low: NDArray[np.uint64]
    columns: Mapping[str, Array]
    words: Mapping[str, Sequence[str]]
    #: The rows in the order of the ids, where that is known already.
    by_id: NDArray[np.uint32] | None = None

    def __len__(self) -> int:
        return len(self.id_high)

    def taken(self, rows: NDArray[Any]) -> Stones:
        """The stones of these rows (numbers, or whether each one is meant), in their order."""
        columns = {name: numbers[rows] for name, numbers in self.columns.items()}
        return Stones(self.id_high[rows], self.id_low[rows], columns, self.words)

    def in_order(self) -> Stones:
        """The same in the order of the price, then of the id."""
        prices = self.columns["price_cents"]
        falls = prices[1:] < prices[:-1]
        ties = prices[1:] == prices[:-1]
        high, low = self.id_high, self.id_low
        falls |= ties & ((high[1:] < high[:-1]) | ((high[1:] == high[:-1]) & (low[1:] < low[:-1])))
        return self.taken(np.lexsort((low, high, prices))) if falls.any() else self


def missing(dtype: Any) -> int:
    """The number that stands for what a stone lacks in an array of this type."""
    return int(np.iinfo(dtype).min)


def id_at(stones: Stones, row: int) -> UUID:
    """The id of the stone in a row."""
    return UUID(int=int(stones.id_high[row]) << 64 | int(stones.id_low[row]))


def ids_at(stones: Stones, rows: NDArray[Any]) -> list[UUID]:
    """The ids of the stones in some rows."""
    halves = zip(stones.id_high[rows].tolist(), stones.id_low[rows].tolist(), strict=True)
    return [UUID(int=high << 64 | low) for high, low in halves]


class _Placed(msgspec.Struct, frozen=True):
    """An array of the file; the checksum is CRC-32 of its bytes."""

    name: str
    dtype: str
    shape: list[int]
    offset: int
    checksum: int


class _Header(msgspec.Struct, frozen=True):
    version: int
    generation: str
    made_at: datetime
    layout: str
    rows: int
    arrays: list[_Placed]
    words: dict[str, list[str]]
    #: The values of the bitmaps of each column, in the order of the bitmaps.
    values: dict[str, list[int | None]]
    #: The lower edges of the buckets of each column that has some, in the order of their bitmaps.
    edges: dict[str, list[int | None]]
    #: How many rows each bitmap has, by the array's name.
    sizes: dict[str, list[int]]
    certificates: int


class _Columns(Mapping[str, Array]):
    """The columns of a version; those that it keeps otherwise, as bitmaps or as codes, are made anew whenever they are asked
    for.
    """

    def __init__(
        self, arrays: Mapping[str, Array], bitmaps: Mapping[str, Bitmaps], codes: Mapping[str, Coded], rows: int
    ) -> None:
        self._arrays = arrays
        self._bitmaps = bitmaps
        self._codes = codes
        self._rows = rows

    def __getitem__(self, name: str) -> Array:
        numbers = self.as_kept(name)
        return self._codes[name].numbers(numbers) if name in self._codes else numbers

    def as_kept(self, name: str) -> Array:
        """A column with its codes."""
        kept = self._arrays.get(f"column/{name}")
        return self._bitmaps[name].numbers(self._rows) if kept is None else kept

    def __iter__(self) -> Iterator[str]:
        return iter(forms())

    def __len__(self) -> int:
        return len(forms())


class Snapshot:
    """One mapped version. Its arrays are read-only, and shared by all processes that map the file."""

    def __init__(self, path: Path, header: _Header, memory: mmap.mmap) -> None:
        self.path = path
        self.version = header.version
        self.generation = header.generation
        self.made_at = header.made_at
        self._header = header
        self._memory = memory
        arrays = {placed.name: _array(memory, placed) for placed in header.arrays}
        self._arrays = arrays
        self.words: Mapping[str, Sequence[str]] = header.words
        #: The rows in the order of the ids.
        self.by_id: NDArray[np.uint32] = arrays["order/id"]
        #: The place of every row in that order.
        self.rank: NDArray[np.uint32] = arrays["rank/id"]
        #: The rows in the order of a column, then of the id; those that lack the value last.
        self.orders: Mapping[str, NDArray[np.uint32]] = {
            name: arrays[f"order/{name}"] for name in forms() if f"order/{name}" in arrays
        }
        self.bitmaps: Mapping[str, Bitmaps] = {
            name: Bitmaps(tuple(values), arrays[f"bits/{name}"], tuple(header.sizes[f"bits/{name}"]))
            for name, values in header.values.items()
        }
        self.buckets: Mapping[str, Bitmaps] = {
            name: Bitmaps(tuple(edges), arrays[f"buckets/{name}"], tuple(header.sizes[f"buckets/{name}"]))
            for name, edges in header.edges.items()
        }
        #: What the numbers of columns mean whose points in time are kept as places in a list of these.
        self.codes: Mapping[str, Coded] = {
            name: Coded(arrays[f"times/{name}"]) for name in forms() if f"times/{name}" in arrays
        }
        self._columns = _Columns(arrays, self.bitmaps, self.codes, header.rows)
        self.columns: Mapping[str, Array] = self._columns
        self.stones = Stones(arrays["id/high"], arrays["id/low"], self.columns, self.words)
        #: The rows of stones whose certificate others have as well, and the number of it.
        self.shared_rows: NDArray[np.uint32] = arrays["shared/rows"]
        self.shared_certificate: NDArray[np.int32] = arrays["shared/certificate"]
        #: How many certificates several stones share.
        self.certificates = header.certificates
        #: The stones whose certificate no other stone has, or that have none, as bits.
        self.single: NDArray[np.uint64] = arrays["single"]

        self._places: dict[str, Mapping[str, int]] = {}
        self._starts: dict[str, list[int]] = {}
        self._tallies: dict[str, NDArray[np.int64]] = {}

    def __len__(self) -> int:
        return len(self.stones)

    @cached_property
    def everything(self) -> NDArray[np.uint64]:
        """All rows as bits."""
        return bits.span(0, len(self), len(self))

    def form(self, column: str) -> Form | Coded:
        """What the numbers of a column mean. Raises `KeyError`."""
        return self.codes.get(column) or forms()[column]

    def numbers(self, column: str) -> Array:
        """The numbers of a column as they are searched; those that are kept as bitmaps alone are made anew."""
        return self._columns.as_kept(column)

    def places(self, column: str) -> Mapping[str, int]:
        """The numbers of a column's words."""
        if column not in self._places:
            self._places[column] = {word: place for place, word in enumerate(self.words[column])}
        return self._places[column]

    def starts(self, column: str) -> list[int]:
        """Where each bucket of known values begins in the order of the column, and where the last one ends."""
        if column not in self._starts:
            self._starts[column] = list(accumulate(self.buckets[column].sizes[:-1], initial=0))
        return self._starts[column]

    def is_kept(self, column: str) -> bool:
        """Whether the numbers of a column lie in the file, and not its bitmaps alone."""
        return f"column/{column}" in self._arrays

    def numbers_at(self, column: str, rows: NDArray[Any]) -> list[int | None]:
        """The numbers of a column in some rows; None for what is lacking."""
        if not self.is_kept(column):
            return self.bitmaps[column].numbers_at(rows)
        numbers = self.numbers(column)
        lacking = missing(numbers.dtype)
        return [None if number == lacking else number for number in numbers[rows].tolist()]

    def tally(self, column: str) -> NDArray[np.int64]:
        """How often each number occurs in a column of short ones, as they are without a sign."""
        if column not in self._tallies:
            numbers = self.numbers(column)
            places = numbers.view(np.uint8 if numbers.itemsize == 1 else np.uint16)
            self._tallies[column] = np.bincount(places, minlength=256**places.itemsize)
        return self._tallies[column]

    @property
    def nbytes(self) -> int:
        """The length of the file."""
        return len(self._memory)

    @classmethod
    def map(cls, path: Path | str) -> Snapshot:
        """The version of a file. Raises `UnusableSnapshot`, whatever is wrong with it."""
        path = Path(path)
        try:
            with path.open("rb") as file:
                memory = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            return cls(path, _header(memory), memory)
        except UnusableSnapshot as error:
            raise UnusableSnapshot(f"{path.name} {error}") from None
        except (OSError, ValueError, KeyError, msgspec.DecodeError, struct.error) as error:
            raise UnusableSnapshot(f"{path.name} cannot be read: {error}") from error

    def verify(self) -> None:
        """Read every byte. Raises `UnusableSnapshot` if one is not as it was written."""
        for placed in self._header.arrays:
            if zlib.crc32(_array(self._memory, placed).data) != placed.checksum:
                raise UnusableSnapshot(f"{self.path.name} has another {placed.name} than was written")


def write(path: Path, stones: Stones, *, version: int, made_at: datetime | None = None, generation: str = "") -> int:
    """Write a version into a file that is there whole or not at all; gives its length in bytes.

    Bitmaps and orders are made from the stones, in whatever order these are. `generation` names what `version` counts in.
    Raises `OSError`; what was written of the file is then gone. Nothing is flushed to the disk, which would take longer than
    all the rest: after a crash of the host nobody goes on with its files (`catalog.index.board`).
    """
    stones = stones.in_order()
    columns, codes = _kept(stones.columns)
    derived = derive(columns, stones.id_high, stones.id_low, stones.by_id)
    arrays = {
        "id/high": np.ascontiguousarray(stones.id_high),
        "id/low": np.ascontiguousarray(stones.id_low),
        **{f"times/{name}": known.times for name, known in codes.items()},
        **{
            f"column/{name}": numbers
            for name, numbers in columns.items()
            if name == "price_cents" or len(derived.values.get(name, _MANY)) > MAX_ALONE
        },
        **derived.arrays,
    }
    header = _Header(
        version=version,
        generation=generation,
        made_at=made_at or datetime.now(UTC),
        layout=layout(),
        rows=len(stones),
        arrays=[],
        words={name: list(words) for name, words in stones.words.items()},
        values=derived.values,
        edges=derived.edges,
        sizes=derived.sizes,
        certificates=derived.certificates,
    )
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as file:
            length = 0
            for piece in _pieces(header, arrays):
                length += file.write(piece)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return length


def _kept(columns: Mapping[str, Array]) -> tuple[dict[str, Array], dict[str, Coded]]:
    """The numbers of all columns as a file keeps them, and what they mean where that is not `forms()`."""
    kept, codes = {}, {}
    for name, form in forms().items():
        numbers = columns[name]
        if isinstance(form, Moment) and (made := coded(numbers)) is not None:
            codes[name], numbers = made
        kept[name] = narrowed(numbers)
    return kept, codes


def narrowed(numbers: Array) -> Array:
    """The same numbers in the smallest type that holds them."""
    dtype = smallest_type(*extent(numbers))
    if dtype == numbers.dtype:
        return np.ascontiguousarray(numbers)
    narrow = numbers.astype(dtype)
    narrow[numbers == missing(numbers.dtype)] = missing(dtype)
    return narrow


def _pieces(header: _Header, arrays: Mapping[str, Array]) -> Iterator[Any]:
    """The bytes of a file, piece by piece."""
    checksums = {name: zlib.crc32(array.data) for name, array in arrays.items()}

    def placed(start: int) -> list[_Placed]:
        places, offset = [], start
        for name, array in arrays.items():
            offset = _on_border(offset)
            places.append(_Placed(name, array.dtype.name, list(array.shape), offset, checksums[name]))
            offset += array.nbytes
        return places

    # Offsets are written with as many digits as they have: a header with room to spare is filled up with spaces.
    room = _on_border(_HEAD.size + len(msgspec.json.encode(msgspec.structs.replace(header, arrays=placed(2**52)))))
    places = placed(room)
    written = msgspec.json.encode(msgspec.structs.replace(header, arrays=places)).ljust(room - _HEAD.size)
    checksum = zlib.crc32(written)
    end = max(placed.offset + arrays[placed.name].nbytes for placed in places)
    length = end + _TAIL.size
    yield _HEAD.pack(_MAGIC, FORMAT, len(written), checksum, length)
    yield written
    position = room
    for place in places:
        yield bytes(place.offset - position)
        yield arrays[place.name].data.cast("B") if arrays[place.name].size else b""
        position = place.offset + arrays[place.name].nbytes
    yield _TAIL.pack(_END, checksum, length)


def _on_border(offset: int) -> int:
    return -(-offset // _BORDER) * _BORDER


def _header(memory: mmap.mmap) -> _Header:
    magic, file_format, header_length, checksum, length = _HEAD.unpack_from(memory)
    if magic != _MAGIC:
        raise UnusableSnapshot("is no index")
    if file_format != FORMAT:
        raise UnusableSnapshot(f"has format {file_format}; this program reads format {FORMAT}")
    if length != len(memory) or _TAIL.unpack_from(memory, length - _TAIL.size) != (_END, checksum, length):
        raise UnusableSnapshot("is not whole")
    written = memory[_HEAD.size : _HEAD.size + header_length]
    if zlib.crc32(written) != checksum:
        raise UnusableSnapshot("has a header that is not as it was written")
    header = msgspec.json.decode(written, type=_Header)
    if header.layout != layout():
        raise UnusableSnapshot("has other columns than this program's")
    return header


def _array(memory: mmap.mmap, placed: _Placed) -> Array:
    if placed.dtype not in _TYPES:
        raise UnusableSnapshot(f"has an array of {placed.dtype}")
    size = int(np.prod(placed.shape, dtype=np.int64))
    return np.frombuffer(memory, placed.dtype, size, placed.offset).reshape(placed.shape)

"""The bytes of a list wherever they lie: a file, packed by gzip or not, or a file of a ZIP archive.

Nothing is unpacked to disk that can be read on its way, and nothing is unpacked beyond its bounds: what an archive says of
its sizes is judged first, and what really comes is counted.
"""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, BinaryIO, cast

from ingest.feeds.pricelist.errors import ListRefused

#: Files that an archive may hold.
MAX_MEMBERS = 2_000
#: How many times larger a file may become that is unpacked, beyond so many bytes: text packs to a tenth or a fiftieth.
MAX_RATIO, RATIO_FROM = 300, 100_000_000
_CHUNK, _PIECE = 1 << 20, 1 << 16
_GZIP, ZIP, _EMPTY_ZIP = b"\x1f\x8b", b"PK\x03\x04", b"PK\x05\x06"
#: What is raised where packed bytes are not what they say.
DAMAGED = (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile, NotImplementedError, OSError)


@dataclass(frozen=True, slots=True)
class Content:
    """One file. `member` is its name in the archive at `path`, if it is one of an archive."""

    path: Path
    most_bytes: int
    member: str = ""

    @contextmanager
    def opened(self) -> Iterator[BinaryIO]:
        """Its bytes, unpacked if they are packed by gzip."""
        with self._raw() as raw:
            if raw.peek(2)[:2] != _GZIP:
                yield cast("BinaryIO", raw)
                return
            with gzip.GzipFile(fileobj=raw) as unpacked:
                yield cast("BinaryIO", io.BufferedReader(_Damage(unpacked), _PIECE))

    @property
    def is_packed(self) -> bool:
        """Whether the bytes of the file on disk are others than those of the list."""
        return bool(self.member) or self.beginning(2, packed=True) == _GZIP

    def beginning(self, size: int, *, packed: bool = False) -> bytes:
        """The first bytes. Raises `ListRefused` where they are damaged."""
        if packed:
            with self._raw() as raw:
                return raw.read(size)
        with self.opened() as file:
            return file.read(size)

    @contextmanager
    def as_file(self, *, most_bytes: int) -> Iterator[Path]:
        """A file on disk with the unpacked bytes, which are at most so many. Raises `ListRefused` for more."""
        if not self.is_packed:
            yield self.path
            return
        with NamedTemporaryFile(dir=self.path.parent, prefix="unpacked-") as file:
            size = 0
            with self.opened() as unpacked:
                while chunk := unpacked.read(_CHUNK):
                    size += len(chunk)
                    if size > most_bytes:
                        raise ListRefused(f"the price list is packed and has more than {most_bytes:,} bytes unpacked")
                    file.write(chunk)
            file.flush()
            yield Path(file.name)

    @contextmanager
    def _raw(self) -> Iterator[io.BufferedReader]:
        if not self.member:
            with self.path.open("rb") as file:
                yield file
            return
        with archive(self.path, self.most_bytes) as opened:
            try:
                with opened.open(self.member) as member:
                    yield io.BufferedReader(_Damage(member), _PIECE)
            except KeyError:
                raise ListRefused(f"the archive has no file {self.member!r}") from None
            except (RuntimeError, NotImplementedError) as error:
                raise ListRefused(f"{self.member!r} of the archive cannot be unpacked: {_said(error)}") from error


class _Damage(io.RawIOBase):
    """Reads on, and says in our terms that packed bytes are damaged."""

    def __init__(self, file: IO[bytes] | gzip.GzipFile) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        target = memoryview(buffer).cast("B")  # type: ignore[arg-type]  # what the reader gives
        try:
            piece = self._file.read(len(target))
        except (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile) as error:
            what = "archive" if isinstance(self._file, zipfile.ZipExtFile) else "gzip file"
            raise ListRefused(f"the price list is a damaged {what}: {_said(error)}") from error
        target[: len(piece)] = piece
        return len(piece)


@contextmanager
def archive(path: Path, most_bytes: int, what: str = "archive") -> Iterator[zipfile.ZipFile]:
    """A ZIP archive whose files are not too many or too large, by what it says of them. Raises `ListRefused`."""
    try:
        opened = zipfile.ZipFile(path)
    except (*DAMAGED, ValueError) as error:
        raise ListRefused(
            f"the price list is a damaged {'ZIP ' * (what == 'archive')}{what}: {_said(error)}"
        ) from error
    with opened:
        members = opened.infolist()
        if len(members) > MAX_MEMBERS:
            raise ListRefused(f"the {what} holds {len(members):,} files; at most {MAX_MEMBERS:,} are looked at")
        size = sum(member.file_size for member in members)
        if size > most_bytes:
            raise ListRefused(f"the {what} would become {size:,} bytes; at most {most_bytes:,} are unpacked")
        packed = max(1, path.stat().st_size)
        if size > RATIO_FROM and size > MAX_RATIO * packed:
            raise ListRefused(
                f"the {what} would become {size // packed:,} times as large when it is unpacked: it is no list"
            )
        yield opened


def is_archive(beginning: bytes) -> bool:
    """Whether bytes are those of a ZIP archive, which workbooks are, too."""
    return beginning.startswith((ZIP, _EMPTY_ZIP))


def _said(error: Exception) -> str:
    return (str(error) or type(error).__name__).replace("\n", " ")[:120]

"""Lists as files of this host, below one folder: nobody who may edit a feed can read the host's other files."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from ingest.feeds.pricelist.errors import ListAway, ListRefused
from ingest.feeds.pricelist.transports.arriving import CHUNK, Fetched, Limits, digest_of, too_long


def fetch(source: str, into: Path, limits: Limits) -> Fetched:
    """Copy a list into a file."""
    with _file(source, limits) as file:
        before = os.fstat(file.fileno())
        if before.st_size > limits.most_bytes:
            raise too_long(limits)
        with into.open("wb") as copy:
            shutil.copyfileobj(file, copy, CHUNK)
        after = os.fstat(file.fileno())
    if (before.st_mtime_ns, before.st_size) != (after.st_mtime_ns, after.st_size):
        raise ListAway(f"the price list {source} was written to while it was read")
    return Fetched(digest_of(into), datetime.fromtimestamp(after.st_mtime, UTC))


def beginning(source: str, limits: Limits, *, most: int) -> bytes:
    """The first `most` bytes of a list."""
    with _file(source, limits) as file:
        return file.read(most)


@contextmanager
def _file(source: str, limits: Limits) -> Iterator[BinaryIO]:
    folder = limits.folder.resolve()
    try:
        path = (folder / source).resolve()
        if not path.is_relative_to(folder):
            raise ListRefused(f"{source} is not below {folder}: put the list there, or set PRICELIST_DIR")
        # Not blocking: what is no file may have nobody at its other end.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise ListRefused(f"{source} is no file")
            yield file
    except FileNotFoundError:
        raise ListRefused(f"there is no price list {source} below {folder}") from None
    except (OSError, ValueError) as error:
        raise ListRefused(f"the price list {source} cannot be read: {_words(error)}") from error


def _words(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error).lower()

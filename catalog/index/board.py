"""What the builder tells the processes of its host: which file is the index now, and of when it is known to be so.

It is one record of fixed length that is overwritten in place, so that it takes no room on a full disk and costs a reader one
read. A reader that meets it half written knows by its checksum, and reads it again. Times are the host's monotonic clock,
which nobody sets; it begins anew when the host does, so a record of another boot is none.
"""

from __future__ import annotations

import os
import struct
import time
import zlib
from functools import cache
from pathlib import Path

import msgspec

NAME = "board"
#: One page of memory: written by one call, whatever is in it.
RECORD_BYTES = 4096
#: Longest reason of a failure that is told (characters).
MAX_FAILURE = 300
#: Raised when records mean something else.
FORMAT = 1
#: Format, length and checksum of what follows.
_HEAD = struct.Struct("<III")
_TRIES = 5


class Notice(msgspec.Struct, frozen=True):
    """What the builder knows; times are `time.monotonic()`."""

    boot: str
    pid: int
    #: When the builder last saw that things are as they are told here.
    looked_at: float
    #: The version that the database then had.
    database_version: int = 0
    #: The file of the index in the board's folder; none: "".
    file: str = ""
    version: int = 0
    generation: str = ""
    rows: int = 0
    #: Since when the database has had a newer version than the file; None while it has not.
    behind_since: float | None = None
    #: What went wrong at the last try, and since when tries have failed.
    failure: str = ""
    failing_since: float | None = None
    #: How long the last version took to be made, and whether from the one before (seconds).
    took: float = 0.0
    patched: bool = False

    def silent(self, now: float) -> float:
        """How long the builder has not seen how things are (seconds); for ever if it is of another boot."""
        return now - self.looked_at if self.boot == boot() and self.looked_at <= now else float("inf")

    def behind(self, now: float) -> float:
        """How long the file has not been the newest version (seconds)."""
        return 0.0 if self.behind_since is None else max(0.0, now - self.behind_since)


@cache
def boot() -> str:
    """A name of this start of the host."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def post(folder: Path, notice: Notice) -> None:
    """Put a notice on the board of a folder. Raises `OSError`."""
    written = msgspec.json.encode(msgspec.structs.replace(notice, failure=notice.failure[:MAX_FAILURE]))
    record = (_HEAD.pack(FORMAT, len(written), zlib.crc32(written)) + written).ljust(RECORD_BYTES, b"\0")
    handle = os.open(folder / NAME, os.O_WRONLY | os.O_CREAT, 0o644)
    try:
        if os.pwrite(handle, record, 0) != RECORD_BYTES:
            raise OSError("the board could not be written whole")
    finally:
        os.close(handle)


def read(folder: Path) -> Notice | None:
    """The notice on the board of a folder; None if there is none that can be read."""
    for _ in range(_TRIES):
        try:
            handle = os.open(folder / NAME, os.O_RDONLY)
            try:
                record = os.pread(handle, RECORD_BYTES, 0)
            finally:
                os.close(handle)
            form, length, checksum = _HEAD.unpack_from(record)
            written = record[_HEAD.size : _HEAD.size + length]
            if form == FORMAT and zlib.crc32(written) == checksum:
                return msgspec.json.decode(written, type=Notice)
        except (OSError, struct.error, msgspec.DecodeError):
            return None
        # Somebody is just writing it.
        time.sleep(0.001)
    return None

"""When a request reached this machine: the kernel's stamp of its bytes, not the moment at which a thread came to read them.

The supplier's books need it: on a busy machine a thread may sleep through a tenth of a second, which would bend the very
windows that the books are there to measure. Without such stamps (not on Linux) it is the moment of reading.
"""

from __future__ import annotations

import io
import socket
import struct
import sys
import time
from typing import Any

#: Asks for, and marks, a stamp of seconds and nanoseconds since 1970 (Linux: asm-generic/socket.h, 64-bit).
_SO_TIMESTAMPNS = 35
_STAMP = struct.Struct("@qq")
#: A stamp that is older has met a clock that was set, and says nothing (seconds).
_BELIEVABLE_SECONDS = 30.0


def stamp(listening: socket.socket) -> None:
    """Have the kernel stamp what comes in on connections to this socket, from the first byte on.

    It begins to do so a moment after somebody asks; a server asks before its first connection.
    """
    if sys.platform == "linux":
        listening.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)


class StampedSocket(io.RawIOBase):
    """What arrives on a connected TCP socket, with the moment of its arrival.

    The socket's own timeout holds for each read. Closing this leaves the socket open.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        #: When what was read last had arrived (seconds on the monotonic clock).
        self.arrived_at = time.monotonic()
        self._stamped = sys.platform == "linux"
        stamp(connection)

    def readable(self) -> bool:
        """It is: that is what it is for."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read what is there, at least one byte, into `buffer`; 0 at the end. Raises OSError, TimeoutError among it."""
        if not self._stamped:
            size = self._connection.recv_into(buffer)
            self.arrived_at = time.monotonic()
            return size
        size, notes, _, _ = self._connection.recvmsg_into([buffer], socket.CMSG_SPACE(_STAMP.size))
        self.arrived_at = time.monotonic() - _age(notes)
        return size


def _age(notes: list[tuple[int, int, bytes]]) -> float:
    """Seconds since the stamp among the ancillary data; 0 without one."""
    for level, kind, content in notes:
        if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS and len(content) >= _STAMP.size:
            seconds, nanoseconds = _STAMP.unpack_from(content)
            age = time.time() - seconds - nanoseconds / 1e9
            return age if 0.0 <= age <= _BELIEVABLE_SECONDS else 0.0
    return 0.0

"""The arrival times of requests: the kernel's stamps of their bytes, not the moments at which a thread read them.

The accounting needs them: on a busy machine a thread may sleep for a tenth of a second, which would distort the windows
that the accounting measures. Without such stamps (not on Linux) the moment of reading is used.
"""

from __future__ import annotations

import io
import socket
import struct
import sys
import time
from typing import Any

#: The socket option, and type of message, of a stamp in seconds and nanoseconds since 1970 (asm-generic/socket.h, 64-bit).
_SO_TIMESTAMPNS = 35
_STAMP = struct.Struct("@qq")
#: An older stamp means that the clock was set meanwhile, and is ignored (seconds).
_BELIEVABLE_SECONDS = 30.0


def stamp(listening: socket.socket) -> None:
    """Let the kernel stamp the bytes of connections to this socket, from the first byte on.

    It takes effect after a moment; a server calls it before its first connection.
    """
    if sys.platform == "linux":
        listening.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)


class StampedSocket(io.RawIOBase):
    """The incoming bytes of a connected TCP socket, with the moment of their arrival.

    The socket's own timeout applies to each read. Closing this object leaves the socket open.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        #: Arrival of the bytes that were read last (seconds on the monotonic clock).
        self.arrived_at = time.monotonic()
        self._stamped = sys.platform == "linux"
        stamp(connection)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Read the available bytes, at least one, into `buffer`; 0 at the end. Raises `OSError`, also `TimeoutError`."""
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

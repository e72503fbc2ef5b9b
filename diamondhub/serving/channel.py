"""A connection with deadlines: waitress's channel, which holds no thread while it waits, and which would wait for ever."""

from __future__ import annotations

import fcntl
import socket
import struct
import sys
import termios
from contextlib import suppress
from enum import Enum
from time import monotonic
from typing import Any

from waitress.channel import HTTPChannel

from diamondhub.serving import bounds, requests
from diamondhub.serving.answers import Alive, Answer, RefusalAnswer
from diamondhub.serving.requests import Parser

LIVE = "/health/live"


class Overdue(Enum):
    """What did not happen in time; the value is the name in the log."""

    HEAD = "head"
    BODY = "body"
    READING = "reading"
    IDLE = "idle"
    LINGERING = "lingering"


class Channel(HTTPChannel):  # type: ignore[misc]  # waitress has no types
    """One connection. All but the making of answers happens in the loop's thread."""

    error_task_class = RefusalAnswer
    parser_class = Parser
    #: The request that has not come whole yet, and those that have and are not answered, the first being answered now.
    request: Any = None
    requests: list[Any]
    server: Any

    #: Whether the first request in hand is one that the loop answers itself.
    is_for_the_loop = False
    #: Whether an answer is being made.
    answers = False
    #: Whether the answer was a refusal, after which is read on for a while.
    lingers = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.connected_at = monotonic()
        #: Since when it is waited for whatever is waited for.
        self.since = self.connected_at
        self.was_answered = False
        self._nothing_came = True
        self._head_was_finished = False
        self._sent = 0
        self._window_at: float | None = None
        self._read_before_window = 0
        self._thrown_away = 0

    # --- in ------------------------------------------------------------------------------------------------------------

    def readable(self) -> bool:
        """Whether to look for more of the client; not while it has not read the last answer."""
        return self.is_lingering or bool(super().readable())

    def handle_read(self) -> None:
        if self.is_lingering:
            self._throw_away()
        else:
            super().handle_read()

    def received(self, data: bytes) -> bool:
        """Take what has come; requests that are whole go to the threads, or wait for the loop."""
        before = self.request
        taken = bool(super().received(data))
        if self.request is not before and self.request is not None:
            self._head_was_finished = False
            # Blank lines may come before a request, and begin one each time.
            if self._nothing_came:
                self.since = monotonic()
                self._nothing_came = False
        if self.request is not None and self.request.headers_finished and not self._head_was_finished:
            self.since = monotonic()
            self._head_was_finished = True
        return taken

    def service(self) -> None:
        """Answer the first request in hand."""
        try:
            super().service()
        finally:
            self.was_answered = self._nothing_came = True
            self.since = monotonic()

    def task_class(self, channel: Channel, request: Parser) -> Alive | Answer:
        """What makes the answer to the first request in hand, which has no error.

        Chosen for each request: before `service` ends, another thread may be at the next one.
        """
        return (Alive if self.is_for_the_loop else Answer)(channel, request)

    # --- out -----------------------------------------------------------------------------------------------------------

    def flush_now(self) -> None:
        """Send what is there from whatever thread made it."""
        with self.outbuf_lock:
            self._flush_exception(self._flush_some, do_close=False)

    def send(self, data: bytes, do_close: bool = True) -> int:
        try:
            number: int = super().send(data, do_close=do_close)
        except AttributeError:
            # The loop has closed the connection, while a thread sends its answer.
            if self.socket is not None:
                raise
            return 0
        self._sent += number
        return number

    def handle_write(self) -> None:
        if not self.lingers or self.will_close:
            super().handle_write()
            return
        self._flush_exception(self._flush_some)
        if self.close_when_flushed and not self.total_outbufs_len:
            self._begin_to_linger()

    def writable(self) -> bool:
        """Whether there is anything to send, or the connection to be closed."""
        return (not self.is_lingering or self.will_close) and bool(super().writable())

    def _flush_outbufs_below_high_watermark(self) -> None:
        # Only a stream waits for its reader. After an answer, waitress would keep the thread for the next request's sake.
        if self.answers:
            super()._flush_outbufs_below_high_watermark()

    # --- lingering -------------------------------------------------------------------------------------------------------

    is_lingering = False

    def _begin_to_linger(self) -> None:
        self.is_lingering = True
        self.since = monotonic()
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)

    def _throw_away(self) -> None:
        try:
            data = self.socket.recv(bounds.MAX_LINGER)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self._thrown_away += len(data)
        if not data or self._thrown_away >= bounds.MAX_LINGER:
            self.handle_close()

    # --- deadlines -------------------------------------------------------------------------------------------------------

    def overdue(self, now: float) -> Overdue | None:
        """What has not happened in time; None as long as all is well."""
        if self.is_lingering:
            return Overdue.LINGERING if now - self.since > bounds.LINGER_SECONDS else None
        if self.total_outbufs_len:
            return self._reads_too_slowly(now)
        self._window_at = None
        if self.requests:
            return None
        request = self.request
        if request is not None and request.headers_finished:
            return Overdue.BODY if now - self.since > bounds.BODY_SECONDS else None
        if request is not None or not self.was_answered:
            return Overdue.HEAD if now - self.since > bounds.HEAD_SECONDS else None
        return Overdue.IDLE if now - self.since > bounds.IDLE_SECONDS else None

    def end(self, overdue: Overdue) -> None:
        """Close what is overdue; whoever sent a part of a request is told why."""
        if overdue in {Overdue.HEAD, Overdue.BODY} and self.request is not None:
            with self.requests_lock:
                request, self.request = self.request, None
                request.refuse(requests.too_slow(request.path))
                self.requests.append(request)
                self.server.add_task(self)
        else:
            self.handle_close()

    def _reads_too_slowly(self, now: float) -> Overdue | None:
        if self._window_at is None:
            self._window_at, self._read_before_window = now, self._read()
        elif now - self._window_at > bounds.READING_SECONDS:
            read = self._read()
            if read - self._read_before_window < bounds.MIN_READ:
                return Overdue.READING
            self._window_at, self._read_before_window = now, read
        return None

    def _read(self) -> int:
        """The bytes that have arrived at the client: what lies in the kernel's buffer has not."""
        waiting = 0
        if sys.platform == "linux":
            with suppress(OSError):
                (waiting,) = struct.unpack("i", fcntl.ioctl(self.socket.fileno(), termios.TIOCOUTQ, b"\0\0\0\0"))
        return self._sent - waiting

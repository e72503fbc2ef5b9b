"""The loop of a web process: waitress's server, with what keeps one client from standing in everybody's way."""

from __future__ import annotations

import logging
import socket
from collections import Counter, deque
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any

import structlog
from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.server import BaseWSGIServer
from waitress.task import ThreadedTaskDispatcher

from diamondhub.serving import bounds
from diamondhub.serving.answers import without_body_of_head
from diamondhub.serving.channel import LIVE, Channel

log = structlog.get_logger(__name__)

#: How often deadlines are looked at (seconds).
TURN_SECONDS = 1.0

Connections = dict[int, Any]


class Server(BaseWSGIServer):  # type: ignore[misc]  # waitress has no types
    """Accepts the connections of one listening socket."""

    channel_class = Channel
    is_stopping = False

    def __init__(self, listener: socket.socket, application: Any, shared: Loop) -> None:
        self.loop = shared
        name = listener.getsockname()
        super().__init__(
            application,
            map=shared.connections,
            _sock=listener,
            dispatcher=shared.dispatcher,
            adj=shared.adjustments,
            sockinfo=(listener.family, listener.type, listener.proto, name),
            bind_socket=False,
        )
        # Of requests that name no host, as HTTP/1.0 allows.
        self.server_name = self.effective_host

    def set_reuse_addr(self) -> None:
        """The socket came bound."""

    def getsockname(self) -> tuple[str, str]:
        host, port = self.socket.getsockname()[:2]
        return host, str(port)

    def set_socket_options(self, conn: socket.socket) -> None:
        for level, option, value in self.adj.socket_options:
            conn.setsockopt(level, option, value)

    def readable(self) -> bool:
        """Whether to accept; with too many connections an unused one goes first."""
        if not self.accepting:
            return False
        return len(self._map) < bounds.MAX_CONNECTIONS or self.loop.make_room()

    def add_task(self, channel: Channel) -> None:
        """Have the first request in hand of a connection answered: by a thread, or by the loop, which waits for nobody."""
        if channel.total_outbufs_len > bounds.PIPELINED_AHEAD:
            self.loop.unread.append(channel)
            self.pull_trigger()
            return
        request = channel.requests[0]
        channel.is_for_the_loop = request.error is not None or (
            request.path == LIVE and request.command in {"GET", "HEAD"}
        )
        if channel.is_for_the_loop:
            self.loop.at_once.append(channel)
            self.pull_trigger()
        else:
            super().add_task(channel)


class Loop:
    """All connections of a process, and its threads."""

    def __init__(self, listeners: Sequence[socket.socket], application: Any, *, threads: int) -> None:
        # The queue says at each request that it is not empty.
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)
        self.connections: Connections = {}
        #: Connections whose request the loop answers itself, and those whose next request waits for their reader.
        self.at_once: deque[Channel] = deque()
        self.unread: deque[Channel] = deque()
        self.adjustments = Adjustments(
            threads=threads,
            ident="DiamondHub",
            recv_bytes=65_536,
            max_request_header_size=bounds.MAX_HEAD,
            # waitress refuses from this length on.
            max_request_body_size=bounds.MAX_BODY + 1,
            outbuf_high_watermark=bounds.STREAM_AHEAD,
            # Which proxy is believed is for `diamondhub.access` to say.
            clear_untrusted_proxy_headers=False,
            log_socket_errors=False,
        )
        self.dispatcher = ThreadedTaskDispatcher()
        self.dispatcher.set_thread_count(threads)
        served = without_body_of_head(application)
        self.servers = [Server(listener, served, self) for listener in listeners]
        self._due_at = 0.0

    @property
    def channels(self) -> list[Channel]:
        """The connections of clients."""
        return [channel for server in self.servers for channel in server.active_channels.values()]

    def run(self, alive: Callable[[], None], until: Callable[[], bool]) -> None:
        """Serve until `until` is true; `alive` is called every second."""
        while not until():
            self._turn(alive)

    def stop(self, alive: Callable[[], None], *, seconds: float) -> None:
        """Accept nothing more, let requests in hand be answered for so long, and close."""
        for server in self.servers:
            server.is_stopping = True
            server.accepting = False
            server.del_channel()
            server.socket.close()
        deadline = monotonic() + seconds
        while monotonic() < deadline:
            for channel in self.channels:
                if not (channel.requests or channel.request or channel.total_outbufs_len or channel.is_lingering):
                    channel.handle_close()
            if not self.channels:
                break
            self._turn(alive)
        self.dispatcher.shutdown(timeout=1)

    def wake(self) -> None:
        """End the current wait; may be called by a signal's handler."""
        self.servers[0].pull_trigger()

    def make_room(self) -> bool:
        """Close a connection without a request in hand, of the address that has the most of them; whether there was one."""
        unused = [channel for channel in self.channels if not channel.requests and not channel.total_outbufs_len]
        if not unused:
            return False
        (busiest, _number), *_rest = Counter(channel.addr[0] for channel in self.channels).most_common(1)
        candidates = [channel for channel in unused if channel.addr[0] == busiest] or unused
        min(candidates, key=lambda channel: channel.since).handle_close()
        return True

    def _turn(self, alive: Callable[[], None]) -> None:
        wasyncore.poll2(TURN_SECONDS, self.connections)
        while self.at_once:
            channel = self.at_once.popleft()
            if channel.requests:
                channel.service()
        for _ in range(len(self.unread)):
            # Taken up again as soon as enough was read; it comes back here by itself if not.
            channel = self.unread.popleft()
            if channel.connected and channel.requests:
                if channel.total_outbufs_len > bounds.PIPELINED_AHEAD:
                    self.unread.append(channel)
                else:
                    channel.server.add_task(channel)
        now = monotonic()
        if now >= self._due_at:
            self._due_at = now + TURN_SECONDS
            alive()
            self._end_overdue(now)

    def _end_overdue(self, now: float) -> None:
        ended: Counter[str] = Counter()
        for channel in self.channels:
            overdue = channel.overdue(now)
            if overdue is not None:
                ended[overdue.value] += 1
                channel.end(overdue)
        slow = {reason: number for reason, number in ended.items() if reason not in {"idle", "lingering"}}
        if slow:
            # One line a second, however many there were.
            log.warning("slow_connections_closed", **slow)

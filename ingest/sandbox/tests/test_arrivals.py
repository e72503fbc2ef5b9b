"""A request is booked when it reached the machine, however late somebody reads it."""

from __future__ import annotations

import io
import socket
import sys
import time

import pytest

from ingest.sandbox.arrivals import StampedSocket, stamp


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux stamps what arrives on TCP")
def test_bytes_that_waited_to_be_read_arrived_when_they_came() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        stamp(listening)
        with socket.create_connection(listening.getsockname()) as sender:
            receiver, _ = listening.accept()
            with receiver:
                incoming = StampedSocket(receiver)
                lines = io.BufferedReader(incoming)

                # The kernel begins to stamp a moment after it was asked to.
                deadline = time.monotonic() + 180
                while arrived_after_sending(sender, lines, incoming) > 0.15:
                    assert time.monotonic() < deadline
                assert arrived_after_sending(sender, lines, incoming) < 0.15


def arrived_after_sending(
    sender: socket.socket, lines: io.BufferedReader[StampedSocket], incoming: StampedSocket
) -> float:
    """How long after it was sent a line arrived that is read much later (seconds)."""
    sender.sendall(b"line\n")
    sent_at = time.monotonic()
    time.sleep(0.3)
    assert lines.readline() == b"line\n"
    return incoming.arrived_at - sent_at


def test_a_hung_up_connection_ends_what_is_read() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        socket.create_connection(listening.getsockname()) as sender,
    ):
        receiver, _ = listening.accept()
        with receiver:
            lines = io.BufferedReader(StampedSocket(receiver))
            sender.sendall(b"half a li")
            sender.shutdown(socket.SHUT_WR)

            assert lines.readline() == b"half a li"
            assert lines.readline() == b""

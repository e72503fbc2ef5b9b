"""A connection that is closed while its answer is sent."""

from __future__ import annotations

import pytest

from diamondhub.serving.channel import Channel


def test_a_connection_that_the_loop_has_closed_takes_nothing_and_is_no_error() -> None:
    channel = Channel.__new__(Channel)
    channel.socket = None

    assert channel.send(b"the rest of an answer", do_close=False) == 0


def test_another_mistake_of_sending_is_still_one() -> None:
    channel = Channel.__new__(Channel)
    channel.socket = object()

    with pytest.raises(AttributeError):
        channel.send(b"the rest of an answer")

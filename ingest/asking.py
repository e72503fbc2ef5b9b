"""How many questions of clients one process puts to suppliers at once: the proxy's and those of carts."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from diamondhub.serving.bounds import THREADS

#: Questions that one process puts to suppliers at once: a supplier that hangs holds no more of its threads.
MAX_AT_ONCE = THREADS // 4
_places = threading.BoundedSemaphore(MAX_AT_ONCE)


class AllAsking(Exception):
    """As many questions as one process puts to suppliers are being asked."""


@contextmanager
def place() -> Iterator[None]:
    """One of the places of this process for as long as a supplier is asked. Raises `AllAsking` if none is free."""
    if not _places.acquire(blocking=False):
        raise AllAsking
    try:
        yield
    finally:
        _places.release()

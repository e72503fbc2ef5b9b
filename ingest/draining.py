"""Stopping in good order: the page in hand is committed, everything else is given back at once.

A worker that is told to stop calls `begin`. Stages call `go_on` before a request and `pause` to wait; leases that are still
held when the grace is over, because a supplier is slow, are taken from their holders and given back.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

import structlog
from django.db import DatabaseError, connection

from diamondhub import leases

log = structlog.get_logger(__name__)

#: Time for requests in flight to end; supervisors kill after 30 (seconds).
GRACE_SECONDS = 20.0

#: Set when the process is asked to stop.
draining = threading.Event()

_held: set[leases.Lease] = set()
_changed = threading.Condition()


class Draining(Exception):
    """The process is asked to stop: nothing new is begun."""


def begin() -> None:
    """Stop taking up work; called once from the worker's signal handler."""
    draining.set()
    threading.Thread(target=_give_back_in_time, name="draining", daemon=True).start()


def go_on() -> None:
    """Raise `Draining` if the process is asked to stop. Called before every request to a supplier."""
    if draining.is_set():
        raise Draining


def pause(seconds: float) -> None:
    """Sleep; raises `Draining` as soon as the process is asked to stop."""
    if draining.wait(seconds):
        raise Draining


@contextmanager
def holding(lease: leases.Lease) -> Iterator[None]:
    """The context of work under a lease that may have to wait for a supplier."""
    with _changed:
        _held.add(lease)
    try:
        yield
    finally:
        with _changed:
            _held.discard(lease)
            _changed.notify_all()


def _give_back_in_time() -> None:
    """Wait for the work in hand; give back the leases of what takes too long: its holders cannot commit any more."""
    end = monotonic() + GRACE_SECONDS
    with _changed:
        _changed.wait_for(lambda: not _held, timeout=max(0.0, end - monotonic()))
        late = list(_held)
    for lease in late:
        try:
            if leases.give_back(lease):
                log.warning("lease_given_back_in_mid_work", table=lease.model._meta.db_table, row=lease.pk)
        except DatabaseError as error:
            log.warning("lease_not_given_back", row=lease.pk, error=type(error).__name__)
    connection.close()

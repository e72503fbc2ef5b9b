"""Calls at the same moment, in threads and connections of their own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from django.db import connection

from diamondhub.tests.patience import HANG_SECONDS

#: Time for all threads to be ready, and for all calls to end (seconds): generous, since it only bounds a test that hangs.
READY_SECONDS, END_SECONDS = HANG_SECONDS, 2 * HANG_SECONDS


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """Call all at the same moment; what each returned or raised."""
    outcomes: list[Any] = [None] * len(calls)
    gate = threading.Barrier(len(calls))

    def run(place: int, call: Callable[[], Any]) -> None:
        try:
            gate.wait(READY_SECONDS)
            outcomes[place] = call()
        except Exception as error:  # noqa: BLE001 - it is the outcome
            outcomes[place] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(place, call)) for place, call in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(END_SECONDS)
    return outcomes

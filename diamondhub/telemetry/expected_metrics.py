"""Label sets of metrics that are known before anything was counted begin at 0: Prometheus sees no increase to a first 1.

Apps register in their `operations.py` which label sets their metrics will have. Every process that counts makes those that
are lacking about once a minute (`measuring.begin`), so that a feed or a channel that is new has them soon.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from time import monotonic
from typing import Any

import psycopg
import structlog

from diamondhub.telemetry import process_metrics

log = structlog.get_logger(__name__)

#: How often what is lacking is made (seconds).
EVERY_SECONDS = 60.0

#: Says the label sets of a metric that are known, each in the order of its labels; may ask the database.
Known = Callable[["psycopg.Cursor[Any]"], Iterable[tuple[str, ...]]]


@dataclass(frozen=True, slots=True)
class Expected:
    """What is known of one metric, in one program, or in all ("")."""

    name: str
    known: Known
    program: str


_expected: list[Expected] = []
_made_at = float("-inf")


def expect(name: str, known: Known, *, program: str = "") -> None:
    """Have the label sets that `known` says of a metric begin at 0."""
    _expected.append(Expected(name, known, program))


def names() -> set[str]:
    """The metrics of which something is known."""
    return {each.name for each in _expected}


def keep(cursor: psycopg.Cursor[Any]) -> None:
    """Make what is lacking, if that was not done lately.

    Raises nothing that a part raises, for the others are made, unless the connection is lost for them as well.
    """
    global _made_at
    if monotonic() - _made_at < EVERY_SECONDS:
        return
    make(cursor)
    _made_at = monotonic()


def make(cursor: psycopg.Cursor[Any]) -> None:
    """Make what is lacking; what this process does not count costs nothing."""
    for each in _expected:
        if each.program in ("", process_metrics.program()):
            try:
                for labels in each.known(cursor):
                    process_metrics.begin_at_zero(each.name, *labels)
            except Exception:
                if cursor.connection.closed:
                    raise
                log.exception("expected_metrics_failed", metric=each.name)

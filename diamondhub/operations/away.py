"""What is away or rests: parts of the machinery that every page of the admin tells of, with since when and what to do.

Apps register looks in their `operations.py`. All viewers of a process share one look for a few seconds, and pages that show
nothing of it ask nothing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from django.http import HttpRequest

log = structlog.get_logger(__name__)

#: Whoever asks again within this time hears the same (seconds).
FRESH_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Away:
    """One part that is away: what that means, since when (if that is known), what to do, and the page that has more."""

    what: str
    to_do: str
    since: datetime | None = None
    url: str = ""
    #: "bad", or "warn" for what somebody wants so.
    tone: str = "bad"


#: Says what is away; it takes a moment, and asks the database once at most.
Look = Callable[[], Iterable[Away]]

_looks: list[Look] = []
_lock = threading.Lock()
_last: tuple[float, list[Away]] | None = None


def register(look: Look) -> None:
    """Have `look` asked for the banner."""
    if look not in _looks:
        _looks.append(look)


def parts() -> list[Away]:
    """Everything that is away, by a look that is `FRESH_SECONDS` old at most."""
    global _last
    with _lock:
        if _last is None or time.monotonic() - _last[0] > FRESH_SECONDS:
            _last = (time.monotonic(), sorted(_asked(), key=lambda part: part.tone != "bad"))
        return _last[1]


def forget() -> None:
    """Look anew at the next question."""
    global _last
    _last = None


def _asked() -> Iterable[Away]:
    for look in _looks:
        try:
            yield from look()
        except Exception:
            # The page says what it can say.
            log.exception("away_look_failed", look=f"{look.__module__}.{look.__qualname__}")


def context(_request: HttpRequest) -> dict[str, Any]:
    """For templates: `parts_away`, asked only where a template shows it."""
    return {"parts_away": parts}

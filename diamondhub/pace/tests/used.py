"""How many slots callers really got."""

from __future__ import annotations

from diamondhub.pace.limiter import Limiter


def used_slots(limiter: Limiter) -> int:
    """The slots of all processes since the last flush, without those whose grant came late: on a machine that is busy at
    that moment a caller forfeits one and takes another.
    """
    counted = limiter.counters()
    return counted.get("granted", 0) - counted.get("forfeited_late", 0)

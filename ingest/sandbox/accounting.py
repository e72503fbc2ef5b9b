"""The sandbox's accounting: the arrival and the kind of every GraphQL request.

The contract is at most 25 requests in any one second; tests and benchmarks check the client by these books.
"""

from __future__ import annotations

import threading
import time
from array import array
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: The kinds of requests, by the operations in them; the first kind that fits counts.
PAGE, COUNT, SIGN_IN, LOOKUP, OTHER = "pages", "counts", "sign_ins", "lookups", "others"
_KINDS = (PAGE, COUNT, SIGN_IN, LOOKUP, OTHER)


def kind_of(operations: Sequence[str], variables: dict[str, Any]) -> str:
    """The kind of a request by its operations' names; a page requested by ids or certificates is a look-up."""
    if "diamonds_by_query" in operations:
        named = any(
            isinstance(value, dict) and (value.get("ids") is not None or value.get("certificate_numbers") is not None)
            for value in variables.values()
        )
        return LOOKUP if named else PAGE
    if "diamonds_by_query_count" in operations:
        return COUNT
    if "username_and_password" in operations:
        return SIGN_IN
    return LOOKUP if "get_diamond_by_id" in operations else OTHER


def most_in_one_second(arrivals: NDArray[np.float64]) -> int:
    """The largest number of ascending arrivals (seconds) in any window [t, t + 1)."""
    if not len(arrivals):
        return 0
    after = np.searchsorted(arrivals, arrivals + 1.0, side="left")
    return int((after - np.arange(len(arrivals))).max())


class Accounting:
    """Arrivals on the monotonic clock (seconds), kinds and injected errors."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """Begin new, empty books."""
        with self._lock:
            self._arrivals = array("d")
            self._kinds = bytearray()
            self._count_fields = 0
            self._errors_injected = 0
            self._accepted = array("d")

    def arrived(self, at: float, kind: str, count_fields: int = 0) -> None:
        with self._lock:
            self._arrivals.append(at)
            self._kinds.append(_KINDS.index(kind))
            self._count_fields += count_fields

    def injected(self) -> None:
        """Count an error that the fault settings caused."""
        with self._lock:
            self._errors_injected += 1

    def accept(self, at: float, limit: int) -> bool:
        """Whether a request at `at` keeps to `limit` accepted ones in the second before it."""
        with self._lock:
            recent = sum(1 for earlier in self._accepted[-limit:] if at - earlier < 1.0)
            if recent >= limit:
                return False
            self._accepted.append(at)
            return True

    def stats(self) -> dict[str, Any]:
        """The books as the control interface shows them; moments are seconds since 1970.

        `per_second_while_paging` is the rate of all requests from the first to the last page request. `histogram` holds the
        requests of each whole second from the first request on.
        """
        with self._lock:
            arrivals = np.array(self._arrivals, dtype=np.float64)
            kinds = np.frombuffer(bytes(self._kinds), dtype=np.uint8)
            count_fields, errors_injected = self._count_fields, self._errors_injected
        order = np.argsort(arrivals, kind="stable")
        arrivals, kinds = arrivals[order], kinds[order]
        per_kind = np.bincount(kinds, minlength=len(_KINDS)).tolist()
        paging = arrivals[kinds == _KINDS.index(PAGE)]
        wall_clock = time.time() - time.monotonic()
        rate: float | None = None
        if len(paging) > 1 and paging[-1] > paging[0]:
            between = np.searchsorted(arrivals, paging[-1], side="right") - np.searchsorted(arrivals, paging[0])
            rate = round(float(between / (paging[-1] - paging[0])), 3)
        seconds = np.floor(arrivals - arrivals[0]).astype(np.int64) if len(arrivals) else np.empty(0, dtype=np.int64)
        return {
            "requests": len(arrivals),
            **dict(zip(_KINDS, per_kind, strict=True)),
            "count_fields": count_fields,
            "errors_injected": errors_injected,
            "max_in_one_second": most_in_one_second(arrivals),
            "per_second_while_paging": rate,
            "first_page_at": float(paging[0]) + wall_clock if len(paging) else None,
            "last_page_at": float(paging[-1]) + wall_clock if len(paging) else None,
            "histogram": np.bincount(seconds).tolist() if len(seconds) else [],
        }

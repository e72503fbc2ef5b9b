"""The search at the demo's end: one as shops ask, over HTTP of the demo's own web, with its facets and how long it took."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic, perf_counter
from typing import Any
from urllib.parse import urlencode

import requests

#: What is asked, and the same in words.
FILTERS = {"shape": "OVAL", "carats_min": "1", "color_from": "D", "color_to": "G"}
WORDS = "ovals from 1 ct, colour D to G"
#: The facets that are printed.
SHOWN = ("clarity", "lab")
#: So long the index is waited for, which follows the catalogue by a second or two (seconds).
PATIENCE_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Found:
    """An answer of the search, and the milliseconds from asking to having read it."""

    count: int
    facets: Mapping[str, Mapping[str, int]]
    number_of_facets: int
    found_by: str
    milliseconds: float

    def lines(self, url: str) -> list[str]:
        """The answer for people, and where to look at it."""
        counts = (
            f"  {name}: {', '.join(f'{value} {count:,}' for value, count in of_it.items())}"
            for name, of_it in self.facets.items()
        )
        answered = (
            f"search: {self.count:,} {WORDS}, with {self.number_of_facets} facets and the three cheapest stones in "
            f"{self.milliseconds:.0f} ms over HTTP, found by the {self.found_by}"
        )
        return [
            answered,
            *counts,
            f"explorer: {url}/admin/catalog/diamond/?{urlencode(FILTERS)}",
        ]

    def report(self) -> dict[str, Any]:
        """The answer for programs."""
        return {
            "filters": FILTERS,
            "count": self.count,
            "facets": self.facets,
            "found_by": self.found_by,
            "milliseconds": round(self.milliseconds, 1),
        }


class Search:
    """Asks until the index has all that the runs brought, and takes what there is when it is long in coming."""

    def __init__(self, url: str, key: str, newest: int) -> None:
        self._address = f"{url}/api/v1/diamonds"
        self._session = requests.Session()
        self._session.headers["X-API-Key"] = key
        self._newest = newest
        self._until = monotonic() + PATIENCE_SECONDS
        self.found: Found | None = None

    def turn(self) -> bool:
        """Whether it is over: there is an answer of the newest version, or there was no more patience."""
        late = monotonic() > self._until
        try:
            if self._is_found_by_index() or late:
                self.found = self._ask()
                return True
        except (requests.RequestException, ValueError, KeyError):
            return late
        return False

    def _is_found_by_index(self) -> bool:
        # Another search than the one that is timed, whose answer would be kept.
        answer = self._session.get(self._address, params={"limit": 1}, timeout=10)
        answer.raise_for_status()
        return answer.headers["X-Search"] == "index" and answer.json()["dataset_version"] >= self._newest

    def _ask(self) -> Found:
        begun = perf_counter()
        answer = self._session.get(self._address, params={**FILTERS, "include": "facets", "limit": "3"}, timeout=10)
        answer.raise_for_status()
        told = answer.json()
        milliseconds = (perf_counter() - begun) * 1000
        return Found(
            count=told["count"],
            facets={
                name: {value["value"]: value["count"] for value in told["facets"][name]["values"] if value["count"]}
                for name in SHOWN
            },
            number_of_facets=len(told["facets"]),
            found_by=answer.headers["X-Search"],
            milliseconds=milliseconds,
        )

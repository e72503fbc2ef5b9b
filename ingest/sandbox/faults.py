"""The sandbox's deliberate faults: settings that the control interface replaces, and the dice that apply them.

The server asks once per GraphQL request which fault it gets; operations ask whether counts are wrong, whether the
inventory is hidden, and which items are poisoned.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

import msgspec

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=3600)]
Milliseconds = Annotated[float, msgspec.Meta(ge=0, le=600_000)]
Number = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
Status = Annotated[int, msgspec.Meta(ge=400, le=599)]
Change = Literal["price", "appear", "vanish"]


class Throttling(msgspec.Struct, forbid_unknown_fields=True):
    """HTTP 429 for a share of requests; without `retry_after` (seconds) the header is left out."""

    rate: Share
    retry_after: Seconds | None = None


class Failing(msgspec.Struct, forbid_unknown_fields=True):
    """HTTP 5xx with an HTML body for a share of requests; without `status` one of 500, 502, 503, 504."""

    rate: Share
    status: Annotated[int, msgspec.Meta(ge=500, le=599)] | None = None


class Hanging(msgspec.Struct, forbid_unknown_fields=True):
    """An answer that takes `seconds` for a share of requests."""

    rate: Share
    seconds: Seconds = 50.0


class WrongCounts(msgspec.Struct, forbid_unknown_fields=True):
    """Counts multiplied by `factor`, then shifted by `offset`; never below 0."""

    factor: Annotated[float, msgspec.Meta(ge=0, le=1000)] = 1.0
    offset: int = 0


class Churn(msgspec.Struct, forbid_unknown_fields=True):
    """`per_request` stones change before each page request, each in one of `kinds`."""

    per_request: Annotated[int, msgspec.Meta(ge=0, le=1000)]
    kinds: Annotated[list[Change], msgspec.Meta(min_length=1)] = msgspec.field(
        default_factory=lambda: ["price", "appear", "vanish"]
    )
    feed: Literal["natural", "labgrown"] | None = None


class FailNext(msgspec.Struct, forbid_unknown_fields=True):
    """The next `requests` requests are answered with `status`."""

    requests: Number
    status: Status = 503
    retry_after: Seconds | None = None


class Poison(msgspec.Struct, forbid_unknown_fields=True):
    """`stones` available stones of a feed (None: of both) get an unusable price or id."""

    stones: Number
    feed: Literal["natural", "labgrown"] | None = None


class Refusing(msgspec.Struct, forbid_unknown_fields=True):
    """A request with more than `most` of something is refused with `status` and `words`; None: with an empty body."""

    status: Annotated[int, msgspec.Meta(ge=200, le=599)] = 200
    words: str | None = "Query is too complex"
    code: str | None = None
    most: Number = 1


class Settings(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """All fault settings; an empty object is a supplier without faults. Bare numbers are rates."""

    seed: int = 0
    latency_ms: Milliseconds = 0.0
    jitter_ms: Milliseconds = 0.0
    http_429: Share | Throttling = 0.0
    http_5xx: Share | Failing = 0.0
    html_200: Share = 0.0
    cut_connection: Share = 0.0
    graphql_error: Share = 0.0
    timeout: Share | Hanging = 0.0
    expire_tokens: bool = False
    throttle_for: Seconds = 0.0
    wrong_counts: WrongCounts | None = None
    empty_inventory: bool = False
    reject_aliases: bool = False
    refuse_aliases: Refusing | None = None
    refuse_behind: Refusing | None = None
    refuse_ids: Refusing | None = None
    churn: Churn | None = None
    fail_next: FailNext | None = None
    poison: Number | Poison = 0


Rated = TypeVar("Rated", Throttling, Failing, Hanging)


class WrongFaults(ValueError):
    """The fault settings are not understood."""


@dataclass(frozen=True, slots=True)
class Mishap:
    """The fault of a request, which replaces its answer: "cut" before its first byte, "cut midway" after some."""

    kind: Literal["status", "html", "cut", "cut midway", "graphql"]
    status: int = 200
    retry_after: float | None = None


POISONS = ("price null", "price 0", "price negative", "diamond id missing", "price a text")


class Faults:
    """The settings in force. Every method is safe to call from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.replace(Settings(), now=0.0)

    @staticmethod
    def read(body: bytes) -> Settings:
        """Settings from a JSON body. Raises `WrongFaults` with a sentence for people."""
        try:
            return msgspec.json.decode(body or b"{}", type=Settings)
        except msgspec.DecodeError as error:
            raise WrongFaults(f"{error}; known faults: {', '.join(Settings.__struct_fields__)}") from error

    def replace(self, settings: Settings, *, now: float) -> None:
        """Put settings in force; `now` is seconds on the monotonic clock, from which `throttle_for` runs."""
        with self._lock:
            self.settings = settings
            self._dice = random.Random(settings.seed)
            self._throttled_until = now + settings.throttle_for
            self._left_to_fail = settings.fail_next.requests if settings.fail_next else 0
            self.poisoned_stones: dict[int, str] = {}

    def latency(self) -> float:
        """The additional latency of an answer (seconds)."""
        with self._lock:
            return (self.settings.latency_ms + self.settings.jitter_ms * self._dice.random()) / 1000

    def hanging(self) -> float:
        """The seconds that the current request hangs, usually 0."""
        hanging = _rated(self.settings.timeout, Hanging)
        with self._lock:
            return hanging.seconds if self._falls(hanging.rate) else 0.0

    def mishap(self, now: float) -> Mishap | None:
        """The fault of the current request; None if it is answered."""
        settings = self.settings
        with self._lock:
            if now < self._throttled_until:
                return Mishap("status", 429, self._throttled_until - now)
            if self._left_to_fail > 0 and settings.fail_next:
                self._left_to_fail -= 1
                return Mishap("status", settings.fail_next.status, settings.fail_next.retry_after)
            throttling, failing = _rated(settings.http_429, Throttling), _rated(settings.http_5xx, Failing)
            if self._falls(throttling.rate):
                return Mishap("status", 429, throttling.retry_after)
            if self._falls(failing.rate):
                return Mishap("status", failing.status or self._dice.choice((500, 502, 503, 504)))
            if self._falls(settings.html_200):
                return Mishap("html")
            if self._falls(settings.cut_connection):
                return Mishap(self._dice.choice(("cut", "cut midway")))
            return Mishap("graphql") if self._falls(settings.graphql_error) else None

    def _falls(self, rate: float) -> bool:
        return rate > 0 and self._dice.random() < rate

    def refusal(self, operations: Sequence[str], variables: dict[str, Any]) -> Refusing | None:
        """The setting that refuses the current request, if any: it has more of something than the supplier accepts.

        That is one operation under many aliases, several pages (a look behind the last page), or ids in a list.
        """
        ids = [len(value.get("ids") or ()) for value in variables.values() if isinstance(value, dict)]
        asked = (
            (self.settings.refuse_aliases, max((operations.count(name) for name in operations), default=0)),
            (self.settings.refuse_behind, operations.count("diamonds_by_query")),
            (self.settings.refuse_ids, max(ids, default=0)),
        )
        return next((refusing for refusing, number in asked if refusing and number > refusing.most), None)

    @property
    def empty_inventory(self) -> bool:
        """Whether the whole inventory is hidden."""
        return self.settings.empty_inventory

    def miscounted(self, count: int) -> int:
        """A count as `wrong_counts` falsifies it."""
        wrong = self.settings.wrong_counts
        return count if wrong is None else max(0, round(count * wrong.factor) + wrong.offset)

    def churn_kinds(self) -> list[Change]:
        """The kinds of change before this page request, one for each stone that changes."""
        churn = self.settings.churn
        if churn is None:
            return []
        with self._lock:
            return [self._dice.choice(churn.kinds) for _ in range(churn.per_request)]

    def poison(self, stones: list[int]) -> None:
        """Poison these stones, with the kinds of poison in turn."""
        self.poisoned_stones = {stone: POISONS[place % len(POISONS)] for place, stone in enumerate(stones)}

    def poisoned(self, stone: int, item: dict[str, Any]) -> None:
        """Spoil the item of a poisoned stone."""
        poison = self.poisoned_stones.get(stone)
        if poison is None:
            return
        if poison == "diamond id missing":
            item["diamond"]["id"] = None
        else:
            prices = {"price null": None, "price 0": 0, "price negative": -item["price"], "price a text": "on request"}
            item["price"] = prices[poison]


def _rated(setting: Any, kind: type[Rated]) -> Rated:
    """A setting that may be a bare rate."""
    return setting if isinstance(setting, kind) else kind(rate=setting)

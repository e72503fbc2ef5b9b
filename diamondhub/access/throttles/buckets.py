"""What one request asks for, and what it is told: buckets of a rate, places among the requests at once, the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from diamondhub.access.throttles.limits import Limit

#: When to ask again if all places are taken (seconds): nobody knows when one is given up.
PLACE_WAIT_SECONDS = 1


@dataclass(frozen=True, slots=True)
class Bucket:
    """One bucket of a limit, whose `key` says whose it is; `cost` is what is to be taken from it."""

    key: str
    limit: Limit
    cost: int = 1

    @property
    def name(self) -> str:
        """What the limit is called, to clients too."""
        return self.limit.name

    @property
    def policy(self) -> str:
        """The limit as an item of `RateLimit-Policy`."""
        return f'"{self.name}";q={self.limit.burst};w={self.limit.fill_seconds}'

    @property
    def in_words(self) -> str:
        """The limit as a client's programmer is told it."""
        per_second = 1_000_000 / self.limit.interval
        pace = f"{per_second:g} a second" if per_second >= 1 else f"one every {self.limit.interval / 1_000_000:g} s"
        return f"{pace}, {self.limit.burst} at once after a pause"


@dataclass(frozen=True, slots=True)
class Places:
    """The places for requests at once of whom `key` says; `token` names the one that is asked for."""

    key: str
    name: str
    places: int
    token: str

    @property
    def policy(self) -> str:
        """The number as an item of `RateLimit-Policy`."""
        return f'"{self.name}";q={self.places};qu="concurrent-requests"'

    @property
    def in_words(self) -> str:
        """The number as a client's programmer is told it."""
        return f"{self.places} requests at the same time"


Asked = Bucket | Places


@dataclass(frozen=True, slots=True)
class Level:
    """What is left of one of the things asked for, and the seconds until all of it is there again."""

    asked: Asked
    left: int
    reset: float

    @property
    def state(self) -> str:
        """The level as an item of `RateLimit`."""
        until_full = f";t={ceil(self.reset)}" if isinstance(self.asked, Bucket) else ""
        return f'"{self.asked.name}";r={self.left}{until_full}'


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a request is let in: either everything it asked for was taken, or nothing.

    `wait` is the time until what refused it would let it in (seconds, exact); `moment` is when it was taken by the clock of
    Redis (microseconds), or 0 if this process decided alone.
    """

    levels: tuple[Level, ...]
    refused_by: Asked | None = None
    wait: float = 0.0
    moment: int = 0
    #: Whether a mark was there that makes it unnecessary to take anything.
    is_marked: bool = False

    @property
    def allowed(self) -> bool:
        """Whether everything was taken."""
        return self.refused_by is None

    @property
    def retry_after(self) -> int:
        """Whole seconds after which the same request is let in, if nobody else takes from the same bucket."""
        return max(1, ceil(self.wait))


def in_microseconds(asked: Sequence[Asked], wait: Sequence[int]) -> float:
    """The seconds to wait until all of `asked` can be had, of waits in microseconds."""
    return max(
        PLACE_WAIT_SECONDS if isinstance(thing, Places) and pause else pause / 1_000_000
        for thing, pause in zip(asked, wait, strict=True)
    )

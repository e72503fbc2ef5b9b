"""The limits of one web process, for as long as Redis is away: a strict share of each, never none.

The buckets here are kept beside those in Redis all the time, so that they are as full as those when it goes away: what
Redis last said is a bucket's level, and if that was long ago, one request is let in and the rest comes with time.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from diamondhub.access.throttles.buckets import Asked, Bucket, Level, Places, Verdict, in_microseconds
from diamondhub.access.throttles.limits import Limit

#: What Redis said longer ago than this is no knowledge of a bucket's level: other processes took from it since (seconds).
FRESH_SECONDS = 1.0
#: Buckets that are remembered; those used longest ago are forgotten, as if Redis had said nothing of them.
MAX_BUCKETS = 20_000
#: No answer takes so long: a place that is held for longer was lost (seconds).
MAX_HELD_SECONDS = 900.0
#: Requests that are remembered of one bucket until Redis is told of them; older ones weigh nothing by then.
MAX_OWED = 5_000


@dataclass(slots=True)
class _Kept:
    #: As in the script, by this process's clock and for its share (microseconds).
    tat: float
    #: When that was so, by this process's clock (seconds).
    at: float
    #: When the absence of Redis began in which it was counted here; None for what Redis said.
    absence: float | None


@dataclass(slots=True)
class Debt:
    """Requests that were let in here and that Redis must hear of: when they were, by this process's clock (seconds).

    `unspent` is what was left of this process's share when an epoch began (microseconds of the limit's interval).
    """

    limit: Limit
    moments: list[float] = field(default_factory=list)
    unspent: int = 0


class LocalLimits:
    """The share of one process. `processes` says how many share; `clock` is monotonic (seconds)."""

    def __init__(self, processes: Callable[[], int], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._processes = processes
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, _Kept] = OrderedDict()
        self._held: dict[str, dict[str, float]] = {}
        self._debts: dict[str, Debt] = {}
        #: Limits that were asked for in the present absence of Redis, by bucket.
        self._touched: dict[str, Limit] = {}
        self._away_since: float | None = None

    def heard(self, levels: Sequence[Level]) -> None:
        """Keep what Redis says of buckets."""
        with self._lock:
            now = self._clock()
            self._away_since = None
            self._touched.clear()
            for level in levels:
                if isinstance(level.asked, Bucket):
                    interval, burst = self._share(level.asked.limit)
                    used = level.reset * 1e6 / (level.asked.limit.interval * level.asked.limit.burst)
                    self._keep(level.asked.key, _Kept(now * 1e6 + used * interval * burst, now, None))

    def away(self) -> None:
        """Redis is away from now on, unless it was before."""
        with self._lock:
            if self._away_since is None:
                self._away_since = self._clock()

    def take(self, asked: Sequence[Asked]) -> Verdict:
        """Take everything from this process's share, or nothing."""
        with self._lock:
            now = self._clock()
            if self._away_since is not None and len(self._touched) < MAX_BUCKETS:
                self._touched.update((thing.key, thing.limit) for thing in asked if isinstance(thing, Bucket))
            waits = [self._wait(thing, now) for thing in asked]
            refused = next((thing for thing, wait in zip(asked, waits, strict=True) if wait), None)
            if refused is None:
                for thing in asked:
                    self._take(thing, now)
            levels = tuple(self._level(thing, now) for thing in asked)
        return Verdict(levels, refused, in_microseconds(asked, waits) if asked else 0.0)

    def give_back(self, bucket: Bucket) -> None:
        """Give back what was taken here."""
        with self._lock:
            if kept := self._buckets.get(bucket.key):
                kept.tat -= self._share(bucket.limit)[0] * bucket.cost
            if debt := self._debts.get(bucket.key):
                del debt.moments[-bucket.cost :]

    def hold(self, place: Places) -> None:
        """Note a place that is held, wherever it was taken."""
        with self._lock:
            self._held.setdefault(place.key, {})[place.token] = self._clock()

    def leave(self, place: Places) -> None:
        """Give a place back."""
        with self._lock:
            held = self._held.get(place.key, {})
            held.pop(place.token, None)
            if not held:
                self._held.pop(place.key, None)

    @property
    def held(self) -> list[tuple[str, str]]:
        """Keys and tokens of the places that are held in this process."""
        with self._lock:
            lost = self._clock() - MAX_HELD_SECONDS
            self._held = {
                key: kept
                for key, tokens in self._held.items()
                if (kept := {token: since for token, since in tokens.items() if since > lost})
            }
            return [(key, token) for key, tokens in self._held.items() for token in tokens]

    def take_debts(self, epoch: float | None = None) -> dict[str, Debt]:
        """What Redis must hear of, by bucket; it is the caller's from now on.

        `epoch` is when a new epoch of Redis began, if one did, by this process's clock: its buckets began empty, so what was
        left of the shares then is told, too.
        """
        with self._lock:
            now = self._clock()
            debts, self._debts = self._debts, {}
            if epoch is None or self._away_since is None or epoch < self._away_since:
                return debts
            for key, limit in self._touched.items():
                debt = debts.setdefault(key, Debt(limit))
                interval, burst = self._share(limit)
                since = sum(moment > epoch for moment in debt.moments)
                used = max(0.0, self._tat(Bucket(key, limit), now) - interval * since - epoch * 1e6)
                # One at most: of more than that it is not known that all processes together have it.
                left = min(1.0, max(0.0, burst - used / interval))
                debt.unspent = int(left * limit.interval)
            return debts

    def owe_again(self, debts: dict[str, Debt]) -> None:
        """Take debts back that could not be told."""
        with self._lock:
            for key, debt in debts.items():
                since = self._debts.get(key)
                moments = [*debt.moments, *(since.moments if since else ())][-MAX_OWED:]
                if moments:
                    self._debts[key] = Debt(debt.limit, moments)

    @property
    def owes(self) -> bool:
        """Whether there is anything that Redis must hear of."""
        return bool(self._debts)

    def _share(self, limit: Limit) -> tuple[int, int]:
        processes = max(1, self._processes())
        return limit.interval * processes, max(1, limit.burst // processes)

    def _wait(self, thing: Asked, now: float) -> int:
        if isinstance(thing, Places):
            return int(len(self._held.get(thing.key, ())) >= max(1, thing.places // max(1, self._processes())))
        interval, burst = self._share(thing.limit)
        tat = max(self._tat(thing, now), now * 1e6)
        # What costs more than the share holds is let in when the share is full.
        return max(0, int(tat + interval * min(thing.cost, burst) - interval * burst - now * 1e6))

    def _take(self, thing: Asked, now: float) -> None:
        if isinstance(thing, Places):
            self._held.setdefault(thing.key, {})[thing.token] = now
            return
        interval, _ = self._share(thing.limit)
        tat = max(self._tat(thing, now), now * 1e6) + interval * thing.cost
        self._keep(thing.key, _Kept(tat, now, self._away_since))
        debt = self._debts.setdefault(thing.key, Debt(thing.limit))
        debt.moments += [now] * thing.cost
        del debt.moments[:-MAX_OWED]

    def _tat(self, bucket: Bucket, now: float) -> float:
        """Where the bucket stands: what was said of it while Redis was there counts from when that went away."""
        interval, burst = self._share(bucket.limit)
        since = now if self._away_since is None else self._away_since
        kept = self._buckets.get(bucket.key)
        one_left = since * 1e6 + interval * (burst - 1)
        if kept is None:
            return one_left
        if kept.absence is not None and kept.absence == self._away_since:
            return kept.tat
        if kept.at < since - FRESH_SECONDS:
            return max(kept.tat, one_left)
        # Nothing of it came back meanwhile: other processes had that.
        return kept.tat + max(0.0, since - kept.at) * 1e6

    def _level(self, thing: Asked, now: float) -> Level:
        if isinstance(thing, Places):
            places = max(1, thing.places // max(1, self._processes()))
            return Level(thing, max(0, places - len(self._held.get(thing.key, ()))), 0.0)
        interval, burst = self._share(thing.limit)
        used = max(0.0, self._tat(thing, now) - now * 1e6)
        return Level(thing, max(0, int((interval * burst - used) // interval)), used / 1e6)

    def _keep(self, key: str, kept: _Kept) -> None:
        self._buckets[key] = kept
        self._buckets.move_to_end(key)
        while len(self._buckets) > MAX_BUCKETS:
            self._buckets.popitem(last=False)

"""Taking what a request asks for from its limits: in Redis, or from this process's share while Redis is away.

`take` and `finish` are what others call. Redis is tried again by one request every `TRY_AGAIN_SECONDS`, while the others go
on without it; it is then told what was let in meanwhile.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

import redis
import structlog
from django.conf import settings
from django.core.signals import setting_changed
from django.dispatch import receiver

from diamondhub.access.throttles.buckets import Asked, Bucket, Level, Places, Verdict, in_microseconds
from diamondhub.access.throttles.local import Debt, LocalLimits
from diamondhub.access.throttles.shared import Answer, Order, SharedLimits

log = structlog.get_logger(__name__)

#: How often one request tries whether Redis is back (seconds).
TRY_AGAIN_SECONDS = 0.25
#: A place that nobody says is still held is given up after this (seconds): its process is dead.
PLACE_SECONDS = 15.0
#: How often a process says which places it holds (seconds).
KEEP_SECONDS = 4.0
#: Buckets of which Redis is told in one call.
_AT_ONCE = 200


class Limits:
    """The limits of one process. Safe to share between threads."""

    def __init__(self, shared: SharedLimits, *, processes_at_least: int = 1) -> None:
        self._shared = shared
        self._local = LocalLimits(lambda: max(shared.processes, processes_at_least))
        self._lock = threading.Lock()
        self._try_again_at: float | None = None
        self._coming_back = threading.Lock()
        #: The epoch of Redis that was heard of last, and the one for which it was told what was left of the shares.
        self._epoch = self._settled_epoch = 0
        #: Places that were given back while Redis was away.
        self._left: list[Order] = []
        self._keeper: threading.Thread | None = None

    def take(self, asked: Sequence[Asked], *, unless: str = "", besides: Sequence[Order] = ()) -> Verdict:
        """Take everything that is asked for, or nothing; nothing is to be taken if the mark `unless` is set.

        `besides` is done in the same call, whatever the verdict, and left out while Redis is away.
        """
        orders = [*besides, *([Order("unless", unless)] if unless else []), *(_order(thing) for thing in asked)]
        answer = self._ask(orders)
        if answer is None:
            verdict = self._local.take(asked)
        else:
            verdict = _verdict(asked, answer)
            self._local.heard(verdict.levels)
        if verdict.allowed:
            for thing in asked:
                if isinstance(thing, Places):
                    self._local.hold(thing)
                    self._keep_places()
        return verdict

    def give_back(self, buckets: Sequence[Bucket], verdict: Verdict) -> Verdict:
        """Give back what a verdict took from these buckets, as if it had never been taken; the verdict of now."""
        if not verdict.allowed:
            return verdict
        if not verdict.moment:
            for bucket in buckets:
                self._local.give_back(bucket)
            return verdict
        answer = self._ask([returned(bucket, verdict.moment) for bucket in buckets])
        if answer is None:
            return verdict
        now = {level.asked: level for level in _verdict(buckets, answer).levels}
        self._local.heard(list(now.values()))
        levels = tuple(now.get(level.asked, level) for level in verdict.levels)
        return Verdict(levels, None, 0.0, verdict.moment)

    def leave(self, place: Places) -> None:
        """Give a place back."""
        self._local.leave(place)
        order = Order("leave", place.key, (place.token,))
        if self._ask([order]) is None:
            self._left.append(order)

    def _ask(self, orders: Sequence[Order]) -> Answer | None:
        """What Redis answers; None if it is away, or was a moment ago and somebody else is trying it."""
        if not self._may_ask():
            return None
        try:
            if self._try_again_at is not None:
                self._come_back()
            elif self._local.owes:
                self._tell(self._local.take_debts())
            answer = self._shared.call(orders)
        except redis.RedisError as error:
            self._is_away(error)
            return None
        self._is_there(answer)
        return answer

    def _may_ask(self) -> bool:
        with self._lock:
            if self._try_again_at is None:
                return True
            if time.monotonic() < self._try_again_at:
                return False
            # This request tries, and the others do not wait for it.
            self._try_again_at = time.monotonic() + TRY_AGAIN_SECONDS
            return True

    def _is_away(self, error: redis.RedisError) -> None:
        with self._lock:
            if self._try_again_at is None:
                log.warning("limits_kept_by_this_process_alone", error=type(error).__name__)
            self._try_again_at = time.monotonic() + TRY_AGAIN_SECONDS
            self._local.away()

    def _is_there(self, answer: Answer) -> None:
        with self._lock:
            if self._try_again_at is not None:
                log.info("limits_kept_by_all_processes_together")
                self._local.heard(())
            self._try_again_at = None
            forgot, self._epoch = answer.began != self._epoch, answer.began
        if forgot or self._left:
            # A server that remembers nothing must hear of the places that are held here, and any of those that are not.
            self._say_places()

    def _come_back(self) -> None:
        """Tell Redis, which answers again, what happened here while it did not."""
        with self._coming_back:
            asked_at = time.monotonic()
            answer = self._shared.call([])
            epoch = None
            if answer.began not in {self._epoch, self._settled_epoch}:
                epoch = asked_at - (answer.now - answer.began) / 1e6
            self._tell(self._local.take_debts(epoch))
            self._settled_epoch = answer.began

    def _tell(self, debts: dict[str, Debt]) -> None:
        try:
            while debts:
                told = list(debts)[:_AT_ONCE]
                now = time.monotonic()
                self._shared.call(
                    [
                        Order(
                            "owe",
                            key,
                            (
                                debts[key].limit.interval,
                                debts[key].limit.burst,
                                ",".join(f"{(now - moment) * 1e6:.0f}" for moment in debts[key].moments),
                                debts[key].unspent,
                            ),
                        )
                        for key in told
                    ]
                )
                for key in told:
                    del debts[key]
        except redis.RedisError:
            self._local.owe_again(debts)
            raise

    def _keep_places(self) -> None:
        """Have somebody say what is held for as long as anything is: requests, and streams above all, may last."""
        with self._lock:
            if self._keeper is None or not self._keeper.is_alive():
                self._keeper = threading.Thread(target=self._keep, name="limits", daemon=True)
                self._keeper.start()

    def _keep(self) -> None:
        while True:
            time.sleep(KEEP_SECONDS)
            self._say_places()

    def _say_places(self) -> None:
        left, self._left = self._left, []
        held = self._local.held
        if held or left:
            keep = [Order("keep", key, (_MICROSECONDS_OF_PLACE, token)) for key, token in held]
            try:
                self._shared.call([*left, *keep])
            except redis.RedisError as error:
                log.debug("places_not_said", error=type(error).__name__)


_MICROSECONDS_OF_PLACE = int(PLACE_SECONDS * 1e6)


def returned(bucket: Bucket, moment: int) -> Order:
    """The order to give back what was taken from a bucket at `moment`."""
    return Order("return", bucket.key, (bucket.limit.interval, bucket.limit.burst, bucket.cost, moment))


def _order(thing: Asked) -> Order:
    if isinstance(thing, Places):
        return Order("places", thing.key, (thing.places, _MICROSECONDS_OF_PLACE, thing.token))
    return Order("rate", thing.key, (thing.limit.interval, thing.limit.burst, thing.cost))


def _verdict(asked: Sequence[Asked], answer: Answer) -> Verdict:
    own = answer.levels[len(answer.levels) - len(asked) :] if asked else ()
    levels = tuple(Level(thing, left, reset / 1e6) for thing, (_, left, reset) in zip(asked, own, strict=True))
    waits = [wait for wait, _, _ in own]
    refused: Asked | None = None
    if answer.outcome > 0:
        refused = next(thing for thing, wait in zip(asked, waits, strict=True) if wait)
    wait = in_microseconds(asked, waits) if refused else 0.0
    return Verdict(levels, refused, wait, answer.now, is_marked=answer.outcome == -2)


_limits: Limits | None = None
_limits_lock = threading.Lock()


@receiver(setting_changed)
def _forget(*, setting: str, **_: object) -> None:
    """Tests may have another Redis for a while."""
    global _limits
    if setting == "REDIS_URL":
        _limits = None


def limits() -> Limits:
    """The limits of this process."""
    global _limits
    with _limits_lock:
        if _limits is None:
            _limits = Limits(SharedLimits(settings.REDIS_URL), processes_at_least=settings.WEB_CONCURRENCY)
        return _limits

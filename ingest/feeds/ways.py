"""Optional ways of asking a supplier: many things in one request, or a look behind a page. None of them may fail a run.

Whatever a supplier's words are: when it fails a request of an optional way and answers the plain one, again and again, it
does not take that way. It is then asked plainly, which is noted on the feed for some days. What fails plainly, too, is
weather and nothing is learned from it; no more is it from one bad thing among many.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Hashable, Sequence
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

import msgspec
import structlog
from django.db import transaction

from diamondhub.audit.acting import acting
from ingest.errors import PermanentSupplierError, SignInRefused, SupplierError
from ingest.models import Feed

log = structlog.get_logger(__name__)

#: A way that was refused is tried again after this long: suppliers change.
ASK_AGAIN_AFTER = timedelta(days=7)
#: How often in a row a way fails while the plain request is answered until it counts as refused: other failures may be
#: weather that happened to pass in between.
FAILURES_NEEDED = 3

Answer = TypeVar("Answer")
Thing = TypeVar("Thing", bound=Hashable)


class Way(enum.StrEnum):
    """An optional way of asking; its value is the name of its note in rows."""

    COUNTS_TOGETHER = "counts_together"
    LOOKING_BEHIND = "looking_behind"
    IDS_TOGETHER = "ids_together"


class Limit(msgspec.Struct, frozen=True):
    """A way that the supplier does not take, or only for `most` things in a request; what it `said` to more, and when."""

    said: str
    at: datetime
    most: int = 1


#: What is not taken, in words, if it is taken for nothing but one thing alone.
IN_WORDS = {
    Way.COUNTS_TOGETHER: "several counts in a request",
    Way.LOOKING_BEHIND: "a look behind the last page in its request",
    Way.IDS_TOGETHER: "several ids in a request",
}


def limits_of(feed: Feed) -> dict[Way, Limit]:
    """The notes of a feed on what its supplier does not take; one that cannot be read is none."""
    limits: dict[Way, Limit] = {}
    for way, note in feed.limits.items():
        try:
            limits[Way(way)] = msgspec.convert(note, Limit)
        except (msgspec.ValidationError, ValueError) as error:
            log.error("limit_unreadable", feed=feed.slug, way=way, error=str(error))
    return limits


def note(feed_id: int, way: Way, limit: Limit | None) -> None:
    """Keep on the feed what its supplier does not take, or forget it; the feed's history has either."""
    why = f"the supplier does not take {IN_WORDS[way]}: {limit.said}" if limit else f"{IN_WORDS[way]}: taken again"
    with acting(reason=why[:400]), transaction.atomic():
        feed = Feed.objects.select_for_update().only("limits").get(pk=feed_id)
        others = {name: kept for name, kept in feed.limits.items() if name != way}
        limits = {**others, str(way): msgspec.to_builtins(limit)} if limit else others
        Feed.objects.filter(pk=feed_id).update(limits=limits)


def forget(feed_id: int, reason: str) -> None:
    """Have every optional way tried again, by hand."""
    with acting(reason=reason), transaction.atomic():
        Feed.objects.filter(pk=feed_id).exclude(limits={}).update(limits={})


class Ways:
    """The optional ways that the supplier of one feed takes, as far as is known at `now`. This one keeps nothing."""

    def __init__(self, limits: dict[Way, Limit], now: datetime | None = None) -> None:
        self._limits, self._now = limits, now

    def most(self, way: Way, usual: int) -> int:
        """The number of things that one request may ask for: `usual`, if nothing is known against it."""
        limit = self._limits.get(way)
        if limit is None or (self._now is not None and self._now >= limit.at + ASK_AGAIN_AFTER):
            return usual
        return min(usual, limit.most)

    def refused(self, way: Way, error: SupplierError, *, most: int = 1) -> None:
        """The supplier was found not to take a way for more than `most` things."""
        log.warning("way_of_asking_refused", way=str(way), most=most, error=str(error))
        if self._now is not None:
            said = "".join(letter if letter.isprintable() else " " for letter in str(error))[:300]
            self._limits = {**self._limits, way: Limit(said, self._now, most)}
            self.keep(way, self._limits[way])

    def taken(self, way: Way, things: int) -> None:
        """The supplier has answered a request for so many things: a note that says otherwise is not true any more."""
        limit = self._limits.get(way)
        if limit is not None and things > limit.most:
            self._limits = {name: kept for name, kept in self._limits.items() if name != way}
            self.keep(way, None)

    def keep(self, way: Way, limit: Limit | None) -> None:
        """Write down what was found out."""

    def ask(self, way: Way, optionally: Callable[[], Answer], plainly: Callable[[], Answer]) -> Answer:
        """Ask in an optional way while the supplier takes it, else plainly. Raises what the plain request raises."""
        if self.most(way, 2) < 2:
            return plainly()
        failures = 0
        while True:
            try:
                answer = optionally()
            except SignInRefused:
                raise
            except SupplierError as error:
                failures += 1
                plain = plainly()
                if failures >= _needed(error):
                    self.refused(way, error)
                    return plain
            else:
                self.taken(way, 2)
                return answer


class FeedWays(Ways):
    """The ways of a feed's supplier, kept on the feed's row."""

    def __init__(self, feed: Feed, now: datetime) -> None:
        super().__init__(limits_of(feed), now)
        self._feed_id = feed.pk

    def keep(self, way: Way, limit: Limit | None) -> None:
        note(self._feed_id, way, limit)


class Together(Generic[Thing]):
    """The number of things of one kind that travel in one request, found out while asking for them.

    `usual` is how many there are if the supplier takes them. A request that fails is told apart: its first thing is asked
    for alone (if that fails, it is weather), and then twice in one request. If that fails as well, several things are
    refused; if not, these are too many, or there is a bad one among them: then half as many are asked for.
    """

    def __init__(self, ways: Ways, way: Way, usual: int) -> None:
        self._ways, self._way = ways, way
        self.size = ways.most(way, usual)
        self._failures = 0
        #: What a request that failed asked for and nobody has answered since; what it failed with.
        self._unanswered: set[Thing] = set()
        self._failed: SupplierError | None = None

    def ask(
        self,
        things: Sequence[Thing],
        request: Callable[[Sequence[Thing]], Answer],
        *,
        but: tuple[type[Exception], ...] = (),
    ) -> tuple[int, Answer]:
        """Ask for the first of the things, as many as travel together; how many these were, and the answer.

        `request` asks for some of them at once. Raises what it raises for one alone, and what is in `but`.
        """
        while True:
            asked = things[: self.size]
            try:
                answer = request(asked)
            except SupplierError as error:
                if len(asked) == 1 or isinstance(error, (SignInRefused, *but)):
                    raise
                failed = error
            else:
                self._answered(asked)
                return len(asked), answer
            try:
                alone = request(asked[:1])
            except SupplierError:
                # Weather, or the fault of this very thing: nothing is learned from it.
                self._failures = 0
                raise
            if not self._learn(asked, failed, request, but):
                self._answered(asked[:1])
                return 1, alone

    def _learn(
        self,
        asked: Sequence[Thing],
        error: SupplierError,
        request: Callable[[Sequence[Thing]], Any],
        but: tuple[type[Exception], ...],
    ) -> bool:
        """Find out why several things failed where one alone did not; whether they are worth asking for once more."""
        self._failures += 1
        if self._failures == 1 and self._failed is None and not self._takes_two(asked[0], error, request, but):
            self.size = 1
            self._ways.refused(self._way, error)
            return False
        if self._failures < _needed(error):
            return True
        self._failed = error
        self._unanswered.update(asked)
        self.size = max(1, len(asked) // 2)
        return False

    def _takes_two(
        self,
        thing: Thing,
        error: SupplierError,
        request: Callable[[Sequence[Thing]], Any],
        but: tuple[type[Exception], ...],
    ) -> bool:
        # The request that failed is the first failure.
        further = max(1, _needed(error) - 1)
        for failures in range(1, further + 1):
            try:
                request([thing, thing])
            except SupplierError as again:
                if isinstance(again, (SignInRefused, *but)):
                    raise
                if failures < further:
                    request([thing])
            else:
                return True
        return False

    def _answered(self, things: Sequence[Thing]) -> None:
        if self._failed is None:
            if len(things) > 1:
                self._failures = 0
                self._ways.taken(self._way, len(things))
            return
        self._unanswered.difference_update(things)
        if not self._unanswered:
            # All of it was answered in smaller company: it was too much at once.
            self._ways.refused(self._way, self._failed, most=self.size)
            self._failed, self._failures = None, 0


def _needed(error: SupplierError) -> int:
    """The failures by which a way counts as refused: what the supplier itself calls a wrong request, one."""
    return 1 if isinstance(error, PermanentSupplierError) else FAILURES_NEEDED

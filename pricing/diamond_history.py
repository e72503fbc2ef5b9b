"""What became of one stone: its states and prices over time, put together from both histories and what it is now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from django.db.models import QuerySet

from catalog.models import AvailabilityChange, Diamond
from pricing.models import PriceChange

#: Changes of each kind that are read, the newest; a stone that is repriced every day has about 400.
MAX_CHANGES = 1_000

Change = TypeVar("Change", AvailabilityChange, PriceChange)


class What(StrEnum):
    """What happened to a stone."""

    FIRST_SEEN = "first_seen"
    AVAILABILITY = "availability"
    PRICE = "price"


@dataclass(frozen=True, slots=True)
class Moment:
    """One change, and what the stone was after it. `change` is what priced it, None if nothing of the price changed."""

    at: datetime
    what: What
    #: Tells changes of the same moment apart.
    number: int
    availability: str
    price_cents: int
    change: PriceChange | None = None


@dataclass(frozen=True, slots=True)
class History:
    """The changes of a stone, the newest first. It is complete unless there were more than are read or kept."""

    moments: Sequence[Moment]
    complete: bool


def history_of(stone: Diamond) -> History:
    """The history of a stone, told backwards from what it is now."""
    states = _newest(AvailabilityChange.objects.filter(diamond_id=stone.pk))
    prices = _newest(PriceChange.objects.filter(diamond_id=stone.pk))
    complete = max(len(states), len(prices)) <= MAX_CHANGES
    # What was cut off of one kind must not be told of by the other.
    cut = max((rows[-1].changed_at for rows in (states, prices) if len(rows) > MAX_CHANGES), default=None)
    changes: list[AvailabilityChange | PriceChange] = [*states, *prices]
    changes = [change for change in changes if cut is None or change.changed_at > cut]
    changes.sort(key=lambda change: (change.changed_at, isinstance(change, PriceChange), change.pk), reverse=True)
    moments = []
    availability, price = stone.availability, stone.price_cents
    for change in changes:
        is_price = isinstance(change, PriceChange)
        moments.append(
            Moment(
                change.changed_at,
                What.PRICE if is_price else What.AVAILABILITY,
                change.pk,
                availability,
                price,
                change if isinstance(change, PriceChange) else None,
            )
        )
        if isinstance(change, PriceChange):
            price = change.old_price_cents
        else:
            availability = change.old
    if complete:
        moments.append(Moment(stone.first_seen_at, What.FIRST_SEEN, 0, availability, price))
    return History(moments, complete)


def _newest(rows: QuerySet[Change]) -> list[Change]:
    # The index is by day; one more tells whether there are others.
    return list(rows.order_by("-changed_on", "-changed_at", "-pk")[: MAX_CHANGES + 1])


def behind(moments: Sequence[Moment], place: tuple[str, str, int]) -> Sequence[Moment]:
    """The moments behind the one at a place."""
    places = [place_of(moment) for moment in moments]
    return moments[places.index(place) + 1 :] if place in places else ()


def place_of(moment: Moment) -> tuple[str, str, int]:
    """Where a moment stands in its history, in JSON's terms."""
    return moment.at.isoformat(), moment.what.value, moment.number

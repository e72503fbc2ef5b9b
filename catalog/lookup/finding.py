"""Finding stones by what shops know them by: our ids, suppliers' stock numbers, numbers of certificates.

An id of ours follows from feed and stock number, so both are found by the primary key. Certificate numbers are folded
(`catalog.certificates`), and one may name several stones: it is offered by several suppliers.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from django.db.models import Case, F, QuerySet, Value, When, Window
from django.db.models.functions import RowNumber

from catalog.certificates import Folded, folded, numbered
from catalog.models import Availability, Diamond
from catalog.stock_numbers import ids_of_each

#: Stones that one number names at most in an answer, and stones of one answer.
MAX_STONES_EACH, MAX_STONES = 10, 2_000


class Kind(StrEnum):
    """What a stone is known by."""

    ID = "id"
    STOCK_NUMBER = "stock_number"
    CERTIFICATE_NUMBER = "certificate_number"


@dataclass(frozen=True, slots=True)
class Name:
    """One thing that is asked for. Ids are as `str` writes UUIDs, numbers as the client wrote them."""

    kind: Kind
    value: str


@dataclass(frozen=True, slots=True)
class Found:
    """The stones of a name: those for sale first, the cheapest first; `more` says that there are others."""

    name: Name
    ids: tuple[UUID, ...]
    more: bool


def find(names: Sequence[Name], stones: QuerySet[Diamond], feeds: Collection[str]) -> list[Found]:
    """What each name means among `stones`, in the order of the names; stock numbers are those of any of `feeds`."""
    known = {
        **_by_id(_of_kind(names, Kind.ID), stones),
        **_by_stock_number(_of_kind(names, Kind.STOCK_NUMBER), stones, feeds),
        **_by_certificate(_of_kind(names, Kind.CERTIFICATE_NUMBER), stones),
    }
    left, answers = MAX_STONES, []
    for name in names:
        ids = known.get(name, ())
        shown = tuple(ids[: min(MAX_STONES_EACH, left)])
        left -= len(shown)
        answers.append(Found(name, shown, more=len(shown) < len(ids)))
    return answers


def _of_kind(names: Iterable[Name], kind: Kind) -> list[Name]:
    return [name for name in dict.fromkeys(names) if name.kind is kind]


def _by_id(names: Sequence[Name], stones: QuerySet[Diamond]) -> Mapping[Name, Sequence[UUID]]:
    there = _there([UUID(name.value) for name in names], stones)
    return {name: [UUID(name.value)] for name in names if UUID(name.value) in there}


def _by_stock_number(
    names: Sequence[Name], stones: QuerySet[Diamond], feeds: Collection[str]
) -> Mapping[Name, Sequence[UUID]]:
    of_each = ids_of_each((feed, name.value) for feed in feeds for name in names)
    ids = {name: [of_each[feed, name.value] for feed in feeds] for name in names}
    there = _there([identity for meant in ids.values() for identity in meant], stones)
    return {name: sorted(there.keys() & set(meant), key=there.__getitem__) for name, meant in ids.items()}


def _there(ids: Collection[UUID], stones: QuerySet[Diamond]) -> dict[UUID, int]:
    """The places, in the order in which they are shown, of those of the ids that there are."""
    ordered = stones.filter(pk__in=ids).order_by(_FOR_SALE_FIRST, "price_cents", "pk") if ids else stones.none()
    return {identity: place for place, identity in enumerate(ordered.values_list("pk", flat=True))}


def _by_certificate(names: Sequence[Name], stones: QuerySet[Diamond]) -> Mapping[Name, Sequence[UUID]]:
    keys = {name: key for name in names if (key := folded(name.value))}
    if not keys:
        return {}
    certified = stones.filter(numbered(keys.values())).annotate(key=Folded("certificate_number"))
    place = Window(RowNumber(), partition_by=F("key"), order_by=[_FOR_SALE_FIRST, "price_cents", "pk"])
    rows = certified.annotate(place=place).filter(place__lte=MAX_STONES_EACH + 1).order_by("key", "place")
    by_key: dict[str, list[UUID]] = {}
    for key, identity in rows.values_list("key", "pk"):
        by_key.setdefault(key, []).append(identity)
    return {name: by_key.get(key, []) for name, key in keys.items()}


_FOR_SALE_FIRST = Case(When(availability=Availability.AVAILABLE, then=Value(0)), default=Value(1))

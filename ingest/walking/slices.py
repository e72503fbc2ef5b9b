"""Offset slices: several partitions of one list of stones that nothing but their place tells apart.

Each slice begins at its offset and ends where it meets the next one (`ingest.walking.footing` says why that loses
nothing). What the slices of a list know of each other is asked here, by `ingest.walking.walkers`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from django.db.models import QuerySet, Sum

from ingest.models import Page, Partition
from ingest.walking.footing import union


def is_slice(partition: Partition) -> bool:
    """Whether the partition is one of several of its list."""
    return partition.offset_from > 0 or partition.offset_to is not None


def meets_next(partition: Partition, ids: Sequence[UUID]) -> bool:
    """Whether the next slice of the list was shown any of these stones, in whichever reading."""
    if partition.offset_to is None or not ids:
        # Nothing to ask the database.
        return False
    return Page.objects.filter(partition__in=_next(partition), stone_ids__overlap=list(ids)).exists()


def next_is_waiting(partition: Partition) -> bool:
    """Whether the next slice of the list could be read, and nobody has begun to."""
    return _next(partition).filter(state=Partition.State.READY, pages__isnull=True).exists()


def others_locked(partition: Partition) -> list[Partition]:
    """The other slices of the list. Locks all of them, in the order of their ids: to be called in a transaction."""
    every = _of_list(partition).select_for_update().order_by("id")
    return [other for other in every if other.pk != partition.pk]


def shown(partition: Partition, others: Iterable[Partition]) -> int:
    """How many stones the slices were shown together, those that did not say who they are included."""
    pages = Page.objects.filter(partition__in=[partition, *others])
    unidentified: int = pages.aggregate(dead=Sum("dead"))["dead"] or 0
    return len(union(pages.values_list("stone_ids", flat=True).iterator())) + unidentified


def _next(partition: Partition) -> QuerySet[Partition]:
    end = partition.offset_to
    return _of_list(partition).filter(offset_from=end) if end is not None else Partition.objects.none()


def _of_list(partition: Partition) -> QuerySet[Partition]:
    return Partition.objects.filter(
        run=partition.run_id,
        kind=Partition.Kind.RANGE,
        price_from=partition.price_from,
        price_to=partition.price_to,
        carats_from=partition.carats_from,
        carats_to=partition.carats_to,
    )

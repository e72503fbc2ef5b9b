"""Whole lists of the stones that a review or a suspicion is about, by cause, kept when the run is held or marked.

What a page could take from the catalogue later would be other stones, and would cost a reading of the run's whole ledger for
each look. Rows are written once, and read by their place.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Iterable

from django.db import connection, transaction

from ingest import delisting, renumbering
from ingest.cost_sample import CostSample
from ingest.models import ReviewStone, Run

#: Stones kept of each cause, the first in its order.
MAX_STONES = 100_000
#: The name under which the stones of a suspicion are kept, among those of brakes.
SUSPECT = "suspect"


def keep_unseen(run: Run, brake: str) -> None:
    """Keep the stones that no page of the run showed, by what the supplier said of them by id, the dearest first."""
    with transaction.atomic():
        _forget(run, brake)
        delisting.keep_answers(run, brake, most=MAX_STONES)


def keep_renumbered(run: Run, *, examples: int) -> renumbering.Renumbered | None:
    """What of the run was renumbered, and keep the stones with their old and new numbers, in the order of the old ones."""
    with transaction.atomic():
        _forget(run, "renumbered")
        return renumbering.find(run, examples=examples, keep=MAX_STONES)


def keep_costs(run: Run, costs: CostSample) -> None:
    """Keep the stones of the sample that would cost something else, those that move most first, and the new ones."""
    factors = costs.factors()
    movers = sorted(factors, key=lambda stone: (-abs(math.log(factors[stone])), stone))
    lists = {
        "moved": movers,
        "dearer": [stone for stone in movers if factors[stone] > 1],
        "cheaper": [stone for stone in movers if factors[stone] < 1],
        "new": sorted(costs.brought.keys() - costs.known.keys(), key=lambda stone: (-costs.brought[stone], stone)),
    }
    with transaction.atomic():
        _forget(run, "median")
        for cause, stones in lists.items():
            ReviewStone.objects.bulk_create(_rows(run, cause, stones, costs), batch_size=1_000)


def _rows(run: Run, cause: str, stones: Iterable[uuid.UUID], costs: CostSample) -> list[ReviewStone]:
    return [
        ReviewStone(
            run=run,
            brake="median",
            cause=cause,
            place=place,
            diamond_id=stone,
            cost_cents=costs.known.get(stone),
            brought_cents=costs.brought[stone],
        )
        for place, stone in enumerate(stones, start=1)
    ]


def _forget(run: Run, brake: str) -> None:
    with connection.cursor() as cursor:
        # A run may be held again; index review_stone_place.
        cursor.execute("DELETE FROM ingest_reviewstone WHERE run_id = %s AND brake = %s", [run.pk, brake])


def causes(run: Run, brake: str) -> list[str]:
    """The causes that a list is kept of: each has a first stone."""
    firsts = ReviewStone.objects.filter(run=run, place=1, brake=brake)
    return list(firsts.order_by("cause").values_list("cause", flat=True))


def behind(run: Run, brake: str, cause: str, place: int, most: int) -> list[ReviewStone]:
    """The stones of a cause behind a place, in their order, `most` at most."""
    stones = ReviewStone.objects.filter(run=run, brake=brake, cause=cause, place__gt=place)
    # A list has no gaps: this bounds what the index reads of the run's other lists.
    return list(stones.filter(place__lte=place + most).order_by("place"))

"""A sample of what a feed's stones cost: as the catalogue has it, and as a run's payloads, not consolidated yet, say.

Ids are as good as random, so the stones with the lowest ones are a sample, the same before and after.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from statistics import median

import structlog
from django.db import connection
from django.db.models import Sum

from catalog.models import Diamond
from diamondhub.database import psycopg_cursor
from ingest.delisting import LISTED
from ingest.errors import MappingError
from ingest.feeds.adapters import adapter_of
from ingest.models import Page, Run

log = structlog.get_logger(__name__)

#: Stones by which a feed's median is known well enough: of 4,000 it is off by some two in a hundred places.
SAMPLE_STONES = 4_000


@dataclass(frozen=True, slots=True)
class CostSample:
    """Cents by stone: `known` those of the catalogue, `brought` those that the run's payloads say."""

    known: dict[uuid.UUID, int]
    brought: dict[uuid.UUID, int]

    @property
    def before(self) -> float:
        """The median of the catalogue."""
        return median(self.known.values()) if self.known else 0.0

    @property
    def after(self) -> float:
        """The median that the catalogue would have."""
        together = {**self.known, **self.brought}
        return median(together.values()) if together else 0.0

    @property
    def moved(self) -> float:
        """By how much of itself the median would move."""
        return abs(self.after - self.before) / self.before if self.before else 0.0

    def factors(self) -> dict[uuid.UUID, float]:
        """How many times as much as before each stone would cost that would cost something else."""
        return {
            stone: cents / self.known[stone]
            for stone, cents in self.brought.items()
            if self.known.get(stone, cents) not in (0, cents)
        }


def sample_costs(run: Run) -> CostSample:
    """What the stones of the sample cost now and would cost after the run."""
    stones = max(
        Diamond.objects.filter(feed=run.feed.slug, availability__in=LISTED).count(),
        Page.objects.filter(run_id=run.pk).aggregate(stored=Sum("stored"))["stored"] or 0,
    )
    share = min(1.0, SAMPLE_STONES / max(1, stones))
    below = uuid.UUID(int=min(2**128 - 1, int(share * 2**128)))
    return CostSample(_known_costs(run, below), _brought_costs(run, below))


def _known_costs(run: Run, below: uuid.UUID) -> dict[uuid.UUID, int]:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            /* Served by the primary key. */
            SELECT id, cost_cents FROM catalog_diamond
            WHERE id < %s AND feed = %s AND availability = ANY(%s)
            """,
            [below, run.feed.slug, list(LISTED)],
        )
        return dict(cursor.fetchall())


def _brought_costs(run: Run, below: uuid.UUID) -> dict[uuid.UUID, int]:
    adapter = adapter_of(run.feed)
    with psycopg_cursor(binary=True) as cursor:
        cursor.execute(
            """
            /* The newest payload of each stone; index rawdiamond (run_id, diamond_id). */
            SELECT DISTINCT ON (diamond_id) diamond_id, convert_to(payload::text, 'UTF8')
            FROM ingest_rawdiamond
            WHERE run_id = %s AND diamond_id < %s
            ORDER BY diamond_id, observed_at DESC, id DESC
            """,
            [run.pk, below],
        )
        rows = cursor.fetchall()
    costs = {}
    for stone, payload in rows:
        try:
            facts = adapter.to_diamond(payload)
        except MappingError:
            # It becomes a dead letter, and those have a brake of their own.
            continue
        except Exception as error:  # noqa: BLE001 - as in consolidation, which sets such a stone apart
            log.debug("sample_stone_broke_the_mapper", error=type(error).__name__)
            continue
        if facts.availability in LISTED and facts.cost_cents > 0:
            costs[stone] = facts.cost_cents
    return costs

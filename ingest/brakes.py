"""Brakes: what makes a run wait for a person, how it is held, and what an approval covers.

`ingest.settling` asks before anything is consolidated, `ingest.finishing` before anything is delisted. A person approves
what was seen: a brake that presses harder later holds the run again.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import structlog
from django.db import connection
from django.db.models import Sum

from catalog.models import Diamond
from diamondhub.alerts.outbox import announce
from diamondhub.database import psycopg_cursor
from ingest.delisting import LISTED
from ingest.errors import MappingError
from ingest.feeds.registry import adapter_for
from ingest.models import Page, Run
from ingest.transitions import transition

log = structlog.get_logger(__name__)

#: Stones by which a feed's median is known well enough: of 4,000 it is off by some two in a hundred places.
SAMPLE_STONES = 4_000
#: With fewer stones known a median says nothing.
MIN_KNOWN = 30


@dataclass(frozen=True, slots=True)
class Brake:
    """One reason to wait: which brake, how hard it presses (a share), and both in words."""

    kind: str
    share: float
    why: str


def pressing(run: Run, brakes: Sequence[Brake]) -> list[Brake]:
    """Those of the brakes that nobody has approved, or that press harder than what was approved."""
    return [brake for brake in brakes if brake.share > run.approved.get(brake.kind, -1.0) + 1e-9]


def hold(run: Run, brakes: Sequence[Brake]) -> None:
    """Have the run wait for a person, and tell people; part of the transaction that found the brakes."""
    why = "; ".join(brake.why for brake in brakes)
    held = {brake.kind: brake.share for brake in brakes}
    if transition(run, Run.State.IN_REVIEW, reason=why, held=held):
        announce(
            dedupe_key=f"run:{run.pk}:in_review:{run.events.count()}",
            kind="run_in_review",
            severity="critical",
            subject=f"Run {run.pk} of {run.feed.slug} waits for approval: {why}",
            details={
                "approve": f"manage.py approve_run {run.pk} --reason …",
                "cancel": f"manage.py cancel_run {run.pk}",
            },
            trace_id=run.trace_id,
        )


def median_brake(run: Run) -> list[Brake]:
    """The brake of a run whose payloads, not consolidated yet, would move the median of what the feed's stones cost.

    Prices follow costs by the rule set, so that is by how much the median price would move. It is read off a sample: ids
    are as good as random, so the stones with the lowest ones are one, the same before and after.
    """
    stones = max(
        Diamond.objects.filter(feed=run.feed.slug, availability__in=LISTED).count(),
        Page.objects.filter(run_id=run.pk).aggregate(stored=Sum("stored"))["stored"] or 0,
    )
    share = min(1.0, SAMPLE_STONES / max(1, stones))
    below = uuid.UUID(int=min(2**128 - 1, int(share * 2**128)))
    known = _known_costs(run, below)
    if len(known) < MIN_KNOWN:
        return []
    before = median(known.values())
    after = median({**known, **_brought_costs(run, below)}.values())
    moved = abs(after - before) / before if before else 0.0
    if moved <= run.feed.median_brake:
        return []
    why = f"it would move the median cost by {moved:.0%}, more than {run.feed.median_brake:.0%}"
    return [Brake("median", round(moved, 4), why)]


def _known_costs(run: Run, below: uuid.UUID) -> dict[uuid.UUID, int]:
    """What the listed stones of the sample cost now, in cents."""
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
    """What the run's newest payloads say that the stones of the sample cost, in cents."""
    adapter = adapter_for(run.feed.adapter, run.feed.parameters)
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

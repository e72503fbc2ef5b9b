"""Delisting: which stones a full run proved gone, and the brakes before anything is taken off the catalogue."""

from __future__ import annotations

from django.db import connection
from django.db.models import Count, Q

from catalog.models import Availability, Diamond
from ingest.models import Run

#: What a full run can take off: stones that could still be sold. Sold and delisted ones stay as they are.
LISTED = (Availability.AVAILABLE.value, Availability.ON_HOLD.value, Availability.UNAVAILABLE.value)

#: Stones of the feed that are listed and that no page of the run showed. Hashes the run's ledger, reads the table once.
_UNSEEN = """
    d.feed = %(feed)s
    AND d.availability = ANY(%(listed)s)
    AND NOT EXISTS (
        SELECT FROM (
            SELECT unnest(stone_ids) AS id FROM ingest_page WHERE run_id = %(run)s
        ) AS seen
        WHERE seen.id = d.id
    )
"""


def unseen_stones(run: Run) -> list[str]:
    """The supplier's ids of the stones that the run should have shown and did not."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT d.supplier_stone_id FROM catalog_diamond AS d WHERE {_UNSEEN}", _parameters(run))
        return [row[0] for row in cursor.fetchall()]


def count_unseen(run: Run) -> int:
    """How many stones the run would delist."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM catalog_diamond AS d WHERE {_UNSEEN}", _parameters(run))
        row = cursor.fetchone()
    assert row is not None
    return int(row[0])


def delist(run: Run) -> int:
    """Delist what the run did not show; part of the run's last transaction. Returns the number of stones."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            UPDATE catalog_diamond AS d
            SET availability = 'delisted', changed_at = now()
            WHERE {_UNSEEN}
            """,
            _parameters(run),
        )
        return cursor.rowcount


def brake(run: Run, unseen: int) -> str:
    """Why delisting so many stones needs a person's approval; empty if it does not."""
    listed = Diamond.objects.filter(feed=run.feed.slug, availability__in=LISTED).count()
    if unseen > run.feed.delist_brake * listed:
        return f"it would delist {unseen} of {listed} stones, more than {run.feed.delist_brake:.0%}"
    return ""


def shrunk(run: Run) -> str:
    """Why a full run shows suspiciously little against what is known; empty if it does not."""
    known = Diamond.objects.filter(feed=run.feed.slug).aggregate(
        available=Count("id", filter=Q(availability=Availability.AVAILABLE))
    )["available"]
    shown = int(run.plan.get("total", 0))
    if known and shown < run.feed.shrink_brake * known:
        return f"the supplier shows {shown} stones where {known} are known"
    return ""


def _parameters(run: Run) -> dict[str, object]:
    return {"feed": run.feed.slug, "listed": list(LISTED), "run": run.pk}

"""Delisting: which stones a full run proved gone, and the brakes before anything is taken off the catalogue."""

from __future__ import annotations

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.db.models import Count, Q
from psycopg import sql

from catalog.models import Availability, Diamond
from ingest.models import Run

#: What a full run can take off: stones that could still be sold. Sold and delisted ones stay as they are.
LISTED = (Availability.AVAILABLE.value, Availability.ON_HOLD.value, Availability.UNAVAILABLE.value)

#: Stones of the feed that are listed and that no page of the run showed.
_UNSEEN = sql.SQL(
    """
    d.feed = %(feed)s
    AND d.availability = ANY(%(listed)s)
    AND NOT EXISTS (SELECT FROM {shown} AS shown WHERE shown.id = d.id)
    """
)


def _unseen_by(cursor: CursorWrapper, run: Run) -> sql.Composed:
    """The condition on `catalog_diamond AS d` of stones that the run did not show.

    It reads the run's ledger from a table of the current transaction, with statistics and an index: whatever the planner
    believes of the catalogue, which has just changed, it must not compare every stone with every stone.
    """
    shown = f"shown_by_run_{run.pk}"
    cursor.execute("SELECT to_regclass(%s)", [f"pg_temp.{shown}"])
    (there,) = cursor.fetchone() or (None,)
    if there is None:
        cursor.execute(
            sql.SQL(
                """
                CREATE TEMPORARY TABLE {shown} ON COMMIT DROP AS
                SELECT DISTINCT stone.id
                FROM ingest_page AS page, unnest(page.stone_ids) AS stone (id)
                WHERE page.run_id = {run}
                """
            ).format(shown=sql.Identifier(shown), run=sql.Literal(run.pk))
        )
        cursor.execute(sql.SQL("CREATE UNIQUE INDEX ON {} (id)").format(sql.Identifier("pg_temp", shown)))
        cursor.execute(sql.SQL("ANALYZE {}").format(sql.Identifier("pg_temp", shown)))
    return _UNSEEN.format(shown=sql.Identifier("pg_temp", shown))


def unseen_stones(run: Run) -> list[str]:
    """The supplier's ids of the stones that the run should have shown and did not."""
    with transaction.atomic(), connection.cursor() as cursor:
        unseen = _unseen_by(cursor, run)
        statement = sql.SQL("SELECT d.supplier_stone_id FROM catalog_diamond AS d WHERE {}").format(unseen)
        cursor.execute(statement, _parameters(run))
        return [row[0] for row in cursor.fetchall()]


def count_unseen(run: Run) -> int:
    """How many stones the run would delist."""
    with transaction.atomic(), connection.cursor() as cursor:
        unseen = _unseen_by(cursor, run)
        statement = sql.SQL("SELECT count(*) FROM catalog_diamond AS d WHERE {}").format(unseen)
        cursor.execute(statement, _parameters(run))
        row = cursor.fetchone()
    assert row is not None
    return int(row[0])


def delist(run: Run) -> int:
    """Delist what the run did not show; part of the run's last transaction. Returns the number of stones."""
    with transaction.atomic(), connection.cursor() as cursor:
        unseen = _unseen_by(cursor, run)
        statement = sql.SQL(
            "UPDATE catalog_diamond AS d SET availability = 'delisted', changed_at = now() WHERE {}"
        ).format(unseen)
        cursor.execute(statement, _parameters(run))
        return int(cursor.rowcount)


def count_listed(run: Run) -> int:
    """How many stones of the run's feed are listed now."""
    return Diamond.objects.filter(feed=run.feed.slug, availability__in=LISTED).count()


def brake(run: Run, unseen: int) -> str:
    """Why delisting so many stones needs a person's approval; empty if it does not."""
    listed = count_listed(run)
    if unseen > run.feed.delist_brake * listed:
        return f"it would delist {unseen} of {listed} stones, more than {run.feed.delist_brake:.0%}"
    return ""


def shrunk(run: Run) -> str:
    """Why a full run shows suspiciously little against what is known; empty if it does not."""
    known = Diamond.objects.filter(feed=run.feed.slug).aggregate(
        available=Count("id", filter=Q(availability=Availability.AVAILABLE))
    )["available"]
    shown = run.plan.total
    if known and shown < run.feed.shrink_brake * known:
        return f"the supplier shows {shown} stones where {known} are known"
    return ""


def _parameters(run: Run) -> dict[str, str | list[str]]:
    return {"feed": run.feed.slug, "listed": list(LISTED)}

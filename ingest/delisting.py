"""Delisting: which stones a full run did not show, what the supplier said of them by id, and how they are taken off.

Whether so many may be taken off is decided in `ingest.brakes`.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.db.models.functions import Now
from psycopg import sql

from catalog.models import Availability
from ingest.models import Partition, Run

#: What a full run can take off: stones that could still be sold. Sold and delisted ones stay as they are.
LISTED = (Availability.AVAILABLE.value, Availability.ON_HOLD.value, Availability.UNAVAILABLE.value)
#: Stones asked for by id in one partition: 20 requests of 50.
CONFIRM_STONES = 1000

#: Stones of the feed that are listed and that the run was not shown, neither by a page nor by their id.
_UNSEEN = sql.SQL(
    """
    d.feed = %(feed)s
    AND d.availability = ANY(%(listed)s)
    AND NOT EXISTS (SELECT FROM {shown} AS shown WHERE shown.id = d.id)
    """
)


def _shown_by(run: Run) -> str:
    return f"shown_by_run_{run.pk}"


def shown_by(cursor: CursorWrapper, run: Run) -> str:
    """The name of a temporary table of the current transaction with the ids of the stones that the run was shown (`id`).

    It has statistics and an index: whatever the planner believes of the catalogue, which has just changed, it must not
    compare every stone with every stone.
    """
    name = _shown_by(run)
    shown = sql.Identifier("pg_temp", name)
    cursor.execute("SELECT to_regclass(%s)", [f"pg_temp.{name}"])
    (there,) = cursor.fetchone() or (None,)
    if there is None:
        cursor.execute(
            sql.SQL(
                """
                CREATE TEMPORARY TABLE {shown} ON COMMIT DROP AS
                SELECT stone.id
                FROM ingest_page AS page, unnest(page.stone_ids) AS stone (id)
                WHERE page.run_id = {run}
                UNION
                SELECT stone.id
                FROM ingest_partition AS asked, unnest(asked.unnamed) AS stone (id)
                WHERE asked.run_id = {run}
                """
            ).format(shown=shown, run=sql.Literal(run.pk))
        )
        cursor.execute(sql.SQL("CREATE UNIQUE INDEX ON {} (id)").format(shown))
        cursor.execute(sql.SQL("ANALYZE {}").format(shown))
    return name


def forget_shown(cursor: CursorWrapper, run: Run) -> None:
    """Have the next one who asks read the run's ledger anew: it has changed in this transaction."""
    cursor.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier("pg_temp", _shown_by(run))))


def unseen_by(cursor: CursorWrapper, run: Run) -> sql.Composed:
    """The condition on `catalog_diamond AS d` of stones that the run was not shown."""
    return _UNSEEN.format(shown=sql.Identifier("pg_temp", shown_by(cursor, run)))


def unseen_stones(run: Run) -> list[str]:
    """The supplier's ids of the stones that the run should have shown and did not, in the order of chance."""
    with transaction.atomic(), connection.cursor() as cursor:
        unseen = unseen_by(cursor, run)
        # The catalogue's ids are hashes: the first stones of the list are a fair sample of it.
        statement = sql.SQL("SELECT d.supplier_stone_id FROM catalog_diamond AS d WHERE {} ORDER BY d.id").format(
            unseen
        )
        cursor.execute(statement, unseen_parameters(run))
        return [row[0] for row in cursor.fetchall()]


def count_unseen(run: Run) -> int:
    """How many stones the run would delist."""
    with transaction.atomic(), connection.cursor() as cursor:
        unseen = unseen_by(cursor, run)
        statement = sql.SQL("SELECT count(*) FROM catalog_diamond AS d WHERE {}").format(unseen)
        cursor.execute(statement, unseen_parameters(run))
        row = cursor.fetchone()
    assert row is not None
    return int(row[0])


def ask_for(run: Run, stones: list[str]) -> int:
    """Make the partitions in which stones are asked for by id; returns their number. Part of the caller's transaction."""
    first_ordinal = run.partitions.filter(kind=Partition.Kind.CONFIRM).count()
    chunks = [stones[first : first + CONFIRM_STONES] for first in range(0, len(stones), CONFIRM_STONES)]
    Partition.objects.bulk_create(
        Partition(
            run=run,
            kind=Partition.Kind.CONFIRM,
            ordinal=ordinal,
            stone_ids=chunk,
            expected=len(chunk),
            due_at=Now(),
        )
        for ordinal, chunk in enumerate(chunks, first_ordinal)
    )
    return len(chunks)


def asked_and_answered(run: Run) -> tuple[int, int]:
    """How many stones the run asked for by id, and how many of them the supplier knows."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            /* Index partition (run_id, kind, ordinal), and for each of these its pages. */
            WITH asked AS (SELECT * FROM ingest_partition WHERE run_id = %(run)s AND kind = 'confirm')
            SELECT
                (SELECT count(DISTINCT name) FROM asked, unnest(stone_ids) AS name),
                (
                    SELECT count(*)
                    FROM (
                        SELECT stone
                        FROM asked
                        JOIN ingest_page AS page ON page.partition_id = asked.id, unnest(page.stone_ids) AS stone
                        UNION
                        SELECT stone FROM asked, unnest(unnamed) AS stone
                    ) AS answered
                )
            """,
            {"run": run.pk},
        )
        asked, answered = cursor.fetchone() or (0, 0)
    return int(asked), int(answered)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the supplier said of stones that no page showed: how many, and some of them (catalogue ids), dearest first.

    `cause` is `gone` (it does not know the id), `not_asked`, `unnamed` (it answered with an item that does not say who it
    is), `unread` (its answer became a dead letter), `changed` (on sale all the same, so it changed under the run), or the
    availability that it answered with.
    """

    cause: str
    stones: int
    sample: list[uuid.UUID]


#: Stones that no page showed, by cause, each cause's ranked by cost. To be followed by what is done with `ranked`.
_RANKED = sql.SQL(
    """
    /* The feed's stones, hashed against those that were asked for. */
    WITH asked AS MATERIALIZED (
        SELECT DISTINCT stone.name
        FROM ingest_partition AS asked, unnest(asked.stone_ids) AS stone (name)
        WHERE asked.run_id = %(run)s AND asked.kind = 'confirm'
    ), unnamed AS MATERIALIZED (
        SELECT DISTINCT stone.id
        FROM ingest_partition AS asked, unnest(asked.unnamed) AS stone (id)
        WHERE asked.run_id = %(run)s
    ), stones AS (
        SELECT d.id, d.cost_cents, CASE WHEN asked.name IS NULL THEN 'not_asked' ELSE 'gone' END AS cause
        FROM catalog_diamond AS d
        LEFT JOIN asked ON asked.name = d.supplier_stone_id
        WHERE {unseen}
        UNION ALL
        SELECT d.id, d.cost_cents,
            CASE
                WHEN unnamed.id IS NOT NULL THEN 'unnamed'
                WHEN EXISTS (
                    SELECT FROM ingest_deadletter AS letter
                    WHERE letter.run_id = %(run)s AND letter.diamond_id = d.id
                ) THEN 'unread'
                WHEN d.availability = 'available' THEN 'changed'
                ELSE d.availability
            END
        FROM asked
        JOIN catalog_diamond AS d ON d.feed = %(feed)s AND d.supplier_stone_id = asked.name
        LEFT JOIN unnamed ON unnamed.id = d.id
        WHERE NOT ({unseen})
    ), ranked AS (
        SELECT *, row_number() OVER (PARTITION BY cause ORDER BY cost_cents DESC, id) AS place FROM stones
    )
    """
)


def answers(run: Run, *, sample: int) -> list[Answer]:
    """What became of the stones that no page showed, by cause, once the answers are consolidated."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            _RANKED.format(unseen=unseen_by(cursor, run))
            + sql.SQL(
                """
                SELECT cause, count(*),
                    coalesce(array_agg(id ORDER BY place) FILTER (WHERE place <= %(sample)s), '{}')
                FROM ranked
                GROUP BY cause
                ORDER BY count(*) DESC, cause
                """
            ),
            {**unseen_parameters(run), "run": run.pk, "sample": sample},
        )
        return [Answer(cause, int(number), list(ids)) for cause, number, ids in cursor.fetchall()]


def keep_answers(run: Run, brake: str, *, most: int) -> None:
    """Keep which stones these are for people (`ingest.review_stones`), `most` of each cause at most, dearest first."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            _RANKED.format(unseen=unseen_by(cursor, run))
            + sql.SQL(
                """
                INSERT INTO ingest_reviewstone (run_id, brake, cause, place, diamond_id, cost_cents)
                SELECT %(run)s, %(brake)s, cause, place, id, cost_cents FROM ranked WHERE place <= %(most)s
                """
            ),
            {**unseen_parameters(run), "run": run.pk, "brake": brake, "most": most},
        )


def delist(run: Run) -> int:
    """Delist what the run was not shown; part of the run's last transaction. Returns the number of stones."""
    with transaction.atomic(), connection.cursor() as cursor:
        unseen = unseen_by(cursor, run)
        statement = sql.SQL(
            "UPDATE catalog_diamond AS d SET availability = 'delisted', changed_at = now() WHERE {}"
        ).format(unseen)
        cursor.execute(statement, unseen_parameters(run))
        return int(cursor.rowcount)


def unseen_parameters(run: Run) -> dict[str, Any]:
    """The parameters of the condition that `unseen_by` gives."""
    return {"feed": run.feed.slug, "listed": list(LISTED)}

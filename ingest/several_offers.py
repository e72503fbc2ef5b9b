"""How many stones have several offers: counted in sets at the end of a run, kept in its summary, told by health.

A full run counts the whole catalogue, which is read once. An incremental one looks only at the certificates of the stones
whose payloads it brought, by their index.
"""

from __future__ import annotations

import json
from typing import Any

from django.db import connection, transaction
from psycopg import Cursor

from catalog import offers
from catalog.certificates import FOLDED
from catalog.models import Availability
from diamondhub.telemetry.health import Outcome
from ingest import delisting
from ingest.models import Run


def count(run: Run, *, without_unseen: bool = False) -> dict[str, Any]:
    """What a run's stones on sale share with other rows, as its report has it.

    `rows` of the run's feed (of an incremental run: that it brought) have another offer, `within` of them in the feed
    itself, `feeds` says how many in which other feed. Of `contradicting` ones the certificate is in another row that
    contradicts them. A full run says of the whole `catalogue` how many stones have how many offers, and how many rows
    contradict others. Stones that the run was not shown, and is about to delist, are left out if that is asked for.
    """
    on_sale, mine = "availability = %(available)s", "feed = %(feed)s"
    if run.kind != Run.Kind.FULL:
        brought = "SELECT diamond_id FROM ingest_rawdiamond WHERE run_id = %(run)s"
        mine = f"{mine} AND id IN ({brought})"
        on_sale = f"""{on_sale} AND {FOLDED} IN (
            SELECT {FOLDED} FROM catalog_diamond WHERE certificate_number IS NOT NULL AND id IN ({brought})
        )"""
    with transaction.atomic(), connection.cursor() as cursor:
        if without_unseen:
            shown = (
                f"SELECT FROM pg_temp.{delisting.shown_by(cursor, run)} AS shown WHERE shown.id = catalog_diamond.id"
            )
            on_sale = f"{on_sale} AND (feed <> %(feed)s OR EXISTS ({shown}))"
        cursor.execute(
            f"""
            /* Of a full run all stones on sale, sorted once; of another those of some certificates, by their index. */
            WITH alike AS MATERIALIZED ({offers.grouped(on_sale)}),
            told AS MATERIALIZED (
                SELECT stone, id, feed, {mine} AS mine,
                    count(*) OVER (PARTITION BY number, lab, stone) AS offers,
                    count(*) OVER (PARTITION BY number, lab, stone, feed) AS within,
                    count(*) OVER (PARTITION BY number, lab) AS certified
                FROM alike
            ),
            by_feed AS MATERIALIZED (
                SELECT stone, feed, count(*) FILTER (WHERE mine) AS rows FROM told GROUP BY stone, feed
            ),
            elsewhere AS (
                SELECT other.feed, sum(by_feed.rows) AS rows
                FROM by_feed
                JOIN by_feed AS other USING (stone)
                WHERE by_feed.rows > 0 AND other.feed <> by_feed.feed
                GROUP BY other.feed
            )
            SELECT
                count(*) FILTER (WHERE mine AND offers > 1),
                count(*) FILTER (WHERE mine AND within > 1),
                (SELECT coalesce(jsonb_object_agg(feed, rows), '{{}}') FROM elsewhere),
                count(*) FILTER (WHERE mine AND certified > offers),
                count(DISTINCT stone) FILTER (WHERE offers > 1),
                count(*) FILTER (WHERE offers > 1),
                count(*) FILTER (WHERE certified > offers)
            FROM told
            """,
            {"available": Availability.AVAILABLE.value, "feed": run.feed.slug, "run": run.pk},
        )
        row = cursor.fetchone()
    assert row is not None
    rows, within, feeds, contradicting, stones, of_stones, contradictions = row
    counted = {"rows": rows, "within": within, "feeds": json.loads(feeds), "contradicting": contradicting}
    if run.kind == Run.Kind.FULL:
        counted["catalogue"] = {"stones": stones, "offers": of_stones, "contradicting": contradictions}
    return counted


def in_words(counted: dict[str, Any]) -> str:
    """What was counted of a run's stones, in a sentence's words; empty if none has another offer."""
    words = []
    if counted.get("within"):
        words.append(f"{counted['within']:,} in this list itself")
    words += [f"{number:,} in {feed}" for feed, number in sorted(counted.get("feeds", {}).items())]
    if counted.get("contradicting"):
        words.append(f"{counted['contradicting']:,} contradict a row with their certificate")
    return ", ".join(words)


def in_health(cursor: Cursor[Any]) -> Outcome:
    """How many stones have several offers, as the last full run counted; it is never an alarm."""
    cursor.execute(
        """
        /* The newest runs by their key. */
        SELECT id, counted ->> 'stones', counted ->> 'offers', counted ->> 'contradicting'
        FROM ingest_run, LATERAL (SELECT summary #> '{several_offers,catalogue}') AS of_run (counted)
        WHERE id > (SELECT max(id) FROM ingest_run) - 1000
            AND kind = 'full' AND state = 'completed' AND counted IS NOT NULL
        ORDER BY id DESC
        LIMIT 1
        """
    )
    row = cursor.fetchone()
    if row is None:
        return Outcome(ok=True, detail="no full run has counted yet")
    run, stones, of_stones, contradicting = row
    return Outcome(
        ok=True,
        detail=f"{stones} stones have {of_stones} offers, "
        f"{contradicting} rows contradict another with their certificate (run {run})",
    )

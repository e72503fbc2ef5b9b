"""Lists whose stock numbers changed while the certificates stayed: recognised before anything is consolidated.

A supplier who renumbers his stock sends the same stones under other names. Taken as they come, they would be new stones
beside the old ones until these are delisted, and their histories would end. So a full run whose stones have, too many of
them, a number that is new and a certificate that is known waits for a person, who says what they are: the same stones, whose
numbers move (`catalog.stock_numbers`), or new ones, for which the old ones are taken off first.

A number may also have gone from one stone to another, as it does where rows are numbered: it is new for the stone that has
it now.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import structlog
from django.db import connection, transaction
from psycopg import sql

from catalog import stock_numbers, upsert
from catalog.certificates import FOLDED, PROVING, proving
from catalog.changes import log as changes_log
from catalog.models import Diamond
from catalog.offers import TOLERATED_PERCENT
from diamondhub.database import psycopg_cursor
from ingest import delisting, raw_store, report
from ingest.errors import MappingError
from ingest.feeds.adapters import mapping_adapter_of
from ingest.models import Run

log = structlog.get_logger(__name__)

#: A run waits if more of its stones than this share have a new number and an old certificate.
RENUMBERED = 0.1
#: Stones that are looked at first; ids are as good as random, so those with the lowest ones are a sample.
SAMPLE_STONES = 1_000
#: Payloads that are read and mapped together.
_CHUNK = 10_000
_FOLDED, _FOLDED_OWN = (FOLDED.replace("certificate_number", f"{alias}.certificate_number") for alias in ("d", "own"))
_COLUMNS = ("id", "name", "number", "lab", "lab_grown", "shape", "carats")


class Decision(StrEnum):
    """What stones with new numbers and old certificates are."""

    SAME = "same"
    NEW = "new"


@dataclass(frozen=True, slots=True)
class Renumbered:
    """How many of a run's stones have a new number and an old certificate, and some: (old number, new one, diamond)."""

    moved: int
    stones: int
    examples: list[tuple[str, str, uuid.UUID]]

    @property
    def share(self) -> float:
        return self.moved / max(1, self.stones)

    @property
    def why(self) -> str:
        return f"{self.moved:,} of {self.stones:,} stones have a new stock number and an old certificate"


def find(run: Run, *, examples: int = 0, keep: int = 0) -> Renumbered | None:
    """What of a run that is not consolidated yet was renumbered; None if that is too little to ask about.

    So many of the stones as `keep` says are kept as a list for people (`ingest.review_stones`), in the order of their old
    numbers.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        if not _seems_renumbered(run):
            return None
        moved = _pair(run)
        cursor.execute("SELECT was, name, stone FROM moved_stones ORDER BY stone LIMIT %s", [examples])
        renumbered = Renumbered(moved, _shown(run), cursor.fetchall())
        if renumbered.share <= RENUMBERED:
            return None
        if keep:
            cursor.execute(_KEPT, {"run": run.pk, "most": keep})
    return renumbered


#: Index reviewstone (run_id, place, brake, cause), and the table of what was renumbered.
_KEPT = """
    INSERT INTO ingest_reviewstone (run_id, brake, cause, place, diamond_id, was, name)
    SELECT %(run)s, 'renumbered', 'renumbered', row_number() OVER (ORDER BY was, stone), stone, was, name
    FROM moved_stones
    ORDER BY was, stone
    LIMIT %(most)s
"""


def _shown(run: Run) -> int:
    pages = report.page_totals(run)
    return pages["received"] - pages["repeats"]


def _seems_renumbered(run: Run) -> bool:
    """Whether a sample of the run's payloads has new numbers and old certificates, so that all are worth a look."""
    stored = report.page_totals(run)["stored"]
    listed = Diamond.objects.filter(feed=run.feed.slug, availability__in=delisting.LISTED)
    if not stored or not listed.exists():
        return False
    looked_at = _map(run, most=SAMPLE_STONES)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            /* Certificates of listed stones of the feed that other numbers have now: by the index of certificates. */
            SELECT count(DISTINCT incoming.id)
            FROM incoming_certificates AS incoming
            JOIN catalog_diamond AS d
                ON d.certificate_number IS NOT NULL AND {_FOLDED} = incoming.number
                AND d.feed = %(feed)s AND d.availability = ANY(%(listed)s) AND d.id <> incoming.id
            WHERE NOT EXISTS (
                SELECT FROM catalog_diamond AS own
                WHERE own.id = incoming.id AND own.availability = ANY(%(listed)s)
                    AND {_FOLDED_OWN} = incoming.number
            )
            """,
            delisting.unseen_parameters(run),
        )
        (maybe,) = cursor.fetchone() or (0,)
    # A sample may show a little less than there is.
    return bool(looked_at) and maybe / looked_at * stored > RENUMBERED / 2 * _shown(run)


def carry_out(run: Run) -> int:
    """Do with the run's renumbered stones what was decided, before it is consolidated; returns their number.

    Part of the caller's transaction. Once it is done nothing is left to be done, which a sample shows. What is taken off is
    counted in the run's summary among what it delists.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        if not _seems_renumbered(run):
            return 0
        moved = _pair(run)
        if moved and run.decisions["renumbered"] == Decision.SAME:
            _move_numbers(run)
        elif moved:
            changes_log.because(f"run {run.pk}")
            cursor.execute(
                """
                /* The stones by their keys. Those that another stone took the number of are overwritten by it. */
                UPDATE catalog_diamond AS d
                SET availability = 'delisted', changed_at = now()
                FROM moved_stones AS moved
                WHERE d.id = moved.stone AND moved.is_unseen AND d.availability <> 'delisted'
                """
            )
            run.summary = {**run.summary, "delisted": run.summary.get("delisted", 0) + cursor.rowcount}
            Run.objects.filter(pk=run.pk).update(summary=run.summary)
    log.info("stock_numbers_moved", stones=moved, decision=run.decisions["renumbered"])
    return moved


def _map(run: Run, *, most: int | None = None) -> int:
    """Map the run's payloads to the table `incoming_certificates` of the current transaction; returns their number."""
    with psycopg_cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS pg_temp.incoming_certificates")
        cursor.execute(
            """
            CREATE TEMPORARY TABLE incoming_certificates ON COMMIT DROP AS
            SELECT id, supplier_stone_id AS name, certificate_number AS number, lab, lab_grown, shape, carats
            FROM catalog_diamond WITH NO DATA
            """
        )
    copied = 0
    for rows in _mapped(run, most):
        with psycopg_cursor() as cursor:
            upsert.copy_rows(cursor, "incoming_certificates", _COLUMNS, rows)
        copied += len(rows)
    with psycopg_cursor() as cursor:
        cursor.execute("CREATE INDEX ON incoming_certificates (id)")
        cursor.execute("ANALYZE incoming_certificates")
    return copied


def _mapped(run: Run, most: int | None) -> Iterator[list[tuple[Any, ...]]]:
    adapter = mapping_adapter_of(run.feed)
    behind = uuid.UUID(int=0)
    size = min(most or _CHUNK, _CHUNK)
    while True:
        payloads = raw_store.newest_behind(run.pk, behind, limit=size)
        rows = []
        for stone, name, payload in payloads:
            try:
                facts = adapter.to_diamond(payload)
            except MappingError:
                # It becomes a dead letter, and is no offer of anything.
                continue
            except Exception as error:  # noqa: BLE001 - as in consolidation, which sets such a stone apart
                log.debug("certificate_broke_the_mapper", error=type(error).__name__)
                continue
            number = proving(facts.certificate_number)
            rows.append((stone, name, number, facts.lab, facts.lab_grown, facts.shape, facts.carats))
        if rows:
            yield rows
        if most is not None or len(payloads) < size:
            return
        behind = payloads[-1][0]


def _pair(run: Run) -> int:
    """Make the table `moved_stones` of the current transaction: which stone each number of the run means by certificate.

    A stone is one of the feed's listed ones whose own number the run does not show, or shows with another certificate. Where
    several offers have one certificate, the first number means the first stone. Returns their number.
    """
    _map(run)
    with transaction.atomic(), connection.cursor() as cursor:
        unseen = delisting.unseen_by(cursor, run)
        cursor.execute("DROP TABLE IF EXISTS pg_temp.moved_stones")
        cursor.execute(
            sql.SQL(
                """
                /* The feed's listed stones, read once, hashed against what the run brings. */
                CREATE TEMPORARY TABLE moved_stones ON COMMIT DROP AS
                WITH gone AS MATERIALIZED (
                    SELECT d.id, d.supplier_stone_id AS was, d.lab, d.lab_grown, d.shape, d.carats, {unseen} AS is_unseen,
                        {proving} AS number
                    FROM catalog_diamond AS d
                    LEFT JOIN incoming_certificates AS incoming ON incoming.id = d.id
                    WHERE d.feed = %(feed)s
                        AND d.availability = ANY(%(listed)s)
                        AND d.certificate_number IS NOT NULL
                        AND (incoming.id IS NULL OR incoming.number IS DISTINCT FROM {proving})
                ), fresh AS MATERIALIZED (
                    SELECT incoming.*
                    FROM incoming_certificates AS incoming
                    LEFT JOIN catalog_diamond AS d ON d.id = incoming.id AND d.availability = ANY(%(listed)s)
                    WHERE incoming.number IS NOT NULL AND {proving} IS DISTINCT FROM incoming.number
                ), gone_in_order AS (
                    SELECT *, row_number() OVER (PARTITION BY number ORDER BY was, id) AS place
                    FROM gone
                    WHERE number IS NOT NULL AND (is_unseen OR id IN (SELECT id FROM incoming_certificates))
                ), fresh_in_order AS (
                    SELECT *, row_number() OVER (PARTITION BY number ORDER BY name, id) AS place FROM fresh
                )
                SELECT fresh.id AS shown_as, fresh.name, gone.id AS stone, gone.was, gone.is_unseen
                FROM fresh_in_order AS fresh
                JOIN gone_in_order AS gone USING (number, place)
                WHERE gone.id <> fresh.id
                    AND (gone.lab = fresh.lab OR gone.lab IS NULL OR fresh.lab IS NULL)
                    AND (gone.shape = fresh.shape OR gone.shape IS NULL OR fresh.shape IS NULL)
                    AND gone.lab_grown = fresh.lab_grown
                    AND 100 * greatest(gone.carats, fresh.carats)
                        <= {tolerated} * least(gone.carats, fresh.carats)
                """
            ).format(
                unseen=unseen,
                proving=sql.SQL(PROVING.replace("certificate_number", "d.certificate_number")),
                tolerated=sql.Literal(100 + TOLERATED_PERCENT),
            ),
            delisting.unseen_parameters(run),
        )
        return int(cursor.rowcount)


def _move_numbers(run: Run) -> None:
    """Note the numbers with the stones that they mean now, and have what the run has stored say so as well."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, stone FROM moved_stones")
        stock_numbers.note(run.feed.slug, cursor.fetchall())
        cursor.execute(
            """
            /* What has a number that one of these stones gave up, and is none of them. */
            SELECT incoming.name, incoming.id
            FROM incoming_certificates AS incoming
            WHERE incoming.id IN (SELECT stone FROM moved_stones) AND incoming.id NOT IN (SELECT shown_as FROM moved_stones)
            """
        )
        others = dict(cursor.fetchall())
        ids = stock_numbers.ids_of(run.feed.slug, others)
        cursor.execute(
            """
            CREATE TEMPORARY TABLE other_ids ON COMMIT DROP AS
            SELECT shown_as, stone FROM moved_stones
            UNION ALL
            SELECT * FROM unnest(%s::uuid[], %s::uuid[])
            """,
            [[others[name] for name in ids], list(ids.values())],
        )
        cursor.execute("CREATE UNIQUE INDEX ON other_ids (shown_as)")
        cursor.execute("ANALYZE other_ids")
        cursor.execute(
            """
            /* Index rawdiamond (run_id, diamond_id). */
            UPDATE ingest_rawdiamond AS raw
            SET diamond_id = other.stone
            FROM other_ids AS other
            WHERE raw.run_id = %(run)s AND raw.diamond_id = other.shown_as
            """,
            {"run": run.pk},
        )
        cursor.execute(
            """
            UPDATE ingest_page AS page
            SET stone_ids = ARRAY(
                SELECT coalesce(other.stone, shown.id)
                FROM unnest(page.stone_ids) WITH ORDINALITY AS shown (id, place)
                LEFT JOIN other_ids AS other ON other.shown_as = shown.id
                ORDER BY shown.place
            )
            WHERE page.run_id = %(run)s
            """,
            {"run": run.pk},
        )
        cursor.execute(sql.SQL("DROP TABLE pg_temp.other_ids"))
        delisting.forget_shown(cursor, run)

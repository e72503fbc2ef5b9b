"""The raw store: days made ahead, and a page's changed payloads written in a handful of statements."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import blake2b
from uuid import UUID

import psycopg
from django.db.models import Max

from catalog.models import Availability
from diamondhub.database import psycopg_cursor
from diamondhub.timed_tables import TimedTable
from ingest.models import RawDiamond

#: Days that are made ahead, today included.
DAYS_AHEAD = 3
#: The store's table, in daily pieces.
DAYS = TimedTable("ingest_rawdiamond", "received_on", "day", DAYS_AHEAD)
#: The partition's number in payloads that no page of the ledger stored.
NO_PARTITION = 0


@dataclass(frozen=True, slots=True)
class Received:
    """One identified item of a page."""

    diamond_id: UUID
    supplier_stone_id: str
    payload: bytes
    payload_hash: bytes


@dataclass(frozen=True, slots=True)
class Sorted:
    """A page's items: the new ones, to be stored, and the numbers of the others."""

    new: list[Received]
    unchanged: int
    repeats: int


def payload_hash(payload: bytes) -> bytes:
    """The 16-byte hash of a payload's text, word for word."""
    return blake2b(payload, digest_size=16).digest()


def make_days_ahead(today: date | None = None) -> list[str]:
    """Make the table's daily partitions for today and the next days; returns the names of those that are there."""
    return DAYS.make_ahead(today)


def sort_received(run_id: int, received: Sequence[Received], *, shown: AbstractSet[UUID] = frozenset()) -> Sorted:
    """Sort payloads into new ones, those that the catalogue has already, and those that the run has already.

    `shown` are stones that this walk was shown before; with the same payload again they are repeats.

    Within a run a payload is compared with the run's newest of that stone, else with the catalogue's. A stone that was
    delisted and is shown again counts as new even with the same payload, and so does one with a dead letter of a payload
    that the catalogue never got: what is shown now makes the letter obsolete.
    """
    ids = [item.diamond_id for item in received]
    with psycopg_cursor(binary=True) as cursor:
        cursor.execute(
            """
            /* The newest payload hash of each stone in this run; index rawdiamond (run_id, diamond_id). */
            SELECT DISTINCT ON (diamond_id) diamond_id, payload_hash
            FROM ingest_rawdiamond
            WHERE run_id = %s AND diamond_id = ANY(%s)
            ORDER BY diamond_id, observed_at DESC, id DESC
            """,
            [run_id, ids],
        )
        in_run: dict[UUID, bytes] = dict(cursor.fetchall())
        cursor.execute(
            """
            /* The catalogue's payload hash of each stone; primary key, and the index on letters that wait. */
            SELECT d.id, d.payload_hash
            FROM catalog_diamond AS d
            WHERE d.id = ANY(%s)
                AND d.availability <> %s
                AND NOT EXISTS (
                    SELECT FROM ingest_deadletter AS letter
                    WHERE letter.diamond_id = d.id AND letter.state IN ('open', 'parked') AND letter.raw_id > d.raw_id
                )
            """,
            [ids, Availability.DELISTED.value],
        )
        in_catalogue: dict[UUID, bytes] = dict(cursor.fetchall())
    new: dict[UUID, Received] = {}
    unchanged = repeats = 0
    for item in received:
        if item.diamond_id in new:
            # Twice in one page: the later one wins.
            repeats += 1
            new[item.diamond_id] = item
        elif item.diamond_id in in_run:
            if in_run[item.diamond_id] == item.payload_hash:
                repeats += 1
            else:
                new[item.diamond_id] = item
        elif in_catalogue.get(item.diamond_id) == item.payload_hash:
            repeats += item.diamond_id in shown
            unchanged += item.diamond_id not in shown
        else:
            new[item.diamond_id] = item
    return Sorted(list(new.values()), unchanged, repeats)


def newest_behind(run_id: int, stone: UUID, *, limit: int) -> list[tuple[UUID, str, bytes]]:
    """A run's newest payload of each stone with a greater id, in the order of ids: stone, the supplier's id, payload."""
    with psycopg_cursor(binary=True) as cursor:
        cursor.execute(
            """
            /* Index rawdiamond (run_id, diamond_id), from one stone on. */
            SELECT DISTINCT ON (diamond_id) diamond_id, supplier_stone_id, convert_to(payload::text, 'UTF8')
            FROM ingest_rawdiamond
            WHERE run_id = %s AND diamond_id > %s
            ORDER BY diamond_id, observed_at DESC, id DESC
            LIMIT %s
            """,
            [run_id, stone, limit],
        )
        rows: list[tuple[UUID, str, bytes]] = cursor.fetchall()
    return rows


def store(run_id: int, partition_id: int, observed_at: datetime, items: Sequence[Received]) -> None:
    """Append payloads to the raw store. Part of the transaction that moves the partition's offset."""
    if not items:
        return
    with psycopg_cursor() as cursor:
        cursor.execute(
            """
            /* Binary arrays: four times as fast as text ones. */
            INSERT INTO ingest_rawdiamond
                (received_on, run_id, partition_id, diamond_id, supplier_stone_id, payload, payload_hash, observed_at)
            SELECT (clock_timestamp() AT TIME ZONE 'UTC')::date, %(run)s, %(partition)s, item.diamond_id,
                item.supplier_stone_id, convert_from(item.payload, 'UTF8')::json, item.payload_hash, %(observed_at)s
            FROM unnest(
                %(diamond_ids)b::uuid[], %(stone_ids)b::text[], %(payloads)b::bytea[], %(hashes)b::bytea[]
            ) AS item (diamond_id, supplier_stone_id, payload, payload_hash)
            """,
            {
                "run": run_id,
                "partition": partition_id,
                "observed_at": observed_at,
                "diamond_ids": [item.diamond_id for item in items],
                "stone_ids": [item.supplier_stone_id for item in items],
                "payloads": [psycopg.Binary(item.payload) for item in items],
                "hashes": [psycopg.Binary(item.payload_hash) for item in items],
            },
        )


def keep(run_id: int, observed_at: datetime, item: Received) -> int:
    """Append one payload that no page of the ledger stored; returns its id. Part of the caller's transaction."""
    store(run_id, NO_PARTITION, observed_at, [item])
    newest = RawDiamond.objects.filter(run_id=run_id, diamond_id=item.diamond_id).aggregate(id=Max("id"))["id"]
    assert newest is not None
    return int(newest)

"""Stones on their way from a stored payload to a row of the catalogue: mapped, written, or made a dead letter.

Batches of runs, replays and remaps all go this way. A stone that does not map becomes a dead letter; rows that the database
refuses are halved until the one at fault stands alone.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

import msgspec
import psycopg
import structlog
from django.conf import settings
from django.db import DataError, IntegrityError, NotSupportedError, OperationalError, connection, transaction
from psycopg.errors import QueryCanceled

from catalog import upsert
from catalog.rows import StoneFacts
from diamondhub.database import psycopg_cursor
from ingest import dead_letters
from ingest.errors import MappingError
from ingest.feeds.adapter import Adapter
from ingest.models import DeadLetter, Run

log = structlog.get_logger(__name__)


class Statement(Protocol):
    """A statement of `catalog.upsert` that writes the incoming table: `upsert_incoming` or `refresh_incoming`."""

    def __call__(self, cursor: psycopg.Cursor[object], pricing: upsert.Pricing) -> upsert.Upserted: ...


class Payload(msgspec.Struct, frozen=True, gc=False):
    """A stored payload that the catalogue does not have yet."""

    raw_id: int
    diamond_id: uuid.UUID
    supplier_stone_id: str
    text: bytes
    payload_hash: bytes
    observed_at: datetime


def bound_statements() -> None:
    """Limit the statements of the current transaction to BATCH_STATEMENT_SECONDS each."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL statement_timeout = {int(settings.BATCH_STATEMENT_SECONDS * 1000)}")


def facts_of(adapter: Adapter, text: bytes) -> StoneFacts:
    """The facts that a payload maps to. Raises `MappingError`, also for any other exception of the mapper."""
    try:
        return adapter.to_diamond(text)
    except MappingError:
        raise
    except Exception as error:
        # One stone that breaks the mapper must not hold back the others, and their run, for ever.
        log.exception("mapper_broke")
        raise MappingError("item", f"the mapper broke: {type(error).__name__}: {error}") from error


def map_payload(feed: str, adapter: Adapter, payload: Payload) -> upsert.MappedStone:
    """Map one payload of a feed (its slug). Raises `MappingError`."""
    return upsert.MappedStone(
        payload.diamond_id,
        feed,
        payload.supplier_stone_id,
        payload.payload_hash,
        payload.raw_id,
        payload.observed_at,
        facts_of(adapter, payload.text),
    )


def write(
    rows: upsert.Rows,
    pricing: upsert.Pricing,
    *,
    refused: Callable[[upsert.MappedStone, MappingError], None],
    statement: Statement | None = None,
) -> upsert.Upserted:
    """Copy, price and upsert rows of distinct stones; calls `refused` with each that the catalogue does not take.

    `statement` writes the rows, by default `upsert_incoming`. Rows that the database refuses are halved until the stone at
    fault stands alone. The caller's transaction has created the table of incoming stones.
    """
    if not rows.stones:
        return upsert.Upserted(0, 0)
    try:
        with transaction.atomic(), psycopg_cursor() as cursor:
            cursor.execute("TRUNCATE incoming")
            upsert.copy_incoming(cursor, rows)
            return (statement or upsert.upsert_incoming)(cursor, pricing)
    except (DataError, IntegrityError, NotSupportedError, OperationalError, UnicodeEncodeError) as error:
        # PostgreSQL reports a NaN that should become an integer as "not supported".
        if isinstance(error, OperationalError) and not isinstance(error.__cause__, QueryCanceled):
            raise
        reason = str(error).strip().splitlines()[0]
        if len(rows.stones) == 1:
            column = getattr(getattr(error.__cause__, "diag", None), "column_name", None) or "row"
            refused(rows.stones[0], MappingError(column, f"the catalogue does not take it: {reason}"))
            return upsert.Upserted(0, 0)
        log.warning("batch_halved", stones=len(rows.stones), error=reason)
    halves = [write(half, pricing, refused=refused, statement=statement) for half in rows.halves()]
    return upsert.Upserted(sum(half.inserted for half in halves), sum(half.updated for half in halves))


def stone_letter(run: Run, payload: Payload, error: MappingError, *, mapper_version: str = "") -> DeadLetter:
    """The letter of a stone whose payload does not become a diamond; not saved yet."""
    return dead_letters.letter(
        run,
        kind=DeadLetter.Kind.STONE,
        payload=payload.text,
        error=error,
        mapper_version=mapper_version,
        diamond_id=payload.diamond_id,
        supplier_stone_id=payload.supplier_stone_id,
        raw_id=payload.raw_id,
        observed_at=payload.observed_at,
    )


def payload_of(stone: upsert.MappedStone, text: str) -> Payload:
    """The payload that a stone was mapped from."""
    return Payload(
        stone.raw_id,
        stone.id,
        stone.supplier_stone_id,
        text.encode(),
        stone.payload_hash,
        stone.source_updated_at,
    )

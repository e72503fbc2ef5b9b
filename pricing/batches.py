"""The batches of a repricing: how the diamonds are shared out among them, and the one statement that prices one.

A large catalogue is surveyed first. One look in the order in which the diamonds lie costs a fraction of what finding them
by their ids does, and as a rule says that a new rule changes few of them: then the batches name these. If it changes many,
the batches are ranges of ids, and each looks for itself. What others write after the survey they price themselves, or
their run is followed by another repricing (`pricing.reprice.follow`).
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.db.models.functions import Now
from psycopg import sql

from catalog.changes import log as log_of_changes
from diamondhub import leases
from diamondhub.database import psycopg_cursor
from diamondhub.doorbells import ring
from pricing.compile import Pricing
from pricing.models import Repricing, RepricingBatch

log = structlog.get_logger(__name__)

#: Batches name their diamonds if those are not more than this share of all, and not more than so many.
NAMED_SHARE, MAX_NAMED = 0.1, 200_000
#: Longer than a batch takes, its statement's time-out included (seconds).
LEASE_SECONDS = 120.0
#: Rounds in which a batch waits for diamonds that others were just writing.
MAX_ROUNDS = 20
#: What a repricing compares: another set that comes to the same by a rule of the same number changes nothing.
COMPARED = ("price_cents", "rating", "rule", "experiment_arm")

_FIRST_ID = uuid.UUID(int=0)


@dataclass(frozen=True, slots=True)
class _Range:
    """Diamonds by their ids: from `start` up to, but not including, `end`; or only those that are named."""

    start: uuid.UUID = _FIRST_ID
    end: uuid.UUID | None = None
    named: Sequence[uuid.UUID] | None = None

    def source(self) -> sql.Composed:
        """The item of a FROM that these diamonds are, with its condition."""
        if self.named is not None:
            return sql.SQL("catalog_diamond WHERE id = ANY({})").format(sql.Literal(list(self.named)))
        upper = sql.SQL("") if self.end is None else sql.SQL(" AND id < {}").format(sql.Literal(self.end))
        return sql.SQL("catalog_diamond WHERE id >= {}{}").format(sql.Literal(self.start), upper)


def pricing_of(repricing: Repricing) -> Pricing:
    """The pricing of a repricing."""
    return Pricing(repricing.rule_set, repricing.as_of, repricing.experiment)


def begin(repricing: Repricing) -> None:
    """Give a new repricing its first batch: the survey, or all diamonds if one batch holds them."""
    kind = RepricingBatch.Kind.RANGE if _about_all() <= settings.REPRICING_BATCH_STONES else RepricingBatch.Kind.SURVEY
    _add(repricing, kind, [_Range()], first=0)


def do(lease: leases.Lease, pricing: Pricing) -> None:
    """Do one leased batch: everything or, if the lease is lost meanwhile, nothing (`LeaseLost`)."""
    batch = RepricingBatch.objects.select_related("repricing").get(pk=lease.pk)
    with leases.heartbeat(lease, seconds=LEASE_SECONDS), transaction.atomic():
        done = _survey(pricing, batch) if batch.kind == RepricingBatch.Kind.SURVEY else _reprice(pricing, batch)
        _hold(batch.repricing_id)
        leases.finish(
            lease,
            state=RepricingBatch.State.COMPLETED,
            stones=done.stones,
            changed=done.changed,
            repriced=done.repriced,
            completed_at=Now(),
            # Nobody asks for them any more.
            named=None,
        )


def _hold(repricing_id: int) -> None:
    """Keep a repricing from being cancelled until the transaction ends; who cancels it locks it before its batches, too.

    Raises `LeaseLost` if it is over: what it would have written is not in force any more.
    """
    live = Repricing.objects.select_for_update(no_key=True).filter(pk=repricing_id, state=Repricing.State.READY)
    if live.first() is None:
        raise leases.LeaseLost


@dataclass(slots=True)
class _Done:
    """Diamonds looked at, those found priced otherwise, those written, those with another price."""

    stones: int = 0
    stale: int = 0
    changed: int = 0
    repriced: int = 0


def _survey(pricing: Pricing, batch: RepricingBatch) -> _Done:
    """Find what is priced otherwise than it should be, and cut the batches."""
    about = _about_all()
    most = min(MAX_NAMED, int(NAMED_SHARE * about))
    statement = sql.SQL(
        "/* Ids of what comes out otherwise: one scan, ended by the first of too many. */ SELECT d.id FROM {rows} "
        "WHERE {differs} LIMIT {most}"
    ).format(
        rows=pricing.rows(sql.Identifier("catalog_diamond"), "d", kept=("id", "carats", "cost_cents", *COMPARED)),
        differs=_differs(pricing),
        most=sql.Literal(most + 1),
    )
    with psycopg_cursor() as cursor:
        cursor.execute(statement)
        stale = sorted(row[0] for row in cursor.fetchall())
        if few := len(stale) <= most:
            cursor.execute("SELECT count(*) FROM catalog_diamond")
            (stones,) = cursor.fetchone() or (0,)
            size = settings.REPRICING_BATCH_STONES
            ranges = [_Range(stale[at], named=stale[at : at + size]) for at in range(0, len(stale), size)]
        else:
            stones = 0
            pieces = max(1, -(-about // settings.REPRICING_BATCH_STONES))
            cuts = [uuid.UUID(int=(i << 128) // pieces) for i in range(pieces)]
            ranges = [_Range(start, end) for start, end in pairwise([*cuts, None]) if start is not None]
    _add(batch.repricing, RepricingBatch.Kind.NAMED if few else RepricingBatch.Kind.RANGE, ranges, first=1)
    log.info("repricing_surveyed", batches=len(ranges), stale=len(stale) if few else None)
    if len(ranges) > 1:
        ring("pricing.tasks.reprice", batch.repricing_id)
    return _Done(stones)


def _add(repricing: Repricing, kind: RepricingBatch.Kind, ranges: Sequence[_Range], *, first: int) -> None:
    RepricingBatch.objects.bulk_create(
        RepricingBatch(
            repricing=repricing,
            ordinal=ordinal,
            kind=kind,
            stone_from=piece.start,
            stone_to=piece.end,
            named=piece.named,
            due_at=Now(),
        )
        for ordinal, piece in enumerate(ranges, start=first)
    )


def _reprice(pricing: Pricing, batch: RepricingBatch) -> _Done:
    """Price the batch's diamonds, round by round until none was just being written by somebody else."""
    diamonds = _Range(batch.stone_from, batch.stone_to, batch.named)
    total = _Done()
    for _round in range(MAX_ROUNDS):
        done = _reprice_once(pricing, diamonds, batch.repricing)
        # Diamonds with names were looked at by the survey.
        total.stones = done.stones if batch.named is None else 0
        total.changed += done.changed
        total.repriced += done.repriced
        if done.changed == done.stale:
            return total
    raise leases.LeaseLost


def _reprice_once(pricing: Pricing, diamonds: _Range, repricing: Repricing) -> _Done:
    source = diamonds.source()
    columns = pricing.columns("d")
    named = sql.SQL(", ").join(
        sql.SQL("{} AS {}").format(expression, sql.Identifier(f"new_{name}")) for name, expression in columns.items()
    )
    updates = sql.SQL(", ").join(
        sql.SQL("{} = stale.{}").format(sql.Identifier(name), sql.Identifier(f"new_{name}")) for name in columns
    )
    statement = sql.SQL(
        """
        /* Price diamonds by their ids (primary key), write what comes out otherwise, and keep its history. Locks what it
           writes. A row that somebody else is just writing is not at its place afterwards, and is left to the next round. */
        WITH stale AS MATERIALIZED (
            SELECT d.ctid AS place, d.id, d.price_cents, d.cost_cents, d.rule_set, d.rule, d.experiment_arm, d.rating,
                {named}
            FROM {rows}
            WHERE {differs}
        ), written AS (
            UPDATE catalog_diamond AS d
            SET {updates}, changed_at = now()
            FROM stale
            WHERE d.ctid = stale.place AND d.id = stale.id
            RETURNING stale.*
        ), kept AS (
            INSERT INTO pricing_pricechange (
                diamond_id, changed_on, changed_at, old_price_cents, new_price_cents, old_cost_cents, new_cost_cents,
                old_rule_set, new_rule_set, old_rule, new_rule, old_arm, new_arm, cause, cause_id, actor
            )
            SELECT id, (now() AT TIME ZONE 'UTC')::date, now(), price_cents, new_price_cents, cost_cents, cost_cents,
                rule_set, new_rule_set, rule, new_rule, experiment_arm, new_experiment_arm, 'repricing', {job}, {actor}
            FROM written
            WHERE price_cents <> new_price_cents
            RETURNING 1
        )
        SELECT (SELECT count(*) FROM {source}), (SELECT count(*) FROM stale), (SELECT count(*) FROM written),
            (SELECT count(*) FROM kept)
        """
    ).format(
        named=named,
        rows=pricing.rows(sql.SQL("(SELECT ctid, * FROM {})").format(source), "d"),
        source=source,
        differs=_differs(pricing),
        updates=updates,
        job=sql.Literal(repricing.pk),
        actor=sql.Literal(repricing.started_by),
    )
    log_of_changes.because(f"repricing {repricing.pk}")
    with psycopg_cursor() as cursor:
        # The statement writes the history itself, in sets.
        cursor.execute("SELECT set_config('diamondhub.prices_kept', 'on', true)")
        cursor.execute(statement)
        row = cursor.fetchone()
    assert isinstance(row, tuple)
    return _Done(*row)


def _differs(pricing: Pricing) -> sql.Composed:
    """The condition that a row `d` is priced otherwise than it should be."""
    columns = pricing.columns("d")
    return sql.SQL(" OR ").join(
        sql.SQL("d.{} IS DISTINCT FROM {}").format(sql.Identifier(name), columns[name]) for name in COMPARED
    )


def _about_all() -> int:
    """The number of diamonds, about."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples::bigint FROM pg_class WHERE oid = 'catalog_diamond'::regclass")
        row = cursor.fetchone()
    return max(0, int(row[0])) if row else 0

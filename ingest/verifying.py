"""Asking suppliers whether stones are still for sale while somebody waits, and keeping what they say.

A supplier's answer goes the way of all payloads: into the raw store, mapped, priced and upserted, in one transaction. It
hangs on the feed's last completed run; a feed without one keeps nothing. That a supplier does not know a stone any more is
answered, not kept: only a full run, behind its brakes, takes stones off.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import groupby
from time import monotonic
from uuid import UUID

import structlog
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from catalog import upsert
from catalog.models import Availability, Diamond
from catalog.rows import StoneFacts
from diamondhub.database import clock, psycopg_cursor, release_connection
from diamondhub.pace.limiter import LimiterUnavailable, WaitTooLong
from ingest import raw_store, writing_stones
from ingest.asking import AllAsking, place
from ingest.errors import (
    IngestError,
    MappingError,
    Paused,
    SignInRefused,
    SupplierError,
    SupplierTooSlow,
    ThrottledBySupplier,
)
from ingest.feeds.adapter import Adapter, Confirming
from ingest.feeds.adapters import adapter_of
from ingest.feeds.ways import Way, Ways, limits_of
from ingest.models import Feed, Run
from pricing.history import because
from pricing.in_force import held_pricing

log = structlog.get_logger(__name__)

#: All suppliers have answered by then, or are not waited for (seconds).
VERIFY_SECONDS = 8.0
#: With less time left there is no use in asking (seconds).
MIN_SECONDS = 0.5
#: A statement that keeps an answer and takes longer is given up: the answer is told and not kept (seconds).
KEEP_SECONDS = 2


class Live(StrEnum):
    """What came of asking a supplier for a stone."""

    NOT_ASKED = "not_asked"
    #: It said what the stone is now.
    CONFIRMED = "confirmed"
    #: It does not know the stone any more.
    GONE = "gone"
    #: It did not answer in time, or not so that it could be understood.
    UNAVAILABLE = "unavailable"
    #: The feed's supplier cannot be asked.
    NOT_SUPPORTED = "not_supported"


@dataclass(frozen=True, slots=True)
class Heard:
    """What came of asking for a stone: the facts that the supplier gave, and whether the catalogue has them now."""

    live: Live
    facts: StoneFacts | None = None
    kept: bool = False


@dataclass(frozen=True, slots=True)
class Answered:
    """A payload of a stone, and its facts."""

    diamond_id: UUID
    supplier_stone_id: str
    payload: bytes
    facts: StoneFacts


def ask(stones: Iterable[Diamond], *, actor: str) -> Mapping[UUID, Heard]:
    """Ask the suppliers of stones for all of them, within `VERIFY_SECONDS`, and keep what they say. Never raises for them.

    `actor` is who had them asked, for the history of prices.
    """
    deadline = monotonic() + VERIFY_SECONDS
    by_feed = groupby(sorted(stones, key=lambda stone: (stone.feed, stone.pk)), key=lambda stone: stone.feed)
    asked = {slug: {stone.supplier_stone_id: stone.pk for stone in of_feed} for slug, of_feed in by_feed}
    feeds = {feed.slug: feed for feed in Feed.objects.filter(slug__in=asked, enabled=True)}
    heard: dict[UUID, Heard] = {}
    for slug, ids in asked.items():
        outcome = _ask_feed(feeds[slug], ids, deadline, actor) if slug in feeds else {}
        heard |= dict.fromkeys(ids.values(), Heard(Live.NOT_SUPPORTED)) | outcome
    return heard


def _ask_feed(feed: Feed, ids: Mapping[str, UUID], deadline: float, actor: str) -> dict[UUID, Heard]:
    """What the supplier of a feed says of stones, which are ours by its own ids; empty if it cannot be asked."""
    nothing_heard = dict.fromkeys(ids.values(), Heard(Live.UNAVAILABLE))
    try:
        adapter = adapter_of(feed)
    except IngestError as error:
        log.error("supplier_not_configured", feed=feed.slug, error=str(error))
        return nothing_heard
    if not isinstance(adapter, Confirming):
        return {}
    observed_at = clock()
    release_connection()
    items, asked = _payloads(feed, adapter, list(ids), deadline)
    told, unread = _read(adapter, items, ids)
    heard = {ids[stone]: Heard(Live.GONE) for stone in asked}
    heard |= dict.fromkeys(unread, Heard(Live.UNAVAILABLE))
    kept = _keep(feed, told, observed_at, actor) if told else False
    heard |= {answer.diamond_id: Heard(Live.CONFIRMED, answer.facts, kept) for answer in told}
    return nothing_heard | heard


def _payloads(feed: Feed, adapter: Confirming, ids: Sequence[str], deadline: float) -> tuple[list[bytes], list[str]]:
    """The items that the supplier sends, and the ids for which it was asked: all of them unless something went wrong."""
    most = Ways(limits_of(feed), timezone.now()).most(Way.IDS_TOGETHER, adapter.page_limit)
    items: list[bytes] = []
    asked = 0
    try:
        with place():
            while asked < len(ids) and (left := deadline - monotonic()) > MIN_SECONDS:
                some = ids[asked : asked + most]
                try:
                    page = adapter.lookup_now(some, left)
                except (ThrottledBySupplier, SignInRefused, SupplierTooSlow):
                    raise
                except SupplierError:
                    if len(some) == 1:
                        raise
                    # Whatever its words are, it may be the number of ids that it does not take.
                    most = 1
                    continue
                items += page.items
                asked += len(some)
    except (SupplierError, Paused, LimiterUnavailable, WaitTooLong, AllAsking) as error:
        log.warning("supplier_not_asked_for_cart", feed=feed.slug, error=str(error), error_kind=type(error).__name__)
    return items, list(ids[:asked])


def _read(adapter: Adapter, items: Sequence[bytes], ids: Mapping[str, UUID]) -> tuple[list[Answered], list[UUID]]:
    """What items say of the stones that were asked for, and the stones of those that cannot be read."""
    told: dict[UUID, Answered] = {}
    unread: list[UUID] = []
    nameless = 0
    for item in items:
        try:
            stone = adapter.identify(item).supplier_stone_id
        except Exception as error:  # noqa: BLE001 - as in the walk, where such an item becomes a dead letter
            log.warning("answer_does_not_say_who_it_is", error=type(error).__name__)
            nameless += 1
            continue
        if stone not in ids:
            continue
        try:
            facts = writing_stones.facts_of(adapter, item)
            told[ids[stone]] = Answered(ids[stone], stone, item, facts)
        except MappingError as error:
            log.warning("answer_does_not_map", stone=stone, error=error.field)
            unread.append(ids[stone])
    if nameless:
        # Each may be of any stone that has no answer.
        unread += [identity for identity in ids.values() if identity not in told]
    return list(told.values()), unread


class _Refused(Exception):
    """The catalogue does not take what a supplier said."""


def _keep(feed: Feed, told: Sequence[Answered], observed_at: datetime, actor: str) -> bool:
    """Bring what a supplier said into the catalogue; whether the catalogue has it now."""
    run = Run.objects.filter(feed=feed, state=Run.State.COMPLETED).order_by("-pk").first()
    if run is None:
        return False
    try:
        with transaction.atomic():
            _write(run, feed, told, observed_at, actor)
    except (DatabaseError, _Refused) as error:
        log.warning("answer_for_cart_not_kept", feed=feed.slug, error=str(error).strip().splitlines()[0])
        return False
    return True


def _write(run: Run, feed: Feed, told: Sequence[Answered], observed_at: datetime, actor: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL statement_timeout = {KEEP_SECONDS * 1000}")
    held = dict(
        Diamond.objects.exclude(availability=Availability.DELISTED)
        .filter(pk__in=[answer.diamond_id for answer in told])
        .values_list("pk", "payload_hash")
    )
    stones = []
    for answer in told:
        item = raw_store.Received(
            answer.diamond_id, answer.supplier_stone_id, answer.payload, raw_store.payload_hash(answer.payload)
        )
        if answer.diamond_id in held and bytes(held[answer.diamond_id]) == item.payload_hash:
            continue
        raw = raw_store.keep(run.pk, observed_at, item)
        stones.append(
            upsert.MappedStone(
                item.diamond_id, feed.slug, item.supplier_stone_id, item.payload_hash, raw, observed_at, answer.facts
            )
        )
    if not stones:
        return
    because("verify", None, actor)
    pricing = held_pricing()
    with psycopg_cursor() as copier:
        copier.execute("DROP TABLE IF EXISTS pg_temp.incoming")
        upsert.create_incoming(copier)

    def refused(stone: upsert.MappedStone, error: MappingError) -> None:
        # Nothing of it is kept: the raw store has no payload that neither the catalogue nor a dead letter has.
        raise _Refused(f"{stone.supplier_stone_id}: {error.field}")

    writing_stones.write(upsert.rows_of(stones), pricing, refused=refused)

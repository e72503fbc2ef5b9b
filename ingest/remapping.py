"""Remapping: a feed's stones mapped again from their stored payloads, without asking the supplier, after a new mapper.

A remap is a row that workers lease: it goes through the feed's stones by id, a chunk a transaction together with its
position, so that another worker goes on where one died. `manage.py remap` starts one and works at it; the sweep rings a
worker for what is left.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Sequence
from time import monotonic
from typing import Any

import structlog
from django.db import IntegrityError, InterfaceError, OperationalError, connection, transaction
from django.db.models import F, Min, Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from catalog import upsert
from catalog.models import Availability, Diamond
from diamondhub import leases
from diamondhub.database import psycopg_cursor
from diamondhub.doorbells import ring
from ingest import dead_letters, runs, writing_stones
from ingest.errors import IngestError, MappingError
from ingest.feeds.adapter import Adapter
from ingest.feeds.adapters import mapping_adapter_of
from ingest.models import DeadLetter, Feed, RawDiamond, Remap, Run
from ingest.models.remap import REMAP_STATES
from ingest.models.run import LIVE_STATES
from ingest.writing_stones import Payload
from pricing import reprice
from pricing.compile import Pricing
from pricing.history import because
from pricing.in_force import current_pricing, held_pricing

log = structlog.get_logger(__name__)

#: Stones of one transaction.
CHUNK = 2000
#: Length of a lease: longer than a chunk takes, statements at their time-out included (seconds).
LEASE_SECONDS = 120.0
#: Time slice after which a worker returns for a new doorbell, so that it can be told to stop (seconds).
SLICE_SECONDS = 20.0

_BEFORE_FIRST_ID = uuid.UUID(int=0)


class RemapUnderWay(IngestError):
    """The feed is being mapped again already."""


class NoSuchStone(IngestError):
    """The feed has no such stone."""


def start(slug: str, *, selection: str, started_by: str) -> Remap:
    """Begin a remap of a feed, or return the unfinished one that was begun for the same mapper.

    An unfinished one for another mapper is abandoned. Raises `UnknownFeed`, or `RemapUnderWay` if the unfinished one selects
    other stones.
    """
    feed = runs.find_feed(slug)
    adapter = mapping_adapter_of(feed)
    pricing = current_pricing(timezone.now())
    try:
        with transaction.atomic():
            remap = Remap.objects.create(
                feed=feed,
                selection=selection,
                mapper_version=adapter.mapper_version,
                rule_set=pricing.rule_set.version,
                experiment=pricing.experiment,
                raw_through=_settled_payloads(feed),
                total=_stones(feed).count(),
                trace_id=uuid.uuid4().hex,
                started_by=started_by,
                due_at=Now(),
            )
    except IntegrityError as error:
        live = Remap.objects.filter(feed=feed, state=Remap.State.READY).first()
        if live is None:
            raise
        if live.mapper_version != adapter.mapper_version:
            abandon(live.pk)
            return start(slug, selection=selection, started_by=started_by)
        if live.selection != selection:
            raise RemapUnderWay(
                f"feed {slug} is being mapped again already ({live.selection} stones, "
                f"{live.looked_at + live.skipped:,} of {live.total:,} stones): wait for it"
            ) from error
        return live
    ring("ingest.tasks.remap", remap.pk)
    return Remap.objects.select_related("feed").get(pk=remap.pk)


def work(remap_id: int, *, seconds: float = SLICE_SECONDS) -> bool:
    """Go on with a remap for a time slice; True if it is over. Does nothing while another worker has the lease."""
    remap = Remap.objects.select_related("feed").filter(pk=remap_id).first()
    if remap is None or remap.state != Remap.State.READY:
        return True
    lease = leases.claim_one(Remap, remap_id, state=Remap.State.READY, seconds=LEASE_SECONDS)
    if lease is None:
        return False
    end = monotonic() + seconds
    with structlog.contextvars.bound_contextvars(trace_id=remap.trace_id, remap_id=remap.pk, feed=remap.feed.slug):
        try:
            # At least one chunk is mapped, however short the slice.
            while True:
                with leases.heartbeat(lease, seconds=LEASE_SECONDS):
                    over = chunk(lease)
                if over or monotonic() >= end:
                    break
        except leases.LeaseLost:
            log.info("lease_lost")
            return False
        except (InterfaceError, OperationalError) as error:
            log.warning("database_away", error=str(error).strip().splitlines()[0])
            leases.give_back_when_possible(lease)
            return False
        if not over:
            leases.give_back(lease)
    return over


def chunk(lease: leases.Lease) -> bool:
    """Map the next stones again, or finish if there are none: one transaction. Raises `LeaseLost` and then keeps nothing."""
    with transaction.atomic():
        leases.renew(lease, seconds=LEASE_SECONDS)
        remap = Remap.objects.select_related("feed").get(pk=lease.pk)
        if remap.mapper_version != _adapter(remap.feed).mapper_version:
            # This worker is of another release and must not write in the name of the remap's mapper.
            raise leases.LeaseLost
        ids = list(
            _stones(remap.feed)
            .filter(pk__gt=remap.position or _BEFORE_FIRST_ID)
            .order_by("pk")
            .values_list("pk", flat=True)[:CHUNK]
        )
        if not ids:
            _follow(remap)
            leases.finish(lease, state=Remap.State.COMPLETED, completed_at=Now())
            log.info("remap_completed", **counts(remap))
            return True
        done = _map_again(remap, ids, remap.pricing())
        Remap.objects.filter(pk=remap.pk).update(
            position=ids[-1], **{name: F(name) + number for name, number in done.items()}
        )
    return False


def _follow(remap: Remap) -> None:
    """Start a repricing after the remap if the rules in force have changed since it began."""
    reprice.follow(
        remap.pricing(),
        since=remap.created_at,
        cause=f"remap {remap.pk} was overtaken",
        actor=remap.started_by,
    )


def remap_stone(slug: str, supplier_stone_id: str, *, dry_run: bool = False) -> dict[str, int]:
    """Map one stone again; returns the counts, as of a remap of one stone. Raises `UnknownFeed`, `NoSuchStone`."""
    feed = runs.find_feed(slug)
    stone = Diamond.objects.filter(feed=slug, supplier_stone_id=supplier_stone_id).first()
    if stone is None:
        raise NoSuchStone(f"feed {slug} has no stone {supplier_stone_id!r}")
    if stone.availability == Availability.DELISTED:
        raise NoSuchStone(f"stone {supplier_stone_id} is delisted: it is mapped when the supplier shows it again")
    with transaction.atomic():
        done = _map_again(_passing(feed), [stone.pk], held_pricing())
        transaction.set_rollback(dry_run)
    return {**dict.fromkeys(_COUNTS, 0), **done}


def dry_run(slug: str, *, selection: str) -> dict[str, int]:
    """The counts of a remap whose every chunk is done and rolled back."""
    total: Counter[str] = Counter(dict.fromkeys(_COUNTS, 0))
    position: uuid.UUID | None = _BEFORE_FIRST_ID
    while position is not None:
        done, position = dry_chunk(slug, selection=selection, behind=position)
        total.update(done)
    return dict(total)


def dry_chunk(
    slug: str, *, selection: str, behind: uuid.UUID = _BEFORE_FIRST_ID
) -> tuple[dict[str, int], uuid.UUID | None]:
    """The counts of one chunk that is done and rolled back, and where the next one begins; None if there is none."""
    feed = runs.find_feed(slug)
    remap = _passing(feed)
    remap.selection = selection
    ids = list(_stones(feed).filter(pk__gt=behind).order_by("pk").values_list("pk", flat=True)[:CHUNK])
    done: Counter[str] = Counter(dict.fromkeys(_COUNTS, 0))
    if not ids:
        return dict(done), None
    with transaction.atomic():
        done.update(_map_again(remap, ids, current_pricing(timezone.now())))
        transaction.set_rollback(True)
    return dict(done), ids[-1]


def stones_of(slug: str) -> int:
    """How many stones a remap of a feed goes through. Raises `UnknownFeed`."""
    return _stones(runs.find_feed(slug)).count()


def abandon(remap_id: int) -> bool:
    """End a remap that is not over; what it has written stays. False if it was over."""
    remap = Remap.objects.select_related("feed").filter(pk=remap_id, state=Remap.State.READY).first()
    if remap is None:
        return False
    with transaction.atomic():
        if not REMAP_STATES.move(remap, Remap.State.ABANDONED, due_at=None, lease_expires_at=None, lease_owner=""):
            return False
        _follow(remap)
    log.warning("remap_abandoned", remap_id=remap.pk, mapper_version=remap.mapper_version)
    return True


_COUNTS = ("looked_at", "changed", "unchanged", "dead", "pruned", "newer", "skipped")


def counts(remap: Remap) -> dict[str, int]:
    """A remap's counts by name."""
    return {name: getattr(remap, name) for name in _COUNTS}


def mapper_of(remap: Remap) -> str:
    """The version of this release's mapper for the remap's feed."""
    return _adapter(remap.feed).mapper_version


def ring_due() -> None:
    """Ring a worker for every remap that is due and free; the sweep calls it."""
    free = Q(lease_expires_at__isnull=True) | Q(lease_expires_at__lte=Now())
    for pk in Remap.objects.filter(free, state=Remap.State.READY, due_at__lte=Now()).values_list("pk", flat=True):
        ring("ingest.tasks.remap", pk)


def _passing(feed: Feed) -> Remap:
    """A remap that is never saved."""
    return Remap(
        feed=feed,
        selection=Remap.Selection.ALL,
        mapper_version=_adapter(feed).mapper_version,
        raw_through=_newest_payload(),
    )


def _adapter(feed: Feed) -> Adapter:
    return mapping_adapter_of(feed)


def _stones(feed: Feed) -> QuerySet[Diamond]:
    """The feed's stones without the delisted, which are mapped when they are shown again."""
    return Diamond.objects.filter(feed=feed.slug).exclude(availability=Availability.DELISTED)


def _newest_payload() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT last_value FROM ingest_rawdiamond_id_seq")
        row = cursor.fetchone()
    return int(row[0]) if row else 0


def _settled_payloads(feed: Feed) -> int:
    """The newest payload before those of the feed's live run, whose stones are mapped as the run goes on."""
    live = list(Run.objects.filter(feed=feed, state__in=LIVE_STATES).values_list("pk", flat=True))
    first = RawDiamond.objects.filter(run_id__in=live).aggregate(first=Min("id"))["first"] if live else None
    return first - 1 if first is not None else _newest_payload()


def _map_again(remap: Remap, ids: Sequence[uuid.UUID], pricing: Pricing) -> Counter[str]:
    """Map these stones again in the current transaction; returns the counts."""
    writing_stones.bound_statements()
    because("remap", remap.pk, remap.started_by)
    held = dict(Diamond.objects.filter(pk__in=ids).values_list("pk", "raw_id"))
    settled = {pk: raw for pk, raw in held.items() if raw <= remap.raw_through}
    stale = _mapped_otherwise(remap, settled)
    payloads = _payloads(stale)
    newer = len(held) - len(settled)
    done = Counter(
        skipped=len(settled) - len(stale), looked_at=len(stale) + newer, pruned=len(stale) - len(payloads), newer=newer
    )
    adapter = _adapter(remap.feed)
    letters: list[tuple[int, Payload, MappingError]] = []
    mapped = []
    for run_id, payload in payloads.values():
        try:
            mapped.append(writing_stones.map_payload(remap.feed.slug, adapter, payload))
        except MappingError as error:
            letters.append((run_id, payload, error))

    def refused(stone: upsert.MappedStone, error: MappingError) -> None:
        letters.append((*payloads[stone.id], error))

    with psycopg_cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS pg_temp.incoming")
        upsert.create_incoming(cursor)
    rows = upsert.rows_of(mapped)
    done["changed"] = writing_stones.write(rows, pricing, refused=refused, statement=upsert.refresh_incoming).updated
    done["dead"] = len(letters)
    _keep_letters(letters, mapper_version=remap.mapper_version)
    overtaken = (
        len(payloads)
        - Diamond.objects.filter(
            pk__in=list(payloads), raw_id__in=[payload.raw_id for _run, payload in payloads.values()]
        ).count()
    )
    done["newer"] += overtaken
    done["unchanged"] = len(payloads) - done["changed"] - done["dead"] - overtaken
    return done


def _mapped_otherwise(remap: Remap, held: dict[uuid.UUID, int]) -> dict[uuid.UUID, int]:
    """Those of `held` (payloads' ids by stone) that the current mapper has not mapped.

    A stone was mapped by the mapper of the run that brought its payload, or by a later remap of the feed. How far a
    remap that was not completed came with which mapper is unknown, so all it may have touched counts as mapped otherwise.
    """
    if remap.selection == Remap.Selection.ALL:
        return held
    earlier = (
        Remap.objects.filter(feed=remap.feed, pk__lt=remap.pk) if remap.pk else Remap.objects.filter(feed=remap.feed)
    )
    last = earlier.order_by("-pk").first()
    covered = last.raw_through if last else 0
    covered_by = last.mapper_version if last and last.state == Remap.State.COMPLETED else None
    by_runs = {pk: raw for pk, raw in held.items() if raw > covered}
    others = {} if covered_by == remap.mapper_version else {pk: raw for pk, raw in held.items() if raw <= covered}
    with psycopg_cursor(binary=True) as cursor:
        cursor.execute(
            """
            /* The mapper of the run that brought each payload; primary key of each day. A payload that is gone counts. */
            SELECT held.stone, held.raw
            FROM unnest(%(stones)b::uuid[], %(raws)b::bigint[]) AS held (stone, raw)
            WHERE NOT EXISTS (
                SELECT FROM ingest_rawdiamond AS raw
                JOIN ingest_run AS run ON run.id = raw.run_id
                WHERE raw.id = held.raw AND run.mapper_version = %(mapper)s
            )
            """,
            {"stones": list(by_runs), "raws": list(by_runs.values()), "mapper": remap.mapper_version},
        )
        return {**others, **dict(cursor.fetchall())}


def _payloads(stones: dict[uuid.UUID, int]) -> dict[uuid.UUID, tuple[int, Payload]]:
    """The payloads that these stones were mapped from, as far as they are kept, each with the run that brought it."""
    with psycopg_cursor(binary=True) as cursor:
        cursor.execute(
            """
            /* Primary key of each day. A payload that was carried over may be there twice for a moment. */
            SELECT DISTINCT ON (raw.id) raw.run_id, raw.id, raw.diamond_id, raw.supplier_stone_id,
                convert_to(raw.payload::text, 'UTF8'), raw.payload_hash, raw.observed_at
            FROM ingest_rawdiamond AS raw
            WHERE raw.id = ANY(%b::bigint[])
            ORDER BY raw.id
            """,
            [list(stones.values())],
        )
        kept = [(run_id, Payload(*rest)) for run_id, *rest in cursor.fetchall()]
    return {payload.diamond_id: (run_id, payload) for run_id, payload in kept if payload.diamond_id in stones}


def _keep_letters(failed: Sequence[tuple[int, Payload, MappingError]], *, mapper_version: str) -> None:
    """One letter per stone that does not map any more, unless one about the same payload waits already."""
    known = set(
        dead_letters.waiting()
        .filter(diamond_id__in=[payload.diamond_id for _run, payload, _error in failed])
        .values_list("diamond_id", "raw_id")
    )
    by_id = Run.objects.in_bulk({run_id for run_id, _payload, _error in failed})
    letters: list[DeadLetter] = [
        writing_stones.stone_letter(by_id[run_id], payload, error, mapper_version=mapper_version)
        for run_id, payload, error in failed
        if (payload.diamond_id, payload.raw_id) not in known
    ]
    DeadLetter.objects.bulk_create(letters)


def in_words(remap: dict[str, Any]) -> str:
    """A remap's counts in words."""
    words = (
        f"{remap['looked_at']:,} stones mapped again: {remap['changed']:,} changed, {remap['unchanged']:,} as before, "
        f"{remap['dead']:,} dead letters"
    )
    if remap["newer"]:
        words += f", {remap['newer']:,} have a newer payload meanwhile"
    if remap["pruned"]:
        words += f"; {remap['pruned']:,} could not be: the raw store does not hold their payloads any more"
    if remap["skipped"]:
        words += f"; {remap['skipped']:,} were mapped by this mapper already"
    return words

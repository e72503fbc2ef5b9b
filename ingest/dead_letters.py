"""Dead letters: keeping what could not be processed, with its reason, until somebody or something closes it.

Walk, consolidation, remaps and doorbells write them; `ingest.replaying` tries them again. Whatever is done about a letter
leaves an attempt.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from hashlib import blake2b, md5
from typing import Any

import structlog
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import Count, F, Max, QuerySet, Sum
from django.db.models.functions import MD5, Now

from diamondhub.audit.acting import SYSTEM, acting
from diamondhub.database import release_connection
from diamondhub.telemetry import scrub
from diamondhub.timed_tables import TimedTable
from ingest.errors import MappingError, UndecodableAnswer
from ingest.models import ConsolidationBatch, DeadLetter, DeadLetterAttempt, Partition, Run
from ingest.models.dead_letter import WAITING
from ingest.problems import letters as letter_problems

log = structlog.get_logger(__name__)

#: A payload longer than this is cut; the supplier's longest honest ones have some 15 kB (characters).
PAYLOAD_LIMIT = 200_000
#: Of a page that cannot be decoded so much is kept as shows what it is (bytes).
PAGE_LIMIT = 20_000
#: Replays in vain after which a letter is parked.
MAX_ATTEMPTS = 5
#: The attempts' table, in monthly pieces.
ATTEMPTS = TimedTable("ingest_deadletterattempt", "made_on", "month", ahead=2)


def fingerprint(kind: str, field: str, reason: str) -> str:
    """The mark that letters of one cause share: kind, field and the reason without quoted values and numbers."""
    return blake2b(f"{kind}\0{field}\0{without_values(reason)}".encode(), digest_size=16).hexdigest()


def without_values(reason: str) -> str:
    """A reason without the values that it names, which are a supplier's: quoted texts and numbers."""
    return re.sub(r"'[^']*'|\"[^\"]*\"|\d+", "…", reason)


def cause(kind: str, error: MappingError) -> dict[str, str]:
    """Field, reason and fingerprint of an error, as a letter holds them."""
    field, reason = scrub.reason(error.field, 100), scrub.reason(error.reason, 500)
    return {"field": field, "reason": reason, "fingerprint": fingerprint(kind, field, reason)}


def letter(
    run: Run,
    *,
    kind: str,
    payload: bytes,
    error: MappingError,
    limit: int = PAYLOAD_LIMIT,
    mapper_version: str = "",
    **fields: Any,
) -> DeadLetter:
    """A dead letter of a run that is not saved yet. `mapper_version` is the run's unless it is another."""
    text = _text(payload, limit)
    return DeadLetter(
        kind=kind,
        feed_id=run.feed_id,
        run=run,
        **cause(kind, error),
        payload=text,
        exact=text.encode() == payload,
        query_version=run.query_version,
        mapper_version=mapper_version or run.mapper_version,
        rule_set=run.rule_set,
        trace_id=run.trace_id,
        created_at=Now(),
        **fields,
    )


def _text(payload: bytes, limit: int) -> str:
    """A payload as PostgreSQL's texts can hold it."""
    return payload.decode("utf-8", errors="backslashreplace").replace("\0", "\\u0000")[:limit]


def item_mark(payload: bytes) -> str:
    """What tells items apart that do not say who they are; the index `dead_letter_item` has it."""
    return md5(_text(payload, PAYLOAD_LIMIT).encode(), usedforsecurity=False).hexdigest()


def items_recorded(run: Run, marks: Iterable[str]) -> dict[str, Counter[int | None]]:
    """How many letters of a run there are of each of these items, by the partition that was shown them.

    Part of the transaction that records the others: whoever records items of the same run waits until it is over.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"items of run {run.pk}"])
    recorded: dict[str, Counter[int | None]] = {}
    rows = (
        DeadLetter.objects.filter(run=run, kind=DeadLetter.Kind.ITEM)
        .annotate(mark=MD5("payload"))
        .filter(mark__in=set(marks))
        .values_list("mark", "partition_id")
    )
    for mark, partition in rows:
        recorded.setdefault(mark, Counter())[partition] += 1
    return recorded


def record_item(run: Run, partition_id: int, observed_at: datetime, *, payload: bytes, error: MappingError) -> None:
    """Save the letter of an item that does not say who it is, in the transaction that stores its page."""
    letter(
        run,
        kind=DeadLetter.Kind.ITEM,
        payload=payload,
        error=error,
        partition_id=partition_id,
        observed_at=observed_at,
    ).save()


def record_page(partition: Partition, error: UndecodableAnswer) -> None:
    """Save the letter of a page that cannot be decoded, in the transaction that fails its partition."""
    letter(
        partition.run,
        kind=DeadLetter.Kind.PAGE,
        payload=error.body,
        error=MappingError("answer", str(error)),
        limit=PAGE_LIMIT,
        partition_id=partition.pk,
        # How many stones were on it nobody knows; the failed partition speaks for them.
        stones=0,
    ).save()


def record_batch(batch: ConsolidationBatch, *, stones: int, reason: str) -> None:
    """Save the letter of a batch that nobody could finish, in the transaction that closes it."""
    asked = {
        "run": batch.run_id,
        "stone_from": str(batch.stone_from),
        "stone_to": batch.stone_to and str(batch.stone_to),
    }
    letter(
        batch.run,
        kind=DeadLetter.Kind.BATCH,
        payload=json.dumps({**asked, "raw_through": batch.raw_through}).encode(),
        error=MappingError("batch", reason),
        batch_id=batch.pk,
        stones=stones,
    ).save()


def record_message(task: str, arguments: Iterable[Any], *, reason: str, trace_id: str = "") -> None:
    """Save the letter of a doorbell that could not be answered; the same one again is counted, not written again.

    In a transaction of its own: whatever the doorbell did was rolled back.
    """
    payload = json.dumps({"task": task, "args": list(arguments)}, default=str)[:PAYLOAD_LIMIT]
    error = MappingError(task, reason)
    known = cause(DeadLetter.Kind.MESSAGE, error)
    with transaction.atomic():
        with connection.cursor() as cursor:
            # Two workers with the same message: the second counts the first one's letter.
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"message {payload}"])
        again = waiting().filter(fingerprint=known["fingerprint"], payload=payload)
        if not again.update(seen=F("seen") + 1):
            DeadLetter.objects.create(
                kind=DeadLetter.Kind.MESSAGE, payload=payload, stones=0, trace_id=trace_id, created_at=Now(), **known
            )
        letter_problems.message_unanswered(known["fingerprint"], task, reason=known["reason"], trace_id=trace_id)


def keep_message(task: str, arguments: Iterable[Any], *, reason: str) -> None:
    """`record_message` for a worker's signal handlers: never raises, not even if the database is away."""
    try:
        with acting(SYSTEM, via=f"celery:{task}"):
            record_message(task, arguments, reason=reason)
    except DatabaseError as error:
        log.error("message_lost", task=task, reason=reason, error=str(error).strip().splitlines()[0])
    finally:
        release_connection()


def waiting() -> QuerySet[DeadLetter]:
    """Letters that wait for somebody."""
    return DeadLetter.objects.filter(state__in=WAITING)


def stones_of(run: Run) -> int:
    """How many of a run's stones hang on its dead letters, whatever became of these."""
    return run.dead_letters.aggregate(stones=Sum("stones"))["stones"] or 0


def supersede(batch: ConsolidationBatch) -> int:
    """Close letters about stones of the batch that its run was shown anew since; part of the batch's transaction.

    Whatever became of the newer payload, the older one must not be replayed any more. Returns the number of letters.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            /* Index dead_letter_stone (waiting letters only), and for each of these rawdiamond (run_id, diamond_id). */
            UPDATE ingest_deadletter AS letter
            SET state = 'superseded', closed_at = clock_timestamp(), closed_by = %(who)s, closed_reason = %(why)s
            WHERE letter.state IN ('open', 'parked')
                AND letter.diamond_id >= %(from)s
                AND (%(to)s::uuid IS NULL OR letter.diamond_id < %(to)s::uuid)
                AND EXISTS (
                    SELECT FROM ingest_rawdiamond AS raw
                    WHERE raw.run_id = %(run)s
                        AND raw.diamond_id = letter.diamond_id
                        AND raw.id <= %(through)s
                        AND raw.observed_at > letter.observed_at
                )
            RETURNING letter.id, letter.fingerprint, letter.run_id
            """,
            {
                "who": SYSTEM,
                "why": f"run {batch.run_id} was shown the stone anew",
                "from": batch.stone_from,
                "to": batch.stone_to,
                "run": batch.run_id,
                "through": batch.raw_through,
            },
        )
        closed = cursor.fetchall()
    outcome = (DeadLetterAttempt.Outcome.SUPERSEDED, f"run {batch.run_id} was shown the stone anew")
    attempts(dict.fromkeys((pk for pk, _, _ in closed), outcome), actor=SYSTEM)
    if closed:
        why = f"run {batch.run_id} was shown the stones anew"
        letter_problems.closed({mark for _, mark, _ in closed}, {run for _, _, run in closed}, why=why)
    return len(closed)


def attempts(
    outcomes: Mapping[int, tuple[str, str]], *, actor: str, mapper_version: str = "", rule_set: int | None = None
) -> None:
    """Append one attempt per letter (number → outcome and reason), in the transaction that changes the letters."""
    DeadLetterAttempt.objects.bulk_create(
        DeadLetterAttempt(
            made_on=datetime.now(UTC).date(),
            letter_id=pk,
            at=Now(),
            actor=actor[:150],
            outcome=outcome,
            reason=reason,
            mapper_version=mapper_version,
            rule_set=rule_set,
        )
        for pk, (outcome, reason) in outcomes.items()
    )


def open_causes(*, most: int, look_at: int) -> list[tuple[int, DeadLetter]]:
    """The most frequent causes of waiting letters: how many letters each has, and the newest of them without its payload.

    Looks at no more than `look_at` letters, through the index on waiting ones by fingerprint.
    """
    some = waiting().order_by("fingerprint", "pk")[:look_at]
    groups = list(
        DeadLetter.objects.filter(pk__in=some.values("pk"))
        .order_by()
        .values("fingerprint")
        .annotate(letters=Count("pk"), newest=Max("pk"))
        .order_by("-letters", "fingerprint")[:most]
    )
    newest = DeadLetter.objects.select_related("feed").defer("payload").in_bulk([group["newest"] for group in groups])
    return [(group["letters"], newest[group["newest"]]) for group in groups if group["newest"] in newest]


def discard(letters: QuerySet[DeadLetter], *, actor: str, reason: str, most: int | None = None) -> int:
    """Close waiting letters without processing them, `most` at most; returns their number.

    Letters that somebody replays now are left.

    The reason must not be empty: the database refuses a letter that is closed without one.
    """
    discarded = 0
    last = 0
    while most is None or discarded < most:
        size = 1000 if most is None else min(1000, most - discarded)
        with acting(actor, reason=reason), transaction.atomic():
            rows = list(
                letters.filter(state__in=WAITING, pk__gt=last)
                .order_by("pk")
                .select_for_update(skip_locked=True, of=("self",))
                .values_list("pk", "fingerprint", "run_id")[:size]
            )
            chunk = [pk for pk, _, _ in rows]
            if not chunk:
                break
            try:
                DeadLetter.objects.filter(pk__in=chunk).update(
                    state=DeadLetter.State.DISCARDED,
                    closed_at=Now(),
                    closed_by=actor[:150],
                    closed_reason=reason.strip(),
                )
            except IntegrityError as error:
                raise ValueError("a letter is discarded for a reason") from error
            attempts(dict.fromkeys(chunk, (DeadLetterAttempt.Outcome.DISCARDED, reason)), actor=actor)
            why = f"{actor} discarded the letters: {reason}"
            letter_problems.closed({mark for _, mark, _ in rows}, {run for _, _, run in rows}, why=why)
        discarded += len(chunk)
        last = chunk[-1]
    return discarded

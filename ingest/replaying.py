"""Replaying dead letters: what could not be processed goes the way of every other payload again: map, price, upsert.

`replay_dead_letters` and the admin call it. A chunk of letters is one transaction, with the diamonds it writes, the letters'
outcomes and the dataset version; letters that somebody else is at are passed over. A dry run does the same and takes it
back.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import structlog
from django.db import DataError, transaction
from django.db.models import F, QuerySet, TextField
from django.db.models.functions import Cast, Now

from catalog import upsert
from catalog.models import Availability, DatasetVersion, Diamond, diamond_id
from diamondhub.database import psycopg_cursor
from diamondhub.doorbells import ring
from ingest import consolidation, dead_letters, raw_store, runs
from ingest.errors import IngestError, MappingError
from ingest.feeds.adapter import Adapter
from ingest.feeds.registry import adapter_for
from ingest.models import ConsolidationBatch, DeadLetter, DeadLetterAttempt, Feed, Partition, RawDiamond, Run
from ingest.models.dead_letter import WAITING
from pricing.models import RuleSet
from pricing.publish import published_rule_set

log = structlog.get_logger(__name__)

#: Letters of one transaction.
CHUNK = 500
#: Outcomes that a report lists one by one.
LISTED = 100

Kind = DeadLetter.Kind
Outcome = DeadLetterAttempt.Outcome


class NoSuchLetters(IngestError):
    """No dead letter that waits is meant by that."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one letter, or would: an outcome, and why. A letter that fails again has the cause it fails for now."""

    outcome: str
    reason: str = ""
    cause: dict[str, str] | None = None

    @property
    def failed(self) -> bool:
        """Whether the letter still waits."""
        return self.outcome == Outcome.FAILED


@dataclass(slots=True)
class Report:
    """What a replay did. `left` letters were not tried: parked, busy with somebody else, or behind a sample that failed."""

    selected: int
    dry_run: bool
    outcomes: Counter[str] = field(default_factory=Counter)
    tried: int = 0
    parked: int = 0
    stopped: str = ""
    letters: list[dict[str, Any]] = field(default_factory=list)

    @property
    def failed(self) -> int:
        """Letters that failed again."""
        return self.outcomes[Outcome.FAILED] + self.outcomes[Outcome.PARKED]

    @property
    def left(self) -> int:
        """Letters that were not tried."""
        return max(0, self.selected - self.tried)

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "dry_run": self.dry_run,
            "selected": self.selected,
            "tried": self.tried,
            "failed": self.failed,
            "left": self.left,
            "parked": self.parked,
            "outcomes": dict(self.outcomes),
            "stopped": self.stopped,
            "letters": self.letters,
        }

    def in_words(self) -> str:
        """One line for people."""
        would = "would be tried" if self.dry_run else "tried"
        parts = [f"{count:,} {outcome.replace('_', ' ')}" for outcome, count in sorted(self.outcomes.items())]
        words = f"{self.tried:,} of {self.selected:,} letters {would}: {', '.join(parts) or 'nothing to do'}"
        if self.parked:
            words += f"; {self.parked:,} are parked after {dead_letters.MOST_ATTEMPTS} replays in vain and need force"
        return f"{words}; {self.stopped}" if self.stopped else words


def select(
    *, fingerprint: str | None = None, run: int | None = None, letter: int | None = None
) -> QuerySet[DeadLetter]:
    """The waiting letters of a cause, of a run, or one. Raises `NoSuchLetters` if there are none."""
    letters = dead_letters.waiting()
    for name, value in (("fingerprint", fingerprint), ("run_id", run), ("pk", letter)):
        if value is not None:
            letters = letters.filter(**{name: value})
    if not letters.exists():
        one = letter is not None and DeadLetter.objects.filter(pk=letter).first()
        raise NoSuchLetters(f"letter {letter} is {one.state} already" if one else None)
    return letters


def replay(
    letters: QuerySet[DeadLetter],
    *,
    actor: str,
    why: str = "",
    dry_run: bool = False,
    sample: int = 0,
    force: bool = False,
    most: int | None = None,
) -> Report:
    """Try letters again, in the order in which they were written.

    With a `sample`, so many are tried first, and the rest only if none of these failed for the reason it had. `force` goes
    on all the same, and takes parked letters as well. No more than `most` are tried. `why` is kept with each attempt.
    """
    report = Report(letters.count(), dry_run)
    report.parked = 0 if force else letters.filter(state=DeadLetter.State.PARKED).count()
    if not force:
        letters = letters.filter(state=DeadLetter.State.OPEN)
    # A letter that fails again for another reason leaves its group: what was meant is what was meant at the start.
    ids = list(letters.order_by("pk").values_list("pk", flat=True)[:most])
    head = ids[:sample]
    for chunk in filter(None, [head, *(ids[at : at + CHUNK] for at in range(len(head), len(ids), CHUNK))]):
        same = _replay_chunk(chunk, report, actor=actor, why=why)
        if chunk is head and same and not force and len(ids) > len(head):
            report.stopped = f"{same} of a sample of {len(head)} still fail for the same reason: the rest was not tried"
            break
    log.info("dead_letters_replayed", actor=actor, dry_run=dry_run, tried=report.tried, **report.outcomes)
    return report


def _replay_chunk(ids: Sequence[int], report: Report, *, actor: str, why: str) -> int:
    """Replay these letters in one transaction; returns how many failed for the very reason that they had."""
    rule_set = published_rule_set()
    with transaction.atomic():
        consolidation.bound_statements()
        letters = list(
            DeadLetter.objects.select_related("run", "feed")
            .filter(pk__in=ids, state__in=WAITING)
            .order_by("pk")
            .select_for_update(skip_locked=True, of=("self",))
        )
        results = _Replay(letters, rule_set, actor=actor, dry_run=report.dry_run).results()
        if any(result.outcome in (Outcome.INSERTED, Outcome.UPDATED) for result in results.values()):
            # In every chunk's own transaction: whoever dies between two has told everybody what the first one changed.
            DatasetVersion.bump("replay of dead letters")
        _keep(letters, results, rule_set, actor=actor, why=why)
        if report.dry_run:
            transaction.set_rollback(True)
    same = 0
    for letter in letters:
        result = results[letter.pk]
        same += result.failed and result.cause is not None and result.cause["fingerprint"] == letter.fingerprint
        report.tried += 1
        report.outcomes[result.outcome] += 1
        if len(report.letters) < LISTED:
            report.letters.append(
                {
                    "letter": letter.pk,
                    "kind": letter.kind,
                    "stone": letter.supplier_stone_id,
                    "outcome": result.outcome,
                    "reason": result.reason,
                }
            )
    return same


def _keep(
    letters: Sequence[DeadLetter], results: dict[int, Result], rule_set: RuleSet, *, actor: str, why: str
) -> None:
    """Write down what became of the letters, each with its attempt."""
    by_mapper: dict[str, dict[int, tuple[str, str]]] = {}
    for letter in letters:
        result = results[letter.pk]
        rows = DeadLetter.objects.filter(pk=letter.pk)
        identity = {name: getattr(letter, name) for name in ("diamond_id", "supplier_stone_id", "raw_id")}
        outcome, reason = result.outcome, result.reason
        if result.failed:
            parks = letter.attempts + 1 >= dead_letters.MOST_ATTEMPTS
            rows.update(
                attempts=F("attempts") + 1,
                last_error=reason[:500],
                state=DeadLetter.State.PARKED if parks else letter.state,
                **(result.cause or {}),
                **identity,
            )
            if parks and letter.state == DeadLetter.State.OPEN:
                outcome = Outcome.PARKED
                reason = f"parked after {letter.attempts + 1} replays in vain: {reason}"
        else:
            superseded = outcome == Outcome.SUPERSEDED
            rows.update(
                state=DeadLetter.State.SUPERSEDED if superseded else DeadLetter.State.REPLAYED,
                closed_at=Now(),
                closed_by=actor[:150],
                closed_reason="; ".join(filter(None, (reason or f"replayed: {outcome}", why)))[:500],
                **identity,
            )
        mapper = adapter_for(letter.feed.adapter, letter.feed.parameters).mapper_version if letter.feed else ""
        by_mapper.setdefault(mapper, {})[letter.pk] = (outcome, "; ".join(filter(None, (reason, why))))
    for mapper, outcomes in by_mapper.items():
        dead_letters.attempts(outcomes, actor=actor, mapper_version=mapper, rule_set=rule_set.version)


class _Replay:
    """The replay of one chunk: letters that carry a payload go together, set-wise; the others one by one."""

    def __init__(self, letters: Sequence[DeadLetter], rule_set: RuleSet, *, actor: str, dry_run: bool) -> None:
        self.letters = letters
        self.rule_set = rule_set
        self.actor = actor
        self.dry_run = dry_run
        self._results: dict[int, Result] = {}
        #: Stones on their way into the catalogue, and which letter each belongs to.
        self._stones: dict[UUID, tuple[upsert.MappedStone, DeadLetter]] = {}
        self._last_full: dict[int, Run | None] = {}

    def results(self) -> dict[int, Result]:
        """What became of each letter, by its number."""
        alone = {Kind.PAGE: self._page, Kind.BATCH: self._batch, Kind.MESSAGE: self._message}
        if any(letter.kind != Kind.MESSAGE for letter in self.letters):
            with psycopg_cursor() as cursor:
                upsert.create_incoming(cursor)
        for letter in self.letters:
            try:
                if letter.kind in alone:
                    self._results[letter.pk] = alone[Kind(letter.kind)](letter)
                else:
                    self._take(letter)
            except MappingError as error:
                self._fail(letter, error)
            except IngestError as error:
                self._fail(letter, MappingError("replay", str(error)))
        self._write()
        return self._results

    def _fail(self, letter: DeadLetter, error: MappingError) -> None:
        self._results[letter.pk] = Result(Outcome.FAILED, str(error), dead_letters.cause(letter.kind, error))

    # --- stones and items --------------------------------------------------------------------------------------------

    def _take(self, letter: DeadLetter) -> None:
        """Map a letter's payload and have the stone written with the others; of one stone the newest letter counts."""
        feed, run = _origin(letter)
        if why := self._obsolete(letter, feed, run):
            self._results[letter.pk] = Result(Outcome.SUPERSEDED, why)
            return
        adapter = adapter_for(feed.adapter, feed.parameters)
        text = _text(letter)
        if letter.kind == Kind.ITEM and not letter.diamond_id:
            self._identify(letter, feed, run, adapter, text)
        assert letter.diamond_id is not None
        facts = consolidation.facts_of(adapter, text)
        stone = upsert.MappedStone(
            letter.diamond_id,
            feed.slug,
            letter.supplier_stone_id,
            raw_store.payload_hash(text),
            letter.raw_id or 0,
            letter.observed_at or letter.created_at,
            facts,
        )
        other = self._stones.get(stone.id)
        if other is not None:
            older, newer = sorted([other, (stone, letter)], key=lambda one: (one[0].source_updated_at, one[0].raw_id))
            self._results[older[1].pk] = Result(Outcome.SUPERSEDED, f"letter {newer[1].pk} has a newer payload")
            self._stones[stone.id] = newer
        else:
            self._stones[stone.id] = (stone, letter)

    def _identify(self, letter: DeadLetter, feed: Feed, run: Run, adapter: Adapter, text: bytes) -> None:
        """Let an item say who it is at last, and keep its payload as that of a stone."""
        identity = adapter.identify(text)
        letter.supplier_stone_id = identity.supplier_stone_id
        letter.diamond_id = diamond_id(feed.slug, identity.supplier_stone_id)
        received = raw_store.Received(letter.diamond_id, identity.supplier_stone_id, text, raw_store.payload_hash(text))
        try:
            with transaction.atomic():
                letter.raw_id = raw_store.keep(run.pk, letter.observed_at or letter.created_at, received)
        except DataError as error:
            letter.diamond_id, letter.supplier_stone_id = None, ""
            raise MappingError("item", f"the raw store does not take it: {str(error).splitlines()[0]}") from error

    def _obsolete(self, letter: DeadLetter, feed: Feed, run: Run) -> str:
        """Why a letter must not be replayed: a complete full run came later, and if it was shown the stone, that counts.

        Not so for a payload that the catalogue holds and only a newer mapper did not understand.
        """
        if feed.pk not in self._last_full:
            full = Run.objects.filter(feed=feed, kind=Run.Kind.FULL, state=Run.State.COMPLETED, suspect="")
            complete = full.exclude(partitions__state=Partition.State.FAILED)
            self._last_full[feed.pk] = complete.order_by("-pk").first()
        newest = self._last_full[feed.pk]
        if newest is None or newest.pk <= run.pk:
            return ""
        held = Diamond.objects.exclude(availability=Availability.DELISTED).filter(
            pk=letter.diamond_id or UUID(int=0), raw_id=letter.raw_id or -1
        )
        return "" if held.exists() else f"full run {newest.pk}, which came later, asked for every stone anew"

    def _write(self) -> None:
        """Upsert all stones, and see what became of each."""
        held = {row["pk"]: row for row in self._held()}
        stones = []
        for stone, letter in self._stones.values():
            row = held.get(stone.id)
            if row and row["availability"] == Availability.DELISTED and row["changed_at"] > stone.source_updated_at:
                self._results[letter.pk] = Result(Outcome.SUPERSEDED, "the stone was delisted since")
            else:
                stones.append(stone)

        def refused(stone: upsert.MappedStone, error: MappingError) -> None:
            self._fail(self._stones[stone.id][1], error)

        consolidation.write(stones, self.rule_set, refused=refused)
        written = {row["pk"]: row for row in self._held()}
        # A payload that the catalogue holds already, but as an older mapper read it.
        again = [stone for stone in stones if held.get(stone.id, {}).get("raw_id") == stone.raw_id]
        consolidation.write(again, self.rule_set, refused=refused, statement=upsert.refresh_incoming)
        refreshed = {row["pk"]: row for row in self._held()} if again else written
        for stone in stones:
            letter = self._stones[stone.id][1]
            if letter.pk in self._results:
                continue
            before, after = held.get(stone.id), refreshed[stone.id]
            if before is None:
                result = Result(Outcome.INSERTED)
            elif after["raw_id"] != before["raw_id"] or after["changed_at"] != before["changed_at"]:
                result = Result(Outcome.UPDATED)
            elif bytes(after["payload_hash"]) == stone.payload_hash:
                result = Result(Outcome.UNCHANGED, "the catalogue has this payload already")
            else:
                result = Result(Outcome.SUPERSEDED, "the catalogue has a newer payload")
            self._results[letter.pk] = result

    def _held(self) -> Sequence[dict[str, Any]]:
        rows = Diamond.objects.filter(pk__in=list(self._stones)).values(
            "pk", "raw_id", "payload_hash", "availability", "changed_at"
        )
        return [dict(row) for row in rows]

    # --- what is no stone --------------------------------------------------------------------------------------------

    def _page(self, letter: DeadLetter) -> Result:
        """Ask for the page again, by making the run's failed partitions ready; what was not decoded cannot be used."""
        partition = Partition.objects.filter(pk=letter.partition_id or 0).first()
        if partition is None or partition.state != Partition.State.FAILED:
            state = "gone" if partition is None else partition.state
            return Result(
                Outcome.SUPERSEDED, f"its partition is {state}: the page was asked for again, or never will be"
            )
        runs.retry_partitions(partition.run_id, actor=self.actor)
        return Result(Outcome.ASKED_AGAIN, f"the failed partitions of run {partition.run_id} are read again")

    def _batch(self, letter: DeadLetter) -> Result:
        """Consolidate the batch's payloads now; stones that still fail get letters of their own."""
        batch = ConsolidationBatch.objects.select_related("run__feed").get(pk=letter.batch_id or 0)
        stones, payloads = consolidation.changed_payloads(batch)
        if not stones:
            raise MappingError("batch", "the raw store does not hold its payloads any more")
        adapter = adapter_for(batch.run.feed.adapter, batch.run.feed.parameters)
        outcome = consolidation.Outcome(stones)
        mapped = consolidation.map_payloads(batch.run, adapter, payloads, outcome)
        texts = {payload.diamond_id: payload.text.decode() for payload in payloads}

        def refused(stone: upsert.MappedStone, error: MappingError) -> None:
            payload = consolidation.payload_of(stone, texts[stone.id])
            outcome.letters.append(consolidation.stone_letter(batch.run, payload, error))

        done = consolidation.write(mapped, self.rule_set, refused=refused)
        DeadLetter.objects.bulk_create(outcome.letters)
        # Its stones are letters of their own now.
        DeadLetter.objects.filter(pk=letter.pk).update(stones=max(0, letter.stones - len(outcome.letters)))
        words = f"{done.inserted} new, {done.updated} changed, {len(outcome.letters)} dead letters of their own"
        return Result(Outcome.UPDATED if done.inserted or done.updated else Outcome.UNCHANGED, words)

    def _message(self, letter: DeadLetter) -> Result:
        """Ring the doorbell again."""
        message = json.loads(letter.payload)
        (identifier, *more) = message["args"] or [None]
        if more or not isinstance(identifier, int):
            raise MappingError(letter.field, "this is no doorbell: it must carry one number")
        ring(message["task"], identifier)
        return Result(Outcome.ASKED_AGAIN, "the doorbell was rung again")


def _origin(letter: DeadLetter) -> tuple[Feed, Run]:
    if letter.feed is None or letter.run is None:
        raise MappingError("letter", "it does not say which feed and run it belongs to")
    return letter.feed, letter.run


def _text(letter: DeadLetter) -> bytes:
    """The letter's payload word for word, if need be from the raw store. Raises `MappingError` if it is kept nowhere."""
    if letter.exact:
        return letter.payload.encode()
    # As text: the driver would take the payload's JSON apart.
    kept = RawDiamond.objects.filter(pk=letter.raw_id or 0).values_list(Cast("payload", TextField()), flat=True).first()
    if kept is None:
        raise MappingError("payload", "it is not kept word for word: the supplier must show the stone again")
    return str(kept).encode()

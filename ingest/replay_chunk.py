"""The replay of one chunk of dead letters, and its results.

Letters that carry a stone's payload are mapped and written together, in sets; pages, batches and messages one by one. It
runs in the caller's transaction, which also keeps the outcomes.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import DataError, transaction
from django.db.models import TextField
from django.db.models.functions import Cast

from catalog import upsert
from catalog.models import Availability, Diamond
from catalog.stock_numbers import ids_of
from diamondhub.database import psycopg_cursor
from diamondhub.doorbells import ring
from ingest import consolidation, dead_letters, raw_store, runs, writing_stones
from ingest.errors import IngestError, MappingError
from ingest.feeds.adapter import Adapter
from ingest.feeds.adapters import mapping_adapter_of
from ingest.models import ConsolidationBatch, DeadLetter, DeadLetterAttempt, Feed, Partition, RawDiamond, Run
from pricing.compile import Pricing

Kind = DeadLetter.Kind
Outcome = DeadLetterAttempt.Outcome


@dataclass(frozen=True, slots=True)
class Result:
    """The result of one letter: an outcome and its reason. A letter that fails again has the cause that it fails for now."""

    outcome: str
    reason: str = ""
    cause: dict[str, str] | None = None

    @property
    def failed(self) -> bool:
        """Whether the letter still waits."""
        return self.outcome == Outcome.FAILED


class ReplayChunk:
    """The replay of one chunk: letters that carry a payload go together, in sets; the others one by one."""

    def __init__(self, letters: Sequence[DeadLetter], pricing: Pricing, *, actor: str) -> None:
        self.letters = letters
        self.pricing = pricing
        self.actor = actor
        self._results: dict[int, Result] = {}
        #: Mapped stones that are still to be written, each with its letter.
        self._stones: dict[UUID, tuple[upsert.MappedStone, DeadLetter]] = {}
        self._last_full: dict[int, Run | None] = {}

    def results(self) -> dict[int, Result]:
        """Replay all letters; returns the result of each by its number."""
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
        """Map a letter's payload for the common write; of several letters about one stone the newest counts."""
        feed, run = _origin(letter)
        if why := self._obsolete(letter, feed, run):
            self._results[letter.pk] = Result(Outcome.SUPERSEDED, why)
            return
        adapter = mapping_adapter_of(feed)
        text = _text(letter)
        if letter.kind == Kind.ITEM and not letter.diamond_id:
            self._identify(letter, feed, run, adapter, text)
        assert letter.diamond_id is not None
        facts = writing_stones.facts_of(adapter, text)
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
            older, newer = sorted(
                [other, (stone, letter)], key=lambda pair: (pair[0].source_updated_at, pair[0].raw_id)
            )
            self._results[older[1].pk] = Result(Outcome.SUPERSEDED, f"letter {newer[1].pk} has a newer payload")
            self._stones[stone.id] = newer
        else:
            self._stones[stone.id] = (stone, letter)

    def _identify(self, letter: DeadLetter, feed: Feed, run: Run, adapter: Adapter, text: bytes) -> None:
        """Identify an item that could not be identified before, and keep its payload in the raw store."""
        identity = adapter.identify(text)
        letter.supplier_stone_id = identity.supplier_stone_id
        letter.diamond_id = ids_of(feed.slug, [identity.supplier_stone_id])[identity.supplier_stone_id]
        received = raw_store.Received(letter.diamond_id, identity.supplier_stone_id, text, raw_store.payload_hash(text))
        try:
            with transaction.atomic():
                letter.raw_id = raw_store.keep(run.pk, letter.observed_at or letter.created_at, received)
        except DataError as error:
            letter.diamond_id, letter.supplier_stone_id = None, ""
            raise MappingError("item", f"the raw store does not take it: {str(error).splitlines()[0]}") from error

    def _obsolete(self, letter: DeadLetter, feed: Feed, run: Run) -> str:
        """The reason why a letter must not be replayed, or "": a later complete full run has asked for every stone anew.

        A payload that the catalogue holds, and that only a newer mapper did not understand, is replayed all the same.
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
        """Upsert all stones, and compare rows before and after for the result of each."""
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

        writing_stones.write(upsert.rows_of(stones), self.pricing, refused=refused)
        written = {row["pk"]: row for row in self._held()}
        # The catalogue may hold the same payload already, but as an older mapper read it.
        again = [stone for stone in stones if held.get(stone.id, {}).get("raw_id") == stone.raw_id]
        writing_stones.write(upsert.rows_of(again), self.pricing, refused=refused, statement=upsert.refresh_incoming)
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

    # --- pages, batches and messages ---------------------------------------------------------------------------------

    def _page(self, letter: DeadLetter) -> Result:
        """Request the page again, by making the run's failed partitions ready: a text that was not decoded is of no use."""
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
        adapter = mapping_adapter_of(batch.run.feed)
        outcome = consolidation.Outcome(stones)
        mapped = consolidation.map_payloads(batch.run, adapter, payloads, outcome)
        texts = {payload.diamond_id: payload.text.decode() for payload in payloads}

        def refused(stone: upsert.MappedStone, error: MappingError) -> None:
            payload = writing_stones.payload_of(stone, texts[stone.id])
            outcome.letters.append(writing_stones.stone_letter(batch.run, payload, error))

        done = writing_stones.write(upsert.rows_of(mapped), self.pricing, refused=refused)
        DeadLetter.objects.bulk_create(outcome.letters)
        # The stones that failed again have letters of their own now.
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
    # Read as text, since the driver would decode the JSON.
    kept = RawDiamond.objects.filter(pk=letter.raw_id or 0).values_list(Cast("payload", TextField()), flat=True).first()
    if kept is None:
        raise MappingError("payload", "it is not kept word for word: the supplier must show the stone again")
    return str(kept).encode()

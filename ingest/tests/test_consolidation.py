"""From stored payloads to priced diamonds: what is written, what is not, and what poison, theft and death cost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from catalog import upsert
from catalog.models import Diamond, diamond_id
from diamondhub import leases
from diamondhub.tests.threads import at_once
from ingest import consolidation, runs
from ingest.errors import MappingError
from ingest.invariants import violations
from ingest.models import ConsolidationBatch, DeadLetter, Feed, RawDiamond, Run
from ingest.tests import factories, rows
from ingest.tests.factories import MemorySupplier, Stone

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def supplier(monkeypatch: pytest.MonkeyPatch) -> MemorySupplier:
    return factories.supplying(monkeypatch, MemorySupplier(factories.stones(8)))


@pytest.fixture
def hanging() -> Iterator[Any]:
    """Lets the database end statements over some stones as it ends those that hang: `hanging(ids)`.

    Really waited for, whatever else takes a busy machine that long would be ended as well.
    """

    def hang(stones: list[str]) -> None:
        ids = ", ".join(f"'{diamond_id('memory', stone)}'" for stone in stones)
        with connection.cursor() as cursor:
            cursor.execute(
                f"""
                CREATE FUNCTION test_hang() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN
                    IF current_setting('statement_timeout') = '0' THEN RAISE 'nothing bounds this statement'; END IF;
                    RAISE query_canceled USING MESSAGE = 'canceling statement due to statement timeout';
                END $$;
                CREATE TRIGGER test_hang BEFORE INSERT ON catalog_diamond
                    FOR EACH ROW WHEN (NEW.id IN ({ids})) EXECUTE FUNCTION test_hang();
                """
            )

    yield hang
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER IF EXISTS test_hang ON catalog_diamond; DROP FUNCTION IF EXISTS test_hang()")


def ready(**fields: Any) -> Run:
    """A run whose batches are cut and not consolidated yet."""
    return factories.drive(factories.start(**fields), until="consolidating")


def costs() -> dict[str, int]:
    return dict(Diamond.objects.values_list("supplier_stone_id", "cost_cents"))


def test_fresh_stones_are_mapped_priced_and_written_with_where_they_come_from(supplier: MemorySupplier) -> None:
    run = ready()

    outcome = consolidation.consolidate_batch(factories.claim_batch(run))

    batch = run.batches.get()
    stone = Diamond.objects.get(supplier_stone_id="S-00003")
    raw = RawDiamond.objects.get(run_id=run.pk, supplier_stone_id="S-00003")
    assert (outcome.stones, outcome.inserted, outcome.updated, outcome.unchanged) == (8, 8, 0, 0)
    assert (batch.state, batch.stones, batch.inserted, batch.dead) == ("completed", 8, 8, 0)
    assert (stone.cost_cents, stone.price_cents, stone.price_per_carat_cents) == (80_000, 112_000, 112_000)
    assert (stone.rule_set, stone.raw_id, stone.source_updated_at) == (1, raw.pk, raw.observed_at)
    assert (stone.id, bytes(stone.payload_hash)) == (raw.diamond_id, bytes(raw.payload_hash))


def test_only_what_changed_is_stored_and_written_again(supplier: MemorySupplier) -> None:
    factories.settled()
    before = dict(Diamond.objects.values_list("supplier_stone_id", "changed_at"))
    supplier.shelf[2].price = 123_400

    run = factories.settled()

    after = dict(Diamond.objects.values_list("supplier_stone_id", "changed_at"))
    assert factories.stored(run) == {"S-00002"}
    assert (run.summary["inserted"], run.summary["updated"], run.summary["unchanged"]) == (0, 1, 7)
    assert [stone for stone in after if after[stone] != before[stone]] == ["S-00002"]
    assert costs()["S-00002"] == 123_400


def test_first_seen_stays_when_a_stone_changes(supplier: MemorySupplier) -> None:
    factories.settled()
    first = Diamond.objects.get(supplier_stone_id="S-00002").first_seen_at
    supplier.shelf[2].price = 123_400

    factories.settled()

    stone = Diamond.objects.get(supplier_stone_id="S-00002")
    assert stone.first_seen_at == first
    assert stone.changed_at > first


def test_within_a_run_the_latest_payload_of_a_stone_wins(supplier: MemorySupplier) -> None:
    run = factories.drive(factories.start(), until="ingesting")
    supplier.shelf.append(Stone("S-00000", price=999_900))

    factories.drive(run)

    assert RawDiamond.objects.filter(run_id=run.pk, supplier_stone_id="S-00000").exists()
    assert costs()["S-00000"] == 999_900


def test_an_older_payload_never_overwrites_a_newer_one(supplier: MemorySupplier) -> None:
    run = ready()
    newer = RawDiamond.objects.get(run_id=run.pk, supplier_stone_id="S-00001").observed_at + timedelta(seconds=1)
    fields = {"cost_cents": 1, "price_cents": 1, "raw_id": 10**9, "source_updated_at": newer}
    rows.diamond("S-00001", feed="memory", **fields)

    outcome = consolidation.consolidate_batch(factories.claim_batch(run))

    assert costs()["S-00001"] == 1
    assert (outcome.inserted, outcome.updated, outcome.unchanged) == (7, 0, 1)


def test_a_batch_that_two_workers_believe_to_hold_is_written_once(supplier: MemorySupplier) -> None:
    run = ready()
    first = factories.claim_batch(run)
    factories.expire(first)
    second = factories.claim_batch(run)

    results = at_once(*[lambda lease=lease: consolidation.consolidate_batch(lease) for lease in (first, second)])

    assert [type(result) for result in results] == [leases.LeaseLost, consolidation.Outcome]
    assert run.batches.get().inserted == 8 == Diamond.objects.count()


def test_doorbells_rung_at_once_consolidate_every_batch_once(supplier: MemorySupplier, settings: Any) -> None:
    settings.CONSOLIDATION_BATCH_STONES = 10
    supplier.shelf = factories.stones(60)
    run = ready()

    results = at_once(*[lambda: consolidation.consolidate(run.pk)] * 2)

    assert results == [None, None]
    assert run.batches.count() == 6
    assert set(run.batches.values_list("state", "attempts")) == {("completed", 1)}
    assert sum(run.batches.values_list("inserted", flat=True)) == 60 == Diamond.objects.count()


def test_what_maps_and_prices_a_run_is_read_once_for_the_batches_of_a_time_slice(
    supplier: MemorySupplier, settings: Any
) -> None:
    settings.CONSOLIDATION_BATCH_STONES = 10
    supplier.shelf = factories.stones(60)
    run = ready()

    with CaptureQueriesContext(connection) as asked:
        consolidation.consolidate(run.pk)

    assert len([query for query in asked if 'FROM "pricing_ruleset"' in query["sql"]]) == 1
    assert run.batches.filter(state="completed").count() == 6


def test_a_lease_that_is_lost_midway_commits_nothing(supplier: MemorySupplier, monkeypatch: pytest.MonkeyPatch) -> None:
    supplier.shelf[0].price = 0
    run = ready()
    lease = factories.claim_batch(run)
    write = upsert.upsert_incoming

    def steal_and_write(*args: Any, **kwargs: Any) -> Any:
        written = write(*args, **kwargs)
        at_once(lambda: ConsolidationBatch.objects.filter(pk=lease.pk).update(lease_token=99))
        return written

    monkeypatch.setattr(upsert, "upsert_incoming", steal_and_write)

    with pytest.raises(leases.LeaseLost):
        consolidation.consolidate_batch(lease)

    assert not Diamond.objects.exists()
    assert not DeadLetter.objects.exists()
    assert run.batches.get().state == "ready"


def test_a_dead_worker_s_batch_is_finished_by_another(supplier: MemorySupplier) -> None:
    run = ready()
    dead = factories.claim_batch(run)
    consolidation.consolidate(run.pk)
    while_it_held = run.batches.get().state
    factories.expire(dead)

    run = factories.drive(run)

    batch = run.batches.get()
    assert while_it_held == "ready"
    assert (batch.state, batch.attempts, batch.inserted) == ("completed", 2, 8)
    assert violations() == []


def test_a_cancelled_run_s_batch_cannot_be_written(supplier: MemorySupplier) -> None:
    run = ready()
    lease = factories.claim_batch(run)
    runs.cancel_run(run.pk, actor="eve")

    with pytest.raises(leases.LeaseLost):
        consolidation.consolidate_batch(lease)

    assert not Diamond.objects.exists()


@pytest.mark.parametrize("poisoned", [[0], [3], [7], [2, 5], list(range(8))])
def test_stones_that_do_not_map_become_dead_letters_wherever_they_stand(
    supplier: MemorySupplier, poisoned: list[int]
) -> None:
    for place in poisoned:
        supplier.shelf[place].says = {"cost_cents": None}
    run = ready(error_budget=1.0)

    outcome = consolidation.consolidate_batch(factories.claim_batch(run))

    ids = {f"S-{place:05}" for place in poisoned}
    letters = list(DeadLetter.objects.all())
    assert factories.listed() == {stone.id for stone in supplier.shelf} - ids
    assert {letter.supplier_stone_id for letter in letters} == ids
    assert {(letter.kind, letter.field, letter.reason) for letter in letters} == {("stone", "price", "is missing")}
    assert len({letter.fingerprint for letter in letters}) == 1
    assert (outcome.stones, outcome.inserted, outcome.unchanged) == (8, 8 - len(poisoned), 0)
    assert run.batches.get().dead == len(poisoned)


@pytest.mark.parametrize(
    ("says", "word"),
    [
        ({"lab": "x" * 33}, "too long"),
        ({"cost_cents": -5}, "diamond_money_positive"),
        ({"carats": "100001"}, "overflow"),
        ({"carats": "NaN"}, "NaN"),
        ({"girdle": "\ud800"}, "surrogates"),
        ({"supplier_name": "NUL\0"}, "0x00"),
    ],
)
def test_a_stone_that_the_catalogue_refuses_is_set_apart_with_the_reason(
    supplier: MemorySupplier, says: dict[str, Any], word: str
) -> None:
    supplier.shelf[3].says = says
    run = ready(error_budget=1.0)

    consolidation.consolidate_batch(factories.claim_batch(run))

    letter = DeadLetter.objects.get()
    assert factories.listed() == {stone.id for stone in supplier.shelf} - {"S-00003"}
    assert letter.supplier_stone_id == "S-00003"
    assert "the catalogue does not take it" in letter.reason
    assert word in letter.reason
    assert letter.payload == supplier.shelf[3].payload().decode()


@pytest.mark.parametrize("poisoned", [[0], [7], [2, 5], list(range(8))])
def test_refused_stones_are_set_apart_wherever_they_stand(supplier: MemorySupplier, poisoned: list[int]) -> None:
    for place in poisoned:
        supplier.shelf[place].says = {"lab": "x" * 33}
    run = ready(error_budget=1.0)

    outcome = consolidation.consolidate_batch(factories.claim_batch(run))

    ids = {f"S-{place:05}" for place in poisoned}
    assert factories.listed() == {stone.id for stone in supplier.shelf} - ids
    assert set(DeadLetter.objects.values_list("supplier_stone_id", flat=True)) == ids
    assert (outcome.inserted, outcome.unchanged, len(outcome.letters)) == (8 - len(ids), 0, len(ids))


def test_a_stone_whose_value_is_of_the_wrong_kind_takes_none_with_it_whose_value_equals_it(
    supplier: MemorySupplier,
) -> None:
    first, *others = sorted(supplier.shelf, key=lambda stone: diamond_id("memory", stone.id))
    first.says = {"cut": True}
    for stone in others:
        stone.says = {"cut": 1}
    run = ready(error_budget=1.0)

    consolidation.consolidate_batch(factories.claim_batch(run))

    assert factories.listed() == {stone.id for stone in others}
    assert DeadLetter.objects.get().supplier_stone_id == first.id


@pytest.mark.parametrize("poisoned", [["S-00000"], ["S-00001", "S-00005"]])
def test_a_stone_that_the_database_hangs_over_is_set_apart(
    supplier: MemorySupplier, hanging: Any, poisoned: list[str]
) -> None:
    run = ready(error_budget=1.0)
    hanging(poisoned)

    consolidation.consolidate_batch(factories.claim_batch(run))

    letters = DeadLetter.objects.all()
    assert factories.listed() == {stone.id for stone in supplier.shelf} - set(poisoned)
    assert {letter.supplier_stone_id for letter in letters} == set(poisoned)
    assert all("statement timeout" in letter.reason for letter in letters)


def test_a_stone_that_breaks_the_mapper_in_a_way_that_nobody_foresaw_is_set_apart(supplier: MemorySupplier) -> None:
    run = ready(error_budget=1.0)

    def break_down(item: bytes) -> None:
        if b"S-00004" in item:
            raise ValueError("no such \ud800 thing")

    supplier.before_mapping = break_down

    consolidation.consolidate_batch(factories.claim_batch(run))

    letter = DeadLetter.objects.get()
    assert factories.listed() == {stone.id for stone in supplier.shelf} - {"S-00004"}
    assert letter.supplier_stone_id == "S-00004"
    assert letter.reason == "the mapper broke: ValueError: no such ? thing"
    assert run.batches.get().state == "completed"


def test_more_dead_letters_than_the_budget_hold_the_run_for_a_person(supplier: MemorySupplier) -> None:
    supplier.shelf = factories.stones(100)
    for stone in supplier.shelf[:3]:
        stone.says = {"cost_cents": None}

    run = factories.settled(error_budget=0.02)

    assert run.state == "in_review"
    assert Feed.objects.get(slug="memory").watermark is None
    assert "3 of 1" in run.events.latest("id").reason
    assert "dead letters, more than 2%" in run.events.latest("id").reason
    assert len(factories.listed()) == 97
    assert violations() == []


def test_dead_letters_within_the_budget_let_the_run_complete(supplier: MemorySupplier) -> None:
    supplier.shelf = factories.stones(100)
    supplier.shelf[50].says = {"cost_cents": None}

    run = factories.settled(error_budget=0.02)

    assert (run.state, run.summary["dead_letters"]) == ("completed", 1)
    assert violations() == []


def test_a_dead_letter_is_read_again_when_the_stone_changes(supplier: MemorySupplier) -> None:
    supplier.shelf[1].says = {"cost_cents": None}
    factories.settled(error_budget=1.0)
    supplier.shelf[1].says = {}

    factories.settled()

    assert "S-00001" in factories.listed()


def test_what_the_mapper_says_reaches_the_letter_without_what_the_database_cannot_keep(
    supplier: MemorySupplier,
) -> None:
    def refuse(_item: bytes) -> None:
        raise MappingError("diamond." + "x" * 200, "'\0' is " + "long " * 200)

    supplier.before_mapping = refuse
    run = ready(error_budget=1.0)

    consolidation.consolidate_batch(factories.claim_batch(run))

    letter = DeadLetter.objects.earliest("id")
    assert len(letter.field) == 100
    assert len(letter.reason) == 500
    assert letter.reason.startswith("'␀' is long")
    assert (letter.run_id, letter.trace_id, letter.mapper_version) == (run.pk, run.trace_id, "memory-mapper-1")


def test_batches_of_a_run_cover_every_stone_once(supplier: MemorySupplier, settings: Any) -> None:
    settings.CONSOLIDATION_BATCH_STONES = 7
    supplier.shelf = factories.stones(50)

    run = ready()

    batches = list(run.batches.order_by("ordinal"))
    found = [stone.diamond_id for batch in batches for stone in consolidation.changed_payloads(batch)[1]]
    assert len(batches) == 8
    assert sorted(found) == sorted(diamond_id("memory", stone.id) for stone in supplier.shelf)


def test_what_no_batch_covers_yet_is_cut_once(supplier: MemorySupplier) -> None:
    run = ready()

    assert consolidation.cut_batches(run) == 0
    assert run.batches.count() == 1

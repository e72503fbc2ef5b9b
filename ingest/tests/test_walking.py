"""Walking a partition: what is committed together, what is counted, and what every kind of trouble does to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.db.models import Sum

from catalog.models import diamond_id
from diamondhub import leases
from diamondhub.pace.limiter import LimiterUnavailable, WaitTooLong
from ingest import raw_store, report, runs
from ingest.draining import draining
from ingest.errors import PermanentSupplierError, SignInRefused, ThrottledBySupplier, TransientSupplierError
from ingest.feeds.adapter import StoneQuery
from ingest.invariants import violations
from ingest.models import DeadLetter, Page, Partition, RawDiamond, Run
from ingest.sandbox.faults import Churn, Settings
from ingest.sandbox.supplier import Options
from ingest.tests import factories
from ingest.tests.factories import MemorySupplier
from ingest.walking import stage as walking
from ingest.walking import walkers

pytestmark = pytest.mark.django_db


@pytest.fixture
def supplier(monkeypatch: pytest.MonkeyPatch) -> MemorySupplier:
    return factories.supplying(monkeypatch, MemorySupplier(factories.stones(35)))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The walkers' own clock, which stands still until a test moves it (seconds)."""
    now = [1_000.0]
    for module in (walking, walkers):
        monkeypatch.setattr(module, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def planned(supplier: MemorySupplier) -> Run:
    """A run that is ready to be walked, in one partition."""
    return factories.drive(factories.start(), until="ingesting")


@pytest.fixture(autouse=True)
def _no_draining() -> Iterator[None]:
    yield
    draining.clear()


def fail_with(supplier: MemorySupplier, error: Exception, *, times: int = 1_000) -> None:
    """Let the next page requests fail."""
    left = [times]

    def fail(_query: StoneQuery, _offset: int) -> None:
        left[0] -= 1
        if left[0] >= 0:
            raise error

    supplier.before_page = fail


def test_a_quiet_partition_is_stored_whole_and_its_ledger_balances(supplier: MemorySupplier, planned: Run) -> None:
    walking.walk(planned.pk)

    partition = factories.only_partition(planned)
    totals = Page.objects.filter(partition=partition).aggregate(Sum("received"), Sum("stored"), Sum("repeats"))
    assert partition.state == "completed"
    assert partition.completed_at is not None
    assert partition.lease_expires_at is None
    assert factories.stored(planned) == {stone.id for stone in supplier.shelf}
    # Every page but the first re-reads the last stone of the one before.
    assert totals == {"received__sum": 38, "stored__sum": 35, "repeats__sum": 3}
    assert partition.other_requests == 1
    assert supplier.pages_asked() == Page.objects.count() + partition.other_requests


def test_payloads_are_kept_word_for_word(supplier: MemorySupplier, planned: Run) -> None:
    odd = b'{"says": {"cost_cents": 1e2,\t"carats":null }, "id": "odd", "id": "S-00000"}'
    supplier.poison = [odd]

    walking.walk(planned.pk)

    newest = RawDiamond.objects.filter(supplier_stone_id="S-00000").latest("id")
    assert bytes(newest.payload_hash) == raw_store.payload_hash(odd)
    with connection.cursor() as cursor:
        cursor.execute("SELECT payload::text FROM ingest_rawdiamond WHERE id = %s", [newest.pk])
        assert cursor.fetchone() == (odd.decode(),)


@pytest.fixture
def _long_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is put off is not due again in the walk that put it off, however long that takes."""
    monkeypatch.setattr("ingest.retries.pause_after", lambda *_, **__: 600.0)


@pytest.mark.usefixtures("_long_pauses")
def test_a_failure_in_the_middle_of_a_page_leaves_neither_rows_nor_ledger_nor_progress(
    supplier: MemorySupplier, planned: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = Page.objects.create

    def refuse_the_second(**fields: Any) -> Page:
        if fields["offset"] > 0:
            raise DatabaseError("the disk is full")
        return create(**fields)

    monkeypatch.setattr(Page.objects, "create", refuse_the_second)

    walking.walk(planned.pk)

    partition = factories.only_partition(planned)
    assert (partition.next_offset, partition.state, partition.errors) == (10, "ready", 1)
    assert Page.objects.count() == 1
    assert len(factories.stored(planned)) == 10


def test_a_walker_whose_lease_was_taken_commits_nothing_more(supplier: MemorySupplier, planned: Run) -> None:
    def steal_before_the_third_page(_query: StoneQuery, offset: int) -> None:
        if offset > 10:
            Partition.objects.filter(run=planned).update(lease_token=77)

    supplier.before_page = steal_before_the_third_page

    walking.walk(planned.pk)

    partition = factories.only_partition(planned)
    assert (partition.next_offset, partition.lease_token, partition.state) == (19, 77, "ready")
    assert len(factories.stored(planned)) == 19
    assert supplier.pages_asked() == 3


def test_a_walker_whose_lease_ran_out_and_was_taken_up_cannot_commit(supplier: MemorySupplier, planned: Run) -> None:
    first = walking.claim_partition(planned.pk)
    assert first is not None
    factories.expire(first)
    second = walking.claim_partition(planned.pk)
    assert second is not None
    adapter: Any = supplier
    partition = Partition.objects.select_related("run__feed").get(pk=first.pk)

    with pytest.raises(leases.LeaseLost):
        walkers.Reading(first, partition, adapter).step()

    assert second.token == first.token + 1
    assert Page.objects.count() == 0
    assert factories.stored(planned) == set()


def test_a_partition_whose_run_was_cancelled_takes_no_further_page(supplier: MemorySupplier, planned: Run) -> None:
    def cancel(_query: StoneQuery, offset: int) -> None:
        if offset:
            runs.cancel_run(planned.pk, actor="eve")

    supplier.before_page = cancel

    walking.walk(planned.pk)

    assert factories.only_partition(planned).state == "cancelled"
    assert len(factories.stored(planned)) == 10


def test_items_that_do_not_say_who_they_are_become_dead_letters_and_the_walk_goes_on(
    supplier: MemorySupplier, planned: Run
) -> None:
    supplier.poison = [b'{"says": {}}', b"nonsense", b'{"id": "\xff"}']

    walking.walk(planned.pk)

    letters = DeadLetter.objects.order_by("id")
    page = Page.objects.earliest("id")
    assert factories.only_partition(planned).state == "completed"
    assert factories.stored(planned) == {stone.id for stone in supplier.shelf}
    assert [(letter.kind, letter.field) for letter in letters] == [("item", "id"), ("item", "id"), ("item", "item")]
    assert letters[1].payload == "nonsense"
    assert "UTF-8" in letters[2].reason
    assert (page.received, page.dead) == (13, 3)
    assert violations() == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("places", [range(3), [9], [8, 9, 10], range(0, 40, 4)])
def test_an_item_without_an_id_counts_once_however_often_pages_and_look_ups_show_it(
    supplier: MemorySupplier, places: Sequence[int]
) -> None:
    supplier.shelf = factories.stones(40)
    factories.settled()
    supplier.nameless = {supplier.shelf[place].id for place in places}
    # A count that is off has the partition read twice more.
    supplier.miscount = lambda count: count + 1

    run = factories.settled(error_budget=0.01)

    pages = Page.objects.filter(run_id=run.pk)
    assert pages.filter(reread=2).exists()
    assert pages.filter(partition__kind="confirm").exists()
    assert run.dead_letters.count() == len(places)
    assert report.report(run)["dead_letters"] == pages.aggregate(dead=Sum("dead"))["dead"] == len(places)
    if len(places) > 1:
        assert f"{len(places)} of 40 stones are dead letters, more than 1%" in run.events.latest("id").reason
    assert factories.listed() == {stone.id for stone in supplier.shelf}
    assert violations() == []


def test_equal_items_on_one_page_are_so_many_stones(supplier: MemorySupplier) -> None:
    supplier.poison = [b"{}"] * 3
    supplier.miscount = lambda count: count + 10

    run = factories.settled()

    assert Page.objects.filter(reread=1).exists()
    assert run.dead_letters.count() == 3


@pytest.mark.usefixtures("_long_pauses")
def test_transient_failures_put_the_partition_off_and_a_good_page_forgets_them(
    supplier: MemorySupplier, planned: Run
) -> None:
    fail_with(supplier, TransientSupplierError("the supplier answers 502"), times=2)

    walking.walk(planned.pk)
    after_one = factories.only_partition(planned)
    factories.make_due(planned)
    walking.walk(planned.pk)
    after_two = factories.only_partition(planned)
    factories.make_due(planned)
    walking.walk(planned.pk)

    partition = factories.only_partition(planned)
    assert [(p.errors, p.state, p.lease_expires_at) for p in (after_one, after_two)] == [
        (1, "ready", None),
        (2, "ready", None),
    ]
    assert (partition.state, partition.errors) == ("completed", 0)
    # Two failures and the empty page.
    assert partition.other_requests == 3


def test_pauses_grow_with_the_failures_up_to_the_cap(
    supplier: MemorySupplier, planned: Run, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.RETRY_BASE_SECONDS, settings.RETRY_CAP_SECONDS = 1.0, 10.0
    ceilings: list[float] = []

    def longest(_low: float, high: float) -> float:
        ceilings.append(high)
        return high

    monkeypatch.setattr("ingest.retries.random.uniform", longest)
    fail_with(supplier, TransientSupplierError("the supplier answers 502"), times=5)

    for _ in range(5):
        factories.make_due(planned)
        walking.walk(planned.pk)

    assert ceilings == [2, 4, 8, 10, 10]


def test_failures_beyond_the_budget_fail_the_partition_with_its_reason(
    supplier: MemorySupplier, planned: Run, settings: Any
) -> None:
    settings.PARTITION_ERROR_BUDGET = 3
    fail_with(supplier, TransientSupplierError("the supplier answers 502"))

    for _ in range(5):
        factories.make_due(planned)
        walking.walk(planned.pk)

    partition = factories.only_partition(planned)
    assert partition.state == "failed"
    assert partition.failure == "transient: the supplier answers 502"
    assert supplier.pages_asked() == 3 == partition.errors


@pytest.mark.parametrize(
    "error",
    [ThrottledBySupplier("the supplier answers 429"), WaitTooLong(2.0), LimiterUnavailable("redis is away")],
)
def test_waiting_for_a_slot_costs_no_attempt(
    supplier: MemorySupplier, planned: Run, settings: Any, error: Exception
) -> None:
    settings.PARTITION_ERROR_BUDGET = 2
    fail_with(supplier, error, times=5)

    for _ in range(6):
        factories.make_due(planned)
        walking.walk(planned.pk)

    partition = factories.only_partition(planned)
    assert (partition.state, partition.errors) == ("completed", 0)


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (PermanentSupplierError("the supplier answers 400"), "permanent: the supplier answers 400"),
        (SignInRefused(), "signed_out: The supplier refused the user name or the password"),
    ],
)
def test_what_waiting_does_not_help_fails_the_partition_at_once(
    supplier: MemorySupplier, planned: Run, error: Exception, failure: str
) -> None:
    fail_with(supplier, error)

    walking.walk(planned.pk)

    partition = factories.only_partition(planned)
    assert partition.state == "failed"
    assert partition.failure.startswith(failure)
    assert partition.due_at is None
    assert supplier.pages_asked() == 1


def test_what_nobody_foresaw_is_tried_again_and_then_fails_the_partition_with_its_reason(
    supplier: MemorySupplier, planned: Run, settings: Any
) -> None:
    settings.PARTITION_ERROR_BUDGET = 3
    fail_with(supplier, ZeroDivisionError("never\0thought of"))

    for _ in range(5):
        factories.make_due(planned)
        walking.walk(planned.pk)

    partition = factories.only_partition(planned)
    assert (partition.state, partition.errors) == ("failed", 3)
    assert partition.failure == r"transient: the walk broke: ZeroDivisionError: 'never\x00thought of'"


def test_a_failure_after_the_lease_was_lost_is_nobody_s_business(supplier: MemorySupplier, planned: Run) -> None:
    def cancel_and_fail(_query: StoneQuery, _offset: int) -> None:
        runs.cancel_run(planned.pk, actor="eve")
        raise PermanentSupplierError("the supplier answers 400")

    supplier.before_page = cancel_and_fail

    walking.walk(planned.pk)

    partition = factories.only_partition(planned)
    assert (partition.state, partition.failure) == ("cancelled", "")


def test_a_walker_gives_its_partition_back_when_its_slice_is_over_and_another_goes_on_there(
    supplier: MemorySupplier, planned: Run, clock: list[float], settings: Any
) -> None:
    def take_long(_query: StoneQuery, _offset: int) -> None:
        clock[0] += settings.WALK_SLICE_SECONDS * 0.6

    supplier.before_page = take_long

    walking.walk(planned.pk)
    partition = factories.only_partition(planned)
    walking.walk(planned.pk)

    assert (partition.next_offset, partition.lease_expires_at, partition.state) == (19, None, "ready")
    # The end is looked for at once, by whoever has the last page.
    assert [offset for kind, offset in supplier.asked if kind == "page"] == [0, 9, 18, 27, 35]


@pytest.mark.parametrize("hidden", [set(), {"S-00004", "S-00034"}])
def test_a_supplier_that_takes_longer_than_a_slice_for_every_request_is_walked_to_the_end(
    supplier: MemorySupplier, planned: Run, clock: list[float], settings: Any, hidden: set[str]
) -> None:
    def take_very_long(_query: StoneQuery, _offset: int) -> None:
        clock[0] += settings.WALK_SLICE_SECONDS * 1.5

    supplier.before_page, supplier.hidden = take_very_long, hidden

    for _ in range(30):
        walking.walk(planned.pk)

    assert factories.only_partition(planned).state == "completed"
    assert factories.stored(planned) == {stone.id for stone in supplier.shelf} - hidden


def test_a_walker_that_is_told_to_stop_commits_the_page_in_hand_and_gives_its_lease_back(
    supplier: MemorySupplier, planned: Run
) -> None:
    supplier.before_page = lambda _query, _offset: draining.set()

    walking.walk(planned.pk)

    partition = factories.only_partition(planned)
    assert (partition.next_offset, partition.lease_expires_at, partition.state) == (10, None, "ready")
    assert supplier.pages_asked() == 1


def test_no_more_partitions_are_walked_at_once_than_there_are_walkers(supplier: MemorySupplier, settings: Any) -> None:
    settings.WALKERS = 1
    run = factories.drive(factories.start(max_partition_stones=10), until="ingesting")

    held = [walking.claim_partition(run.pk) for _ in range(3)]

    assert held[0] is not None
    assert held[1:] == [None, None]


def test_the_partition_with_most_left_to_read_is_walked_first(supplier: MemorySupplier) -> None:
    run = factories.drive(factories.start(max_partition_stones=10), until="ingesting")
    largest = run.partitions.order_by("-expected", "id")[0]

    lease = walking.claim_partition(run.pk)

    assert lease is not None
    assert lease.pk == largest.pk


def test_stones_that_are_counted_and_never_shown_are_read_for_again_and_kept_as_missing(
    supplier: MemorySupplier, planned: Run
) -> None:
    supplier.hidden = {"S-00003", "S-00011", "S-00034"}

    walking.walk(planned.pk)

    partition = factories.only_partition(planned)
    assert factories.stored(planned) == {stone.id for stone in supplier.shelf} - supplier.hidden
    assert (partition.state, partition.missing, partition.recounted) == ("completed", 3, 35)
    assert partition.rereads == walkers.REREADS


def test_a_partition_that_shrank_is_counted_again_and_not_read_again(supplier: MemorySupplier, planned: Run) -> None:
    def sell_one(_query: StoneQuery, offset: int) -> None:
        if offset and len(supplier.shelf) == 35:
            del supplier.shelf[0]

    supplier.before_page = sell_one

    walking.walk(planned.pk)

    partition = factories.only_partition(planned)
    assert (partition.state, partition.missing, partition.rereads) == ("completed", 0, 0)
    assert {stone.id for stone in supplier.shelf} <= factories.stored(planned)


def test_pages_that_move_for_ever_end_in_a_failure_not_in_a_walk_for_ever(
    supplier: MemorySupplier, planned: Run, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.PARTITION_ERROR_BUDGET = 1
    monkeypatch.setattr(walkers, "RUNAWAY_ALLOWANCE", 10)
    number = iter(range(10**6))

    def move_on(_query: StoneQuery, _offset: int) -> None:
        supplier.shelf = factories.stones(35, first=35 * next(number), step=0)

    supplier.before_page = move_on

    walking.walk(planned.pk)

    partition = factories.only_partition(planned)
    assert partition.state == "failed"
    assert "move too fast" in partition.failure
    assert supplier.pages_asked() < 60


def test_every_stone_that_stood_still_is_stored_while_others_come_change_and_go() -> None:
    with factories.sandbox_feed(Options(stones=1_500), max_partition_stones=250) as (sandbox, feed):
        before = {str(item["diamond"]["id"]) for item in sandbox.supplier.items(labgrown=True, availability=0)}
        run = runs.start_run(feed.slug, kind="full", started_by="eve")
        sandbox.supplier.set_faults(Settings(churn=Churn(per_request=3, feed="labgrown"), seed=4))

        run = factories.drive(run, until="settling")

        moved = {stone for ids in sandbox.supplier.changes().values() for stone in ids}

    assert len(moved) > 60
    assert before - moved <= factories.stored(run)
    assert not run.partitions.exclude(state="completed").exists()


def test_a_page_names_the_stones_that_it_showed_in_their_order(supplier: MemorySupplier, planned: Run) -> None:
    walking.walk(planned.pk)

    first = Page.objects.earliest("id")
    assert first.stone_ids == [diamond_id("memory", stone.id) for stone in supplier.shelf[:10]]
    assert factories.shown(planned) == {diamond_id("memory", stone.id) for stone in supplier.shelf}

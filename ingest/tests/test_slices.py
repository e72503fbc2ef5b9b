"""Offset slices of one crowded list: whatever leaves while several walkers read it, no stone that stood still is lost."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.models import diamond_id
from ingest.feeds.adapter import StoneQuery
from ingest.invariants import violations
from ingest.models import Page, Partition
from ingest.tests import factories
from ingest.tests.factories import MemorySupplier, Stone
from ingest.walking import slices
from ingest.walking import stage as walking
from ingest.walking.footing import Footing, Verdict

LIMIT = 5


@dataclass(slots=True)
class Reader:
    """One slice of the list and the walker that reads it."""

    footing: Footing
    next: Reader | None = None
    shown: set[uuid.UUID] = field(default_factory=set)
    over: bool = False

    def step(self, inventory: list[uuid.UUID], most: int = LIMIT) -> None:
        if self.footing.lost:
            self.footing.start_again()
        offset = self.footing.next_offset()
        items = inventory[offset : offset + most]
        verdict = self.footing.received(offset, items, len(items))
        if verdict is Verdict.GO_ON:
            self.shown.update(items)
            self.over = self.next is not None and not self.next.shown.isdisjoint(items)
        elif verdict is Verdict.END:
            self.over = True


def readers_of(starts: list[int]) -> list[Reader]:
    following: Reader | None = None
    found: list[Reader] = []
    for start in reversed(starts):
        following = Reader(Footing(LIMIT, start, expected=-1, start=start), following)
        found.insert(0, following)
    return found


@given(
    size=st.integers(0, 90),
    starts=st.sets(st.integers(1, 100), max_size=4),
    leaving=st.lists(st.lists(st.integers(0, 89), max_size=10), max_size=60),
    seed=st.integers(0, 10**6),
    eager=st.integers(0, 4),
    short=st.booleans(),
)
@settings(max_examples=1500, deadline=None)
def test_every_stone_that_stood_still_is_read_by_one_slice_or_another(
    size: int, starts: set[int], leaving: list[list[int]], seed: int, eager: int, short: bool
) -> None:
    inventory = [uuid.UUID(int=number + 1) for number in range(size)]
    everything = list(inventory)
    dice = Random(seed)
    readers = readers_of([0, *sorted(starts)])
    left = iter(leaving)

    for _ in range(5_000):
        for place in next(left, []):
            if place < size and everything[place] in inventory:
                inventory.remove(everything[place])
        open_ones = [reader for reader in readers if not reader.over]
        if not open_ones:
            break
        # Some walkers are faster than others, some have not begun.
        favoured = readers[eager % len(readers)]
        chosen = favoured if favoured in open_ones and dice.random() < 0.5 else dice.choice(open_ones)
        # Pages come short, too.
        chosen.step(inventory, dice.choice((1, 3, LIMIT, LIMIT, LIMIT)) if short else LIMIT)

    assert all(reader.over for reader in readers)
    assert set(inventory) <= set().union(*(reader.shown for reader in readers))


def test_a_stretch_that_was_seen_and_lost_is_no_footing_for_who_begins_again() -> None:
    inventory = [uuid.UUID(int=number) for number in range(60)]
    first, second = readers_of([0, 40])
    # The second sees one stone, 40; then so many leave that stepping back jumps over it, to the front of the list.
    second.step(inventory, most=1)
    del inventory[:6]
    while not second.footing.lost:
        second.step(inventory)
    second.step(inventory)
    first.step(inventory)
    assert first.over

    # Now stone 40 stands where the second wants to go on, with four before it that nobody has seen.
    inventory = [*inventory[20:24], *inventory[34:]]
    assert inventory[second.footing.next_offset()] == uuid.UUID(int=40)
    while not second.over:
        second.step(inventory)

    assert set(inventory) <= first.shown | second.shown


def test_slices_of_a_list_that_stands_still_read_little_twice() -> None:
    inventory = [uuid.UUID(int=number + 1) for number in range(400)]
    readers = readers_of([0, 100, 200, 300])
    requests = 0

    while any(not reader.over for reader in readers):
        for reader in readers:
            if not reader.over:
                reader.step(inventory)
                requests += 1

    assert set().union(*(reader.shown for reader in readers)) == set(inventory)
    # 4 new stones a page, and a few pages at each border and at the end.
    assert requests <= 100 + 4 * 3


@pytest.fixture
def supplier(monkeypatch: pytest.MonkeyPatch) -> MemorySupplier:
    crowd = [Stone(f"S-{number:04}", price=77_700, carats=Decimal("0.300")) for number in range(500)]
    return factories.supplying(monkeypatch, MemorySupplier(crowd))


@pytest.mark.django_db
def test_a_crowded_price_is_walked_in_slices_and_read_whole(supplier: MemorySupplier) -> None:
    run = factories.settled(max_partition_stones=100)

    sliced = run.partitions.filter(offset_to__isnull=False)
    assert run.state == "completed"
    assert run.plan.largest <= 100
    assert sliced.count() >= 5
    assert factories.listed() == {stone.id for stone in supplier.shelf}
    assert sum(run.partitions.values_list("missing", flat=True)) == 0
    # 56 pages of 9 new stones, and what the borders cost.
    assert supplier.pages_asked() <= 56 + 2 * run.partitions.count()
    assert violations() == []


@pytest.mark.django_db
def test_stones_that_leave_between_the_requests_lose_no_other(supplier: MemorySupplier) -> None:
    dice = Random(7)
    gone: set[str] = set()

    def leave(_query: StoneQuery, _offset: int) -> None:
        for _ in range(dice.choice((0, 0, 1, 3))):
            if len(supplier.shelf) > 250:
                gone.add(supplier.shelf.pop(dice.randrange(len(supplier.shelf))).id)

    supplier.before_page = leave
    run = factories.start(max_partition_stones=100, delist_brake=1.0)

    factories.drive(run, until="settling")

    assert len(gone) > 50
    assert {diamond_id("memory", stone.id) for stone in supplier.shelf} <= factories.shown(run)


@pytest.mark.django_db
def test_a_slice_that_lost_all_it_saw_begins_again_at_the_front(supplier: MemorySupplier) -> None:
    run = factories.drive(factories.start(max_partition_stones=250), until="ingesting")
    second = Partition.objects.get(run=run, offset_from__gt=0, expected__lt=250, offset_to=None)
    Partition.objects.filter(run=run).exclude(pk=second.pk).update(due_at=None)
    lost: list[Stone] = []

    def leave(_query: StoneQuery, offset: int) -> None:
        if offset > second.offset_from and not lost:
            lost.extend(supplier.shelf[second.offset_from : second.offset_from + 10])
            del supplier.shelf[: second.offset_from + 10]

    supplier.before_page = leave

    walking.walk(run.pk)

    second.refresh_from_db()
    assert lost
    assert second.state == "completed"
    assert second.rereads == 1
    assert {diamond_id("memory", stone.id) for stone in supplier.shelf} <= factories.shown(run)


@pytest.mark.django_db
def test_a_slice_makes_way_for_one_that_nobody_has_begun(supplier: MemorySupplier) -> None:
    run = factories.drive(factories.start(max_partition_stones=250), until="ingesting")
    first = Partition.objects.get(run=run, offset_from=0, expected__gt=0)
    later = slices._of_list(first).exclude(pk=first.pk)
    lease = walking.claim_partition(run.pk)
    assert lease is not None
    assert lease.pk == first.pk

    walking._walk_leased(lease, end=float("inf"))

    first.refresh_from_db()
    assert first.offset_to is not None
    assert (first.state, first.lease_expires_at) == ("ready", None)
    assert first.offset_to <= first.next_offset <= first.offset_to + 10
    assert not Page.objects.filter(partition__in=later).exists()


@pytest.mark.django_db
def test_the_last_slice_to_end_counts_what_was_never_shown(supplier: MemorySupplier) -> None:
    supplier.hidden = {f"S-{number:04}" for number in range(40, 440, 9)}

    run = factories.drive(factories.start(max_partition_stones=100), until="settling")

    assert sum(run.partitions.values_list("missing", flat=True)) == len(supplier.hidden)

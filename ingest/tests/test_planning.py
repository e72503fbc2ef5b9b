"""Cutting a window into partitions by counts alone, over every shape of inventory and against a supplier that lies."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from diamondhub import leases
from diamondhub.operations.models import Problem
from diamondhub.pace.limiter import LimiterUnavailable, WaitTooLong
from ingest import runs
from ingest.errors import PermanentSupplierError, SignInRefused, ThrottledBySupplier, TransientSupplierError
from ingest.feeds.adapter import StoneQuery
from ingest.feeds.adapters import adapter_of
from ingest.models import Feed, Run
from ingest.planning import stage as planning
from ingest.planning.cutting import make_plan
from ingest.planning.plans import Plan
from ingest.sandbox.supplier import Options
from ingest.tests import factories
from ingest.tests.factories import MemorySupplier, Stone, with_prices

WINDOW = StoneQuery()


def ranges(plan: Plan) -> list[tuple[int, int | None]]:
    """The price ranges of a plan, each once, in order."""
    return list(dict.fromkeys((piece.query.price_from, piece.query.price_to) for piece in plan.slices))


def assert_tiles(plan: Plan) -> None:
    edges = ranges(plan)
    assert edges[0][0] == 0
    assert edges[-1][1] is None
    for (_, end), (start, _) in pairwise(edges):
        assert end is not None
        assert start - end == (0 if plan.shared_ends else 1)


def covered(supplier: MemorySupplier, plan: Plan) -> set[str]:
    return {stone.id for piece in plan.slices for stone in supplier.find(piece.query)}


@pytest.mark.django_db
@pytest.mark.parametrize(("labgrown", "exact"), [(True, False), (False, False), (True, True)])
def test_a_real_distribution_is_cut_evenly_for_a_few_requests(labgrown: bool, exact: bool) -> None:
    with factories.sandbox_feed(Options(exact_prices=exact), labgrown=labgrown) as (sandbox, feed):
        adapter = adapter_of(feed)

        plan = make_plan(adapter, WINDOW, max_stones=feed.max_partition_stones)

        asked = sandbox.supplier.accounting.stats()["requests"]

    sizes = [piece.expected for piece in plan.slices]
    assert plan.difference == 0
    assert plan.shared_ends is exact
    assert max(sizes) <= feed.max_partition_stones
    assert max(sizes) <= 1.25 * sum(sizes) / len(sizes)
    assert asked <= max(20, 0.05 * plan.total / adapter.page_limit)
    # The sign-in is a request too, and not one of planning's.
    assert plan.requests == asked - 1
    assert_tiles(plan)


def test_an_empty_feed_is_one_open_partition() -> None:
    plan = make_plan(MemorySupplier(), WINDOW, max_stones=100)

    assert [(piece.query.price_from, piece.query.price_to, piece.expected) for piece in plan.slices] == [(0, None, 0)]
    assert plan.requests <= 2


def test_one_stone_is_one_partition() -> None:
    plan = make_plan(MemorySupplier(factories.stones(1)), WINDOW, max_stones=100)

    assert [(piece.query.price_from, piece.query.price_to, piece.expected) for piece in plan.slices] == [(0, None, 1)]


def test_stones_at_one_price_are_cut_by_weight() -> None:
    shelf = [Stone(f"S-{n}", price=1000 * (30 + n % 400), carats=Decimal(30 + n % 400) / 100) for n in range(5_000)]
    supplier = MemorySupplier(shelf)

    plan = make_plan(supplier, WINDOW, max_stones=500)

    assert {stone.dollars_per_carat for stone in shelf} == {1000}
    assert plan.largest <= 500
    assert covered(supplier, plan) == {stone.id for stone in shelf}
    assert_tiles(plan)


@pytest.mark.parametrize("carats", [Decimal("1.000"), None])
def test_stones_that_nothing_tells_apart_are_cut_by_their_place_in_the_list(carats: Decimal | None) -> None:
    supplier = MemorySupplier([Stone(f"S-{n}", price=77_700, carats=carats) for n in range(1_000)])

    plan = make_plan(supplier, WINDOW, max_stones=100)

    crowded = [piece for piece in plan.slices if piece.expected]
    assert len({piece.query for piece in crowded}) == 1
    assert [piece.offset_from for piece in crowded] == [0, *[piece.offset_to for piece in crowded[:-1]]]
    assert crowded[-1].offset_to is None
    assert plan.largest <= 80
    assert sum(piece.expected for piece in plan.slices) == 1_000
    assert_tiles(plan)


def test_a_range_of_prices_with_one_weight_too_many_is_cut_by_price_before_it_is_cut_by_weight() -> None:
    weights = [Decimal("0.30") if number < 7 else Decimal(31 + 7 * number % 90) / 100 for number in range(20)]
    shelf = [
        Stone(f"S-{dollars}-{number}", price=int(dollars * 100 * carats), carats=carats)
        for dollars in range(40, 60)
        for number, carats in enumerate(weights)
    ]
    supplier = MemorySupplier(shelf)
    supplier.counts_per_request = 100

    plan = make_plan(supplier, WINDOW, max_stones=80)

    assert plan.largest <= 1.25 * plan.mean
    assert covered(supplier, plan) == {stone.id for stone in shelf}
    assert sum(piece.expected for piece in plan.slices) == len(shelf)
    assert_tiles(plan)


def test_one_stone_a_price_is_cut_evenly() -> None:
    supplier = MemorySupplier(with_prices([dollars * 100 for dollars in range(1, 3_001)]))

    plan = make_plan(supplier, WINDOW, max_stones=250)

    assert plan.largest <= 250
    assert plan.largest <= 1.25 * plan.total / len(plan.slices)
    assert_tiles(plan)


def test_stones_beyond_every_expected_price_are_cut_too() -> None:
    supplier = MemorySupplier(with_prices([100 * (150_000 + 7 * number) for number in range(1_000)]))

    plan = make_plan(supplier, WINDOW, max_stones=100)

    assert plan.largest <= 100
    assert covered(supplier, plan) == {stone.id for stone in supplier.shelf}
    assert_tiles(plan)


def test_a_supplier_that_refuses_aliases_is_asked_one_by_one() -> None:
    prices = [100 * (200 + number) for number in range(1_000)]
    one_by_one = MemorySupplier(with_prices(prices), aliases=False)

    plan = make_plan(one_by_one, WINDOW, max_stones=200)

    assert plan.largest <= 250
    assert covered(one_by_one, plan) == {stone.id for stone in one_by_one.shelf}
    assert_tiles(plan)
    assert plan.requests < 20
    refused = [asked for _, asked in one_by_one.asked if len(asked) > 1]
    # One that failed, and two of a count that is known to be answered.
    assert [len(set(asked)) for asked in refused] == [15, 1]
    assert plan.requests == len(one_by_one.asked)


def test_a_supplier_that_compares_exact_prices_gets_ranges_that_share_their_ends() -> None:
    # All between two whole dollars: ranges that only touch lose every stone at an edge.
    supplier = MemorySupplier(with_prices([100 * (200 + number) + 60 for number in range(1_000)]), exact=True)

    plan = make_plan(supplier, WINDOW, max_stones=100)

    assert plan.shared_ends
    assert plan.difference == 0
    assert covered(supplier, plan) == {stone.id for stone in supplier.shelf}
    assert_tiles(plan)


def test_stones_that_a_window_loses_are_the_plan_s_difference() -> None:
    supplier = MemorySupplier(factories.stones(1_000))

    def count_only_the_window(queries: Sequence[StoneQuery]) -> None:
        whole = queries[0].price_from == 0 and queries[0].price_to is None and len(queries) == 1
        supplier.miscount = lambda count: count if whole else count * 9 // 10

    supplier.before_count = count_only_the_window

    plan = make_plan(supplier, WINDOW, max_stones=100)

    assert plan.difference >= 90
    assert_tiles(plan)


@pytest.mark.parametrize("lie", [lambda _count: 0, lambda _count: 10**9, lambda count: count * 7 % 1_000])
def test_planning_ends_whatever_the_counts_say(lie: Any) -> None:
    supplier = MemorySupplier(factories.stones(500))
    supplier.miscount = lie

    plan = make_plan(supplier, WINDOW, max_stones=10**8)

    assert_tiles(plan)
    assert len(supplier.asked) < 1_000


@given(
    dollars=st.lists(
        st.one_of(st.integers(0, 3_000), st.sampled_from([99, 100, 500, 1_000]), st.integers(0, 10_000_000)),
        max_size=150,
    ),
    cents=st.integers(0, 99),
    exact=st.booleans(),
    most=st.integers(1, 60),
)
# More ranges than counts are allowed for.
@example(dollars=[*[0] * 9, 1, 3, 99, 99, 124, 126, 159], cents=1, exact=True, most=3)
@settings(max_examples=60)
def test_whatever_the_prices_the_partitions_tile_the_axis_and_cover_every_stone(
    dollars: list[int], cents: int, exact: bool, most: int
) -> None:
    supplier = MemorySupplier(with_prices([100 * dollar + cents for dollar in dollars]), exact=exact)

    plan = make_plan(supplier, WINDOW, max_stones=most)

    assert_tiles(plan)
    assert covered(supplier, plan) == {stone.id for stone in supplier.shelf}
    assert plan.total == len(dollars)
    if not plan.shared_ends:
        assert sum(piece.expected for piece in plan.slices) == len(dollars)
    # What was not counted may be guessed too low.
    assert plan.difference == 0 or plan.uncounted


@pytest.fixture
def supplier(monkeypatch: pytest.MonkeyPatch) -> MemorySupplier:
    return factories.supplying(monkeypatch, MemorySupplier(factories.stones(25)))


@pytest.mark.django_db
def test_a_planned_run_keeps_its_partitions_window_and_cost(supplier: MemorySupplier) -> None:
    run = factories.start(max_partition_stones=10, window_lag_seconds=60)

    run = factories.drive(run, until="ingesting")

    partitions = list(run.partitions.order_by("ordinal"))
    assert sum(partition.expected for partition in partitions) == 25 == run.plan.total
    assert (run.plan.partitions, run.plan.largest) == (len(partitions), max(p.expected for p in partitions))
    assert run.plan.requests == len(supplier.asked) + 1
    assert run.window_from is None
    assert run.window_to is not None
    assert 59 < (supplier.server_time() - run.window_to).total_seconds() < 90
    assert all(partition.due_at and partition.state == "ready" for partition in partitions)


@pytest.mark.django_db
def test_an_incremental_run_starts_a_lap_before_the_watermark_and_asks_for_every_availability(
    supplier: MemorySupplier,
) -> None:
    run = factories.start("incremental", watermark=factories.LONG_AGO, overlap_seconds=900)

    run = factories.drive(run, until="ingesting")

    assert run.window_from is not None
    assert (factories.LONG_AGO - run.window_from).total_seconds() == 900
    assert all(not query.available_only for _, queries in supplier.asked for query in queries)


@pytest.mark.django_db
def test_counts_that_do_not_add_up_make_the_run_suspect(supplier: MemorySupplier) -> None:
    # Whatever is less than the window is counted one short.
    supplier.miscount = lambda count: count if count == 25 else max(0, count - 1)

    run = factories.drive(factories.start(max_partition_stones=10), until="ingesting")

    assert run.plan.difference > 0
    assert run.suspect == f"the partitions' counts lack {run.plan.difference} of 25 stones"


@pytest.mark.django_db
def test_a_window_is_fixed_although_the_first_question_for_the_time_fails(
    supplier: MemorySupplier, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = iter([True, True])
    server_time = supplier.server_time

    def fail_at_first() -> datetime:
        if next(failing, False):
            raise TransientSupplierError("the supplier answers 502")
        return server_time()

    monkeypatch.setattr(supplier, "server_time", fail_at_first)

    run = factories.settled()

    assert run.state == "completed"
    assert run.window_to is not None
    assert Feed.objects.get(slug="memory").watermark == run.window_to
    queries = [query for kind, asked in supplier.asked if kind == "count" for query in asked]
    assert {query.window_to for query in queries} == {run.window_to}


@pytest.mark.django_db
def test_planning_outlives_a_few_failures_with_growing_pauses(supplier: MemorySupplier) -> None:
    failing = iter([True, True, True, False])

    def fail(_queries: Sequence[StoneQuery]) -> None:
        if next(failing, False):
            raise TransientSupplierError("the supplier answers 502")

    supplier.before_count = fail
    run = factories.start()

    runs.advance(run.pk)
    after_one = Run.objects.get(pk=run.pk)
    run = factories.drive(run, until="ingesting")

    assert after_one.state == "planning"
    assert after_one.planning_failures == 1
    assert after_one.lease_expires_at is None
    assert after_one.due_at is not None
    assert run.plan.total == 25


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("error", "attempts", "kind"),
    [
        (TransientSupplierError("the supplier answers 502"), planning.ERROR_BUDGET, "transient"),
        (PermanentSupplierError("the supplier answers 400"), 1, "permanent"),
        (SignInRefused("check NIVODA_USERNAME"), 1, "signed_out"),
    ],
)
def test_planning_that_does_not_succeed_fails_the_run_with_its_reason_and_one_alert(
    supplier: MemorySupplier, error: Exception, attempts: int, kind: str
) -> None:
    def fail(_queries: Sequence[StoneQuery]) -> None:
        raise error

    supplier.before_count = fail

    run = factories.settled()

    assert run.state == "failed"
    assert run.failure == f"planning failed ({kind}): {error}"
    assert len(supplier.asked) == attempts
    assert Problem.objects.get(kind="run-failed").subject.endswith(run.failure)
    assert run.events.latest("id").to_state == "failed"


@pytest.mark.django_db
@pytest.mark.parametrize("error", [ThrottledBySupplier(retry_after=5), WaitTooLong(3.0), LimiterUnavailable("away")])
def test_being_throttled_puts_planning_off_and_costs_no_attempt(supplier: MemorySupplier, error: Exception) -> None:
    throttled = iter([error] * 10)

    def throttle(_queries: Sequence[StoneQuery]) -> None:
        for trouble in throttled:
            raise trouble

    supplier.before_count = throttle

    run = factories.drive(factories.start(), until="ingesting")

    assert run.plan.total == 25
    assert len(supplier.asked) > 10


@pytest.mark.django_db
def test_a_planner_that_lost_its_lease_writes_nothing(supplier: MemorySupplier) -> None:
    run = factories.start()

    def steal(_queries: Sequence[StoneQuery]) -> None:
        supplier.before_count = lambda _queries: None
        Run.objects.filter(pk=run.pk).update(lease_token=99)

    supplier.before_count = steal

    runs.advance(run.pk)

    run.refresh_from_db()
    assert run.state == "planning"
    assert run.partitions.count() == 0
    assert run.lease_token == 99


@pytest.mark.django_db
def test_a_plan_whose_lease_ran_out_before_it_was_kept_leaves_no_partition(supplier: MemorySupplier) -> None:
    run = factories.start()
    lease = leases.claim_one(Run, run.pk, state="planning", seconds=60)
    assert lease is not None
    plan = make_plan(supplier, WINDOW, max_stones=10)
    Run.objects.filter(pk=run.pk).update(lease_token=99)

    with pytest.raises(leases.LeaseLost):
        planning.keep_plan(run, lease, WINDOW, plan)

    assert run.partitions.count() == 0
    assert Run.objects.get(pk=run.pk).state == "planning"

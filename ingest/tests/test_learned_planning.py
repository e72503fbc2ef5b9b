"""Planning from what is known: the catalogue's density, the counts of a planner that died, and what may be spent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import pairwise
from random import Random
from typing import Any

import msgspec
import pytest
from django.test.utils import override_settings
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.planner import know
from catalog.models import Diamond
from catalog.tests.factories import build_diamond
from ingest import runs
from ingest.errors import SupplierTooSlow, TransientSupplierError
from ingest.feeds import adapters
from ingest.feeds.adapter import StoneQuery
from ingest.feeds.adapters import adapter_for
from ingest.feeds.nivoda import build
from ingest.invariants import violations
from ingest.models import Run
from ingest.planning import stage as planning
from ingest.planning.cutting import make_plan
from ingest.planning.density import Density, known_density
from ingest.sandbox.faults import Hanging, Settings
from ingest.sandbox.server import Sandbox
from ingest.sandbox.supplier import InventoryChange, Options
from ingest.tests import factories
from ingest.tests.factories import MemorySupplier, with_prices
from ingest.tests.test_planning import assert_tiles, covered

WINDOW = StoneQuery()


class Believed(Density):
    """What a catalogue would say that knows nothing of carats."""

    def weights_within(self, ranges: Sequence[tuple[int, int]]) -> list[dict[int, int]]:
        return [{0: 0} for _ in ranges]


def believed(cents: Sequence[int]) -> Density:
    """The density of stones of one carat at these prices, point by point."""
    dollars = sorted(price // 100 for price in cents)
    points = {0: 0}
    for place, price in enumerate(dollars):
        points.setdefault(price, place)
        points[price + 1] = place + 1
    return Believed("nobody", len(dollars), sorted(points.items()))


def prices(number: int, *, seed: int = 1) -> list[int]:
    dice = Random(seed)
    return [100 * int(dice.lognormvariate(7.3, 0.9)) for _ in range(number)]


# What the catalogue knows.


@pytest.mark.django_db
def test_the_density_is_that_of_the_available_stones_with_unknown_weights_at_nothing() -> None:
    of = {"feed": "memory"}
    Diamond.objects.bulk_create(
        [
            *[build_diamond(**of, cost_cents=199_99, carats=Decimal("2.000")) for _ in range(3)],
            *[build_diamond(**of, cost_cents=500_00, carats=Decimal("1.000")) for _ in range(4)],
            build_diamond(**of, cost_cents=500_00, carats=None),
            build_diamond(**of, cost_cents=500_00, carats=Decimal("0.000")),
            build_diamond(**of, cost_cents=700_00, availability="delisted"),
            build_diamond(feed="other", cost_cents=700_00),
        ]
    )

    density = known_density("memory", steps=100)

    assert density is not None
    assert density.total == 9
    # At 0 dollars two, at 99 three, at 500 four.
    assert density.points == [(0, 0), (1, 2), (99, 2), (100, 5), (500, 5), (501, 9)]


@pytest.mark.django_db
def test_the_density_of_any_number_of_stones_has_few_points() -> None:
    Diamond.objects.bulk_create([build_diamond(feed="memory", cost_cents=price) for price in prices(500)])

    density = known_density("memory", steps=50)

    assert density is not None
    assert len(density.points) <= 101
    assert density.points[-1][1] <= density.total == 500


@pytest.mark.django_db
def test_a_feed_without_stones_teaches_nothing() -> None:
    assert known_density("memory", steps=10) is None


# Cutting by it.


def test_a_learned_plan_counts_the_window_and_each_partition_once() -> None:
    cents = prices(5_000)
    supplier = MemorySupplier(with_prices(cents))

    plan = make_plan(supplier, WINDOW, max_stones=250, density=believed(cents))

    counts = [query for _, queries in supplier.asked for query in queries]
    assert plan.method == "learned"
    assert len(counts) == 1 + len(plan.slices)
    assert plan.largest <= 1.25 * plan.mean
    assert plan.difference == 0
    assert_tiles(plan)
    assert covered(supplier, plan) == {stone.id for stone in supplier.shelf}


def test_what_the_catalogue_has_wrong_is_cut_again_and_joined() -> None:
    # Half of what was cheap is gone, and what is dear came since.
    old, new = prices(4_000), [100 * price for price in range(20_000, 22_000)]
    now = sorted(old)[1_000:] + new
    supplier = MemorySupplier(with_prices(now))

    plan = make_plan(supplier, WINDOW, max_stones=250, density=believed(old))

    assert plan.method == "learned"
    assert plan.largest <= 250
    # Of two neighbours at least one is more than half full.
    sizes = [piece.expected for piece in plan.slices]
    assert all(one + other > 200 * 0.9 for one, other in pairwise(sizes))
    assert_tiles(plan)
    assert covered(supplier, plan) == {stone.id for stone in supplier.shelf}


@pytest.mark.parametrize("known", [100, 50_000])
def test_a_catalogue_that_is_far_off_is_not_believed(known: int) -> None:
    supplier = MemorySupplier(with_prices(prices(2_000)))

    plan = make_plan(supplier, WINDOW, max_stones=250, density=believed(prices(known)))

    assert plan.method == "adaptive"


def test_a_supplier_known_to_compare_exact_prices_is_not_asked_twice() -> None:
    cents = [price + 60 for price in prices(5_000)]
    supplier = MemorySupplier(with_prices(cents), exact=True)

    plan = make_plan(supplier, WINDOW, max_stones=250, density=believed(cents), shared_ends=True)

    assert plan.shared_ends
    assert plan.difference == 0
    assert sum(len(queries) for _, queries in supplier.asked) == 1 + len(plan.slices)
    assert covered(supplier, plan) == {stone.id for stone in supplier.shelf}


@pytest.mark.django_db
@pytest.mark.parametrize(("labgrown", "aliased"), [(True, True), (False, True), (True, False)])
def test_the_real_distribution_is_cut_evenly_within_the_budget(
    real: Sandbox, labgrown: bool, aliased: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    adapter = sandbox_adapter(real, monkeypatch, labgrown=labgrown, aliased=aliased)
    first = make_plan(adapter, WINDOW, max_stones=2_500)
    know("known", real.supplier.inventory, labgrown=labgrown)
    real.supplier.change_inventory(InventoryChange(change=2_000, add=500, vanish=500))

    learned = make_plan(adapter, WINDOW, max_stones=2_500, density=known_density("known", steps=1_000))

    for plan, share in ((first, 0.05), (learned, 0.025)):
        assert plan.requests <= max(20, share * plan.page_requests(adapter.page_limit))
        assert plan.difference == 0
        assert_tiles(plan)
        if aliased:
            assert plan.largest <= min(2_500, 1.25 * plan.mean)
    assert (first.method, learned.method) == ("adaptive", "learned")
    assert learned.largest <= min(2_500, 1.25 * learned.mean)


@pytest.fixture(scope="module")
def real() -> Iterator[Sandbox]:
    """An inventory of 300,000 stones, natural and lab-grown, as in reality."""
    with Sandbox(Options(stones=300_000)) as sandbox:
        yield sandbox


def sandbox_adapter(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, *, labgrown: bool, aliased: bool = True) -> Any:
    factories.calm_the_limiter()
    monkeypatch.setattr("ingest.feeds.adapters._build", adapters._build.__wrapped__)
    monkeypatch.setattr("ingest.feeds.nivoda.build._client", build._client.__wrapped__)
    account = {"NIVODA_ENDPOINT": sandbox.url, "NIVODA_USERNAME": "sandbox", "NIVODA_PASSWORD": "sandbox"}
    with override_settings(**account, NIVODA_RATE_LIMIT=2_000):
        return adapter_for("nivoda", {"labgrown": labgrown, "aliased_counts": aliased})


# Extremes, learned and not.


@pytest.mark.parametrize("learned", [True, False])
@pytest.mark.parametrize(
    ("cents", "most"),
    [
        ([], 100),
        ([50_000], 100),
        ([77_700] * 5_000, 500),
        ([100 * dollars for dollars in range(1, 3_001)], 250),
        ([2**31 * 100] * 600, 100),
        ([0] * 600, 100),
    ],
    ids=["none", "one", "one price", "one a price", "the top price", "nothing"],
)
@pytest.mark.parametrize("aliases", [True, False])
def test_every_extreme_is_tiled_within_the_budget(learned: bool, cents: list[int], most: int, aliases: bool) -> None:
    supplier = MemorySupplier(with_prices(cents), aliases=aliases)
    density = believed(cents) if learned and cents else None

    plan = make_plan(supplier, WINDOW, max_stones=most, density=density)

    assert_tiles(plan)
    assert plan.requests <= max(20, 0.05 * plan.page_requests(supplier.page_limit))
    assert covered(supplier, plan) == {stone.id for stone in supplier.shelf}
    assert plan.total == len(cents) == sum(piece.expected for piece in plan.slices)
    assert plan.largest <= most or plan.uncounted


@given(
    now=st.lists(st.one_of(st.integers(0, 500), st.integers(0, 10**6)), max_size=150),
    known=st.lists(st.one_of(st.integers(0, 500), st.integers(0, 10**6)), min_size=1, max_size=150),
    cents=st.integers(0, 99),
    exact=st.booleans(),
    was_exact=st.booleans(),
    aliases=st.booleans(),
    most=st.integers(1, 60),
    slow=st.sets(st.integers(0, 30), max_size=8),
)
@settings(max_examples=150, deadline=None)
def test_whatever_the_catalogue_believes_and_however_slow_the_partitions_tile_and_cover(
    now: list[int],
    known: list[int],
    cents: int,
    exact: bool,
    was_exact: bool,
    aliases: bool,
    most: int,
    slow: set[int],
) -> None:
    supplier = MemorySupplier(with_prices([100 * dollars + cents for dollars in now]), exact=exact, aliases=aliases)

    def be_slow(_queries: Sequence[StoneQuery]) -> None:
        if len(supplier.asked) - 1 in slow:
            raise SupplierTooSlow

    supplier.before_count = be_slow
    density = believed([100 * dollars for dollars in known])

    plan = make_plan(supplier, WINDOW, max_stones=most, density=density, shared_ends=was_exact or exact)

    assert_tiles(plan)
    assert covered(supplier, plan) == {stone.id for stone in supplier.shelf}
    # The one for the window, and its second attempt, are made whatever the budget.
    assert len(supplier.asked) <= 20 + 2


# Slow counts.


def test_a_slow_count_is_tried_once_more_and_its_range_taken_as_it_is() -> None:
    supplier = MemorySupplier(factories.stones(2_000))
    # A budget that a few slow requests do not use up.
    supplier.page_limit = 3
    slow = StoneQuery(price_from=10_000)
    asked: list[StoneQuery] = []

    def be_slow(queries: Sequence[StoneQuery]) -> None:
        asked.extend(queries)
        # The open end is more than this supplier can count.
        if any(query.price_from >= slow.price_from and query.price_to is None for query in queries):
            raise SupplierTooSlow

    supplier.before_count = be_slow

    plan = make_plan(supplier, WINDOW, max_stones=250)

    last = plan.slices[-1]
    assert not last.counted
    assert asked.count(last.query) == 2
    assert plan.uncounted == 1
    assert sum(piece.expected for piece in plan.slices) >= plan.total == 2_000
    assert covered(supplier, plan) == {stone.id for stone in supplier.shelf}
    assert_tiles(plan)


@pytest.mark.parametrize("known", [True, False])
def test_a_supplier_that_counts_nothing_in_time_is_walked_all_the_same(known: bool) -> None:
    supplier = MemorySupplier(factories.stones(500))

    def be_slow(_queries: Sequence[StoneQuery]) -> None:
        raise SupplierTooSlow

    supplier.before_count = be_slow
    density = believed([stone.price for stone in supplier.shelf]) if known else None

    plan = make_plan(supplier, WINDOW, max_stones=100, density=density)

    assert plan.uncounted == len(plan.slices) > 1
    assert plan.total == (500 if known else 0)
    assert len(supplier.asked) <= 21
    assert covered(supplier, plan) == {stone.id for stone in supplier.shelf}
    assert_tiles(plan)


@pytest.mark.django_db
def test_hanging_counts_over_http_end_in_a_plan() -> None:
    with (
        override_settings(PLAN_COUNT_SECONDS=2.0),
        factories.sandbox_feed(Options(stones=20_000)) as (sandbox, feed),
    ):
        sandbox.supplier.set_faults(Settings(seed=3, timeout=Hanging(rate=0.3, seconds=4.0)))
        run = runs.start_run(feed.slug, kind="full", started_by="eve")

        run = factories.drive(run, until="ingesting")

    assert run.state == "ingesting"
    assert sum(run.partitions.values_list("expected", flat=True)) >= run.plan.total > 10_000
    assert violations() == []


# Runs.


@pytest.fixture
def supplier(monkeypatch: pytest.MonkeyPatch) -> MemorySupplier:
    return factories.supplying(monkeypatch, MemorySupplier(factories.stones(900, step=1_700)))


@pytest.mark.django_db
def test_the_second_full_run_learns_from_the_first(supplier: MemorySupplier) -> None:
    first = factories.settled(max_partition_stones=100)
    supplier.asked.clear()

    second = factories.drive(factories.start(max_partition_stones=100), until="ingesting")

    assert (first.plan.method, second.plan.method) == ("adaptive", "learned")
    assert second.plan.requests == len(supplier.asked) + 1 <= 4
    assert second.plan.largest <= 1.25 * second.plan.mean
    assert second.plan.uncounted == 0
    assert len(second.plan.density) > 10
    assert violations() == []


@pytest.mark.django_db
def test_an_incremental_run_of_a_few_stones_is_planned_by_one_count(supplier: MemorySupplier) -> None:
    factories.settled(max_partition_stones=100)
    changed = factories.again(supplier.shelf[3], updated=supplier.server_time())
    supplier.shelf[3] = changed
    supplier.asked.clear()

    run = factories.drive(factories.start("incremental", max_partition_stones=100), until="ingesting")

    assert len(supplier.asked) == 1
    assert run.plan.requests == 2
    assert run.plan.method == "adaptive"
    assert run.partitions.count() == 1


class Killed(BaseException):
    """The process is gone."""


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("after", [1, 2, 3, 5])
def test_a_planner_that_takes_over_from_a_dead_one_asks_for_nothing_that_is_known(
    supplier: MemorySupplier, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    monkeypatch.setattr(planning, "KEEP_EVERY_SECONDS", 0.0)
    supplier.counts_per_request = 5
    undisturbed = factories.drive(factories.start(max_partition_stones=100), until="ingesting")
    runs.cancel_run(undisturbed.pk, actor="eve")
    supplier.asked.clear()
    run = factories.start(max_partition_stones=100)

    def kill(_queries: Sequence[StoneQuery]) -> None:
        if len(supplier.asked) > after:
            raise Killed

    supplier.before_count = kill
    with pytest.raises(Killed):
        runs.advance(run.pk)
    answered = [query for _, queries in supplier.asked[:-1] for query in queries]
    window = Run.objects.values_list("window_to", flat=True).get(pk=run.pk)
    supplier.before_count = lambda _queries: None
    supplier.asked.clear()
    Run.objects.filter(pk=run.pk).update(lease_expires_at=factories.LONG_AGO)

    run = factories.drive(run, until="ingesting")

    assert answered
    assert run.window_to == window
    assert not {query for _, queries in supplier.asked for query in queries}.intersection(answered)
    assert ranges_of(run) == ranges_of(undisturbed)
    # The clock's request, those before the death (the last one went unanswered), and those after.
    assert run.plan.requests == 1 + after + len(supplier.asked)
    assert run.plan.counting is None


@pytest.mark.django_db
def test_failures_keep_what_is_known_and_old_counts_are_forgotten(supplier: MemorySupplier) -> None:
    run = factories.start(max_partition_stones=100)

    def fail(_queries: Sequence[StoneQuery]) -> None:
        if len(supplier.asked) > 2:
            raise TransientSupplierError("the supplier answers 502")

    supplier.before_count = fail
    runs.advance(run.pk)
    run = Run.objects.get(pk=run.pk)
    counting, window = run.plan.counting, run.window_to
    assert counting is not None
    known = counting.known
    old = msgspec.structs.replace(counting, began=factories.LONG_AGO)
    Run.objects.filter(pk=run.pk).update(plan=msgspec.structs.replace(run.plan, counting=old))
    supplier.before_count = lambda _queries: None

    run = factories.drive(run, until="ingesting")

    assert known["0-*"] == 900
    assert run.window_to is not None
    assert window is not None
    assert run.window_to > window


def ranges_of(run: Run) -> list[tuple[Any, ...]]:
    return list(run.partitions.order_by("ordinal").values_list("price_from", "price_to", "expected"))

"""Why a full run's window ends: the experiment that decides between an open end and asking by id.

`open_ended` runs read their pages without an end of the window, as if a stone that changes under the run stayed in it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from catalog.models import Diamond
from ingest import runs
from ingest.feeds.adapter import StoneQuery, SupplierPage
from ingest.feeds.nivoda.adapter import NivodaAdapter
from ingest.invariants import violations
from ingest.models import Feed, Partition, Run
from ingest.sandbox.faults import Churn, Settings
from ingest.sandbox.supplier import InventoryChange, Options
from ingest.tests import factories
from ingest.tests.factories import MemorySupplier, Stone
from ingest.walking import walkers

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(params=["open_ended", "closed"])
def window(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Whether full runs read their pages with the end of their window, as they do, or without one."""
    kind: str = request.param
    if kind == "open_ended":
        open_end(monkeypatch)
    return kind


class ShortPages(MemorySupplier):
    """A supplier whose pages come short."""

    def page(self, query: StoneQuery, offset: int, limit: int, behind: int | None = None) -> SupplierPage:
        return super().page(query, offset, 2, behind)


def open_end(monkeypatch: pytest.MonkeyPatch) -> None:
    query_of: Callable[[Partition], StoneQuery] = walkers.query_of
    monkeypatch.setattr(walkers, "query_of", lambda partition: replace(query_of(partition), window_to=None))


def full_run(feed: Feed) -> Run:
    return factories.drive(runs.start_run(feed.slug, kind="full", started_by="eve"))


def test_a_stone_that_moves_to_a_range_already_read_is_shown_by_no_page_however_the_window_ends(
    monkeypatch: pytest.MonkeyPatch, window: str
) -> None:
    supplier = factories.supplying(monkeypatch, MemorySupplier(factories.stones(40)))
    factories.settled(max_partition_stones=10)
    run = factories.drive(factories.start(), until="ingesting")
    moved: list[Stone] = []

    def move(query: StoneQuery, _offset: int) -> None:
        over = Partition.objects.filter(run=run, state="completed", price_to__isnull=False).first()
        here = supplier.find(replace(query, window_to=None))
        if over is not None and here and not moved:
            stone = here[-1]
            stone.price, stone.updated = (over.price_to or 0) * 100, datetime.now(UTC)
            moved.append(stone)

    supplier.before_page = move

    run = factories.drive(run)

    (stone,) = moved
    assert run.state == "completed"
    assert [ids for kind, ids in supplier.asked if kind == "lookup"] == [[stone.id]]
    assert Diamond.objects.get(supplier_stone_id=stone.id).cost_cents == stone.price
    assert violations() == []


def test_an_open_end_lets_stones_in_and_with_them_loses_one_that_stood_still(
    monkeypatch: pytest.MonkeyPatch, window: str
) -> None:
    supplier = ShortPages(factories.stones(4))
    factories.supplying(monkeypatch, supplier)
    run = factories.drive(factories.start(), until="ingesting")
    still = supplier.shelf[3].id

    def come_and_go(_query: StoneQuery, offset: int) -> None:
        if offset == 2 and len(supplier.shelf) == 4:
            # As many stones are seen as were counted, but they are not the same.
            supplier.shelf.insert(3, Stone("NEW", price=supplier.shelf[3].price, updated=datetime.now(UTC)))
        elif len(supplier.shelf) == 5:
            del supplier.shelf[0]

    supplier.before_page = come_and_go

    run = factories.drive(run)

    assert run.state == "completed"
    assert (still in factories.listed()) is (window == "closed")


def test_asking_by_id_costs_no_more_than_showing_what_changed_on_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    with factories.sandbox_feed(Options(stones=800, short_pages=0.0), max_partition_stones=50) as (sandbox, feed):
        full_run(feed)
        sandbox.supplier.change_inventory(InventoryChange(change=160, feed="labgrown"))
        closed = full_run(feed)
        sandbox.supplier.change_inventory(InventoryChange(change=160, feed="labgrown"))
        open_end(monkeypatch)

        open_ended = full_run(feed)

    requests = [run.summary["requests"] - run.summary["planning_requests"] for run in (closed, open_ended)]
    assert closed.summary["unseen"] == {"changed": 160}
    assert open_ended.summary["unseen"] == {}
    assert closed.summary["delisted"] == open_ended.summary["delisted"] == 0
    # What the pages do not show is asked for by as many requests; each partition's last page may be fuller or emptier.
    assert requests[0] <= requests[1] + closed.partitions.count()


def test_whatever_moves_under_a_full_run_is_true_after_it_and_one_incremental_run(
    monkeypatch: pytest.MonkeyPatch, window: str
) -> None:
    with factories.sandbox_feed(
        Options(stones=800, short_pages=0.0), window_lag_seconds=0, max_partition_stones=50
    ) as (sandbox, feed):
        full_run(feed)
        sandbox.supplier.set_faults(Settings(churn=Churn(per_request=3, kinds=["price"], feed="labgrown")))

        run = full_run(feed)

        sandbox.supplier.set_faults(Settings())
        # The supplier's clock shows whole seconds: once the present one is over.
        monkeypatch.setattr(NivodaAdapter, "server_time", lambda _self: datetime.now(UTC) + timedelta(seconds=1))
        after = factories.drive(runs.start_run(feed.slug, kind="incremental", started_by="eve"))
        costs = dict(Diamond.objects.values_list("supplier_stone_id", "cost_cents"))
        items = list(sandbox.supplier.items(labgrown=True, availability=0))
        assert (run.state, after.state) == ("completed", "completed")
        # Stones move to ranges already read, whether the window ends or not: they are asked for.
        assert run.summary["unseen"]["changed"] > 0
        assert run.summary["delisted"] == 0
        assert [item["diamond"]["id"] for item in items if costs[item["diamond"]["id"]] != item["price"]] == []
        assert violations() == []

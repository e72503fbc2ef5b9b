"""The run's state machine: who may start one, how it is cancelled, retried and approved."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

from diamondhub.alerts.models import Event
from diamondhub.operations.models import Problem
from diamondhub.states import IllegalMove
from diamondhub.tests.threads import at_once
from ingest import delisting, report, runs, settling
from ingest.errors import IngestError, PermanentSupplierError
from ingest.feeds import adapters
from ingest.feeds.adapter import StoneQuery
from ingest.feeds.nivoda.build import NivodaNotConfigured
from ingest.invariants import violations
from ingest.models import Feed, Run
from ingest.models.run import LIVE_STATES, RUN_STATES
from ingest.tests import factories, rows
from ingest.tests.factories import MemorySupplier
from ingest.transitions import transition
from ingest.walking import stage as walking


@pytest.fixture
def supplier(monkeypatch: pytest.MonkeyPatch) -> MemorySupplier:
    return factories.supplying(monkeypatch, MemorySupplier(factories.stones(40)))


def break_dear_stones(supplier: MemorySupplier, *, from_offset: int = 0) -> None:
    """Let pages of the dearest partition fail for good."""

    def fail(query: StoneQuery, offset: int) -> None:
        if query.price_to is None and offset >= from_offset:
            raise PermanentSupplierError("the supplier answers 400")

    supplier.before_page = fail


@pytest.mark.django_db(transaction=True)
def test_of_two_starts_at_once_exactly_one_wins_and_the_other_is_told_of_it(supplier: MemorySupplier) -> None:
    factories.feed()

    results = at_once(*[lambda: runs.start_run("memory", kind="full", started_by="eve")] * 2)

    (started,) = [result for result in results if isinstance(result, Run)]
    (refused,) = [result for result in results if isinstance(result, runs.LiveRunExists)]
    assert Run.objects.get() == started
    assert f"run {started.pk}, planning" in str(refused)
    assert f"cancel_run {started.pk}" in str(refused)


@pytest.mark.django_db
def test_a_second_run_waits_for_the_end_of_the_first(supplier: MemorySupplier) -> None:
    first = factories.start()

    with pytest.raises(runs.LiveRunExists):
        factories.start()
    runs.cancel_run(first.pk, actor="eve")

    assert factories.start().pk != first.pk


@pytest.mark.django_db
def test_feeds_run_beside_each_other(supplier: MemorySupplier) -> None:
    factories.start()
    Feed.objects.create(slug="other", name="Other", adapter="memory")

    assert runs.start_run("other", kind="full", started_by="eve").live


@pytest.mark.django_db
def test_an_unknown_feed_is_refused_with_those_there_are(supplier: MemorySupplier) -> None:
    factories.feed()

    with pytest.raises(runs.UnknownFeed, match=r"no feed 'nivodda'; known feeds: .*memory"):
        runs.start_run("nivodda", kind="full", started_by="eve")


@pytest.mark.django_db
def test_a_disabled_feed_is_refused(supplier: MemorySupplier) -> None:
    with pytest.raises(runs.FeedDisabled, match="enable it in the admin"):
        factories.start(enabled=False)

    assert not Run.objects.exists()


@pytest.mark.django_db
def test_an_incremental_run_needs_a_watermark(supplier: MemorySupplier) -> None:
    with pytest.raises(runs.NoWatermark, match="start a full run first"):
        factories.start("incremental", watermark=None)


@pytest.mark.django_db
def test_a_feed_whose_account_is_not_configured_is_refused_with_what_to_set(settings: Any) -> None:
    settings.NIVODA_ENDPOINT, settings.NIVODA_USERNAME, settings.NIVODA_PASSWORD = "https://supplier.example", "", ""
    factories.forget_clients()

    with pytest.raises(NivodaNotConfigured, match="set NIVODA_USERNAME, NIVODA_PASSWORD"):
        runs.start_run("nivoda-natural", kind="full", started_by="eve")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"adapter": "rapnet"}, "no adapter 'rapnet'; known are: .*nivoda"),
        ({"parameters": {"labgrown": True, "colour": 1}}, "the feed's parameters are wrong: .*colour"),
        ({"parameters": {}}, "the feed's parameters are wrong: .*labgrown"),
    ],
)
def test_a_feed_that_is_set_up_wrongly_is_refused_with_what_is_wrong(
    settings: Any, fields: dict[str, Any], words: str
) -> None:
    settings.NIVODA_ENDPOINT, settings.NIVODA_USERNAME, settings.NIVODA_PASSWORD = "https://supplier.example", "a", "b"
    factories.forget_clients()
    factories.feed(**{"adapter": "nivoda", **fields})

    with pytest.raises(IngestError, match=words):
        runs.start_run("memory", kind="full", started_by="eve")

    factories.forget_clients()
    assert adapters._build.cache_info().currsize == 0


@pytest.mark.django_db
def test_a_run_pins_what_it_asks_maps_and_prices_by(supplier: MemorySupplier) -> None:
    run = factories.start()

    event = run.events.get()
    assert (run.query_version, run.mapper_version, run.rule_set) == ("memory-query-1", "memory-mapper-1", 1)
    assert len(run.trace_id) == 32
    assert (event.from_state, event.to_state, event.actor) == ("", "planning", "eve")


@pytest.mark.django_db
def test_cancelling_a_run_closes_its_open_work_and_tells_people(supplier: MemorySupplier) -> None:
    run = factories.drive(factories.start(max_partition_stones=10), until="ingesting")
    lease = walking.claim_partition(run.pk)

    runs.cancel_run(run.pk, actor="eve", reason="wrong feed")

    run.refresh_from_db()
    assert lease is not None
    assert run.state == "cancelled"
    assert run.finished_at is not None
    assert set(run.partitions.values_list("state", "due_at", "lease_expires_at")) == {("cancelled", None, None)}
    assert walking.claim_partition(run.pk) is None
    assert Problem.objects.get(kind="run-cancelled").details["reason"] == "wrong feed"
    assert violations() == []


@pytest.mark.parametrize(
    ("module", "looks_at", "state"),
    [
        (delisting, "unseen_stones", "settling"),
        (settling, "sample_costs", "settling"),
        (report, "batch_totals", "consolidating"),
    ],
    ids=["asking by id", "cutting batches", "finishing"],
)
@pytest.mark.django_db(transaction=True)
def test_a_worker_whose_run_is_cancelled_under_it_begins_nothing_and_takes_nothing_off(
    supplier: MemorySupplier, monkeypatch: pytest.MonkeyPatch, module: ModuleType, looks_at: str, state: str
) -> None:
    first = factories.settled()
    del supplier.shelf[:2]
    supplier.shelf[0].price += 1
    run = factories.start()
    look = getattr(module, looks_at)

    def cancelled_meanwhile(*args: Any, **options: Any) -> Any:
        seen = look(*args, **options)
        if Run.objects.get(pk=run.pk).state == state:
            runs.cancel_run(run.pk, actor="eve")
        return seen

    monkeypatch.setattr(module, looks_at, cancelled_meanwhile)
    run = factories.drive(run)

    assert run.state == "cancelled"
    assert run.lease_expires_at is None
    assert not run.partitions.filter(state="ready").exists()
    assert not run.batches.filter(state="ready").exists()
    assert len(factories.listed()) == 40
    assert Feed.objects.get(slug="memory").watermark == first.window_to
    assert not Event.objects.filter(dedupe_key__startswith=f"run:{run.pk}:completed").exists()
    assert violations() == []


@pytest.mark.django_db
def test_a_run_that_is_over_cannot_be_cancelled(supplier: MemorySupplier) -> None:
    run = factories.start()
    runs.cancel_run(run.pk, actor="eve")

    with pytest.raises(runs.NothingToDo, match="is cancelled, there is nothing to cancel"):
        runs.cancel_run(run.pk, actor="eve")
    with pytest.raises(runs.NothingToDo, match=f"there is no run {run.pk + 1}"):
        runs.cancel_run(run.pk + 1, actor="eve")


@pytest.mark.django_db(transaction=True)
def test_of_two_cancellations_at_once_one_wins(supplier: MemorySupplier) -> None:
    run = factories.start()

    results = at_once(*[lambda: runs.cancel_run(run.pk, actor="eve")] * 2)

    assert sum(isinstance(result, Run) for result in results) == 1
    assert sum(isinstance(result, runs.NothingToDo) for result in results) == 1
    assert Problem.objects.filter(kind="run-cancelled").count() == 1


@pytest.mark.django_db(transaction=True)
def test_retrying_takes_failed_partitions_up_where_they_stopped_and_consolidates_what_they_bring(
    supplier: MemorySupplier, settings: Any
) -> None:
    settings.PARTIAL_DELAY_SECONDS = 0
    supplier.shelf = factories.stones(80)
    break_dear_stones(supplier, from_offset=5)
    run = factories.settled(max_partition_stones=25)
    failed = run.partitions.get(state="failed")
    before = factories.listed()
    supplier.before_page = lambda _query, _offset: None
    supplier.asked.clear()

    retried = runs.retry_partitions(run.pk, actor="eve")
    run = factories.drive(run)

    feed = Feed.objects.get(slug="memory")
    assert retried == [failed]
    assert failed.next_offset == 10
    assert min(offset for kind, offset in supplier.asked if kind == "page") == 9
    assert 0 < len(before) < 80
    assert factories.listed() == {stone.id for stone in supplier.shelf}
    assert (run.state, run.failure, feed.watermark) == ("completed", "", run.window_to)
    assert list(run.events.values_list("to_state", flat=True)).count("completed") == 2
    assert violations() == []


@pytest.mark.django_db(transaction=True)
def test_a_failed_run_can_be_retried_and_completes(supplier: MemorySupplier) -> None:
    supplier.before_page = lambda _query, _offset: (_ for _ in ()).throw(PermanentSupplierError("answers 400"))
    run = factories.settled()
    supplier.before_page = lambda _query, _offset: None

    runs.retry_partitions(run.pk, actor="eve")
    again = factories.drive(run)

    assert run.state == "failed"
    assert (again.state, again.failure) == ("completed", "")
    assert factories.listed() == {stone.id for stone in supplier.shelf}


@pytest.mark.django_db(transaction=True)
def test_an_approval_does_not_cover_what_a_later_retry_brings(supplier: MemorySupplier, settings: Any) -> None:
    settings.PARTIAL_DELAY_SECONDS = 0
    supplier.shelf = factories.stones(80)
    for stone in supplier.shelf[::8]:
        stone.says = {"cost_cents": None}
    break_dear_stones(supplier)
    held = factories.settled(max_partition_stones=25, error_budget=0.05)
    runs.approve_run(held.pk, actor="adam", reason="known trouble")
    approved = factories.drive(held)
    supplier.before_page = lambda _query, _offset: None

    runs.retry_partitions(held.pk, actor="eve")
    again = factories.drive(held)

    assert [run.state for run in (held, approved, again)] == ["in_review", "completed", "in_review"]
    assert approved.approved_by == "adam"


@pytest.mark.django_db
def test_retrying_dry_changes_nothing(supplier: MemorySupplier) -> None:
    break_dear_stones(supplier)
    run = factories.drive(factories.start(max_partition_stones=15), until="settling")

    failed = runs.retry_partitions(run.pk, actor="eve", dry_run=True)

    assert [partition.state for partition in failed] == ["failed"]
    assert run.partitions.filter(state="failed").count() == 1


@pytest.mark.django_db
def test_a_run_without_failed_partitions_has_nothing_to_retry(supplier: MemorySupplier) -> None:
    run = factories.drive(factories.start(), until="ingesting")

    with pytest.raises(runs.NothingToDo, match="has no failed partitions"):
        runs.retry_partitions(run.pk, actor="eve")


@pytest.mark.django_db
def test_a_run_is_not_retried_beside_another_run_of_its_feed(supplier: MemorySupplier) -> None:
    supplier.before_page = lambda _query, _offset: (_ for _ in ()).throw(PermanentSupplierError("answers 400"))
    run = factories.settled()
    factories.start()

    with pytest.raises(runs.LiveRunExists, match="another live run"):
        runs.retry_partitions(run.pk, actor="eve")

    assert run.partitions.get().state == "failed"


@pytest.mark.django_db
def test_only_a_run_in_review_can_be_approved(supplier: MemorySupplier) -> None:
    run = factories.start()

    with pytest.raises(runs.NothingToDo, match="is planning, not in review"):
        runs.approve_run(run.pk, actor="eve", reason="looks fine")


@pytest.mark.django_db
def test_a_transition_that_somebody_else_made_first_writes_nothing(supplier: MemorySupplier) -> None:
    run = factories.start()
    stale = Run.objects.get(pk=run.pk)
    transition(run, "failed", reason="first")

    assert not transition(stale, "cancelled", reason="second")

    assert Run.objects.get(pk=run.pk).state == "failed"
    assert run.events.filter(to_state="cancelled").count() == 0


@pytest.mark.django_db
def test_a_move_that_the_table_does_not_know_is_a_bug_and_says_so(supplier: MemorySupplier) -> None:
    run = factories.start()

    with pytest.raises(IllegalMove, match="planning → completed"):
        transition(run, "completed")


def test_live_states_are_those_that_hold_a_feed() -> None:
    assert set(LIVE_STATES) == set(RUN_STATES.moves) - {"completed", "failed", "cancelled"}
    assert all(target in RUN_STATES.moves for moves in RUN_STATES.moves.values() for target in moves)


@pytest.mark.django_db
def test_a_run_that_somebody_is_at_is_left_alone(supplier: MemorySupplier) -> None:
    run = factories.start()
    Run.objects.filter(pk=run.pk).update(lease_expires_at="2999-01-01T00:00Z")

    runs.advance(run.pk)

    assert supplier.asked == []
    assert Run.objects.get(pk=run.pk).state == "planning"


@pytest.mark.django_db
def test_a_run_in_review_waits_for_a_person_only(supplier: MemorySupplier) -> None:
    run = factories.start()
    Run.objects.filter(pk=run.pk).update(state="in_review")

    runs.advance(run.pk)

    run.refresh_from_db()
    assert (run.state, run.lease_token) == ("in_review", 0)


@pytest.mark.django_db
def test_a_stage_that_breaks_down_is_tried_again_and_in_the_end_fails_the_run_with_one_alert(
    supplier: MemorySupplier, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(_run: Run, _lease: object) -> float:
        raise ZeroDivisionError("nobody foresaw this")

    monkeypatch.setitem(runs._STEPS, "planning", break_down)
    run = factories.start()

    states = []
    for _ in range(runs.CRASH_BUDGET):
        factories.make_due(run)
        runs.advance(run.pk)
        run.refresh_from_db()
        states.append(run.state)

    assert states == ["planning"] * (runs.CRASH_BUDGET - 1) + ["failed"]
    assert "planning broke down 5 times: ZeroDivisionError: nobody foresaw this" in run.failure
    assert Problem.objects.filter(kind="run-failed").count() == 1


@pytest.mark.django_db
def test_a_retry_that_came_too_late_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    run = rows.run(state="settling")
    failed = rows.partition(run, state="failed")
    seen = runs.find_run(run.pk)
    Run.objects.filter(pk=run.pk).update(state="consolidating")
    monkeypatch.setattr(runs, "find_run", lambda _run: seen)

    with pytest.raises(runs.NothingToDo, match="can be retried when it has settled"):
        runs.retry_partitions(run.pk, actor="olga")

    failed.refresh_from_db()
    run.refresh_from_db()
    assert (failed.state, run.state, run.retries) == ("failed", "consolidating", 0)

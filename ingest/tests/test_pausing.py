"""Pauses of feeds, of supplier accounts and of consolidation: nothing goes on after what is in hand, and all of it later."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from django.test import Client
from django.urls import reverse

from catalog.models import Diamond
from diamondhub import leases
from diamondhub.access.clients import create_client
from diamondhub.audit.tracking import AUDITED
from diamondhub.database import clock
from diamondhub.operations import away, snapshots, stages
from diamondhub.operations.models import Problem
from diamondhub.operations.problems.reading import unresolved
from diamondhub.operations.tests.problems import looked_at
from diamondhub.sweep import sweep
from ingest import (
    consolidation,
    cost_sample,
    invariants,
    live,
    pausing,
    resting,
    runs,
    scheduling,
    settling,
    sign_in,
    verifying,
)
from ingest.errors import Paused
from ingest.feeds import adapters
from ingest.models import Feed, Pause, Run, ScheduleSlot
from ingest.planning.dry_run import dry_run
from ingest.sandbox.server import Sandbox
from ingest.sandbox.supplier import Options
from ingest.tests import factories
from ingest.tests.factories import MemorySupplier
from ingest.waiting import waiting_for
from ingest.walking import stage as walking

pytestmark = pytest.mark.django_db

WHY = "its prices are wrong"


@pytest.fixture
def supplier(monkeypatch: pytest.MonkeyPatch) -> MemorySupplier:
    return factories.supplying(monkeypatch, MemorySupplier(factories.stones(45)))


@pytest.fixture
def sandbox() -> Iterator[tuple[Sandbox, Feed]]:
    with factories.sandbox_feed(Options(stones=200)) as made:
        yield made


def pause_feed(minutes: int = 60) -> Pause:
    factories.feed()
    return pausing.pause("feed", "memory", minutes=minutes, by="olga", reason=WHY)


def paused_by_somebody() -> None:
    """Somebody pauses the feed at that moment."""
    pause_feed()


def pass_time(**of: Any) -> None:
    """Let the time of pauses be over, as if it had passed."""
    Pause.objects.filter(ended_at=None, **of).update(
        paused_at=Now() - timedelta(hours=2), until=Now() - timedelta(seconds=1)
    )


def asked(sandbox: Sandbox) -> int:
    return int(sandbox.supplier.accounting.stats()["requests"])


@pytest.fixture
def rung(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """The doorbells that are rung."""
    bells: list[tuple[str, int]] = []
    monkeypatch.setattr(runs, "ring", lambda task, pk, times=1: bells.append((task.rpartition(".")[2], pk)))
    return bells


# --- ordering and ending -------------------------------------------------------------------------------------------------


def test_a_pause_says_what_rests_until_when_by_whom_and_why_and_is_a_problem_until_somebody_resumes() -> None:
    ordered = pause_feed(minutes=90)

    problem = Problem.objects.get(kind="work-paused")
    pausing.resume("feed", "memory", by="eve", reason="all is well")
    ordered.refresh_from_db()

    assert ordered.until - ordered.paused_at == timedelta(minutes=90)
    assert ordered.sentence == f"feed memory is paused until {ordered.until:%Y-%m-%d %H:%M} UTC by olga: {WHY}"
    assert (problem.subject.lower(), problem.severity, problem.target) == (
        ordered.sentence.lower(),
        "info",
        f"pause:{ordered.pk}",
    )
    assert (ordered.ended_by, ordered.end_reason) == ("eve", "all is well")
    assert Problem.objects.get(kind="work-paused").state == "resolved"
    assert resting.in_force().pauses == []


def test_who_paused_and_who_resumed_is_in_the_audit_with_the_reasons() -> None:
    pause_feed()
    pausing.resume("feed", "memory", by="eve", reason="all is well")

    events = AUDITED["ingest.pause"].events.objects.order_by("pgh_id")

    assert [(event.pgh_label, event.pgh_who, event.pgh_reason) for event in events] == [
        ("created", "olga", WHY),
        ("changed", "eve", "all is well"),
    ]


def test_what_is_paused_already_is_paused_anew_and_never_twice() -> None:
    first = pause_feed(minutes=60)

    second = pausing.pause("feed", "memory", minutes=10, by="eve", reason="nearly done")

    assert (second.pk, second.paused_at, second.paused_by) == (first.pk, first.paused_at, "eve")
    assert second.until < first.until
    with pytest.raises(IntegrityError), transaction.atomic():
        Pause.objects.create(
            what="feed", name="memory", reason="x", paused_by="x", paused_at=clock(), until=first.until
        )


@pytest.mark.parametrize(
    ("what", "name", "minutes", "reason", "said"),
    [
        ("feed", "memory", 60, "  ", "say why"),
        ("feed", "memory", 0, WHY, "a pause lasts from 1 to 10,080 minutes"),
        ("feed", "memory", 10_081, WHY, "a pause lasts from 1 to 10,080 minutes"),
        ("feed", "nobody", 60, WHY, "there is no feed 'nobody'"),
        ("account", "memory", 60, WHY, "no feed asks by an account 'memory'; there are: nivoda"),
        ("consolidation", "memory", 60, WHY, "it has no name"),
        ("everything", "", 60, WHY, "'everything' cannot be paused"),
    ],
)
def test_what_cannot_be_paused_says_why(what: str, name: str, minutes: int, reason: str, said: str) -> None:
    factories.feed()

    with pytest.raises(Exception, match=said):
        pausing.pause(what, name, minutes=minutes, by="olga", reason=reason)

    assert not Pause.objects.exists()


def test_a_pause_ends_by_the_clock_of_the_database_before_any_sweep_writes_it_down(supplier: MemorySupplier) -> None:
    ordered = pause_feed()
    pass_time()

    run = factories.start()
    sweep()
    ordered.refresh_from_db()

    assert run.state == "planning"
    assert ordered.ended_at == ordered.until
    assert ordered.ended_by == ""
    assert Problem.objects.get(kind="work-paused").state == "resolved"
    last = AUDITED["ingest.pause"].events.objects.latest("pgh_id")
    assert (last.pgh_who, last.pgh_reason) == ("system", "its time is over")


def test_something_can_be_paused_again_before_the_sweep_has_written_down_that_its_time_was_over() -> None:
    first = pause_feed()
    pass_time()

    second = pause_feed()

    assert second.pk != first.pk
    assert [pause.pk for pause in resting.in_force().pauses] == [second.pk]


def test_nothing_is_resumed_that_does_not_rest() -> None:
    pause_feed()
    pass_time()

    with pytest.raises(pausing.NotPaused, match="feed memory is not paused"):
        pausing.resume("feed", "memory", by="olga")


# --- runs ----------------------------------------------------------------------------------------------------------------


def test_a_feed_that_is_paused_starts_no_run_and_says_why(supplier: MemorySupplier) -> None:
    pause_feed()

    with pytest.raises(runs.FeedPaused, match=WHY):
        factories.start()
    with pytest.raises(CommandError, match=WHY):
        call_command("start_run", "memory")

    assert not Run.objects.exists()
    assert supplier.asked == []


def test_after_the_page_in_hand_a_walker_gives_its_partition_back_and_asks_for_no_other(
    supplier: MemorySupplier,
) -> None:
    run = factories.drive(factories.start(), until="ingesting")
    supplier.before_page = lambda _query, _offset: paused_by_somebody()
    before = supplier.pages_asked()

    walking.walk(run.pk)
    factories.make_due(run)
    walking.walk(run.pk)

    partition = factories.only_partition(run)
    assert supplier.pages_asked() == before + 1
    assert (partition.state, partition.next_offset, partition.errors) == ("ready", 10, 0)
    assert partition.lease_expires_at is None
    # The second walker did not even take it.
    assert partition.attempts == 1


def test_a_run_that_was_paused_on_its_way_ends_like_one_that_was_not(supplier: MemorySupplier) -> None:
    run = factories.drive(factories.start(), until="ingesting")
    pauses = iter([True])
    supplier.before_page = lambda _query, _offset: paused_by_somebody() if next(pauses, False) else None
    walking.walk(run.pk)
    pausing.resume("feed", "memory", by="olga")

    run = factories.drive(run)

    assert run.state == "completed"
    assert factories.listed() == {stone.id for stone in supplier.shelf}
    assert invariants.violations() == []


def test_planning_that_is_paused_keeps_its_counts_and_counts_as_no_failure(supplier: MemorySupplier) -> None:
    supplier.shelf = factories.stones(400)
    supplier.counts_per_request = 1
    run = factories.start(max_partition_stones=50)
    supplier.before_count = lambda _queries: paused_by_somebody()

    run = factories.advance(run)
    run = factories.advance(run)
    counts = sum(what == "count" for what, _ in supplier.asked)

    assert (run.state, run.planning_failures, run.crashes) == ("planning", 0, 0)
    assert counts == 1
    assert run.plan.counting is not None
    assert len(run.plan.counting.known) == 1
    supplier.before_count = lambda _queries: None
    pausing.resume("feed", "memory", by="olga")
    assert factories.drive(run).state == "completed"


def test_settling_that_would_ask_for_stones_again_waits_and_concludes_nothing(
    supplier: MemorySupplier, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.settled()
    for stone in supplier.shelf[:40]:
        stone.price *= 3
    run = factories.drive(factories.start(), until="ingesting")
    walking.walk(run.pk)

    def paused_meanwhile(run: Run) -> Any:
        # Just before it would ask.
        pause_feed()
        return cost_sample.sample_costs(run)

    monkeypatch.setattr(settling, "sample_costs", paused_meanwhile)

    run = factories.advance(run)

    assert (run.state, run.crashes) == ("settling", 0)
    assert run.lease_expires_at is None
    pausing.resume("feed", "memory", by="olga")
    monkeypatch.setattr(settling, "sample_costs", cost_sample.sample_costs)
    run = factories.advance(run)
    assert (run.state, [*run.held]) == ("in_review", ["median"])
    assert any(what == "lookup" for what, _ in supplier.asked)


@pytest.mark.parametrize("what", ["feed", "consolidation"])
def test_no_batch_is_taken_up_during_a_pause_and_none_counts_an_attempt(supplier: MemorySupplier, what: str) -> None:
    run = factories.drive(factories.start(), until="consolidating")
    name = "memory" if what == "feed" else ""
    pausing.pause(what, name, minutes=60, by="olga", reason=WHY)

    consolidation.consolidate(run.pk)
    run = factories.advance(run)

    assert run.state == "consolidating"
    assert set(run.batches.values_list("state", "attempts")) == {("ready", 0)}
    assert factories.listed() == set()
    pausing.resume(what, name, by="olga")
    assert factories.drive(run).state == "completed"


def in_stages() -> dict[str, tuple[int, int]]:
    """What waits, and what is paused, in the stages in which something is."""
    counted = {queue.title: (queue.waiting, queue.resting) for queue in stages.queues()}
    return {title: numbers for title, numbers in counted.items() if any(numbers)}


@pytest.mark.parametrize(
    ("state", "what", "rests"),
    [
        ("planning", "feed", True),
        ("ingesting", "feed", True),
        ("consolidating", "feed", True),
        ("planning", "consolidation", False),
        ("ingesting", "consolidation", False),
        ("consolidating", "consolidation", True),
    ],
)
def test_what_is_paused_waits_for_no_worker_and_does_again_afterwards(
    supplier: MemorySupplier, state: str, what: str, rests: bool
) -> None:
    run = factories.start()
    if state != "planning":
        run = factories.drive(run, until=state)
    factories.make_due(run)
    before = in_stages()

    pausing.pause(what, "memory" if what == "feed" else "", minutes=60, by="olga", reason=WHY)
    paused = in_stages()
    pausing.resume(what, "memory" if what == "feed" else "", by="olga", reason="all is well")

    assert before
    assert all(waiting and not resting for waiting, resting in before.values())
    assert paused == ({stage: (0, waiting) for stage, (waiting, _) in before.items()} if rests else before)
    assert in_stages() == before


@pytest.mark.parametrize("ends", ["somebody resumes", "its time is over"])
@pytest.mark.parametrize(
    ("state", "what", "since_then"),
    [
        ("planning", "feed", True),
        ("ingesting", "feed", True),
        ("consolidating", "feed", True),
        ("ingesting", "consolidation", False),
        ("consolidating", "consolidation", True),
    ],
)
def test_what_was_paused_has_waited_since_it_was_resumed(
    supplier: MemorySupplier, state: str, what: str, since_then: bool, ends: str
) -> None:
    run = factories.start()
    if state != "planning":
        run = factories.drive(run, until=state)
    hour_ago = Now() - timedelta(hours=1)
    for rows in (Run.objects.all(), run.partitions.all(), run.batches.all()):
        rows.update(due_at=hour_ago)
    name = "memory" if what == "feed" else ""
    pausing.pause(what, name, minutes=60, by="olga", reason=WHY)

    if ends == "somebody resumes":
        pausing.resume(what, name, by="olga", reason="all is well")
    else:
        pass_time()

    oldest = [queue.oldest for queue in stages.queues() if queue.waiting]
    assert oldest
    assert all((age is not None and age < 3_000) == since_then for age in oldest)


def test_the_account_that_a_feed_asks_by_rests_with_what_asks_by_it(sandbox: tuple[Sandbox, Feed]) -> None:
    runs.start_run(sandbox[1].slug, kind="full", started_by="olga")
    before = in_stages()

    pausing.pause("account", resting.account_of(sandbox[1]), minutes=60, by="olga", reason=WHY)

    assert before == {"planning": (1, 0)}
    assert in_stages() == {"planning": (0, 1)}


def test_consolidation_that_is_paused_keeps_no_run_from_asking(supplier: MemorySupplier) -> None:
    pausing.pause("consolidation", minutes=60, by="olga", reason=WHY)

    run = factories.drive(factories.start(), until="consolidating")

    assert factories.stored(run) == {stone.id for stone in supplier.shelf}


def test_the_sweep_rings_for_no_run_that_rests_and_resuming_rings_at_once(
    supplier: MemorySupplier, rung: list[tuple[str, int]]
) -> None:
    run = factories.drive(factories.start(), until="ingesting")
    pause_feed()
    factories.make_due(run)
    rung.clear()

    runs.ring_due()
    during = list(rung)
    pausing.resume("feed", "memory", by="olga")

    assert during == []
    assert set(rung) == {("advance", run.pk), ("walk", run.pk)}


def test_the_sweep_rings_for_what_waited_as_soon_as_a_pause_s_time_is_over(
    supplier: MemorySupplier, rung: list[tuple[str, int]]
) -> None:
    run = factories.drive(factories.start(), until="consolidating")
    pausing.pause("consolidation", minutes=1, by="olga", reason=WHY)
    factories.make_due(run)
    pass_time()
    rung.clear()

    pausing.end_overdue()

    assert ("consolidate", run.pk) in rung


def test_what_a_worker_held_that_died_during_a_pause_is_freed_and_its_late_writes_are_lost(
    supplier: MemorySupplier,
) -> None:
    run = factories.drive(factories.start(), until="ingesting")
    lease = walking.claim_partition(run.pk)
    assert lease is not None
    pause_feed()
    factories.expire(lease)

    pausing.free_leases()

    partition = factories.only_partition(run)
    assert (partition.lease_expires_at, partition.lease_owner) == (None, "")
    assert not leases.give_back(lease)
    assert list(invariants.no_lease_without_a_holder()) == []


# --- what is told --------------------------------------------------------------------------------------------------------


def test_a_run_that_rests_says_so_until_when_and_why(supplier: MemorySupplier) -> None:
    run = factories.drive(factories.start(), until="ingesting")
    ordered = pause_feed()

    waiting = waiting_for(run, clock())
    (shown,) = live.live_runs()

    assert waiting is not None
    assert (waiting.what, waiting.until) == ("pause", ordered.until)
    assert shown["why"] == ordered.sentence


def test_a_run_that_rests_does_not_count_as_stalled_and_has_its_time_anew_afterwards(supplier: MemorySupplier) -> None:
    run = factories.drive(factories.start(), until="ingesting")
    long_ago = Now() - timedelta(hours=3)
    Run.objects.filter(pk=run.pk).update(created_at=long_ago)
    run.events.update(at=long_ago)
    pause_feed()

    def stalled() -> list[str]:
        looked_at("run-stalled")
        return [problem.target for problem in unresolved().filter(kind="run-stalled")]

    during = stalled()
    pausing.resume("feed", "memory", by="olga")
    after = stalled()
    Pause.objects.update(paused_at=long_ago, ended_at=Now() - timedelta(minutes=30))
    later = stalled()

    assert during == after == []
    assert later == [f"run:{run.pk}"]


def test_a_feed_that_gets_too_old_while_it_is_paused_is_told_of_with_the_pause(supplier: MemorySupplier) -> None:
    factories.settled()
    Feed.objects.filter(slug="memory").update(watermark=Now() - timedelta(days=9))
    pause_feed()

    looked_at("feed-stale")

    stale = unresolved().get(kind="feed-stale", about="feed:memory")
    assert f"paused until {Pause.objects.get().until:%Y-%m-%d %H:%M} UTC by olga: {WHY}" in stale.subject


def test_slots_of_a_paused_feed_are_dealt_with_as_paused_and_are_no_problem(supplier: MemorySupplier) -> None:
    factories.feed(full_schedule="* * * * *")
    Feed.objects.filter(slug="memory").update(scheduled_since=Now() - timedelta(minutes=10))
    pause_feed()

    scheduling.start_due()

    slots = ScheduleSlot.objects.filter(feed__slug="memory")
    assert slots.count() >= 9
    assert {slot.state for slot in slots} == {"skipped"}
    assert all(slot.reason.startswith("paused: feed memory is paused until") for slot in slots)
    assert not Run.objects.exists()
    assert not Problem.objects.filter(kind="slots-skipped").exists()


# --- the supplier's account ----------------------------------------------------------------------------------------------


def test_nobody_asks_by_an_account_that_rests(sandbox: tuple[Sandbox, Feed]) -> None:
    supplier, feed = sandbox
    pausing.pause("account", "nivoda", minutes=60, by="olga", reason=WHY)
    before = asked(supplier)

    tried = sign_in.try_sign_in(feed)
    with pytest.raises(Paused, match=WHY):
        dry_run(feed)
    with pytest.raises(runs.FeedPaused, match="supplier account nivoda is paused"):
        runs.start_run(feed.slug, kind="full", started_by="eve")
    with pytest.raises(CommandError, match=WHY):
        call_command("plan_run", feed.slug, "--dry-run")

    assert (tried.outcome, WHY in tried.said) == (sign_in.Outcome.NOT_ASKED, True)
    assert asked(supplier) == before


def test_whoever_holds_an_adapter_already_does_not_ask_by_an_account_that_rests(sandbox: tuple[Sandbox, Feed]) -> None:
    supplier, feed = sandbox
    adapter = adapters.adapter_of(feed)
    adapter.server_time()
    pausing.pause("account", "nivoda", minutes=60, by="olga", reason=WHY)
    before = asked(supplier)

    with pytest.raises(Paused):
        adapter.lookup(["1"])
    pausing.resume("account", "nivoda", by="olga")
    adapter.lookup(["1"])

    assert asked(supplier) == before + 1


def test_the_proxy_answers_that_the_account_rests_and_until_when(sandbox: tuple[Sandbox, Feed]) -> None:
    supplier, feed = sandbox
    key = create_client("tool", scopes=["suppliers:proxy"]).text
    pausing.pause("account", "nivoda", minutes=10, by="olga", reason=WHY)
    before = asked(supplier)

    answer = Client(headers={"X-API-Key": key}).post(
        f"/api/v1/suppliers/{feed.slug}/graphql", {"query": "{ hello }"}, content_type="application/json"
    )

    assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (503, "supplier-paused")
    assert 500 < int(answer["Retry-After"]) <= 600
    # Who paused it and why is nothing to shops.
    assert WHY not in answer.content.decode()
    assert asked(supplier) == before


def test_carts_are_told_that_the_supplier_could_not_be_asked(sandbox: tuple[Sandbox, Feed]) -> None:
    supplier, feed = sandbox
    run = factories.drive(runs.start_run(feed.slug, kind="full", started_by="eve"))
    stone = Diamond.objects.filter(feed=feed.slug).first()
    assert run.state == "completed"
    assert stone is not None
    pausing.pause("account", "nivoda", minutes=10, by="olga", reason=WHY)
    before = asked(supplier)

    heard = verifying.ask([stone], actor="shop")

    assert heard[stone.pk].live == verifying.Live.UNAVAILABLE
    assert asked(supplier) == before


# --- commands, REST and the admin ----------------------------------------------------------------------------------------


def test_commands_pause_and_resume(capsys: pytest.CaptureFixture[str]) -> None:
    factories.feed()

    call_command("pause", "feed", "memory", "--minutes", "30", "--reason", WHY, "--json")
    paused = json.loads(capsys.readouterr().out)
    call_command("resume", "feed", "memory")
    resumed = capsys.readouterr().out
    with pytest.raises(CommandError, match="feed memory is not paused"):
        call_command("resume", "feed", "memory")

    assert (paused["what"], paused["name"], paused["reason"]) == ("feed", "memory", WHY)
    assert resumed == "feed memory goes on\n"


@pytest.fixture
def http() -> Client:
    key = create_client("ops", scopes=["runs:operate", "runs:read", "feeds:read"]).text
    return Client(headers={"X-API-Key": key})


def post(http: Client, address: str, body: Any) -> Any:
    return http.post(address, body, content_type="application/json")


def test_a_client_pauses_and_resumes_a_feed_and_sees_it_on_the_feed_and_on_its_run(
    http: Client, supplier: MemorySupplier
) -> None:
    run = factories.start()

    paused = post(http, "/api/v1/feeds/memory/pause", {"minutes": 30, "reason": WHY})
    feed = http.get("/api/v1/feeds/memory").json()
    seen = http.get(f"/api/v1/runs/{run.pk}")
    refused = post(http, "/api/v1/runs", {"feed": "memory"})
    resumed = post(http, "/api/v1/feeds/memory/resume", {})
    again = post(http, "/api/v1/feeds/memory/resume", {})
    changed = http.get(f"/api/v1/runs/{run.pk}", headers={"If-None-Match": seen["ETag"]})

    assert paused.status_code == 200, paused.content
    assert (paused.json()["what"], paused.json()["by"], paused.json()["ended_at"]) == ("feed", "ops (API client)", None)
    assert [pause["reason"] for pause in feed["pauses"]] == [WHY]
    assert seen.json()["waiting"]["what"] == "pause"
    assert [pause["what"] for pause in seen.json()["pauses"]] == ["feed"]
    assert (refused.status_code, refused.json()["type"].rpartition("/")[2]) == (409, "feed-paused")
    assert resumed.json()["ended_at"] is not None
    assert (again.status_code, again.json()["type"].rpartition("/")[2]) == (409, "not-paused")
    assert (changed.status_code, changed.json()["pauses"]) == (200, [])


def test_a_client_pauses_the_account_of_a_feed_where_it_has_one(http: Client) -> None:
    factories.feed()

    of_none = post(http, "/api/v1/feeds/memory/pause", {"what": "account", "reason": WHY})
    paused = post(http, "/api/v1/feeds/nivoda-natural/pause", {"what": "account", "reason": WHY})

    assert (of_none.status_code, of_none.json()["type"].rpartition("/")[2]) == (409, "cannot-pause")
    assert (paused.json()["what"], paused.json()["name"]) == ("account", "nivoda")


def person(*permissions: str) -> Client:
    somebody = User.objects.create_user("olga", is_staff=True)
    somebody.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    browser = Client()
    browser.force_login(somebody)
    return browser


def test_the_pages_of_a_feed_of_its_run_and_of_pauses_pause_and_resume(supplier: MemorySupplier) -> None:
    run = factories.start()
    browser = person("view_feed", "view_run", "change_run", "view_pause")
    pages = [
        (reverse("admin:ingest_feed_change", args=[run.feed_id]), f"feed-{run.feed_id}"),
        (reverse("admin:ingest_run_change", args=[run.pk]), f"run-{run.pk}"),
        (reverse("admin:ingest_pause_changelist"), ""),
    ]
    for address, page in pages:
        order = {"what": "feed", "name": "memory", "minutes": "60", "reason": WHY, "page": page}

        paused = browser.post(reverse("admin:ingest_pause_order"), order)
        shown = browser.get(address).content.decode()
        ordered = Pause.objects.latest("pk")
        resumed = browser.post(reverse("admin:ingest_pause_resume", args=[ordered.pk]), {"page": page})

        assert paused["Location"] == resumed["Location"] == address
        assert WHY in shown
        assert "Resume feed memory" in shown
        assert resting.in_force().pauses == []


def test_the_banner_of_every_page_says_what_rests_and_is_no_alarm() -> None:
    browser = person("view_feed")
    away.forget()
    before = browser.get(reverse("admin:ingest_feed_changelist")).content.decode()
    pause_feed()
    away.forget()

    shown = browser.get(reverse("admin:ingest_feed_changelist")).content.decode()
    away.forget()

    assert WHY not in before
    banner = shown.partition('<div class="dh-away dh-warn" role="status"')[2].partition("</div>")[0]
    assert f"by olga: {WHY}." in banner
    assert reverse("admin:ingest_pause_changelist") in banner


@pytest.mark.parametrize(
    ("order", "said"),
    [
        ({"reason": ""}, "Say why"),
        ({"minutes": "1000000"}, "A pause lasts 15 minutes, an hour"),
        ({"minutes": ""}, "Say how long"),
        ({"what": "everything"}, "cannot be paused"),
        ({"name": "nobody"}, "there is no feed"),
        ({"page": "feed-99999999999999999999"}, "Feed memory is paused"),
    ],
)
def test_an_order_that_is_none_is_answered_in_words(order: dict[str, str], said: str) -> None:
    factories.feed()
    browser = person("view_pause", "change_run")
    whole = {"what": "feed", "name": "memory", "minutes": "60", "reason": WHY, "page": "", **order}

    answer = browser.post(reverse("admin:ingest_pause_order"), whole, follow=True)

    assert said in answer.content.decode()
    assert Pause.objects.exists() is (said == "Feed memory is paused")


def test_who_may_only_look_sees_pauses_and_can_neither_pause_nor_resume() -> None:
    ordered = pause_feed()
    browser = person("view_pause")

    shown = browser.get(reverse("admin:ingest_pause_changelist")).content.decode()
    refused = [
        browser.post(reverse("admin:ingest_pause_order"), {"what": "feed"}).status_code,
        browser.post(reverse("admin:ingest_pause_resume", args=[ordered.pk])).status_code,
        browser.get(reverse("admin:ingest_pause_resume", args=[ordered.pk])).status_code,
    ]

    assert WHY in shown
    assert "Resume feed memory" not in shown
    assert refused == [403, 403, 405]
    assert resting.in_force().pauses == [ordered]


def test_the_start_page_says_what_is_paused_and_nothing_if_nothing_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "FRESH_SECONDS", 0.0)
    monkeypatch.setattr(snapshots, "STALE_SECONDS", 0.0)
    monkeypatch.setattr(snapshots, "WAIT_SECONDS", 0.0)
    browser = person("view_pause", "view_feed")
    before = browser.get(reverse("admin:index")).content.decode()
    pause_feed()
    after = browser.get(reverse("admin:index")).content.decode()

    assert "Look at the pauses" not in before
    assert "Look at the pauses" in after

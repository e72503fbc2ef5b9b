"""What people have done in the background: plans tried out, invariants checked, stones mapped again, letters replayed."""

from __future__ import annotations

from time import monotonic
from typing import Any

import msgspec
import pytest
from django.db.models.functions import Now
from django.test import Client
from django.urls import reverse

from catalog.models import Diamond, diamond_id
from catalog.rows import StoneFacts
from diamondhub.operations import jobs
from diamondhub.operations.models import Job, Problem
from ingest import draining, job_kinds, replaying
from ingest.admin import dead_letters as letters_admin
from ingest.errors import MappingError, TransientSupplierError
from ingest.models import DeadLetter, Partition, Remap, Run
from ingest.tests import factories, rows
from ingest.tests.admin_pages import messages_of, signed_in
from ingest.tests.factories import MemorySupplier, Stone, settled, stones, supplying

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def supplier(monkeypatch: pytest.MonkeyPatch) -> MemorySupplier:
    return supplying(monkeypatch, MemorySupplier(stones(200)))


def done(job: Job) -> Job:
    """The job after workers did all that is due."""
    deadline = monotonic() + 120
    while not jobs.work(job.pk):
        assert monotonic() < deadline, Job.objects.get(pk=job.pk).progress
        Job.objects.filter(pk=job.pk).update(due_at=Now())
    return Job.objects.get(pk=job.pk)


def page_of(job: Job) -> str:
    return reverse("admin:operations_job_change", args=[job.pk])


def pressed(browser: Client, url: str, **form: str) -> Job:
    """The job that a button asked for, whose page it leads to."""
    answer = browser.post(url, form, follow=True)
    job = Job.objects.latest("pk")
    assert answer.redirect_chain[-1][0] == page_of(job)
    return job


def feed_url(name: str, *more: str) -> str:
    return reverse(f"admin:ingest_feed_{name}", args=[factories.feed(max_partition_stones=50).pk, *more])


# --- plans -------------------------------------------------------------------------------------------------------------


def test_a_plan_is_tried_out_and_starts_nothing(supplier: MemorySupplier) -> None:
    browser = signed_in("view_feed", "add_run")

    job = done(pressed(browser, feed_url("plan"), reason="before the season"))

    assert (job.state, job.asked_by, job.reason) == ("completed", "olga", "before the season")
    assert job.result is not None
    assert job.result["stones"] == 200
    assert job.result["partitions"] == len(job.result["slices"]) >= 4
    assert (Run.objects.count(), Partition.objects.count()) == (0, 0)
    page = browser.get(page_of(job)).content.decode()
    assert "200 stones in" in page
    assert "at the limit" in page


def test_a_plan_that_is_taken_over_asks_no_count_twice(
    supplier: MemorySupplier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.background.planning.KEEP_EVERY_SECONDS", 0.0)
    asked = 0

    def stop_at_the_third(_queries: Any) -> None:
        nonlocal asked
        asked += 1
        if asked == 3:
            raise draining.Draining

    supplier.before_count = stop_at_the_third
    job = pressed(signed_in("add_run"), feed_url("plan"))
    first = jobs.work(job.pk)
    held = Job.objects.get(pk=job.pk)

    after = done(job)

    assert first is False
    assert "ranges counted" in held.progress
    assert after.state == "completed"
    counted = [query for kind, queries in supplier.asked if kind == "count" for query in queries]
    # What was being asked when the worker was told to stop is asked again.
    assert len(counted) - len(set(counted)) <= supplier.counts_per_request


def test_a_plan_outlives_bad_weather_and_says_when_it_does_not_end(supplier: MemorySupplier) -> None:
    weather = 3

    def storm(_queries: Any) -> None:
        nonlocal weather
        weather -= 1
        if weather >= 0:
            raise TransientSupplierError("the supplier answers 503")

    supplier.before_count = storm
    outlived = done(pressed(signed_in("add_run"), feed_url("plan")))
    weather = 1_000
    job, _ = jobs.ask(job_kinds.PLAN, "memory", by="olga")
    drowned = done(job)

    assert outlived.state == "completed"
    assert (drowned.state, drowned.error) == ("failed", "the supplier answers 503")


# --- invariants --------------------------------------------------------------------------------------------------------


def test_invariants_that_hold_are_said_to_hold_rule_by_rule(supplier: MemorySupplier) -> None:
    settled()

    job = done(pressed(signed_in("change_run"), reverse("admin:operations_job_ask", args=["invariants"])))

    assert job.result is not None
    broken = [entry for entry in job.result["checks"] if entry["problems"] and entry["number"] not in (3, 10)]
    assert broken == []
    assert {entry["number"] for entry in job.result["checks"]} == {1, 2, 3, 4, 5, 6, 7, 8, 10, 11}


def test_a_broken_invariant_is_a_problem_until_a_check_finds_that_it_holds(supplier: MemorySupplier) -> None:
    settled()
    stone = Diamond.objects.earliest("pk")
    right = stone.price_cents
    Diamond.objects.filter(pk=stone.pk).update(price_cents=right + 1)

    first, _ = jobs.ask(job_kinds.INVARIANTS, by="olga")
    broken = done(first)
    problem = Problem.objects.get(kind="invariant-broken", about="invariant:8")
    opened = (problem.state, problem.severity)
    Diamond.objects.filter(pk=stone.pk).update(price_cents=right)
    second, _ = jobs.ask(job_kinds.INVARIANTS, by="olga")
    done(second)

    assert broken.result is not None
    assert broken.result["broken"] >= 1
    assert "do not cost what rule set" in problem.subject
    assert opened == ("open", "critical")
    problem.refresh_from_db()
    assert problem.state == "resolved"


def test_jobs_are_among_what_must_not_be_stranded() -> None:
    Job.objects.create(kind="plan-trial", asked_by="eve", due_at=None)
    job, _ = jobs.ask(job_kinds.INVARIANTS, by="olga")

    result = done(job).result

    assert result is not None
    (rule,) = (entry for entry in result["checks"] if entry["number"] == 3)
    assert any("job" in problem for problem in rule["problems"])


# --- remaps ------------------------------------------------------------------------------------------------------------


def new_mapper(supplier: MemorySupplier, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on every stone comes from Antwerp."""
    old = supplier.to_diamond

    def to_diamond(item: bytes) -> StoneFacts:
        return msgspec.structs.replace(old(item), country_of_origin="Antwerp")

    monkeypatch.setattr(supplier, "mapper_version", "memory-mapper-2")
    monkeypatch.setattr(supplier, "to_diamond", to_diamond)


def from_antwerp() -> int:
    return Diamond.objects.filter(country_of_origin="Antwerp").count()


def test_a_remap_is_tried_out_and_then_done_for_a_reason(
    supplier: MemorySupplier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.remapping.CHUNK", 60)
    settled()
    new_mapper(supplier, monkeypatch)
    browser = signed_in("view_feed", "change_feed")

    trial = done(pressed(browser, feed_url("try_remap", "stale")))
    untouched = from_antwerp()
    page = browser.get(page_of(trial)).content.decode()
    refused = browser.post(feed_url("remap", "stale"), {"reason": " "}, follow=True)
    real = done(pressed(browser, feed_url("remap", "stale"), reason="origins were missing"))

    assert trial.result is not None
    assert real.result is not None
    assert (trial.result["changed"], untouched) == (200, 0)
    assert feed_url("remap", "stale") in page
    assert "Say why" in str(messages_of(refused))
    assert real.result["changed"] == from_antwerp() == 200
    remap = Remap.objects.get()
    assert (remap.state, remap.started_by) == ("completed", "olga")


def test_a_cancelled_remap_ends_and_keeps_what_it_did(
    supplier: MemorySupplier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.remapping.CHUNK", 50)
    monkeypatch.setattr("ingest.background.mapping.REST_SECONDS", 0.0)
    settled()
    new_mapper(supplier, monkeypatch)
    browser = signed_in("change_feed")
    job = pressed(browser, feed_url("remap", "stale"), reason="origins")
    tell = jobs.Running.tell

    def cancel_soon(running: jobs.Running, share: float, progress: str, memo: Any = None) -> None:
        if "50 of 200" in progress:
            browser.post(reverse("admin:operations_job_cancel", args=[running.job.pk]), {"reason": "wrong mapper"})
        tell(running, share, progress, memo)

    monkeypatch.setattr(jobs.Running, "tell", cancel_soon)

    after = done(job)

    assert (after.state, after.cancelled_reason) == ("cancelled", "wrong mapper")
    assert Remap.objects.get().state == "abandoned"
    assert 50 <= from_antwerp() < 200


def test_a_way_to_choose_stones_that_there_is_not_is_said_so(supplier: MemorySupplier) -> None:
    answer = signed_in(superuser=True).post(feed_url("try_remap", "some"), follow=True)

    assert "stale or all" in str(messages_of(answer))
    assert not Job.objects.exists()


# --- dead letters ------------------------------------------------------------------------------------------------------

CAUSE = "a" * 32


def letters(monkeypatch: pytest.MonkeyPatch, number: int) -> MemorySupplier:
    """Letters of one cause, which map by now."""
    made = supplying(monkeypatch, MemorySupplier())
    factories.feed()
    run = rows.run(state="completed", kind="incremental")
    for place in range(number):
        name = f"S-{place}"
        rows.dead_letter(
            run,
            supplier_stone_id=name,
            payload=Stone(name).payload().decode(),
            fingerprint=CAUSE,
            diamond_id=diamond_id(run.feed.slug, name),
            observed_at=rows.AT,
            raw_id=1,
        )
    return made


def letters_url(name: str) -> str:
    return reverse(f"admin:ingest_deadletter_{name}", args=["cause", CAUSE])


def list_of_the_cause(browser: Client) -> str:
    return browser.get(f"{reverse('admin:ingest_deadletter_changelist')}?fingerprint={CAUSE}").content.decode()


def test_a_sample_is_tried_without_writing_and_leads_to_replay_and_discard(monkeypatch: pytest.MonkeyPatch) -> None:
    letters(monkeypatch, 12)
    browser = signed_in("view_deadletter", "replay_deadletter", "discard_deadletter")

    job = pressed(browser, letters_url("try"))

    page = browser.get(page_of(job)).content.decode()
    assert job.result is not None
    assert (job.state, job.result["tried"], job.result["outcomes"]) == ("completed", 10, {"inserted": 10})
    assert "Replay all 12 letters" in page
    assert letters_url("replay") in page
    assert letters_url("discard") in page
    assert DeadLetter.objects.filter(state="open").count() == 12
    assert not Diamond.objects.exists()
    assert page_of(job) in list_of_the_cause(browser)


def test_many_letters_are_replayed_by_a_worker_with_the_persons_name(monkeypatch: pytest.MonkeyPatch) -> None:
    letters(monkeypatch, 30)
    monkeypatch.setattr(letters_admin, "MAX_AT_ONCE", 20)
    monkeypatch.setattr(replaying, "CHUNK", 7)
    browser = signed_in("view_deadletter", "replay_deadletter")

    job = done(pressed(browser, letters_url("replay"), reason="the mapper was mended"))

    assert job.result is not None
    assert (job.result["tried"], job.result["outcomes"]) == (30, {"inserted": 30})
    assert set(DeadLetter.objects.values_list("state", "closed_by")) == {("replayed", "olga")}


def test_a_replay_that_is_taken_over_tries_no_letter_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    letters(monkeypatch, 30)
    monkeypatch.setattr(replaying, "CHUNK", 7)
    job, _ = jobs.ask(job_kinds.REPLAY, CAUSE, by="olga", reason="mended", parameters={"sample": 3})
    tell = jobs.Running.tell

    class Killed(BaseException):
        """The worker's end."""

    def die_once(running: jobs.Running, share: float, progress: str, memo: Any = None) -> None:
        tell(running, share, progress, memo)
        if memo and memo["tried"] == 17:
            monkeypatch.setattr(jobs.Running, "tell", tell)
            raise Killed

    monkeypatch.setattr(jobs.Running, "tell", die_once)
    with pytest.raises(Killed):
        jobs.work(job.pk)
    Job.objects.filter(pk=job.pk).update(lease_expires_at=Now())

    after = done(job)

    assert after.result is not None
    assert (after.result["tried"], after.result["outcomes"]) == (30, {"inserted": 30})
    assert DeadLetter.objects.filter(state="replayed", attempts=0).count() == 30


def test_a_sample_that_still_fails_stops_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    supplier = letters(monkeypatch, 30)

    def stumble(_item: bytes) -> None:
        raise MappingError("shape", "is a riddle")

    supplier.before_mapping = stumble
    monkeypatch.setattr(letters_admin, "MAX_AT_ONCE", 20)
    browser = signed_in("replay_deadletter")
    # After the first replay the letters have the cause that they have now.
    browser.post(letters_url("replay"), {"reason": "to learn their cause"})
    done(Job.objects.latest("pk"))
    (cause,) = DeadLetter.objects.values_list("fingerprint", flat=True).distinct()

    job = done(pressed(browser, reverse("admin:ingest_deadletter_replay", args=["cause", cause]), reason="try"))

    assert job.result is not None
    assert (job.result["tried"], job.result["failed"]) == (10, 10)
    assert "the rest was not tried" in job.result["words"]


def test_many_letters_are_discarded_by_a_worker_for_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    letters(monkeypatch, 30)
    monkeypatch.setattr(letters_admin, "MAX_DISCARDED_AT_ONCE", 20)
    monkeypatch.setattr("ingest.background.letters.CHUNK", 8)
    browser = signed_in("view_deadletter", "discard_deadletter")

    job = done(pressed(browser, letters_url("discard"), reason="never to be sold"))

    assert job.result == {"discarded": 30}
    assert set(DeadLetter.objects.values_list("state", "closed_by", "closed_reason")) == {
        ("discarded", "olga", "never to be sold")
    }


@pytest.mark.parametrize("name", ["try", "replay", "discard"])
def test_who_may_only_look_at_letters_has_no_button_that_acts(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    letters(monkeypatch, 3)
    browser = signed_in("view_deadletter")

    assert browser.post(letters_url(name), {"reason": "mine"}).status_code == 403
    assert browser.get(letters_url(name)).status_code == 405
    assert letters_url(name) not in list_of_the_cause(browser)

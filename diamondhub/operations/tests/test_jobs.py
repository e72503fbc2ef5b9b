"""Background jobs: asked for once, done by whoever is there, resumed after kills, cancelled at once, and never silent."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from time import monotonic
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.db.models.functions import Now

from diamondhub import leases
from diamondhub.operations import jobs, retention
from diamondhub.operations.jobs import Kind, PutOff, Running
from diamondhub.operations.models import Job
from diamondhub.telemetry import scrub
from diamondhub.tests.patience import HANG_SECONDS

pytestmark = pytest.mark.django_db(transaction=True)


class Refused(Exception):
    """What the work of these tests says to people."""


@pytest.fixture
def kind(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Kind]:
    """Declares a kind of job with this work."""
    monkeypatch.setattr(jobs, "_kinds", dict(jobs.kinds()))

    def declare(work: jobs.Work, **given: Any) -> Kind:
        made = Kind("count", "Counted", work, "auth.add_user", "auth.view_user", lambda result: f"{result}", **given)
        jobs.declare(made)
        return made

    return declare


def asked(**given: Any) -> Job:
    job, _ = jobs.ask("count", given.pop("subject", "sheep"), by="olga", **given)
    return job


def done(job: Job) -> Job:
    """The job after workers did all that is due."""
    deadline = monotonic() + 60
    while not jobs.work(job.pk):
        assert monotonic() < deadline
        Job.objects.filter(pk=job.pk).update(due_at=Now())
    return Job.objects.get(pk=job.pk)


def lost(job: Job) -> None:
    """Take the job as a worker does that is killed before its first word."""
    lease = leases.claim_one(Job, job.pk, state="ready", seconds=60)
    assert lease is not None
    Job.objects.filter(pk=job.pk).update(lease_expires_at=Now() - timedelta(seconds=1))


def test_what_was_asked_for_is_done_and_its_result_kept(kind: Callable[..., Kind]) -> None:
    kind(lambda running: {"found": running.job.parameters["up_to"]})

    job = done(asked(parameters={"up_to": 3}, reason="to sleep"))

    assert (job.state, job.result, job.share, job.error) == ("completed", {"found": 3}, 1.0, "")
    assert (job.asked_by, job.reason, job.lease_owner, job.due_at) == ("olga", "to sleep", "", None)
    assert job.started_at is not None
    assert job.finished_at is not None


def test_one_kind_and_subject_is_live_once_and_may_be_asked_for_again_when_it_is_over(
    kind: Callable[..., Kind],
) -> None:
    kind(lambda _running: {})

    first, is_new = jobs.ask("count", "sheep", by="olga")
    same, is_new_again = jobs.ask("count", "sheep", by="eve")
    other, _ = jobs.ask("count", "goats", by="eve")
    done(first)
    later, is_new_later = jobs.ask("count", "sheep", by="eve")

    assert (is_new, is_new_again, is_new_later) == (True, False, True)
    assert first.pk == same.pk
    assert len({first.pk, other.pk, later.pk}) == 3


def test_two_who_ask_at_once_get_one_job(kind: Callable[..., Kind]) -> None:
    kind(lambda _running: {})
    barrier, got = threading.Barrier(4), []

    def ask() -> None:
        try:
            barrier.wait(HANG_SECONDS)
            got.append(asked().pk)
        finally:
            connection.close()

    people = [threading.Thread(target=ask) for _ in range(4)]
    for person in people:
        person.start()
    for person in people:
        person.join()

    assert len(got) == 4
    assert set(got) == set(Job.objects.values_list("pk", flat=True))
    assert Job.objects.count() == 1


def test_a_worker_that_takes_over_goes_on_with_what_the_lost_one_kept(kind: Callable[..., Kind]) -> None:
    seen = []

    class Killed(BaseException):
        """The worker's end."""

    def work(running: Running) -> dict[str, Any]:
        seen.append(running.memo.get("at", 0))
        running.tell(0.5, "halfway", {"at": seen[-1] + 1})
        if len(seen) == 1:
            raise Killed
        return {"at": running.memo["at"]}

    kind(work)
    job = asked()
    with pytest.raises(Killed):
        jobs.work(job.pk)
    held = Job.objects.get(pk=job.pk)
    taken_meanwhile = jobs.work(job.pk)
    Job.objects.filter(pk=job.pk).update(lease_expires_at=Now() - timedelta(seconds=1))

    after = done(job)

    assert (held.share, held.progress, held.state) == (0.5, "halfway", "ready")
    assert taken_meanwhile is False
    assert seen == [0, 1]
    assert after.result == {"at": 2}


def test_a_job_that_loses_worker_after_worker_fails_with_that_reason(kind: Callable[..., Kind]) -> None:
    kind(lambda _running: {})
    job = asked()
    for _ in range(jobs.MAX_ATTEMPTS):
        lost(job)

    after = done(job)

    assert (after.state, after.result) == ("failed", None)
    assert "5 workers were lost" in after.error


def test_slices_and_pauses_are_no_lost_workers(kind: Callable[..., Kind]) -> None:
    def work(running: Running) -> dict[str, Any] | None:
        slices = running.memo.get("slices", 0) + 1
        running.tell(slices / 20, f"{slices}", {"slices": slices})
        if slices == 20:
            return {"slices": slices}
        if slices % 2:
            raise PutOff(3600)
        return None

    kind(work)

    assert done(asked()).result == {"slices": 20}


@pytest.mark.parametrize(
    ("error", "says"), [(Refused("there are no sheep"), "there are no sheep"), (ValueError("odd"), "ValueError: odd")]
)
def test_a_job_that_fails_says_why_and_is_not_tried_again(
    kind: Callable[..., Kind], error: Exception, says: str
) -> None:
    tries = []

    def work(_running: Running) -> dict[str, Any]:
        tries.append(1)
        raise error

    kind(work, expected=(Refused,))

    job = done(asked())

    assert (job.state, job.error, len(tries)) == ("failed", says, 1)


def test_no_secret_gets_into_what_a_job_keeps_of_its_failure(
    kind: Callable[..., Kind], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scrub, "_told", ())
    scrub.know("the password of the sheep")

    def work(running: Running) -> dict[str, Any]:
        running.tell(0.1, "asks with the password of the sheep")
        raise Refused("https://olga:the-key@farm.example/ does not take the password of the sheep")

    kind(work, expected=(Refused,))

    job = done(asked(reason="with the password of the sheep"))

    assert not [
        text
        for text in (job.error, job.progress, job.reason)
        if "the password of the sheep" in text or "the-key" in text
    ]


def test_a_cancelled_job_stops_at_its_workers_next_word_and_keeps_what_was_done(kind: Callable[..., Kind]) -> None:
    told, after = [], []

    def work(running: Running) -> dict[str, Any]:
        running.tell(0.3, "three of ten")
        jobs.cancel(running.job.pk, by="eve", reason="enough")
        after.append("before the word")
        running.tell(0.4, "four of ten")
        after.append("behind it")
        return {}

    kind(work, cancelled=lambda job: told.append(job.pk))

    job = done(asked())

    assert (job.state, job.cancelled_by, job.cancelled_reason, job.progress) == (
        "cancelled",
        "eve",
        "enough",
        "three of ten",
    )
    assert (told, after) == ([job.pk], ["before the word"])


def test_a_cancelled_job_is_stopped_within_its_statement(kind: Callable[..., Kind]) -> None:
    reached = threading.Event()

    def work(_running: Running) -> dict[str, Any]:
        with connection.cursor() as cursor:
            reached.set()
            cursor.execute("SELECT pg_sleep(300)")
        return {}

    kind(work, stops_statements=True)
    job = asked()

    def at_work() -> None:
        try:
            jobs.work(job.pk)
        finally:
            connection.close()

    worker = threading.Thread(target=at_work)
    worker.start()
    assert reached.wait(HANG_SECONDS)

    jobs.cancel(job.pk, by="eve")
    worker.join(120)

    assert not worker.is_alive()
    assert Job.objects.get(pk=job.pk).state == "cancelled"


def test_a_job_that_is_over_is_not_cancelled(kind: Callable[..., Kind]) -> None:
    kind(lambda _running: {})
    job = done(asked())

    with pytest.raises(jobs.JobError, match="is completed already"):
        jobs.cancel(job.pk, by="eve")
    with pytest.raises(jobs.JobError, match="There is no job"):
        jobs.cancel(job.pk + 1, by="eve")


def test_the_sweep_rings_for_what_is_due_and_free_only(
    kind: Callable[..., Kind], monkeypatch: pytest.MonkeyPatch
) -> None:
    rung = []
    monkeypatch.setattr(jobs, "ring", lambda task, pk, **_: rung.append((task, pk)))
    counts = kind(lambda _running: {})
    jobs.declare(replace(counts, name="asks", waits=True))
    due, held, later, over = (asked(subject=name) for name in ("due", "held", "later", "over"))
    waiting, _ = jobs.ask("asks", by="olga")
    leases.claim_one(Job, held.pk, state="ready", seconds=60)
    Job.objects.filter(pk=later.pk).update(due_at=Now() + timedelta(hours=1))
    done(over)
    Job.objects.create(kind="of another release", asked_by="eve", due_at=Now())
    rung.clear()

    jobs.ring_due()

    assert sorted(rung) == sorted([(jobs.COMPUTING, due.pk), (jobs.WAITING, waiting.pk)])


def test_a_job_of_another_release_is_left_alone() -> None:
    job = Job.objects.create(kind="of another release", asked_by="eve", due_at=Now())

    jobs.work(job.pk)

    job.refresh_from_db()
    assert (job.state, job.attempts) == ("ready", 0)


def test_asking_and_cancelling_are_audited_and_the_course_of_the_work_is_not(kind: Callable[..., Kind]) -> None:
    def work(running: Running) -> dict[str, Any]:
        for place in range(5):
            running.tell(place / 5, f"{place}")
        return {}

    kind(work)
    done(asked(reason="to sleep"))
    jobs.cancel(asked(reason="once more").pk, by="eve", reason="awake")

    with connection.cursor() as cursor:
        cursor.execute("SELECT pgh_label, pgh_who, pgh_reason FROM operations_jobevent ORDER BY pgh_id")
        assert cursor.fetchall() == [
            ("created", "olga", "to sleep"),
            ("created", "olga", "once more"),
            ("changed", "eve", "awake"),
        ]


def test_jobs_that_ended_long_ago_are_forgotten(kind: Callable[..., Kind]) -> None:
    kind(lambda _running: {})
    old, new = done(asked()), done(asked())
    Job.objects.filter(pk=old.pk).update(finished_at=retention.days_ago(jobs.KEPT_DAYS + 1))
    live = asked()
    Job.objects.filter(pk=live.pk).update(created_at=retention.days_ago(jobs.KEPT_DAYS + 1))

    (step,) = (step for step in retention.steps() if step.name == "jobs")
    list(step.remove())

    assert set(Job.objects.values_list("pk", flat=True)) == {new.pk, live.pk}


def test_two_kinds_of_one_name_are_a_mistake_of_the_start(kind: Callable[..., Kind]) -> None:
    kind(lambda _running: {})

    with pytest.raises(ImproperlyConfigured, match="two kinds are called count"):
        kind(lambda _running: {})

"""Workers as rows: who is there, who is gone, who is restarted again and again, and which queue nobody listens to."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from diamondhub.database import psycopg_cursor
from diamondhub.operations import worker_problems, workers
from diamondhub.operations.models import Worker
from diamondhub.operations.problems import looking
from diamondhub.operations.problems.reading import unresolved

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nobody_else(db: None) -> None:
    """No rows of servers that other tests started, which may show themselves once more while they end."""
    Worker.objects.all().delete()


def worker(*, seen: float = 0.0, **fields: Any) -> Worker:
    """A row of a process that was last seen so many seconds ago, and started an hour before."""
    at = timezone.now() - timedelta(seconds=seen)
    queues = fields.pop("queues", ["control", "supplier"])
    return Worker.objects.create(
        **{
            "program": "worker-io",
            "place": f"host worker-io {','.join(queues)}",
            "host": "host",
            "pid": 4711,
            "queues": queues,
            "version": "0123456789",
            "started_at": at - timedelta(hours=1),
            "seen_at": at,
            **fields,
        }
    )


def everybody() -> None:
    """A worker of every queue, seen just now."""
    worker()
    worker(program="worker-cpu", place="host worker-cpu consolidation", queues=["consolidation"])


def wrong() -> set[tuple[str, str]]:
    return {(item.kind, item.about) for item in worker_problems.look()}


def test_where_no_process_ever_showed_itself_nothing_is_missed() -> None:
    assert wrong() == set()


def test_workers_that_are_there_are_no_problem() -> None:
    everybody()

    assert wrong() == set()


def test_one_that_is_not_seen_any_more_is_gone_and_its_queues_have_nobody() -> None:
    everybody()
    Worker.objects.filter(program="worker-io").update(seen_at=timezone.now() - timedelta(seconds=25))
    gone = Worker.objects.get(program="worker-io")

    assert wrong() == {
        ("worker-gone", f"worker:{gone.pk}"),
        ("queue-without-worker", "queue:control"),
        ("queue-without-worker", "queue:supplier"),
    }


def test_one_that_stopped_in_order_is_not_gone_and_its_queue_is_missed_all_the_same() -> None:
    everybody()
    Worker.objects.filter(program="worker-cpu").update(
        seen_at=timezone.now() - timedelta(seconds=25), ended_at=timezone.now(), ended="stopped"
    )

    assert wrong() == {("queue-without-worker", "queue:consolidation")}


def test_one_whose_place_was_taken_is_not_missed() -> None:
    everybody()
    worker(seen=40, program="web", place="host web ", queues=[])
    worker(program="web", place="host web ", queues=[], started_at=timezone.now() - timedelta(seconds=5))

    assert wrong() == set()


def died(*, began: float, seen: float, found: float | None = None, **fields: Any) -> Worker:
    """A process that was started and last seen so many seconds ago, and `found` dead when another one took its place."""
    now, found = timezone.now(), seen - 1 if found is None else found
    return worker(
        seen=seen,
        started_at=now - timedelta(seconds=began),
        ended="replaced",
        ended_at=now - timedelta(seconds=found),
        **{"pid": 1, **fields},
    )


def test_three_that_died_one_after_another_at_one_place_within_minutes_are_a_loop_and_two_are_none() -> None:
    everybody()
    died(began=3_600, seen=90)
    died(began=80, seen=60)
    two = wrong()
    died(began=50, seen=30)

    three = wrong()

    assert two == set()
    assert three == {("worker-restarting", "place:host worker-io control,supplier")}


@pytest.mark.parametrize(
    ("program", "queues"),
    [
        ("web", []),
        ("worker-io", ["control", "supplier"]),
        ("worker-cpu", ["consolidation"]),
        ("beat", []),
        ("index", []),
    ],
)
def test_a_host_that_crashed_with_many_processes_and_is_back_does_not_restart_in_a_loop(
    program: str, queues: list[str]
) -> None:
    everybody()
    of: dict[str, Any] = {"program": program, "place": f"host {program} {','.join(queues)}", "queues": queues}
    # Each was seen at its own second, and some not before the host was taken for gone.
    for number in range(6):
        died(began=3_600 + number, seen=60 + number / 2, found=20, **of)
    for number in range(3):
        worker(seen=90 + number, **of)
    for number in range(9):
        worker(started_at=timezone.now() - timedelta(seconds=20 - number), **of)

    found = wrong()

    assert found == set()
    assert workers.restarts()[f"host {program} {','.join(queues)}"] == 9


def test_processes_of_two_stacks_of_a_host_that_died_once_each_are_no_loop_and_one_that_dies_on_is() -> None:
    everybody()
    # In turn, as when somebody kills each, or the host's memory ends: none of them began after another's death.
    for seen in (300, 200, 100):
        died(began=3_600, seen=seen)
    in_turn = wrong()
    for seen in (80, 60, 40):
        died(began=seen + 10, seen=seen)

    assert in_turn == set()
    assert wrong() == {("worker-restarting", "place:host worker-io control,supplier")}


def test_a_host_that_crashed_while_its_processes_were_starting_is_no_loop() -> None:
    everybody()
    # Each died seconds after it had begun, before it was seen a second time.
    for began in (60, 58, 56, 54):
        died(began=began, seen=began, found=20)
    for began in (60, 58, 56, 54):
        worker(seen=began, started_at=timezone.now() - timedelta(seconds=began))
    worker(started_at=timezone.now() - timedelta(seconds=19))

    assert wrong() == set()


def test_a_host_that_crashes_again_and_again_is_a_loop() -> None:
    everybody()
    for seen in (60, 180, 300):
        for number in range(3):
            died(began=seen + 100 - number, seen=seen + number, found=seen - 10)

    assert wrong() == {("worker-restarting", "place:host worker-io control,supplier")}


def test_a_host_that_is_gone_with_all_that_it_had_was_not_started_again_and_again() -> None:
    everybody()
    for _ in range(3):
        worker(seen=60, program="web", place="gone web ", host="gone", queues=[])

    assert workers.restarts() == {}
    assert {kind for kind, _ in wrong()} == {"worker-gone"}


def test_one_that_is_gone_and_that_another_follows_was_restarted() -> None:
    worker(seen=60)
    worker(started_at=timezone.now() - timedelta(seconds=30))

    assert workers.restarts() == {"host worker-io control,supplier": 1}


def test_deaths_of_long_ago_are_no_loop() -> None:
    everybody()
    for seen in (1_000, 2_000, 3_000):
        worker(seen=seen, ended="replaced", ended_at=timezone.now())

    assert wrong() == set()
    assert workers.restarts() == {"host worker-io control,supplier": 3}


def test_what_the_look_says_is_opened_and_resolved_by_the_sweep() -> None:
    everybody()
    Worker.objects.filter(program="worker-cpu").update(seen_at=timezone.now() - timedelta(seconds=25))
    (lookout,) = (each for each in looking.lookouts() if "worker-gone" in each.kinds)
    looking.take(lookout)
    opened = set(unresolved().values_list("kind", flat=True))
    Worker.objects.update(seen_at=timezone.now())

    looking.take(lookout)

    assert opened == {"worker-gone", "queue-without-worker"}
    assert not unresolved().exists()


def test_a_process_writes_its_row_shows_itself_and_ends_it() -> None:
    facts = {
        "program": "worker-cpu",
        "place": "p",
        "host": "h",
        "pid": 1,
        "pool": "prefork",
        "queues": ["consolidation"],
        "slots": 2,
        "version": "v",
    }
    with psycopg_cursor() as cursor:
        number = workers.enter(cursor, facts)
        Worker.objects.update(seen_at=timezone.now() - timedelta(seconds=50))

        workers.seen(cursor, number, facts, held=2)
        shown = workers.listed().get()
        workers.leave(cursor, number)

    assert (shown.held, shown.queues, shown.slots) == (2, ["consolidation"], 2)
    assert timezone.now() - shown.seen_at < timedelta(seconds=20)
    assert not workers.listed().exists()
    assert Worker.objects.get().ended == "stopped"


def test_one_whose_row_was_removed_or_taken_for_dead_comes_back_by_itself() -> None:
    facts = {"program": "w", "place": "p", "host": "h", "pid": 1, "pool": "", "queues": [], "slots": 0, "version": "v"}
    with psycopg_cursor() as cursor:
        number = workers.enter(cursor, facts)
        Worker.objects.update(ended="replaced", ended_at=timezone.now())
        workers.seen(cursor, number, facts, held=0)
        revived = workers.listed().count()
        Worker.objects.all().delete()

        workers.seen(cursor, number, facts, held=0)

    assert revived == 1
    assert workers.listed().get().pk == number


def test_who_starts_takes_the_place_of_the_dead_and_of_nobody_who_lives() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    dead = worker(pid=ended.pid)
    same_number = worker(pid=1_234)
    alive = worker(pid=os.getppid())
    elsewhere = worker(pid=ended.pid, host="other")

    with psycopg_cursor() as cursor:
        workers.replace(cursor, dead.place, host="host", pid=1_234)

    assert set(Worker.objects.filter(ended="replaced")) == {dead, same_number}
    assert set(workers.listed()) == {alive, elsewhere}


def test_rows_are_forgotten_a_day_after_they_were_last_seen() -> None:
    worker(seen=86_500)
    kept = worker(seen=86_300)

    workers.forgotten().delete()

    assert list(Worker.objects.all()) == [kept]


def test_who_may_takes_a_gone_one_off_the_list_and_nobody_one_that_is_there() -> None:
    gone, there = worker(seen=60), worker()
    browser = Client()
    browser.force_login(User.objects.create_superuser("root"))

    for row in (gone, there):
        browser.post(reverse("admin:operations_worker_remove", args=[row.pk]))

    assert list(workers.listed()) == [there]


def test_the_queues_that_are_wanted_are_those_that_tasks_are_sent_to() -> None:
    assert workers.queues_wanted() == ["consolidation", "control", "supplier"]

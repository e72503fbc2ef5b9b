"""Doorbells: rung after the commit, and never in the way of what rings them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import redis
import structlog
from celery import shared_task
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction
from django.test.utils import override_settings
from structlog.testing import capture_logs

from diamondhub import sweep
from diamondhub.celery import app
from diamondhub.doorbells import answering, ring
from diamondhub.telemetry.models import Heartbeat

TASK = "diamondhub.tests.nobody"


@pytest.fixture
def rung() -> Callable[[], int]:
    """How many doorbells have reached the broker since the test began; nobody answers them."""
    broker: Any = redis.Redis.from_url(settings.CELERY_BROKER_URL)
    queue = app.conf.task_default_queue
    before = broker.llen(queue)
    return lambda: int(broker.llen(queue) - before)


@pytest.mark.django_db(transaction=True)
def test_a_doorbell_rings_when_the_transaction_commits_and_not_before(rung: Callable[[], int]) -> None:
    with transaction.atomic():
        ring(TASK, 7)
        before = rung()

    assert (before, rung()) == (0, 1)


@pytest.mark.django_db(transaction=True)
def test_a_doorbell_of_a_transaction_that_failed_never_rings(rung: Callable[[], int]) -> None:
    with transaction.atomic():
        ring(TASK, 7)
        transaction.set_rollback(True)

    assert rung() == 0


@pytest.mark.django_db(transaction=True)
def test_a_doorbell_rings_as_often_as_there_are_workers_wanted(rung: Callable[[], int]) -> None:
    ring(TASK, 7, times=3)

    assert rung() == 3


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("error", [ConnectionRefusedError("away"), TimeoutError("slow")])
def test_a_broker_that_is_away_is_logged_and_never_raised(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(app, "send_task", fail)

    with capture_logs() as logs, transaction.atomic():
        ring(TASK, 7)

    # Threads of other tests are heard, too.
    told = [entry for entry in logs if entry["event"] == "doorbell_not_rung"]
    assert [(entry["identifier"], entry["error"]) for entry in told] == [(7, type(error).__name__)]


@pytest.mark.django_db(transaction=True)
def test_a_broker_that_really_is_away_costs_a_log_line(monkeypatch: pytest.MonkeyPatch) -> None:
    # Slow: the broker's client tries for some seconds.
    away = app.connection_for_write("redis://127.0.0.1:1/0")
    monkeypatch.setattr(app.amqp, "_producer_pool", None)
    monkeypatch.setattr(app, "connection_for_write", lambda *_, **__: away)
    monkeypatch.setattr(app, "_pool", None)

    with capture_logs() as logs:
        ring(TASK, 7)

    # Threads of servers of other tests may still say that they found no Redis, for those who look for it.
    assert [entry["event"] for entry in logs if entry["log_level"] != "debug"] == ["doorbell_not_rung"]


@pytest.mark.django_db
@pytest.mark.parametrize("error", [OperationalError("the connection is lost\nDETAIL: x"), InterfaceError("closed")])
def test_a_database_that_goes_away_costs_a_task_one_log_line(error: Exception) -> None:
    def work() -> None:
        raise error

    with capture_logs() as logs, answering():
        work()

    told = [entry["error"] for entry in logs if entry["event"] == "database_away"]
    assert told == [str(error).splitlines()[0]]


@pytest.mark.django_db
def test_other_errors_of_a_task_are_not_swallowed() -> None:
    with pytest.raises(ZeroDivisionError), answering():
        raise ZeroDivisionError


@shared_task(name="diamondhub.tests.context")
def context() -> dict[str, Any]:
    with answering():
        return structlog.contextvars.get_contextvars()


@pytest.mark.django_db
def test_log_lines_of_a_task_have_its_name_and_id_and_those_after_it_have_not() -> None:
    done: Any = context.apply()

    assert done.result.items() >= {"task": "diamondhub.tests.context", "task_id": done.id}.items()
    assert "task_id" not in structlog.contextvars.get_contextvars()


@pytest.mark.django_db(transaction=True)
def test_a_task_gives_its_connection_back() -> None:
    with answering():
        connection.ensure_connection()

    assert connection.connection is None


@pytest.mark.django_db
def test_a_sweeper_that_fails_does_not_keep_the_others_from_their_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[str] = []

    def broken() -> None:
        called.append("broken")
        raise OperationalError("no such table")

    def sound() -> None:
        called.append("sound")

    monkeypatch.setattr(sweep, "_sweepers", [])
    for sweeper in (broken, sound, sound):
        sweep.register(sweeper)

    with override_settings(SWEEP_SECONDS=5):
        sweep.sweep()

    assert called == ["broken", "sound"]
    assert Heartbeat.objects.filter(name="sweep").exists()


@pytest.mark.django_db
@pytest.mark.parametrize("error", [KeyError("no such feed"), RuntimeError("a fault of ours"), OSError("away")])
def test_a_sweeper_that_fails_in_a_way_of_its_own_does_not_silence_the_others(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    called: list[str] = []

    def broken() -> None:
        raise error

    monkeypatch.setattr(sweep, "_sweepers", [broken, lambda: called.append("sound")])

    with capture_logs() as logs:
        sweep.sweep()

    assert called == ["sound"]
    failed = [entry for entry in logs if entry["event"] == "sweep_failed"]
    assert [(entry["log_level"], entry["exc_info"]) for entry in failed] == [("error", True)]
    assert Heartbeat.objects.filter(name="sweep").exists()


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_broke_under_a_sweeper_is_a_new_one_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[int] = []

    def breaks_the_connection() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    monkeypatch.setattr(sweep, "_sweepers", [breaks_the_connection, lambda: counted.append(Heartbeat.objects.count())])

    sweep.sweep()

    assert counted == [0]
    assert Heartbeat.objects.filter(name="sweep").exists()

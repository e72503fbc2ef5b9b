"""A worker that is killed while a receiver has its message: nothing is lost, and what comes twice has one id."""

from __future__ import annotations

import os
import signal

import pytest
from django.db import connection
from django.db.models.functions import Now

from diamondhub.celery import app
from diamondhub.tests.patience import HANG_SECONDS
from diamondhub.webhooks import tasks
from diamondhub.webhooks.events import EventKind
from diamondhub.webhooks.models import Delivery
from diamondhub.webhooks.outbox import deliver_due, emit
from diamondhub.webhooks.tests.receivers import Receiver, subscribed


def test_workers_know_the_task() -> None:
    assert tasks.deliver.name in app.tasks


@pytest.mark.processes
@pytest.mark.django_db(transaction=True)
def test_what_a_killed_worker_was_sending_is_sent_by_the_next_with_the_same_id(receiver: Receiver) -> None:
    receiver.status = 0
    subscribed(receiver.url)
    emit(EventKind.CATALOG_CHANGED, {"version": 7})
    # Each process has a connection of its own.
    connection.close()

    worker = os.fork()
    if not worker:
        try:
            deliver_due()
        finally:
            os._exit(1)
    assert receiver.asked.wait(HANG_SECONDS)
    os.kill(worker, signal.SIGKILL)
    os.waitpid(worker, 0)
    receiver.status = 204
    too_early = deliver_due()
    # As if the lease had run out.
    Delivery.objects.update(lease_expires_at=Now(), due_at=Now())
    deliver_due()

    delivery = Delivery.objects.get()
    assert too_early == 0
    assert (delivery.state, delivery.tries) == ("delivered", 2)
    assert receiver.ids == [delivery.message_id] * 2

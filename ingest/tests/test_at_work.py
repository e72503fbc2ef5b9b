"""A partition's and a batch's work on the run's page: holder, next try and last error, before anything failed for good."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from diamondhub import leases
from diamondhub.pace.limiter import LimiterUnavailable
from ingest import retries
from ingest.admin import at_work
from ingest.errors import PermanentSupplierError, SupplierError, ThrottledBySupplier, TransientSupplierError
from ingest.feeds.adapter import StoneQuery
from ingest.models import ConsolidationBatch, Run
from ingest.tests import factories, rows
from ingest.tests.factories import MemorySupplier
from ingest.walking import stage as walking

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root-person"))
    return client


def run_page(browser: Client, run: Run) -> str:
    return browser.get(reverse("admin:ingest_run_change", args=[run.pk])).content.decode()


def batch(run: Run, ordinal: int, **fields: Any) -> ConsolidationBatch:
    return run.batches.create(
        **{"ordinal": ordinal, "stone_from": f"{ordinal:032x}", "raw_through": 1, "due_at": rows.AT, **fields}
    )


def walked_into(monkeypatch: pytest.MonkeyPatch, error: Exception) -> Any:
    """The partition of a run whose supplier answers its first page with this error."""
    supplier = factories.supplying(monkeypatch, MemorySupplier(factories.stones(35)))
    run = factories.drive(factories.start(), until="ingesting")

    def fail(_query: StoneQuery, _offset: int) -> None:
        raise error

    supplier.before_page = fail
    walking.walk(run.pk)
    return factories.only_partition(run)


@pytest.mark.parametrize(
    ("error", "state", "words"),
    [
        (TransientSupplierError("it answers 502"), "ready", "it answers 502"),
        (ThrottledBySupplier("it answers 429"), "ready", "it answers 429"),
        (PermanentSupplierError("no such field"), "failed", "no such field"),
        (LimiterUnavailable("nobody at the port"), "ready", "limiter away: nobody at the port"),
        (ZeroDivisionError("by zero"), "ready", "ZeroDivisionError"),
    ],
)
def test_every_error_that_puts_a_partition_off_is_kept_on_it(
    monkeypatch: pytest.MonkeyPatch, error: SupplierError, state: str, words: str
) -> None:
    partition = walked_into(monkeypatch, error)

    assert partition.state == state
    assert words in partition.last_error
    assert partition.last_error_at is not None


def test_a_run_shows_why_a_partition_waits_before_it_has_failed(
    monkeypatch: pytest.MonkeyPatch, browser: Client
) -> None:
    partition = walked_into(monkeypatch, TransientSupplierError("<b>503</b> again"))

    shown = run_page(browser, partition.run)

    assert partition.failure == ""
    assert "&lt;b&gt;503&lt;/b&gt; again" in shown
    assert "failed for good" not in shown


def test_a_worker_that_lost_its_lease_writes_no_error() -> None:
    partition = rows.partition(rows.run())

    retries.keep_error(leases.Lease(type(partition), partition.pk, 7, 1, timezone.now()), "too late")

    partition.refresh_from_db()
    assert partition.last_error == ""


def test_secrets_of_an_error_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    partition = walked_into(monkeypatch, TransientSupplierError("redis://:hushhush@cache/0 is away"))

    assert "hushhush" not in partition.last_error


def test_a_lease_says_who_works_and_since_when_nothing_was_heard(settings: Any) -> None:
    now = timezone.now()
    partition = rows.partition(
        rows.run(),
        lease_owner="host:1:main",
        lease_expires_at=now + timedelta(seconds=settings.PARTITION_LEASE_SECONDS - 7),
    )

    works = at_work.at_work(partition, now)
    silent = at_work.at_work(partition, now + timedelta(hours=1))

    assert (works.holder, works.heard_of) == ("host:1:main", "7 s ago")
    assert silent.holder == "host:1:main, which is silent"
    assert silent.next_try == "as soon as a worker is free"


def test_a_row_that_is_put_off_says_when_it_is_tried_and_one_that_is_over_does_not() -> None:
    now = timezone.now()
    run = rows.run()
    waits = rows.partition(run, due_at=now + timedelta(seconds=40))
    over = rows.partition(run, state="failed", due_at=None)

    assert at_work.at_work(waits, now).next_try == "in 40 s"
    assert at_work.at_work(over, now).next_try == "–"


def test_batches_with_errors_come_first_and_only_so_many_are_shown(browser: Client) -> None:
    run = rows.run(state="consolidating")
    for ordinal in range(at_work.MAX_BATCHES + 5):
        batch(run, ordinal)
    broken = batch(run, 99, last_error="MemoryError: <i>full</i>", attempts=2)

    first, *_ = shown = at_work.batches(run)

    assert first.pk == broken.pk
    assert len(shown) == at_work.MAX_BATCHES
    assert "MemoryError: &lt;i&gt;full&lt;/i&gt;" in run_page(browser, run)


def test_the_pages_of_a_partition_say_holder_next_try_and_last_error(browser: Client) -> None:
    partition = rows.partition(rows.run(), last_error="transient: 502", last_error_at=timezone.now(), attempts=3)

    page = browser.get(reverse("admin:ingest_partition_change", args=[partition.pk])).content.decode()
    listed = browser.get(reverse("admin:ingest_partition_changelist") + f"?run={partition.run_id}").content.decode()

    assert "transient: 502" in page
    assert "last heard of the holder" in page.lower()
    assert "transient: 502" in listed

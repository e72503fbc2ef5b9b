"""The polls of a run's page: what many look at is read once for all of them, and is never that of another state."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from diamondhub.operations import snapshots
from diamondhub.operations.models import Snapshot
from ingest.models import Run
from ingest.tests import rows
from ingest.tests.at_size import statements

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser() -> Client:
    browser = Client()
    browser.force_login(User.objects.create_superuser("root"))
    return browser


@pytest.fixture
def _long_fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long the test takes, a snapshot is fresh."""
    monkeypatch.setattr(snapshots, "FRESH_SECONDS", 60.0)
    monkeypatch.setattr(snapshots, "STALE_SECONDS", 90.0)


@pytest.mark.usefixtures("_long_fresh")
def test_polls_of_twenty_people_read_the_ledger_once(browser: Client) -> None:
    live = rows.run()
    address = reverse("admin:ingest_run_live", args=[live.pk])

    asked = [text for _ in range(20) for text in statements(browser, address)]

    assert len([text for text in asked if "ingest_page" in text]) == 1
    assert Snapshot.objects.get(name=f"live-of-feed-{live.feed_id}").taken == 1


@pytest.mark.usefixtures("_long_fresh")
def test_a_snapshot_of_the_state_before_is_shown_to_nobody(browser: Client) -> None:
    run = rows.run()
    address = reverse("admin:ingest_run_live", args=[run.pk])
    browser.get(address)
    Run.objects.filter(pk=run.pk).update(state="consolidating")
    later = browser.get(address).content.decode()
    Run.objects.filter(pk=run.pk).update(state="failed")
    successor = rows.run()
    of_successor = browser.get(reverse("admin:ingest_run_live", args=[successor.pk])).content.decode()

    assert "state=consolidating" in later
    assert f"/run/{successor.pk}/live/" in of_successor

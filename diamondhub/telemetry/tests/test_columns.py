"""Columns for other people's words: however a row is written, no secret and nothing that PostgreSQL refuses gets in."""

from __future__ import annotations

from typing import Any

import pytest

from diamondhub.alerts.models import Delivery, Event
from diamondhub.alerts.outbox import announce

pytestmark = pytest.mark.django_db

SECRET = "corr3ct/horse battery"
SAID = f"refused {SECRET} and redis://:hushhush@cache/0 \0 \ud800"
KEPT = "refused … and redis://…@cache/0 ␀ ?"


@pytest.fixture(autouse=True)
def _known(settings: Any) -> None:
    settings.NIVODA_PASSWORD = SECRET
    settings.ALERT_CHANNELS = ["log"]


@pytest.fixture
def delivery() -> Delivery:
    return announce(dedupe_key="one", kind="news", severity="info", subject="News").deliveries.get()


def test_words_are_scrubbed_by_save(delivery: Delivery) -> None:
    delivery.last_error = SAID
    delivery.save()

    assert Delivery.objects.get().last_error == KEPT


def test_words_are_scrubbed_by_update_and_found_by_what_is_kept(delivery: Delivery) -> None:
    Delivery.objects.update(last_error=SAID)

    assert Delivery.objects.filter(last_error=KEPT).exists()


def test_words_are_scrubbed_in_bulk_and_cut() -> None:
    Event.objects.bulk_create([Event(dedupe_key="long", kind="news", severity="info", subject=SAID + "x" * 1_000)])

    subject = Event.objects.get().subject
    assert subject.startswith(KEPT)
    assert len(subject) == 300


def test_a_columns_words_may_be_nothing(delivery: Delivery) -> None:
    assert delivery.last_error == ""
    assert Delivery.objects.filter(last_error="").exists()


def test_an_alert_has_no_secret_in_its_subject_nor_in_its_details() -> None:
    announce(
        dedupe_key="two",
        kind="news",
        severity="info",
        subject=f"the supplier said {SECRET}",
        details={"reason": [{"words": SAID}], "nivoda_password": "hush", "rate": float("nan")},
    )

    event = Event.objects.get()
    assert event.subject == "the supplier said …"
    assert event.details == {"reason": [{"words": KEPT}], "nivoda_password": "…", "rate": "nan"}

"""Who is told that the catalogue changed, and how often: of the newest version alone, and not of every batch's."""

from __future__ import annotations

import json

import pytest
from django.db import connection

from catalog.changes import log, telling
from catalog.models import DatasetVersion, Diamond
from catalog.tests.factories import a_diamond
from diamondhub.webhooks.models import Delivery
from diamondhub.webhooks.tests.receivers import subscribed

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _shop() -> None:
    subscribed("https://shop.example.com/", "catalog.changed")


def told() -> list[int]:
    """The versions that were written for the shop, in their order."""
    return [json.loads(delivery.body)["data"]["version"] for delivery in Delivery.objects.order_by("pk")]


def told_ago(seconds: float) -> None:
    """As if the newest had been told so long ago; before that time is over, if it is negative."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE catalog_datasetversion SET told_at = clock_timestamp() - %s * interval '1 second'"
            " WHERE told_at IS NOT NULL",
            [seconds],
        )


def test_of_many_versions_the_newest_is_told_once() -> None:
    stone = a_diamond()
    for price in range(1, 5):
        Diamond.objects.filter(pk=stone.pk).update(price_cents=price)

    first, again = telling.tell(), telling.tell()

    assert (first, again) == (log.current().number, None)
    assert told() == [first]


def test_what_comes_within_a_second_is_told_when_it_is_over() -> None:
    stone = a_diamond()
    first = telling.tell()
    Diamond.objects.filter(pk=stone.pk).update(price_cents=1)

    # Its second is not over, however slow the machine is.
    told_ago(-600)
    at_once = telling.tell()
    told_ago(2)
    later = telling.tell()

    assert at_once is None
    assert told() == [first, later]
    assert later == log.current().number


def test_where_nothing_ever_changed_nobody_is_told() -> None:
    assert not DatasetVersion.objects.exists()

    assert telling.tell() is None
    assert told() == []

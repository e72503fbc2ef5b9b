"""Files of the whole stock: written once for all who see the same, made again after changes, for whom may take so much."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from catalog.exports import stock, work
from catalog.exports.models import Export, Stock
from catalog.exports.tests.asking import ADDRESS, file_of, refusal, set_rows_a_day, signed_in, text_of
from catalog.tests.factories import a_diamond, committed
from diamondhub.access.models import RowsTaken

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_first_who_asks_has_the_whole_stock_written_for_all_who_see_the_same(http: Client) -> None:
    a_diamond()
    a_diamond(availability="sold")
    other = signed_in("other")

    first = http.get(f"{ADDRESS}/stock").json()
    work.work(Export.objects.get().pk)
    second = other.get(f"{ADDRESS}/stock").json()

    assert (first["newest"], first["is_being_made"]) == (None, True)
    assert (second["newest"]["rows"], second["is_being_made"]) == (1, False)
    assert json.loads(text_of(other, second["newest"]))["availability"] == "available"
    assert other.delete(f"{ADDRESS}/{second['newest']['export']}").status_code == 204
    assert file_of(http, second["newest"]).status_code == 200
    assert not RowsTaken.objects.exists()


def test_who_sees_more_has_a_stock_of_its_own(http: Client) -> None:
    a_diamond()
    buyer = signed_in("buyer", "catalog:cost")

    http.get(f"{ADDRESS}/stock")
    work.work(Export.objects.get().pk)
    of_shop = http.get(f"{ADDRESS}/stock").json()["newest"]

    assert buyer.get(f"{ADDRESS}/stock").json()["newest"] is None
    assert refusal(file_of(buyer, of_shop)) == (404, "not-found")
    assert "cost" not in of_shop["fields"]


def test_a_stock_is_made_again_when_its_hour_is_over_and_something_has_changed(http: Client) -> None:
    a_diamond()
    committed()
    http.get(f"{ADDRESS}/stock")
    work.work(Export.objects.get().pk)

    def hour_passes() -> int:
        Stock.objects.update(due_at=datetime.now(UTC) - timedelta(seconds=1))
        stock.start_due()
        return Export.objects.filter(state="pending").count()

    stock.start_due()
    not_yet = Export.objects.filter(state="pending").count()
    unchanged = hour_passes()
    a_diamond()
    committed()
    changed = hour_passes()

    assert (not_yet, unchanged, changed) == (0, 0, 1)
    assert http.get(f"{ADDRESS}/stock").json()["newest"]["rows"] == 1


def test_a_stock_that_nobody_asked_for_in_a_day_is_made_no_more(http: Client) -> None:
    http.get(f"{ADDRESS}/stock")
    work.work(Export.objects.get().pk)
    a_diamond()
    committed()
    Stock.objects.update(due_at=datetime.now(UTC), asked_at=datetime.now(UTC) - timedelta(days=1, minutes=1))

    stock.start_due()
    nobody = Export.objects.filter(state="pending").count()
    somebody = http.get(f"{ADDRESS}/stock").json()["is_being_made"]

    assert (nobody, somebody) == (0, True)


def test_a_stock_of_more_stones_than_a_client_may_take_a_day_is_not_sent_to_it(http: Client) -> None:
    a_diamond()
    a_diamond()
    http.get(f"{ADDRESS}/stock?format=csv")
    work.work(Export.objects.get().pk)
    newest = http.get(f"{ADDRESS}/stock?format=csv").json()["newest"]

    set_rows_a_day(1)

    assert refusal(file_of(http, newest)) == (429, "rows-used-up")

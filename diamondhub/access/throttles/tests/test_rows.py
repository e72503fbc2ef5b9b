"""Rows a day: exact for many at once, in the caller's transaction, and nothing that Redis could forget."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest
from django.conf import settings
from django.db import connection, transaction
from redis import Redis

from diamondhub.access.models import ApiClient, RowsTaken
from diamondhub.access.throttles.limits import ROWS_A_DAY
from diamondhub.access.throttles.rows import RowsUsedUp, give_rows, limit_of, take_rows

pytestmark = pytest.mark.django_db


def shop(rows: int | None = 100) -> ApiClient:
    return ApiClient.objects.create(name="shop", scopes=["catalog:read"], max_rows_a_day=rows)


def test_rows_are_taken_until_the_day_s_are_used_up(today: date) -> None:
    client = shop()

    taken = take_rows(client, 60)
    with pytest.raises(RowsUsedUp) as refused:
        take_rows(client, 41)
    rest = take_rows(client, 40)

    assert (taken.left, taken.day, rest.left) == (40, today, 0)
    assert (refused.value.left, refused.value.limit) == (40, 100)
    assert 0 < refused.value.retry_after <= 86_400


@pytest.mark.parametrize(("rows", "limit"), [(None, ROWS_A_DAY), (0, 0), (7, 7)])
def test_a_client_has_its_own_number_or_that_of_all(rows: int | None, limit: int) -> None:
    client = shop(rows)

    assert limit_of(client) == limit
    with pytest.raises(RowsUsedUp):
        take_rows(client, limit + 1)


def test_a_new_day_begins_with_all_of_them() -> None:
    client = shop()
    take_rows(client, 100)
    RowsTaken.objects.update(day=date.today() - timedelta(days=2))  # noqa: DTZ011 - any day but this one

    assert take_rows(client, 100).left == 0


@pytest.mark.usefixtures("today")
def test_what_was_not_needed_is_given_back_to_its_day() -> None:
    client = shop()
    taken = take_rows(client, 100)

    give_rows(taken, 30)

    assert take_rows(client, 30).left == 0
    give_rows(taken, 10**15)
    assert take_rows(client, 100).left == 0


def test_a_transaction_that_fails_takes_nothing() -> None:
    client = shop()

    with transaction.atomic():
        take_rows(client, 100)
        transaction.set_rollback(True)

    assert take_rows(client, 100).left == 0


@pytest.mark.usefixtures("today")
def test_a_flushed_redis_gives_no_rows() -> None:
    client = shop()
    take_rows(client, 100)

    Redis.from_url(settings.REDIS_URL).flushall()

    with pytest.raises(RowsUsedUp):
        take_rows(client, 1)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("today")
def test_of_many_at_once_exactly_so_many_get_rows_as_there_are() -> None:
    client = shop()

    def take(_number: int) -> bool:
        try:
            take_rows(client, 7)
        except RowsUsedUp:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(8) as exports:
        let_in = sum(exports.map(take, range(40)))

    assert let_in == 100 // 7

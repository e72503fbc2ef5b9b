"""Entering rates of exchange."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from django.db import connection

from catalog.currencies.models import ExchangeRate


def enter(currency: str, rate: Decimal, valid_from: date) -> ExchangeRate:
    """Have a rate hold from a day on, in place of one that was entered for that day before."""
    entered, _ = ExchangeRate.objects.update_or_create(
        currency=currency, valid_from=valid_from, defaults={"rate": rate}
    )
    return entered


def today() -> date:
    """The day by which rates are in force: the database's, in UTC."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT (now() AT TIME ZONE 'UTC')::date")
        (day,) = cursor.fetchone()
    assert isinstance(day, date)
    return day

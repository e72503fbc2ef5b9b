"""Which rates of exchange are in force, by the database's day (UTC)."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import connection

from catalog.currencies.converting import DOLLARS, Exchange
from diamondhub import money

#: SQL for the day by which rates are in force.
TODAY = "(now() AT TIME ZONE 'UTC')::date"


def in_force() -> Mapping[str, Exchange]:
    """All currencies in which prices can be shown now, by their codes in order, dollars among them."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            -- The newest rate of each currency. By the index of currencies and days; takes no locks.
            SELECT DISTINCT ON (currency) currency, rate, valid_from
            FROM catalog_exchangerate
            WHERE valid_from <= {TODAY}
            ORDER BY currency, valid_from DESC
            """
        )
        rates = {code: Exchange(code, rate, since) for code, rate, since in cursor.fetchall()}
    return dict(sorted((rates | {money.CURRENCY: DOLLARS}).items()))


def exchange_of(currency: str) -> Exchange | None:
    """How prices are shown in a currency now; None if there is no rate for it."""
    if currency == money.CURRENCY:
        return DOLLARS
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            -- The rate in force of a currency. By the index of currencies and days; takes no locks.
            SELECT rate, valid_from
            FROM catalog_exchangerate
            WHERE currency = %s AND valid_from <= {TODAY}
            ORDER BY valid_from DESC
            LIMIT 1
            """,
            [currency],
        )
        row = cursor.fetchone()
    return None if row is None else Exchange(currency, *row)

"""Views of clients for tests: `a_view(client, currency="EUR", rate="0.9")` states what matters."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from catalog.client_views.models import CatalogView
from catalog.currencies.models import ExchangeRate
from diamondhub.access.models import ApiClient

#: A day from which rates of tests hold, long before any other.
LONG_AGO = date(2020, 1, 1)


def a_rate(currency: str, rate: str, valid_from: date = LONG_AGO) -> ExchangeRate:
    """A rate of exchange: so much of the currency is a dollar."""
    return ExchangeRate.objects.create(currency=currency, rate=Decimal(rate), valid_from=valid_from)


def a_view(client: ApiClient, *, rate: str | None = None, **values: Any) -> CatalogView:
    """The view of a client, with a rate for its currency."""
    if rate is not None:
        a_rate(values["currency"], rate)
    return CatalogView.objects.create(client=client, **values)

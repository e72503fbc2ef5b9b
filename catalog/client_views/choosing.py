"""A client's view in another currency than its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from catalog.client_views.reading import key_of
from catalog.client_views.view import ClientView
from catalog.currencies import rates


class NoRate(Exception):
    """There is no rate of exchange in force for a currency; `accepted` are those that there are rates for."""

    def __init__(self, currency: str, accepted: Sequence[str]) -> None:
        super().__init__(f"has no rate of exchange for {currency}; accepted are {', '.join(accepted)}")
        self.accepted = accepted


def in_currency(view: ClientView, code: str | None) -> ClientView:
    """The view in a currency, in its own for None. Raises `NoRate`.

    Only prices in the view's own currency have an ending.
    """
    if code is None or code == view.currency:
        return view
    exchange = rates.exchange_of(code)
    if exchange is None:
        raise NoRate(code, list(rates.in_force()))
    return replace(view, key=key_of(view.sight, exchange), exchange=exchange)

"""Rates of exchange by REST, for clients with `rates:edit`: listing them, and entering one."""

from __future__ import annotations

from decimal import Decimal
from http import HTTPStatus
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import ValidationError

from catalog.currencies import entering
from catalog.currencies.models import RATE_DIGITS, RATE_PLACES, ExchangeRate
from catalog.currencies.units import OTHERS
from diamondhub.access.scopes import Scope
from diamondhub.api import fields
from diamondhub.api.answers import Answer, page_of, shown_as
from diamondhub.api.endpoint import Endpoint, PageQuery, operation
from diamondhub.api.serializers import Body

#: Digits before a rate's point that can be entered, one less than the column has.
WHOLE_DIGITS = RATE_DIGITS - RATE_PLACES - 1


class Rate(fields.Text):
    """A rate as text: decimals of a rate are exact, and readers of JSON round numbers."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            rf"[0-9]{{1,{WHOLE_DIGITS}}}(\.[0-9]{{1,{RATE_PLACES}}})?",
            f'a text such as "0.92", with at most {RATE_PLACES} decimals',
            **options,
        )


class NewRate(Body):
    """A rate of exchange."""

    currency = fields.OneOf(OTHERS, help_text="The currency, such as `EUR`.")
    rate = Rate(help_text="What one US dollar is in the currency, such as `0.92`. More than nothing.")
    valid_from = fields.Day(
        required=False,
        help_text="The day (UTC) from which on it holds, until the day of the next one. Without it today.",
    )

    def validate_rate(self, rate: str) -> Any:
        """A rate that something can be converted by."""
        if not Decimal(rate):
            raise ValidationError("must be more than nothing")
        return Decimal(rate)


@shown_as({"id": 7, "currency": "EUR", "rate": "0.92", "valid_from": "2026-03-01"})
class RateAnswer(Answer):
    """A rate of exchange."""

    id = fields.Whole(1)
    currency = fields.OneOf(OTHERS)
    rate = Rate(help_text="What one US dollar is in the currency.")
    valid_from = fields.Day(help_text="The day (UTC) from which on it holds.")


class ExchangeRates(Endpoint):
    """Rates of exchange."""

    scope = Scope.RATES_EDIT
    tag = "exchange rates"

    @operation("list_exchange_rates", "Rates of exchange", query=PageQuery, answer=page_of(RateAnswer))
    def get(self, request: Request) -> Response:
        """All rates, those of the past and those to come among them; the one that was entered last comes first."""
        return self.page(ExchangeRate.objects.all(), _shown, by="id")

    @operation(
        "enter_exchange_rate",
        "Enter a rate of exchange",
        body=NewRate,
        answer=RateAnswer,
        status=HTTPStatus.CREATED,
        idempotent=True,
    )
    def post(self, request: Request) -> Response:
        """Have a rate hold from a day on. A rate that was entered for the same day is replaced.

        Prices in the currency are others from that day's first request on; the catalogue's `dataset_version` stays.
        """
        wanted = self.body
        entered = entering.enter(wanted["currency"], wanted["rate"], wanted.get("valid_from") or entering.today())
        return Response(_shown(entered), status=HTTPStatus.CREATED)


def _shown(entered: ExchangeRate) -> dict[str, Any]:
    return {
        "id": entered.pk,
        "currency": entered.currency,
        "rate": f"{entered.rate.normalize():f}",
        "valid_from": entered.valid_from.isoformat(),
    }

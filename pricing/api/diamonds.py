"""Prices of one diamond by REST: their history, the price on a day of the past, and why it is what it is.

All of it shows what the stone costs us, so it needs `pricing:read`.
"""

from __future__ import annotations

from http import HTTPStatus
from uuid import UUID

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.models import Diamond
from diamondhub import money
from diamondhub.api.documentation import problems
from diamondhub.api.parameters import Day, Parameter, parse
from diamondhub.api.problems import FieldError, InvalidParameters
from pricing import explain
from pricing.api import schemas
from pricing.api.answers import change_answer
from pricing.api.views import PAGING, PricingView, page_of
from pricing.models import PriceChange, RuleSet

_DAY = Parameter("day", Day(), "The day, in UTC; required.")


class PriceHistory(PricingView):
    """The history of a diamond's price."""

    @extend_schema(
        operation_id="get_price_history",
        summary="Price history of a diamond",
        tags=["pricing"],
        parameters=[parameter.described() for parameter in PAGING],
        responses={
            200: schemas.page(schemas.PRICE_CHANGE),
            **problems(HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND),
        },
    )
    def get(self, request: Request, id: UUID) -> Response:  # noqa: A002 - its name in the address
        """Every change of the price, the newest first: what it was and became, by which rule, and who caused it."""
        values = parse(request, PAGING)
        _found(id)
        rows = PriceChange.objects.filter(diamond_id=id)
        return Response(page_of(rows, values, change_answer, by="id", query=f"history {id}"))


class PastPriceOfDiamond(PricingView):
    """The price on a day."""

    @extend_schema(
        operation_id="get_past_price",
        summary="Price of a diamond on a day",
        tags=["pricing"],
        parameters=[_DAY.described()],
        responses={200: schemas.PAST_PRICE, **problems(HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND)},
    )
    def get(self, request: Request, id: UUID) -> Response:  # noqa: A002
        """What the stone cost at the end of a day, what made that price, and who published the rules for it.

        Not found, if the stone was not in the catalogue on that day.
        """
        values = parse(request, (_DAY,))
        if "day" not in values:
            raise InvalidParameters([FieldError("day", "is missing")])
        found = explain.price_on(id, values["day"])
        if found is None:
            raise Http404
        rule_set = RuleSet.objects.defer("compiled").filter(version=found.rule_set).first()
        return Response(
            {
                "day": found.day.isoformat(),
                "price": money.to_text(found.price_cents),
                "cost": money.to_text(found.cost_cents),
                "rule_set": found.rule_set,
                "rule": found.rule,
                "experiment_arm": found.arm,
                "since": found.since.isoformat() if found.since else None,
                "cause": found.cause,
                "cause_id": found.cause_id,
                "actor": found.actor,
                "published_by": rule_set.published_by if rule_set else None,
                "published_reason": rule_set.published_reason if rule_set else None,
            }
        )


class PriceExplanation(PricingView):
    """Why a diamond costs what it costs."""

    @extend_schema(
        operation_id="explain_price",
        summary="Explanation of a diamond's price",
        tags=["pricing"],
        responses={
            200: schemas.EXPLANATION,
            **problems(HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
        },
    )
    def get(self, request: Request, id: UUID) -> Response:  # noqa: A002
        """Cost, margin, the rule and clause that matched, why earlier rules did not, every step of rounding.

        `warning` says if the stone does not hold what its rule set gives.
        """
        parse(request, ())
        return Response(explain.explain(_found(id)).as_json())


def _found(id: UUID) -> Diamond:  # noqa: A002
    stone = Diamond.objects.filter(pk=id).first()
    if stone is None:
        raise Http404
    return stone

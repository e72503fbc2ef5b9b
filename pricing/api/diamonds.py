"""Prices of one diamond by REST: their history, the price on a day of the past, and its explanation.

All of it shows what the stone costs us, so it needs `pricing:read`.
"""

from __future__ import annotations

from uuid import UUID

from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.client_views.reading import view_of
from catalog.models import Diamond
from catalog.searching.database import matching
from diamondhub.access.models import ApiKey
from diamondhub.api.answers import page_of
from diamondhub.api.endpoint import PageQuery, operation
from pricing import explain, past
from pricing.api.base import PricingEndpoint
from pricing.api.bodies import DayQuery
from pricing.api.price_answers import ExplanationAnswer, PastPriceAnswer, PriceChangeAnswer
from pricing.models import PriceChange, RuleSet


class PriceEndpoint(PricingEndpoint):
    """A view of the prices of one stone, which must be within the client's view."""

    def stone(self, identity: UUID) -> Diamond:
        """The stone. Raises `Http404` for one that the client does not see, as if there were none."""
        assert isinstance(self.request.auth, ApiKey)
        stone = matching(view_of(self.request.auth.client).narrowed({})).filter(pk=identity).first()
        if stone is None:
            raise Http404
        return stone


class PriceHistory(PriceEndpoint):
    """The history of a diamond's price."""

    @operation("get_price_history", "Price history of a diamond", query=PageQuery, answer=page_of(PriceChangeAnswer))
    def get(self, request: Request, id: UUID) -> Response:  # noqa: A002 - its name in the address
        """Every change of the price, the newest first: what it was and became, by which rule, and who caused it."""
        self.stone(id)
        return self.page(PriceChange.objects.filter(diamond_id=id), PriceChangeAnswer().to_representation, by="id")


class PastPriceOfDiamond(PriceEndpoint):
    """The price on a day."""

    @operation(
        "get_past_price",
        "Price of a diamond on a day",
        query=DayQuery,
        answer=PastPriceAnswer,
        problems=("history-not-kept",),
    )
    def get(self, request: Request, id: UUID) -> Response:  # noqa: A002
        """What the stone cost at the end of a day, what made that price, and the steps that led to it.

        Not found, if the stone was not in the catalogue on that day: `detail` says from which day on it was.
        """
        told = past.explain_on(self.stone(id), self.query["day"])
        rule_set = RuleSet.objects.defer("compiled").filter(version=told.past.rule_set).first()
        return Response(PastPriceAnswer({"told": told, "past": told.past, "rule_set": rule_set}).data)


class PriceExplanation(PriceEndpoint):
    """The explanation of a diamond's price."""

    @operation(
        "explain_price",
        "Explanation of a diamond's price",
        answer=ExplanationAnswer,
        problems=("cannot-explain",),
    )
    def get(self, request: Request, id: UUID) -> Response:  # noqa: A002
        """Cost, margin, the rule and clause that matched, why earlier rules did not, every step of rounding.

        `warning` says if the stone does not hold what its rule set gives.
        """
        return Response(ExplanationAnswer(explain.explain(self.stone(id))).data)

"""What became of one stone by REST: `GET /api/v1/diamonds/{id}/history`, for clients with `catalog:read`.

What it cost and which rule priced it are shown only together with `pricing:read`.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.api.base import StoneEndpoint, one
from catalog.currencies.fields import Amount, Currency
from catalog.models import Availability, Diamond
from catalog.searching.database import matching
from diamondhub.access.scopes import Scope
from diamondhub.api import cursors, fields
from diamondhub.api.answers import Answer
from diamondhub.api.endpoint import PageQuery, operation, version_of
from pricing.diamond_history import Moment, What, behind, history_of, place_of

#: The column that a client must see to be told of a change of it.
_COLUMNS = {What.AVAILABILITY: "availability", What.PRICE: "price"}


class PricedAnswer(Answer):
    """What priced a stone."""

    cost = Amount(read_only=True)
    rule_set = fields.Whole()
    rule = fields.Whole(allow_null=True)
    cause = fields.Text(help_text="`run`, `repricing`, `remap`, `verify`, `replay` or `sql`.")


class MomentAnswer(Answer):
    """One change, and what the stone was after it."""

    at = fields.Moment()
    what = fields.OneOf([what.value for what in What], help_text="What changed; a stone begins by being `first_seen`.")
    availability = fields.OneOf(
        Availability.values, allow_null=True, help_text="After the change; null if your view does not show it."
    )
    price = Amount(read_only=True, allow_null=True, help_text="After the change; null if your view does not show it.")
    currency = fields.Text()
    priced = PricedAnswer(allow_null=True, help_text="What made a new price; null without the scope `pricing:read`.")


class HistoryAnswer(Answer):
    """A page of what became of a stone, the newest first."""

    complete = fields.YesNo(help_text="Whether all is there since the stone was first seen, over all pages.")
    results = MomentAnswer(many=True)
    next = fields.Text(allow_null=True, help_text="`cursor` of the next page; null on the last.")


class HistoryQuery(PageQuery):
    """The page, and the currency of prices."""

    currency = Currency()


class History(StoneEndpoint):
    """The history of a stone."""

    @operation("get_diamond_history", "States and prices of a diamond", query=HistoryQuery, answer=HistoryAnswer)
    def get(self, request: Request, id: UUID) -> HttpResponseBase:  # noqa: A002 - its name in the address
        """How the stone's availability and price changed, the newest first, for as long as histories are kept.

        A stone that was in the catalogue before its states were kept begins with the state that it had then. Prices of the
        past are converted by the rate of exchange of today.
        """
        stone: Diamond = one(id, matching(self.within).in_bulk([id]))
        history = history_of(stone)
        moments = [moment for moment in history.moments if self.sees(_COLUMNS.get(moment.what, "id"))]
        query = f"{self.normal_form} {self.client_view.key}"
        if (cursor := self.query.get("cursor")) is not None:
            at, what, number = cursors.decode(cursor, query)
            moments = list(behind(moments, (at, what, number)))
        limit = self.query["limit"]
        page, after = cursors.cut(moments[: limit + 1], query, limit=limit, position=place_of)
        answer = {
            "complete": history.complete,
            "results": [self._moment(moment) for moment in page],
            "next": after,
        }
        return self.unless_known(version_of(answer, self.client_view.key), lambda: Response(answer))

    def _moment(self, moment: Moment) -> dict[str, Any]:
        exchange = self.client_view.exchange
        change = moment.change if self.may(Scope.PRICING_READ) else None
        return {
            "at": fields.Moment().to_representation(moment.at),
            "what": moment.what.value,
            "availability": moment.availability if self.sees("availability") else None,
            "price": exchange.price_text(moment.price_cents) if self.sees("price") else None,
            "currency": self.client_view.currency,
            "priced": change
            and {
                "cost": exchange.amount_text(change.new_cost_cents),
                "rule_set": change.new_rule_set,
                "rule": change.new_rule,
                "cause": change.cause,
            },
        }

"""Carts by REST: `POST /api/v1/diamonds/verify`, whether stones are for sale and what they cost now.

The catalogue is asked; with `live=true`, and the scope `catalog:verify`, the suppliers are as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.api.base import LOOKUP_SECONDS, StoneEndpoint
from catalog.api.currency import wrong
from catalog.currencies.fields import MAX_DOLLARS, Amount, Currency, exact, wrong_in
from catalog.models import Availability, DatasetVersion, Diamond
from catalog.searching.database import matching
from diamondhub.access import signatures
from diamondhub.access.permissions import refuse_without
from diamondhub.access.scopes import Scope
from diamondhub.admin.base import bounded
from diamondhub.api import fields
from diamondhub.api.answers import Answer
from diamondhub.api.endpoint import actor, operation
from diamondhub.api.serializers import Body
from diamondhub.database import clock
from ingest import verifying
from ingest.verifying import Heard, Live

#: Stones that one request may ask for: a cart.
MAX_STONES = 50
_NOT_ASKED = Heard(Live.NOT_ASKED)


class Price(Amount):
    """A price as text or as a number, which JSON's writers of carts send as well."""

    def schema(self) -> dict[str, Any]:
        return {
            **super().schema(),
            "type": ["string", "number"],
            "pattern": r"^[0-9]{1,9}(\.[0-9]{1,2})?$",
            "minimum": 0,
            "maximum": MAX_DOLLARS,
        }


class WantedStone(Body):
    """A stone in a cart."""

    id = fields.Id(help_text="Its id.")
    price = Price(required=False, help_text="What it is in the cart for, in the currency of your answers.")


class Cart(Body):
    """The stones of a cart."""

    diamonds = fields.ListOf(
        WantedStone(),
        things="stones with their ids",
        min_length=1,
        max_length=MAX_STONES,
        help_text="In the order in which they are answered.",
    )
    live = fields.YesNo(default=False, help_text="Whether the suppliers are asked as well.")
    currency = Currency()


class VerifiedAnswer(Answer):
    """A stone of a cart as it is now."""

    id = serializers.UUIDField()
    found = fields.YesNo(help_text="Whether your catalogue has the stone.")
    for_sale = fields.YesNo(help_text="Whether it can be sold now, as far as is known.")
    availability = fields.OneOf(
        Availability.values, allow_null=True, help_text="Null if it is not found, or not shown."
    )
    price = Amount(read_only=True, allow_null=True)
    currency = fields.Text()
    price_changed = fields.YesNo(allow_null=True, help_text="Whether it is another than was sent; null if none was.")
    live = fields.OneOf(
        [live.value for live in Live],
        help_text="`confirmed`: the supplier said so just now. `gone`: the supplier does not know the stone any more. "
        "`unavailable`: the supplier did not answer, so this is what the catalogue says. `not_supported`: this stone's "
        "supplier cannot be asked.",
    )
    price_holds = fields.YesNo(
        allow_null=True,
        help_text="False: the supplier asks for something else than the price was made from, and the new price is not made "
        "yet. Null unless `live` is `confirmed`.",
    )


class CartAnswer(Answer):
    """The stones of a cart, in their order."""

    checked_at = fields.Moment()
    dataset_version = fields.Whole()
    results = VerifiedAnswer(many=True)


class Verification(StoneEndpoint):
    """Verifying carts."""

    cache_control = "no-store"

    @operation("verify_diamonds", "Verify the diamonds of a cart", body=Cart, answer=CartAnswer)
    def post(self, request: Request) -> Response:
        """Whether up to 50 stones are for sale, what they cost now, and whether that is another price than in the cart.

        With `live` the suppliers are asked within their limit of requests, for 8 seconds at most; that needs the scope
        `catalog:verify`. A supplier that is away or slow is no error: `live` says so for each stone. What a supplier says
        is in the catalogue from then on.
        """
        cart = self.body["diamonds"]
        exchange = self.client_view.exchange
        if mistakes := [
            (f"diamonds[{place}].price", problem)
            for place, wanted in enumerate(cart)
            if "price" in wanted and (problem := wrong_in(exchange, wanted["price"]))
        ]:
            raise wrong(self, mistakes)
        ids = {wanted["id"] for wanted in cart}
        heard: Mapping[UUID, Heard] = {}
        if self.body["live"]:
            self._may_ask()
            heard = verifying.ask(self._stones(ids).values(), actor=actor(request))
        checked_at, version = clock(), DatasetVersion.current()
        stones = self._stones(ids)
        results = [self._verified(wanted, stones.get(wanted["id"]), heard.get(wanted["id"])) for wanted in cart]
        return Response(
            {
                "checked_at": fields.Moment().to_representation(checked_at),
                "dataset_version": version,
                "results": results,
            }
        )

    def _may_ask(self) -> None:
        refuse_without(Scope.CATALOG_VERIFY, self.client)
        visit = self.request._request.visit  # type: ignore[attr-defined]  # noqa: SLF001 - DRF offers no other way to Django's request
        if (unsigned := signatures.lacking(visit, Scope.CATALOG_VERIFY)) is not None:
            raise unsigned

    def _stones(self, ids: set[UUID]) -> dict[UUID, Diamond]:
        with bounded(LOOKUP_SECONDS):
            return matching(self.within).in_bulk(ids)

    def _verified(self, wanted: Mapping[str, Any], stone: Diamond | None, heard: Heard | None) -> dict[str, Any]:
        heard = heard or _NOT_ASKED
        told: dict[str, Any] = {
            "id": str(wanted["id"]),
            "found": stone is not None,
            "for_sale": False,
            "availability": None,
            "price": None,
            "currency": self.client_view.currency,
            "price_changed": None,
            "live": heard.live.value,
            "price_holds": None,
        }
        if stone is None:
            return told
        availability, holds = stone.availability, None
        if heard.facts is not None:
            availability = stone.availability if heard.kept else heard.facts.availability
            holds = heard.kept or heard.facts.cost_cents == stone.cost_cents
        told["for_sale"] = availability == Availability.AVAILABLE and heard.live is not Live.GONE
        told["price_holds"] = holds
        if self.sees("availability"):
            told["availability"] = availability
        if self.sees("price"):
            exchange = self.client_view.exchange
            price = exchange.price(stone.price_cents)
            told["price"] = exchange.text(price)
            told["price_changed"] = None if "price" not in wanted else exact(wanted["price"], exchange) != price
        return told

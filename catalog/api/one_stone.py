"""One stone by REST: `GET /api/v1/diamonds/{id}`, for clients with `catalog:read`."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.http import HttpResponseBase
from rest_framework.request import Request

from catalog.api.base import StoneEndpoint, one
from catalog.api.showing import ShownDiamondAnswer, ShownQuery
from catalog.searching.standing import standing
from diamondhub.api.answers import Encoded
from diamondhub.api.endpoint import operation, version_of


class OneDiamond(StoneEndpoint):
    """One stone of the catalogue, whatever its availability."""

    @operation("get_diamond", "One diamond", query=ShownQuery, answer=ShownDiamondAnswer)
    def get(self, request: Request, id: UUID) -> HttpResponseBase:  # noqa: A002 - its name in the address
        """The stone with this id. Stones stay after they are sold or delisted; `availability` says so.

        Ask again with `If-None-Match` or, less precisely, with `If-Modified-Since`: a 304 costs nothing.
        """
        changed_at: datetime
        # Read first: what is shown is at least as new as its date says.
        (changed_at,) = one(id, standing([id], self.within, ["changed_at"]))
        stone = one(id, self.shown([id], self.query))
        # Of all that is shown: a rate of exchange, or what the client may see, changes it as well.
        return self.unless_known(version_of(stone, self.client_view.key), lambda: Encoded(stone), changed_at=changed_at)

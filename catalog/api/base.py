"""The base of the views that show stones: the client's view, and which stones are within it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils.functional import cached_property

from catalog.api.stones import shown
from catalog.client_views.view import ClientView, view_of
from catalog.models import Diamond
from catalog.searching.database import matching
from diamondhub.access.models import ApiKey
from diamondhub.access.scopes import Scope
from diamondhub.access.throttles.limits import LimitClass
from diamondhub.api.endpoint import Endpoint

#: What a look-up asks of the database and takes longer is given up (seconds).
LOOKUP_SECONDS = 5.0


class StoneEndpoint(Endpoint):
    """A view of single stones. A stone outside the client's view is answered as one that there is not."""

    scope = Scope.CATALOG_READ
    limit = LimitClass.LOOKUP
    tag = "diamonds"

    @cached_property
    def client_view(self) -> ClientView:
        """What the client may see."""
        assert isinstance(self.request.auth, ApiKey)
        return view_of(self.request.auth.client)

    def stones(self) -> QuerySet[Diamond]:
        """All stones that the client may see, whatever their availability."""
        return matching(self.client_view.narrowed({}))

    def shown(self, ids: Collection[UUID]) -> Mapping[UUID, dict[str, Any]]:
        """The answers of those of the stones that the client may see."""
        return shown(list(self.stones().filter(pk__in=ids).values_list("pk", flat=True)))

    def sees(self, *columns: str) -> bool:
        """Whether the client's view shows all of these columns."""
        shown = self.client_view.fields
        return shown is None or shown.issuperset(columns)

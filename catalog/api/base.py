"""The bases of the views of stones: who asks, what that client may see, and how single stones are shown to it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from django.http import Http404
from django.utils.functional import cached_property

from catalog.api import presenting
from catalog.api.currency import in_asked_currency
from catalog.client_views.reading import view_of
from catalog.client_views.view import ClientView
from catalog.searching.conditions import Asked
from diamondhub.access.models import ApiClient, ApiKey
from diamondhub.access.scopes import Scope
from diamondhub.access.throttles.limits import LimitClass
from diamondhub.api.endpoint import Endpoint

#: Statements of a look-up that take longer are given up (seconds).
LOOKUP_SECONDS = 5.0
#: What answers say to the client's own cache: it may show what it has while it cannot ask.
CACHE_CONTROL = "private, no-cache, stale-if-error=300"


class CatalogEndpoint(Endpoint):
    """A view of stones."""

    scope = Scope.CATALOG_READ
    tag = "diamonds"
    cache_control = CACHE_CONTROL

    @cached_property
    def client(self) -> ApiClient:
        """Who asks."""
        assert isinstance(self.request.auth, ApiKey)
        return self.request.auth.client

    @cached_property
    def client_view(self) -> ClientView:
        """What the client may see, in the currency that it asks for."""
        return in_asked_currency(view_of(self.client), self)


class StoneEndpoint(CatalogEndpoint):
    """A view of single stones. A stone outside the client's view is answered as one that there is not."""

    limit = LimitClass.LOOKUP

    @property
    def within(self) -> Asked:
        """The condition of all stones that the client may see, whatever their availability."""
        return self.client_view.narrowed({})

    def shown(self, ids: Collection[UUID], chosen: Mapping[str, Any] | None = None) -> Mapping[UUID, dict[str, Any]]:
        """The answers of those of the stones that the client may see, by id; `chosen` are values of `Shown`.

        Raises `PermissionDenied` for fields that the client may not see.
        """
        return self.presenter(chosen or {}).read(list(ids), self.within)

    def presenter(self, chosen: Mapping[str, Any]) -> presenting.Presenter:
        """How stones are shown. Raises `PermissionDenied` for fields that the client may not see."""
        names, form = chosen.get("fields"), chosen.get("form") or "full"
        shown = presenting.chosen(self.client, self.client_view, names=names, form=form)
        return presenting.presenter(shown, self.client_view.exchange)

    def sees(self, *columns: str) -> bool:
        """Whether the client's view shows all of these columns."""
        return all(self.client_view.shows(column) for column in columns)


def one(identity: UUID, stones: Mapping[UUID, Any]) -> Any:
    """What there is of a stone. Raises `Http404` if there is nothing."""
    if identity not in stones:
        raise Http404
    return stones[identity]

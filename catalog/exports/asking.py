"""What a client may export, and what it asks for: the fields, the filters, and the view that both are within."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from rest_framework.serializers import ValidationError

from catalog.api import presenting
from catalog.api.asking import FilterBody, refuse_hidden, refuse_unseen
from catalog.api.presenting import CURRENCY
from catalog.client_views.choosing import NoRate, in_currency
from catalog.client_views.reading import view_of
from catalog.client_views.view import ClientView
from catalog.exports.models import Export
from catalog.searching import amounts
from catalog.searching.conditions import Asked
from catalog.searching.filters import FILTERS
from catalog.searching.pages import Search
from diamondhub.access.models import ApiClient
from diamondhub.access.scopes import Scope
from diamondhub.api.problems import InvalidBody

_FILTERS = frozenset(known.name for known in FILTERS)


def may_export(client: ApiClient) -> bool:
    """Whether the client may have exports at all, now."""
    return client.active and Scope.CATALOG_EXPORT in client.scopes


def seen_as(client: ApiClient) -> str:
    """The same text for clients that see the same: one view, and the same of those scopes that show more."""
    return _digest(view_of(client).key, client)


def sight_of(client: ApiClient) -> str:
    """The same text as long as a client sees the same, whatever becomes of the currency of its prices."""
    return _digest(view_of(client).sight, client)


def seen_by_now(export: Export, client: ApiClient) -> str:
    """What an export's `seen_as` is if its client still sees the same. Whole stocks are of one rate of exchange."""
    return sight_of(client) if export.client_id is not None else seen_as(client)


def _digest(view: str, client: ApiClient) -> str:
    return hashlib.sha256(json.dumps([view, presenting.seen_by(client)]).encode()).hexdigest()[:32]


def fields_of(client: ApiClient, names: Iterable[str] | None = None, *, form: str = "full") -> tuple[str, ...]:
    """The names of what is written of each stone. Raises `PermissionDenied` for what the client may not see."""
    return presenting.chosen(client, view_of(client), names=names, form=form)


def filters_in(body: Mapping[str, Any]) -> dict[str, Any]:
    """What a body of JSON says of filters and of the currency, word for word."""
    return {name: value for name, value in body.items() if name in _FILTERS or name == CURRENCY}


def view_for(client: ApiClient, asked: Mapping[str, Any]) -> ClientView:
    """What the client may see, in the currency that is asked for. Raises `InvalidBody`."""
    try:
        return in_currency(view_of(client), asked.get(CURRENCY))
    except NoRate as error:
        raise InvalidBody.of(ValidationError({CURRENCY: [str(error)]})) from None


def conditions_of(client: ApiClient, asked: Mapping[str, Any]) -> Asked:
    """The conditions of what a body of JSON says of filters and of the currency, within the client's view.

    Raises `InvalidBody`, and `PermissionDenied` for a filter that needs a scope which the client lacks, or that asks for
    what its view does not show.
    """
    filters = {name: value for name, value in asked.items() if name in _FILTERS}
    values = FilterBody.read(filters)
    refuse_unseen(filters, client)
    view = view_for(client, asked)
    refuse_hidden(filters, view)
    if mistakes := dict(amounts.mistakes(values, view.exchange)):
        raise InvalidBody.of(ValidationError({name: [message] for name, message in mistakes.items()}))
    return Search(values, view=view).asked

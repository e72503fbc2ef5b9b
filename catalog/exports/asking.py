"""What a client may export, and what it asks for: the fields, the filters, and the view that both are within."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from catalog.api import presenting
from catalog.api.asking import FilterBody, refuse_unseen
from catalog.client_views.view import view_of
from catalog.searching.conditions import Asked
from catalog.searching.filters import FILTERS
from catalog.searching.pages import Search
from diamondhub.access.models import ApiClient
from diamondhub.access.scopes import Scope

_FILTERS = frozenset(known.name for known in FILTERS)


def may_export(client: ApiClient) -> bool:
    """Whether the client may have exports at all, now."""
    return client.active and Scope.CATALOG_EXPORT in client.scopes


def seen_as(client: ApiClient) -> str:
    """The same text for clients that see the same: one view, and the same of those scopes that show more."""
    seen = [view_of(client).key, presenting.seen_by(client)]
    return hashlib.sha256(json.dumps(seen).encode()).hexdigest()[:32]


def fields_of(client: ApiClient, names: Iterable[str] | None = None, *, form: str = "full") -> tuple[str, ...]:
    """The names of what is written of each stone. Raises `PermissionDenied` for what the client may not see."""
    return presenting.chosen(client, view_of(client), names=names, form=form)


def filters_in(body: Mapping[str, Any]) -> dict[str, Any]:
    """What a body of JSON says of filters, word for word."""
    return {name: value for name, value in body.items() if name in _FILTERS}


def conditions_of(client: ApiClient, asked: Mapping[str, Any]) -> Asked:
    """The conditions of filters as a body of JSON has them, within the client's view.

    Raises `InvalidBody`, and `PermissionDenied` for a filter that needs a scope which the client lacks.
    """
    values = FilterBody.read(asked)
    refuse_unseen(asked, client)
    return Search(values, view=view_of(client)).asked

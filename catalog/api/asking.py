"""What a search asks for, in a query or in a body: every filter, read and checked together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any

from rest_framework import serializers as drf
from rest_framework.exceptions import PermissionDenied

from catalog.client_views.view import ClientView
from catalog.columns import COLUMNS, Column, needs
from catalog.searching import contradictions, names
from catalog.searching.filters import FILTERS, GONE, ORDERED, normal
from catalog.searching.sorts import SORTS
from diamondhub.access.models import ApiClient
from diamondhub.api import fields
from diamondhub.api.mistakes import Mistakes
from diamondhub.api.serializers import Body, Query, Strict

_Fields = dict[str, drf.Field[Any, Any, Any, Any]]


def refuse_unseen(asked: Iterable[str], client: ApiClient) -> None:
    """Raises `PermissionDenied`, which names the scope, if a name needs one that the client does not hold.

    Names are those of filters' parameters, of sorts, facets and fields; every address that takes one asks here first.
    """
    for name in asked:
        scope = needs(name)
        if scope is not None and scope not in client.scopes:
            raise PermissionDenied(
                f"{name.removeprefix('-')} needs the scope {scope}, which your client does not have."
            )


def refuse_hidden(asked: Iterable[str], view: ClientView) -> None:
    """Raises `PermissionDenied` for names of filters and sorts that ask for what a view does not show.

    Whoever could filter or sort by it would find it out bit by bit.
    """
    if view.fields is None:
        return
    for name in asked:
        hidden = [column.name for column in asks_for(name) if not view.shows(column.name)]
        if hidden:
            raise PermissionDenied(
                f"Your client's view of the catalogue does not show {hidden[0]}, so nothing can be asked by {name}."
            )


def asks_for(name: str) -> tuple[Column, ...]:
    """The columns that a filter or a sort asks for."""
    return _ASK_FOR[name.removeprefix("-")]


_BY_SOURCE = {column.source: column for column in COLUMNS}
_ASK_FOR: Mapping[str, tuple[Column, ...]] = {
    **{name: (_BY_SOURCE[sort.column],) for name, sort in SORTS.items()},
    **{known.name: (_BY_SOURCE[known.column],) for known in FILTERS},
    "color_type": (_BY_SOURCE["color"], _BY_SOURCE["fancy_color"]),
}


class Asking(Strict):
    """Every filter; what contradicts itself or names what no stone has is a mistake."""

    class Meta:
        ordered = ORDERED

    def check_names(self, data: Mapping[str, Any], mistakes: Mistakes) -> None:
        for name in GONE.keys() & data.keys():
            mistakes.add(name, GONE[name], (name,))
        super().check_names({name: value for name, value in data.items() if name not in GONE}, mistakes)

    def combine(self, values: dict[str, Any], mistakes: Mistakes) -> dict[str, Any]:
        """The values in their normal form."""
        tidy = normal(super().combine(values, mistakes))
        wrong = {error.field for error in mistakes.errors}
        for name, message in contradictions.of(tidy):
            if name not in wrong:
                mistakes.add(name, message)
        if not mistakes.errors:
            for name in names.CHECKED.keys() & tidy.keys():
                asked = [text for text in tidy[name] if text is not None]
                if strange := names.unknown(name, asked):
                    hint = fields.nearest(strange[0], names.CHECKED[name].known)
                    mistakes.add(name, f"names {', '.join(strange)}, which no stone has{hint}")
        return tidy


class FilterQuery(Asking, Query):
    """Every filter as a parameter."""

    def get_fields(self) -> _Fields:
        return {**{known.name: deepcopy(known.field) for known in FILTERS}, **super().get_fields()}


class FilterBody(Asking, Body):
    """Every filter as a field of a JSON object. Lists are arrays; those of ids and certificate numbers may be long."""

    def get_fields(self) -> _Fields:
        return {**{known.name: deepcopy(known.body_field) for known in FILTERS}, **super().get_fields()}

"""The currency that a request asks for: what the client sees, with its prices in that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rest_framework import serializers

from catalog.client_views.choosing import NoRate, in_currency
from catalog.client_views.view import ClientView
from diamondhub.api.endpoint import Endpoint
from diamondhub.api.mistakes import FieldError
from diamondhub.api.problems import InvalidBody, InvalidParameters, Problem

#: The name of the parameter and of the field.
CURRENCY = "currency"


def in_asked_currency(view: ClientView, endpoint: Endpoint) -> ClientView:
    """The view in the currency that the request asks for, its own where it asks for none.

    Raises the problem of a wrong field for a currency without a rate in force.
    """
    try:
        return in_currency(view, _asked(endpoint).get(CURRENCY))
    except NoRate as error:
        raise wrong(endpoint, [(CURRENCY, str(error))]) from None


def wrong(endpoint: Endpoint, mistakes: Iterable[tuple[str, str]]) -> Problem:
    """The problem of parameters, or of fields of the body where the operation takes one, that cannot be taken."""
    errors = [FieldError(name, message) for name, message in mistakes]
    if not _has_body(endpoint):
        return InvalidParameters(errors)
    return InvalidBody.of(serializers.ValidationError({error.field: [error.message] for error in errors}))


def _asked(endpoint: Endpoint) -> Mapping[str, Any]:
    return endpoint.body if _has_body(endpoint) else endpoint.query


def _has_body(endpoint: Endpoint) -> bool:
    return endpoint.operation is not None and endpoint.operation.body is not None

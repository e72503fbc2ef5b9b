"""Filters as people write them: parameters of a search, one a line; and the same as a body of a search has them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from rest_framework.serializers import ValidationError as FieldsWrong

from catalog.api.asking import FilterQuery
from catalog.searching.filters import DEFAULTS, FILTERS
from diamondhub import json_text
from diamondhub.api import fields
from diamondhub.api.mistakes import errors_of

_FIELDS = {known.name: known.field for known in FILTERS}


def read(text: str) -> dict[str, Any]:
    """The filters as a body has them, of lines such as `lab_grown=false`, or of an object of JSON.

    Raises Django's `ValidationError` with every mistake.
    """
    if text.lstrip().startswith("{"):
        return _of_json(text)
    texts: dict[str, list[str]] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        name, sign, value = line.partition("=")
        if not sign:
            raise ValidationError(f"{line[:60]}: write a filter as its name, = and its value, such as lab_grown=false.")
        texts.setdefault(name.strip(), []).append(value.strip())
    try:
        values = FilterQuery.shared().run_validation(texts)
    except FieldsWrong as error:
        raise ValidationError([f"{told.field} {told.message}." for told in errors_of(error)]) from None
    return {name: _represented(name, value) for name, value in values.items() if name not in DEFAULTS or name in texts}


def write(filters: Mapping[str, Any]) -> str:
    """The lines of filters; an object of JSON where a value has a comma of its own."""
    lists = [value for value in filters.values() if isinstance(value, list)]
    if any("," in str(inner) or "\n" in str(inner) for values in lists for inner in values):
        return json.dumps(filters, indent=2)
    return "\n".join(f"{name}={_text(value)}" for name, value in filters.items())


def _of_json(text: str) -> dict[str, Any]:
    try:
        filters = json_text.read(text)
    except ValueError as error:
        raise ValidationError(f"This {error}.") from None
    assert isinstance(filters, dict)
    return filters


def _represented(name: str, value: Any) -> Any:
    field = _FIELDS[name]
    return field.to_representation(list(value) if isinstance(field, fields.ListOf) else value)


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(_text, value))
    return str(value).lower() if isinstance(value, bool) else str(value)

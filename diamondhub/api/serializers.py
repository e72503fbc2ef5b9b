"""Strict serializers by the fields of `diamondhub.api.fields`: `Query` for the parameters of an address, `Body` for JSON.

They refuse names that they do not know, and tell every mistake at once. `Endpoint` reads requests by them; OpenAPI
describes them by the same declaration.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, cached_property
from typing import Any, Self
from urllib.parse import parse_qsl

from django.http import HttpRequest
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.fields import empty

from diamondhub.api import fields
from diamondhub.api.mistakes import MAX_SHOWN, FieldError, Mistakes, Wrong, shown
from diamondhub.api.problems import InvalidBody, InvalidParameters

#: Parameters that one request may carry; no API here knows as many.
MAX_PARAMETERS = 200
_Field = serializers.Field[Any, Any, Any, Any]


class Strict(serializers.Serializer[Any]):
    """What both share. `Meta.ordered` names pairs of fields of which the first must not be beyond the second.

    The values that are read are by the fields' sources; what is left out and has no default is left out of them as well.
    A field that is read only may be sent back with an answer, and is passed over.
    """

    default_error_messages = {
        "required": "is missing",
        "null": "must not be null",
        "invalid": "must be an object",
        "unknown": "is not a field of this request",
    }

    @classmethod
    def shared(cls) -> Self:
        """The one instance that reads all requests: it keeps nothing of them, and making one takes longer than reading."""
        instance: Self = _shared(cls)
        return instance

    def run_validation(self, data: Any = empty) -> Any:
        is_null, data = self.validate_empty_values(data)
        if is_null:
            return data
        if not isinstance(data, Mapping):
            self.fail("invalid")
        mistakes = Mistakes()
        self.check_names(data, mistakes)
        values = self.combine(self._values(data, mistakes), mistakes)
        mistakes.tell()
        return self.validate(values)

    def combine(self, values: dict[str, Any], mistakes: Mistakes) -> Any:
        """What is made of the values that could be read; adds what is wrong with them together. By default they stay."""
        return values

    def check_names(self, data: Mapping[str, Any], mistakes: Mistakes) -> None:
        """Refuse what is not known here, with the nearest name that is."""
        for name in data:
            if name not in self.fields and not mistakes.are_many:
                # Looking for names that are close takes a millisecond each.
                mistakes.add(
                    shown(name),
                    f"{self.error_messages['unknown']}{fields.nearest(name, self.fields)}",
                    # A pointer to a name that fills the answer helps nobody: it ends at the object.
                    (name,) if len(name) <= MAX_SHOWN else (),
                )

    def value_of(self, field: _Field, written: Any) -> Any:
        """What a field makes of what was written for it."""
        return field.run_validation(written)

    def _values(self, data: Mapping[str, Any], mistakes: Mistakes) -> dict[str, Any]:
        values: dict[str, Any] = {}
        wrong = {error.field for error in mistakes.errors}
        for name, source, field, always in self._to_read:
            if not (always or name in data) or name in wrong:
                continue
            if name not in data:
                if field.required:
                    mistakes.add(name, str(field.error_messages["required"]))
                else:
                    values[source] = field.get_default()
                continue
            if mistakes.are_many:
                break
            with mistakes.under(name):
                values[source] = self.value_of(field, data[name])
                if check := getattr(self, f"validate_{name}", None):
                    values[source] = check(values[source])
        for low, high, source_of_low, source_of_high in self._ordered:
            below, above = values.get(source_of_low), values.get(source_of_high)
            if below is not None and above is not None and below > above:
                beyond = getattr(self.fields[low], "beyond", fields.Field.beyond)
                mistakes.add(low, beyond.format(high=high))
        return values

    @cached_property
    def _to_read(self) -> Sequence[tuple[str, str, _Field, bool]]:
        """What is read: names, sources, fields, and whether they are to be looked at where they are left out."""
        return [
            (name, str(field.source), field, field.required or field.default is not empty)
            for name, field in self.fields.items()
            if not field.read_only
        ]

    @cached_property
    def _ordered(self) -> Sequence[tuple[str, str, str, str]]:
        """Names and sources of the pairs of `Meta.ordered`."""
        ordered: Sequence[tuple[str, str]] = getattr(getattr(self, "Meta", None), "ordered", ())
        return [(low, high, str(self.fields[low].source), str(self.fields[high].source)) for low, high in ordered]


@cache
def _shared(kind: Any) -> Any:
    instance = kind()
    # The fields are copies of the declared ones, made at the first look.
    assert instance.fields is not None
    return instance


class Query(Strict):
    """The parameters of an address. `data` of an instance is each name's list of texts."""

    default_error_messages = {"unknown": "is not a parameter of this address", "doubled": "must be given once"}

    @classmethod
    def read(cls, request: HttpRequest) -> dict[str, Any]:
        """The values of a request's query. Raises `InvalidParameters` with every mistake."""
        try:
            values: dict[str, Any] = cls.shared().run_validation(texts_of(request))
        except Wrong as error:
            raise InvalidParameters(error.errors) from None
        return values

    def check_names(self, data: Mapping[str, Any], mistakes: Mistakes) -> None:
        for name, texts in data.items():
            if mistakes.are_many:
                return
            if name not in self.fields:
                super().check_names({name: texts}, mistakes)
            elif len(texts) > 1 and not isinstance(self.fields[name], fields.ListOf):
                mistakes.add(name, str(self.error_messages["doubled"]))

    def value_of(self, field: _Field, written: Any) -> Any:
        assert isinstance(field, fields.Field)
        if isinstance(field, fields.ListOf):
            value: Any = field.from_texts(written)
        else:
            (text,) = written
            value = field.from_text(text)
        field.run_validators(value)
        return value

    @classmethod
    def described(cls) -> list[OpenApiParameter]:
        """What the OpenAPI document says of the parameters."""
        return [_parameter(name, field) for name, field in cls.shared().fields.items()]


class Body(Strict):
    """A JSON object that a request carries, or one within it."""

    @classmethod
    def read(cls, data: Any) -> dict[str, Any]:
        """The values of a body. Raises `InvalidBody` with every mistake."""
        try:
            values: dict[str, Any] = cls.shared().run_validation(data)
        except serializers.ValidationError as error:
            raise InvalidBody.of(error) from None
        return values


class WithReason(Body):
    """The reason of what is done."""

    reason = fields.Reason()


def texts_of(request: HttpRequest) -> dict[str, list[str]]:
    """What is written for each parameter of a request, by its name. Raises `InvalidParameters` for what is no query."""
    texts: dict[str, list[str]] = {}
    for name, text in _pairs(request.META.get("QUERY_STRING", "")):
        texts.setdefault(name, []).append(text)
    return texts


def _pairs(query: str) -> list[tuple[str, str]]:
    try:
        # WSGI hands bytes over as Latin-1; what they say is UTF-8, or nothing.
        text = query.encode("latin-1").decode("utf-8")
        return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_PARAMETERS)
    except UnicodeError:
        raise InvalidParameters([FieldError("query", "must be UTF-8, percent-encoded")]) from None
    except ValueError:
        raise InvalidParameters([FieldError("query", f"must not have more than {MAX_PARAMETERS} parameters")]) from None


def _parameter(name: str, field: Any) -> OpenApiParameter:
    assert isinstance(field, fields.Field)
    schema = field.schema()
    is_list = schema["type"] == "array"
    if field.default is not empty:
        schema["default"] = field.to_representation(field.get_default())
    return OpenApiParameter(
        name,
        schema,
        OpenApiParameter.QUERY,
        required=field.required,
        description=str(field.help_text or ""),
        explode=False if is_list else None,
        style="form" if is_list else None,
    )

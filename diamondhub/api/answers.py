"""What answers are declared by: serializers whose fields are all there, pages of them, and rows that are many.

`Rows` makes JSON of rows without a model instance for each: a serializer compiled to a list of names, places and
conversions. DRF asks every field of every row for its attribute and whether it can be called, which is most of the time of
a page.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, TypeVar

import msgspec
from django.db.models import Model, QuerySet
from django.http import HttpResponse
from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers
from rest_framework.fields import empty

from diamondhub.api import fields

#: Fields whose values are JSON already.
_AS_THEY_ARE = (
    serializers.BooleanField,
    serializers.CharField,
    serializers.IntegerField,
    serializers.ListField,
    fields.Text,
    fields.Whole,
    fields.YesNo,
)
AnyModel = TypeVar("AnyModel", bound=Model)
AnyField = serializers.Field[Any, Any, Any, Any]
AnyAnswer = TypeVar("AnyAnswer", bound="type[Answer]")


class Answer(serializers.Serializer[Any]):
    """Fields of an answer, of which none is ever missing."""

    #: What one looks like, by `shown_as`.
    example: ClassVar[Mapping[str, Any]]
    Meta: ClassVar[type]

    def get_fields(self) -> dict[str, AnyField]:
        declared = super().get_fields()
        for field in declared.values():
            field.required, field.default = True, empty
        return declared


def shown_as(example: Mapping[str, Any]) -> Callable[[AnyAnswer], AnyAnswer]:
    """Decorator of an answer: what one looks like, for the OpenAPI document."""

    def with_example(answer: AnyAnswer) -> AnyAnswer:
        # Not inherited: who adds fields looks different. The schema of the answer has it as well.
        answer.example = example
        answer.Meta = type("Meta", (), {"example": example})
        shown = OpenApiExample("An answer", dict(example), response_only=True, status_codes=["200", "201", "202"])
        described: AnyAnswer = extend_schema_serializer(examples=[shown])(answer)
        return described

    return with_example


def page_of(entry: type[Answer]) -> type[Answer]:
    """The answer that is one page of a list."""
    words = "`cursor` of the next page; null on the last."
    page: type[Answer] = type(
        f"{entry.__name__.removesuffix('Answer')}Page",
        (Answer,),
        {
            "__doc__": "One page of a list.",
            "results": entry(many=True),
            "next": fields.Text(allow_null=True, help_text=words),
        },
    )
    example = vars(entry).get("example")
    return shown_as({"results": [example], "next": None})(page) if example else page


class Encoded(HttpResponse):
    """An answer whose JSON was made here, several times as quickly as DRF's renderer makes it.

    `data` is what others read of it on its way out: the `next` of a page. Times are RFC 3339 in UTC, ids are texts.
    """

    def __init__(self, answer: Mapping[str, Any], *, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(msgspec.json.encode(answer), content_type="application/json")
        self.data = data


class Rows:
    """What a serializer shows of a model's rows, read by the columns that its fields name as their sources.

    `constants` are values by field name that no column has, already as they are shown.
    """

    def __init__(self, serializer: serializers.Serializer[Any], constants: Mapping[str, Any] | None = None) -> None:
        constants = constants or {}
        shown: list[tuple[str, Any]] = [
            (name, field) for name, field in serializer.fields.items() if name not in constants
        ]
        self.columns = tuple(str(field.source) for _, field in shown)
        self._constants = tuple(constants.values())
        places = {name: place for place, name in enumerate([*(name for name, _ in shown), *constants])}
        converted = dict(shown)
        self._shown = [
            (str(name), places[str(name)], _conversion(converted.get(str(name)))) for name in serializer.fields
        ]

    def of(self, rows: QuerySet[AnyModel]) -> list[dict[str, Any]]:
        """The JSON objects of a query's rows, in its order."""
        return [self.show(row) for row in rows.values_list(*self.columns)]

    def show(self, row: Sequence[Any]) -> dict[str, Any]:
        """The JSON object of one row with the values of `columns`."""
        values = (*row, *self._constants)
        return {
            name: value if (value := values[place]) is None or convert is None else convert(value)
            for name, place, convert in self._shown
        }


def _conversion(field: serializers.Field[Any, Any, Any, Any] | None) -> Callable[[Any], Any] | None:
    if field is None or isinstance(field, _AS_THEY_ARE):
        return None
    if isinstance(field, serializers.DateTimeField):
        return fields.Moment().to_representation
    if isinstance(field, fields.Number):
        return float
    if isinstance(field, fields.OneOf):
        return {value: name for name, value in field.values.items()}.__getitem__
    if isinstance(field, serializers.UUIDField):
        return str
    return field.to_representation

"""How the OpenAPI document is made from what is declared: operations, fields, and errors, which are alike everywhere.

`settings` names `EndpointSchema`; the field's extension registers itself when this is loaded.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import Direction, OpenApiExample, OpenApiParameter, OpenApiResponse, inline_serializer
from rest_framework import serializers

from diamondhub.api import fields
from diamondhub.api.problems import CONTENT_TYPE

if TYPE_CHECKING:
    # Views name this module's class by DRF's settings, so it must not load them.
    from diamondhub.api.endpoint import Operation

_field_errors = inline_serializer(
    "FieldError",
    {"field": serializers.CharField(), "message": serializers.CharField(help_text="What is accepted.")},
    many=True,
    help_text="Every parameter that is wrong; empty if none is to blame.",
)
#: An error, as RFC 9457 describes it.
_problem = inline_serializer(
    "Problem",
    {
        "type": serializers.CharField(help_text="`urn:diamondhub:problem:…`, the same for the same kind of error."),
        "title": serializers.CharField(),
        "status": serializers.IntegerField(),
        "detail": serializers.CharField(help_text="What went wrong, for people."),
        "instance": serializers.CharField(help_text="The path that was asked for."),
        "request_id": serializers.CharField(allow_null=True, help_text="Names this request in our logs."),
        "errors": _field_errors,
    },
)

_WHEN = {
    HTTPStatus.BAD_REQUEST: "A parameter is unknown, repeated, malformed or out of range.",
    HTTPStatus.UNAUTHORIZED: "There is no key, or it is not valid.",
    HTTPStatus.FORBIDDEN: "The client lacks the scope.",
    HTTPStatus.NOT_FOUND: "There is no such thing.",
    HTTPStatus.CONFLICT: "Somebody was faster, or the state of things does not allow it; nothing was changed.",
    HTTPStatus.LENGTH_REQUIRED: "The request says no length.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is too long.",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "The body is not JSON in UTF-8, or compressed.",
    HTTPStatus.BAD_GATEWAY: "Somebody whom we ask for you did not answer as they should.",
    HTTPStatus.GATEWAY_TIMEOUT: "Somebody whom we ask for you did not answer in time.",
    HTTPStatus.TOO_MANY_REQUESTS: "A limit is used up, such as failed sign-ins; `Retry-After` says how long to wait.",
    HTTPStatus.SERVICE_UNAVAILABLE: "The database is away, or slow; `Retry-After` says when to ask again.",
}
#: What any endpoint that needs a key may answer.
COMMON = (
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.SERVICE_UNAVAILABLE,
)
#: What an endpoint that reads a body may answer besides.
BODY = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.LENGTH_REQUIRED,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
)
_EXAMPLE = OpenApiExample(
    "A bound that is not a number",
    {
        "type": "urn:diamondhub:problem:invalid-parameters",
        "title": "Bad Request",
        "status": 400,
        "detail": "carats_min must be a number from 0 to 99999.999 with at most 3 decimals",
        "instance": "/api/v1/diamonds",
        "request_id": "0f1e2d3c4b5a69788796a5b4c3d2e1f0",
        "errors": [{"field": "carats_min", "message": "must be a number from 0 to 99999.999 with at most 3 decimals"}],
    },
)


def problems(*statuses: HTTPStatus) -> dict[tuple[int, str], OpenApiResponse]:
    """The responses of these statuses, and of the common ones, for `extend_schema`."""
    return {
        (status.value, CONTENT_TYPE): OpenApiResponse(
            _problem, _WHEN[status], examples=[_EXAMPLE] if status == HTTPStatus.BAD_REQUEST else None
        )
        for status in sorted({*statuses, *COMMON})
    }


class EndpointSchema(AutoSchema):
    """Describes a method of an `Endpoint` by its `operation`; other views as drf-spectacular does."""

    def _declared(self) -> Operation | None:
        return getattr(getattr(self.view, self.method.lower(), None), "operation", None)

    def get_operation_id(self) -> str:
        declared = self._declared()
        return declared.name if declared else super().get_operation_id()

    def get_summary(self) -> str | None:
        declared = self._declared()
        return declared.summary if declared else super().get_summary()

    def get_tags(self) -> list[str]:
        return [self.view.tag] if self._declared() else super().get_tags()  # type: ignore[attr-defined]

    def get_override_parameters(self) -> list[Any]:
        declared = self._declared()
        parameters: list[OpenApiParameter] = declared.query.described() if declared else []
        return parameters

    def get_request_serializer(self) -> Any:
        declared = self._declared()
        return declared.body if declared else super().get_request_serializer()

    def get_response_serializers(self) -> Any:
        declared = self._declared()
        if declared is None:
            return super().get_response_serializers()
        statuses = {HTTPStatus.BAD_REQUEST, *declared.problems}
        if declared.body is not None:
            statuses |= set(BODY)
        if "{" in self.path:
            statuses.add(HTTPStatus.NOT_FOUND)
        return {declared.status.value: declared.answer, **problems(*statuses)}


class StrictFields(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]  # registers itself by a hook
    """Describes our fields by their own schemas."""

    target_class = fields.Field
    match_subclasses = True

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Direction) -> dict[str, Any]:
        """The schema of one field."""
        field = self.target
        if isinstance(field, fields.ListOf) and isinstance(field.child, serializers.Serializer):
            items = auto_schema.resolve_serializer(field.child, direction).ref
            return {"type": "array", "items": items, **({} if field.read_only else field.lengths(text=False))}
        schema: dict[str, Any] = field.schema()
        if field.allow_null and "enum" in schema:
            schema = {**schema, "enum": [*schema["enum"], None]}
        return schema

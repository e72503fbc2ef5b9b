"""What the OpenAPI document says alike of every endpoint: the errors. Used by the apps' API modules."""

from __future__ import annotations

from http import HTTPStatus

from drf_spectacular.utils import OpenApiExample, OpenApiResponse, inline_serializer
from rest_framework import serializers

from diamondhub.api.problems import CONTENT_TYPE

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

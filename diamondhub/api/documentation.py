"""How the OpenAPI document is made from what is declared: operations, fields, and errors by their kinds.

`settings` names `EndpointSchema`, and `examples.add` for what is added to the whole; the field's extension registers itself
when this is loaded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import Direction, OpenApiParameter, inline_serializer
from rest_framework import serializers

from diamondhub.api import fields, kinds
from diamondhub.api.problems import CONTENT_TYPE
from diamondhub.api.serializers import Body

if TYPE_CHECKING:
    # Views name this module's class by DRF's settings, so it must not load them.
    from diamondhub.api.endpoint import Operation

_field_errors = inline_serializer(
    "FieldError",
    {
        "field": serializers.CharField(help_text="The parameter, or the field as `clauses[0].carats_max`."),
        "pointer": serializers.CharField(
            help_text="The parameter or header by its name; a field of a body as a JSON pointer, `#/clauses/0/carats_max`."
        ),
        "message": serializers.CharField(help_text="What is accepted."),
    },
    many=True,
    help_text="Every parameter or field that is wrong; empty if none is to blame.",
)
#: An error, as RFC 9457 describes it.
_problem = inline_serializer(
    "Problem",
    {
        "type": serializers.CharField(
            help_text=f"`{kinds.ADDRESS}…`, the same for the same kind of problem: compare this. It is documented there."
        ),
        "title": serializers.CharField(help_text="The kind in words."),
        "status": serializers.IntegerField(),
        "detail": serializers.CharField(help_text="What went wrong this time, for people."),
        "instance": serializers.CharField(help_text="The path that was asked for."),
        "request_id": serializers.CharField(allow_null=True, help_text="Names this request in our logs."),
        "errors": _field_errors,
    },
)
#: What any operation may answer.
ANYWHERE = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.NOT_ACCEPTABLE,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.SERVICE_UNAVAILABLE,
)
#: What an operation that reads a body may answer besides.
WITH_BODY = (HTTPStatus.LENGTH_REQUIRED, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
#: What an operation that takes an `Idempotency-Key` may answer besides.
WITH_KEY = (HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY)
#: Kinds that not every operation with their status has, and which have them.
_ONLY_WITH: dict[str, Callable[[Operation], bool]] = {
    "invalid-body": lambda declared: declared.body is not None,
    "wrong-cursor": lambda declared: "cursor" in declared.query.shared().fields,
    "invalid-idempotency-key": lambda declared: declared.idempotent,
    "idempotency-key-in-use": lambda declared: declared.idempotent,
    "idempotency-key-reused": lambda declared: declared.idempotent,
    "outcome-unknown": lambda declared: declared.acts_elsewhere,
}
#: What every answer says to a client that is signed in.
_OF_LIMITS = ("RateLimit", "RateLimit-Policy")
_HEADERS_OF_ERRORS = {
    HTTPStatus.UNAUTHORIZED: ("WWW-Authenticate",),
    HTTPStatus.CONFLICT: ("Retry-After",),
    HTTPStatus.TOO_MANY_REQUESTS: ("Retry-After",),
    HTTPStatus.SERVICE_UNAVAILABLE: ("Retry-After",),
}


@dataclass(frozen=True, slots=True)
class FileAnswer:
    """The `answer` of an operation that sends a file, whole or by `Range` in part, which may be of each of these types."""

    media_types: tuple[str, ...]


class EndpointSchema(AutoSchema):
    """Describes a method of an `Endpoint` by its `operation`; other views as drf-spectacular does."""

    def _declared(self) -> Operation | None:
        return getattr(getattr(self.view, self.method.lower(), None), "operation", None)

    def get_operation(self, *args: Any, **options: Any) -> Any:
        described = super().get_operation(*args, **options)
        declared = self._declared()
        if described is not None and declared is not None:
            for response in described["responses"].values():
                response["headers"] = _references("headers", _headers_of(declared))
                response["description"] = response["description"] or declared.summary
            described["responses"].update(self._errors(declared))
        return described

    def get_operation_id(self) -> str:
        declared = self._declared()
        return declared.name if declared else super().get_operation_id()

    def get_summary(self) -> str | None:
        declared = self._declared()
        return declared.summary if declared else super().get_summary()

    def get_description(self) -> str:  # type: ignore[override]
        declared, words = self._declared(), str(super().get_description())
        if declared is None:
            return words
        return "\n\n".join([words, *_of_deprecation(declared)])

    def is_deprecated(self) -> bool:
        declared = self._declared()
        return declared is not None and declared.deprecated is not None

    def get_tags(self) -> list[str]:
        return [self.view.tag] if self._declared() else super().get_tags()  # type: ignore[attr-defined]

    def get_override_parameters(self) -> list[Any]:
        declared = self._declared()
        if declared is None:
            return []
        parameters: list[OpenApiParameter] = declared.query.described()
        return [*parameters, _IDEMPOTENCY_KEY] if declared.idempotent else parameters

    def get_request_serializer(self) -> Any:
        declared = self._declared()
        return declared.body if declared else super().get_request_serializer()

    def get_response_serializers(self) -> Any:
        declared = self._declared()
        if declared is not None and isinstance(declared.answer, FileAnswer):
            statuses = (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT)
            kinds_of_file = declared.answer.media_types
            return {(status.value, media): OpenApiTypes.BINARY for status in statuses for media in kinds_of_file}
        return {declared.status.value: declared.answer} if declared else super().get_response_serializers()

    def map_renderers(self, attribute: str) -> list[Any]:
        # Pages for browsers are no part of the API.
        return [kind for kind in super().map_renderers(attribute) if kind not in {"text/html", "html"}]

    def _get_request_body(self, direction: Direction = "request") -> Any:
        described = super()._get_request_body(direction)  # type: ignore[no-untyped-call]
        declared = self._declared()
        if described is not None and declared is not None:
            described["required"] = not declared.body_is_optional
        return described

    def _map_basic_serializer(self, serializer: Any, direction: Direction) -> Any:
        described = super()._map_basic_serializer(serializer, direction)  # type: ignore[no-untyped-call]
        # What the fields do not say: `Meta.described` is added as it is, `Meta.example` is shown.
        meta = getattr(serializer, "Meta", None)
        described.update(getattr(meta, "described", {}))
        if (example := getattr(meta, "example", None)) is not None:
            described["examples"] = [example]
        if isinstance(serializer, Body) and direction == "request":
            described["additionalProperties"] = False
            passed_over = [name for name, field in serializer.fields.items() if field.read_only]
            for name in passed_over:
                # It may be sent back with an answer.
                described.setdefault("properties", {})[name] = {"description": "Passed over."}
            if required := [name for name in described.pop("required", ()) if name not in passed_over]:
                described["required"] = required
        return described

    def _errors(self, declared: Operation) -> dict[str, Any]:
        problem = self.resolve_serializer(_problem, "response").ref
        by_status: dict[HTTPStatus, list[kinds.Kind]] = {}
        for kind in dict.fromkeys(self._kinds(declared)):
            by_status.setdefault(kind.status, []).append(kind)
        return {
            str(status.value): {
                "description": "\n".join(f"* [{kind.title}]({kind.type})" for kind in by_status[status]),
                "headers": _references("headers", _headers_of_error(status)),
                "content": {
                    CONTENT_TYPE: {
                        "schema": problem,
                        "examples": _references("examples", [kind.name for kind in by_status[status]]),
                    }
                },
            }
            for status in sorted(by_status)
        }

    def _kinds(self, declared: Operation) -> Iterator[kinds.Kind]:
        """The kinds of problems that the operation may answer with."""
        statuses = {*ANYWHERE, *(WITH_BODY if declared.body else ()), *(WITH_KEY if declared.idempotent else ())}
        statuses |= {HTTPStatus.NOT_FOUND} if "{" in self.path else set()
        wanted = {problem for problem in declared.problems if isinstance(problem, HTTPStatus)}
        for kind in kinds.of_statuses(statuses | wanted):
            has_it = _ONLY_WITH.get(kind.name)
            if has_it is None or has_it(declared):
                yield kind
        for becomes in getattr(self.view, "problems_of", {}).values():
            if isinstance(becomes, tuple) and becomes[0] in wanted and (known := kinds.named(becomes[1])):
                yield known
        for name in declared.problems:
            if not isinstance(name, HTTPStatus):
                own = kinds.named(name)
                assert own is not None, f"{declared.name}: no kind {name}"
                yield own


class StrictFields(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]  # registers itself by a hook
    """Describes our fields by their own schemas."""

    target_class = fields.Field
    match_subclasses = True

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Direction) -> dict[str, Any]:
        """The schema of one field."""
        field = self.target
        if isinstance(field, fields.ListOf) and isinstance(field.child, serializers.Serializer):
            items = auto_schema.resolve_serializer(field.child, direction).ref
            return {"type": "array", "items": items, **(field.lengths(text=False) if direction == "request" else {})}
        schema = field.body_schema() if direction == "request" else _answered(field)
        if field.allow_null and "enum" in schema:
            schema = {**schema, "enum": [*schema["enum"], None]}
        return schema


def _answered(field: fields.Field) -> dict[str, Any]:
    """The schema of a field in an answer: what it holds was looked at when it came in, by the rules of then."""
    if isinstance(field, fields.ListOf):
        assert isinstance(field.child, fields.Field)
        return {"type": "array", "items": _answered(field.child)}
    schema = field.schema()
    if isinstance(field, fields.Text) and not field.pattern:
        schema.pop("pattern", None)
    return schema


_IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[!#-+\--~]+$"},
    OpenApiParameter.HEADER,
    description="A text of your own, new for every action: the same request sent again within 24 hours acts no second time "
    "and is answered as before.",
)


def _headers_of(declared: Operation) -> Iterator[str]:
    yield from ("X-Request-Id", *_OF_LIMITS)
    if "cursor" in declared.query.shared().fields or declared.successor is not None:
        yield "Link"
    if declared.idempotent:
        yield "Idempotency-Replayed"
    if declared.deprecated is not None:
        yield "Deprecation"
    if declared.sunset is not None:
        yield "Sunset"


def _headers_of_error(status: HTTPStatus) -> Iterator[str]:
    yield "X-Request-Id"
    if status != HTTPStatus.UNAUTHORIZED:
        yield from _OF_LIMITS
    yield from _HEADERS_OF_ERRORS.get(status, ())


def _of_deprecation(declared: Operation) -> Iterator[str]:
    if declared.deprecated is not None:
        instead = f" Use `{declared.successor}` instead." if declared.successor else ""
        ends = f" It may be gone from {declared.sunset} on." if declared.sunset else ""
        yield f"Deprecated since {declared.deprecated}.{ends}{instead}"


def _references(section: str, names: Any) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/{section}/{name}"} for name in names}

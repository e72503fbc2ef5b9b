"""The API's description: the OpenAPI document, and pages to read and try it, from our own server alone."""

from __future__ import annotations

import hashlib
from functools import cache
from threading import Lock
from typing import Any

from django.http import HttpResponse, HttpResponseBase
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import (
    OpenApiJsonRenderer,
    OpenApiJsonRenderer2,
    OpenApiYamlRenderer,
    OpenApiYamlRenderer2,
)
from rest_framework.permissions import AllowAny
from rest_framework.renderers import BaseRenderer, TemplateHTMLRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from diamondhub.api.endpoint import Endpoint, operation

_one_at_a_time = Lock()
#: What was rendered, with its version, by media type.
_documents: dict[str, tuple[bytes, str]] = {}


class OpenApiDocument(Endpoint):
    """The OpenAPI 3.1 document: JSON, or YAML for whom asks for it."""

    #: It does not describe itself.
    schema = None
    authentication_classes = []
    permission_classes = [AllowAny]
    renderer_classes = [OpenApiJsonRenderer2, OpenApiJsonRenderer, OpenApiYamlRenderer2, OpenApiYamlRenderer]
    cache_control = "no-cache"

    @operation("get_document", "The OpenAPI document", answer=None)
    def get(self, request: Request) -> HttpResponseBase:
        """The document of this version of the software."""
        renderer = request.accepted_renderer
        document, version = _document(renderer)
        headers = {"Content-Disposition": f'inline; filename="DiamondHub API.{renderer.format}"'}
        return self.unless_known(
            version, lambda: HttpResponse(document, content_type=renderer.media_type, headers=headers)
        )


class ApiPages(Endpoint):
    """Swagger UI over the document, with a key and examples in several languages: a page to try the API."""

    schema = None
    authentication_classes = []
    permission_classes = [AllowAny]
    renderer_classes = [TemplateHTMLRenderer]
    cache_control = "no-cache"

    def get(self, request: Request) -> Response:
        """The page; nothing of its address is passed on to the document."""
        return Response(template_name="api/docs.html")


def _document(renderer: BaseRenderer) -> tuple[bytes, str]:
    """The document as a renderer writes it, and its version."""
    # The generator keeps what it does in globals, so two at once fail; and one document is enough for a process.
    with _one_at_a_time:
        kind = str(renderer.media_type)
        if kind not in _documents:
            written = renderer.render(_generated(), renderer_context={})
            document = written.encode() if isinstance(written, str) else written
            _documents[kind] = document, hashlib.sha256(document).hexdigest()[:32]
        return _documents[kind]


@cache
def _generated() -> dict[str, Any]:
    document: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return document

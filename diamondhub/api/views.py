"""The API's description: the OpenAPI document, and pages to read and try it, from our own server alone."""

from __future__ import annotations

from csp.decorators import csp_update
from django.utils.decorators import method_decorator
from drf_spectacular.renderers import (
    OpenApiJsonRenderer,
    OpenApiJsonRenderer2,
    OpenApiYamlRenderer,
    OpenApiYamlRenderer2,
)
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView


class OpenApiDocument(SpectacularAPIView):
    """The OpenAPI 3.1 document: JSON, or YAML for whom asks for it."""

    renderer_classes = [OpenApiJsonRenderer2, OpenApiJsonRenderer, OpenApiYamlRenderer2, OpenApiYamlRenderer]


# Swagger UI sets styles in its elements and in one block; its scripts are files.
@method_decorator(csp_update({"style-src": ["'unsafe-inline'"]}), name="dispatch")
class ApiPages(SpectacularSwaggerSplitView):
    """Swagger UI over the document."""

"""How the OpenAPI document describes signing in; loaded by the app's `ready`, since DRF must be there first."""

from __future__ import annotations

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema

from diamondhub.access.authentication import HEADER, ApiKeyAuthentication


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # registers itself by a hook
    """How the OpenAPI document describes the header."""

    target_class = ApiKeyAuthentication
    name = "ApiKey"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        """The security scheme."""
        return {
            "type": "apiKey",
            "in": "header",
            "name": HEADER,
            "description": "A key that DiamondHub's operator made: `dh_…`, for servers only, or `dhp_…`, for pages in "
            "browsers, which reads the catalogue and works in the pages of its client's origins only.",
        }

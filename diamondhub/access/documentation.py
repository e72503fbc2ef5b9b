"""How the OpenAPI document describes signing in; loaded with the addresses, as the document is."""

from __future__ import annotations

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema

from diamondhub.access.authentication import HEADER, ApiKeyAuthentication


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # registers itself by a hook
    """How the OpenAPI document describes a key in the header, a signature by it, and a token where those are taken."""

    target_class = ApiKeyAuthentication
    name = ["ApiKey", "Signature", "SignatureInput", "Token"]

    def get_security_definition(self, auto_schema: AutoSchema) -> list[dict[str, str]]:
        """The security schemes."""
        return [
            {
                "type": "apiKey",
                "in": "header",
                "name": HEADER,
                "description": "A key that DiamondHub's operator made: `dh_…`, for servers only, or `dhp_…`, for pages in "
                "browsers, which reads the catalogue and works in the pages of its client's origins only.",
            },
            {
                "type": "apiKey",
                "in": "header",
                "name": "Signature",
                "description": "Instead of the key: a signature with its secret by RFC 9421 (`hmac-sha256`), which never "
                "shows it. With a body, `Content-Digest` (RFC 9530) is signed as well. See docs/api/signing.md.",
            },
            {
                "type": "apiKey",
                "in": "header",
                "name": "Signature-Input",
                "description": "What the signature covers, with `created`, `nonce`, `keyid` and `alg`.",
            },
            {
                "type": "http",
                "scheme": "bearer",
                "description": "A token of six hours that the supplier proxy gives to whoever signs in there as the "
                "supplier's own clients do, by a client's name and key; it opens nothing else. See docs/api/suppliers.md.",
            },
        ]

    def get_security_requirement(self, auto_schema: AutoSchema) -> list[dict[str, list[str]]]:
        """A key, or a signature; or a token where the endpoint takes it."""
        with_token: list[dict[str, list[str]]] = (
            [{"Token": []}] if getattr(auto_schema.view, "takes_tokens", False) else []
        )
        return [{"ApiKey": []}, {"Signature": [], "SignatureInput": []}, *with_token]

"""The Content-Security-Policy: of all answers one text, and of the admin's pages with the additions that the theme needs.

Alpine and htmx, which the theme ships with, evaluate expressions and inline handlers; a diamond's page shows the supplier's
picture. Scripts, styles and fonts still come from this server alone.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from csp.constants import HEADER
from csp.decorators import csp_update
from csp.middleware import CheckableLazyObject, CSPMiddleware
from csp.utils import build_policy
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse

ADMIN_ADDITIONS = {
    "script-src": ["'unsafe-eval'", "'unsafe-inline'"],
    "style-src": ["'unsafe-inline'"],
    "img-src": ["https:"],
}


class ContentPolicy(CSPMiddleware):
    """django-csp's middleware, but for answers that change nothing of the policy its text is made once."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        changes = getattr(request, "_csp_nonce", None) or any(name.startswith("_csp") for name in vars(response))
        if self._policy is None or changes:
            return super().process_response(request, response)
        response.headers.setdefault(HEADER, self._policy)
        request.csp_nonce = CheckableLazyObject(self._csp_nonce_post_response)  # type: ignore[attr-defined]
        return response

    @cached_property
    def _policy(self) -> str | None:
        """The text; None where settings make it depend on the request."""
        policy = settings.CONTENT_SECURITY_POLICY
        varies = settings.DEBUG or getattr(settings, "CONTENT_SECURITY_POLICY_REPORT_ONLY", None)
        return None if varies or policy.get("EXCLUDE_URL_PREFIXES") else build_policy()


class AdminContentPolicy:
    """Middleware, inside django-csp's: adds `ADMIN_ADDITIONS` to the policy below the admin's address."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self.with_additions = csp_update(ADMIN_ADDITIONS)(get_response)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        inside = request.path_info.startswith(self._admin)
        return self.with_additions(request) if inside else self.get_response(request)

    @cached_property
    def _admin(self) -> str:
        """The admin's address, which is not known before all addresses are."""
        return reverse("admin:index")

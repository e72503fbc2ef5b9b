"""The Content-Security-Policy of the admin's pages: the additions that the theme needs to the policy of all others.

Alpine and htmx, which the theme ships with, evaluate expressions and inline handlers; a diamond's page shows the supplier's
picture. Scripts, styles and fonts still come from this server alone.
"""

from __future__ import annotations

from collections.abc import Callable

from csp.decorators import csp_update
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse

ADMIN_ADDITIONS = {
    "script-src": ["'unsafe-eval'", "'unsafe-inline'"],
    "style-src": ["'unsafe-inline'"],
    "img-src": ["https:"],
}


class AdminContentPolicy:
    """Middleware, inside django-csp's: adds `ADMIN_ADDITIONS` to the policy below the admin's address."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self.with_additions = csp_update(ADMIN_ADDITIONS)(get_response)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        inside = request.path_info.startswith(reverse("admin:index"))
        return self.with_additions(request) if inside else self.get_response(request)

"""Names the person behind a request to the audit."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

from diamondhub.audit.acting import acting


class AuditedRequest:
    """Middleware, inside Django's authentication; clients of the API name themselves when their key is checked."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        def user() -> str:
            return request.user.get_username() if request.user.is_authenticated else "nobody signed in"

        request_id = str(getattr(request, "request_id", ""))
        with acting(user, via=f"{request.method} {request.path}", request_id=request_id):
            return self.get_response(request)

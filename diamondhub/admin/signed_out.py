"""What a part of a page gets that asks for itself anew when its viewer was signed out meanwhile: the way to the sign-in.

The redirect that other addresses answer with would be followed inside the part, which would then show the sign-in's page.
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import urlencode, urlsplit

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse


class SignedOutParts:
    """Middleware: for requests of htmx that lead to the sign-in, has the browser go there as a whole."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        login = reverse("admin:login")
        if (
            request.headers.get("HX-Request") != "true"
            or response.status_code != HTTPStatus.FOUND
            or urlsplit(response.headers.get("Location", "")).path != login
        ):
            return response
        return HttpResponse(
            status=HTTPStatus.NO_CONTENT, headers={"HX-Redirect": f"{login}?{urlencode({'next': _page(request)})}"}
        )


def _page(request: HttpRequest) -> str:
    """The page of ours that the part is on, so that the viewer comes back to it."""
    try:
        shown = urlsplit(request.headers.get("HX-Current-URL", ""))
    except ValueError:
        return reverse("admin:index")
    if shown.netloc != request.get_host() or not shown.path.startswith(reverse("admin:index")):
        return reverse("admin:index")
    return f"{shown.path}?{shown.query}" if shown.query else shown.path

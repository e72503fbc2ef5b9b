"""The handlers of Django's own errors, which happen outside of any API view; `diamondhub.urls` names them.

Below `/api/` errors are problems, elsewhere pages. A page for a database that is away asks the database nothing.
"""

from __future__ import annotations

import sys
from http import HTTPStatus

import structlog
from django.contrib import admin
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse
from django.views import defaults

from diamondhub.access import pages
from diamondhub.api import problems
from diamondhub.api.problems import API_PREFIX, Problem, Unavailable

log = structlog.get_logger(__name__)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """`handler400`."""
    if not _of_api(request):
        return defaults.bad_request(request, exception)
    return problems.respond(request, problems.bad_request())


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """`handler403`."""
    if not _of_api(request):
        if request.path_info.startswith(reverse("admin:index")) and admin.site.has_permission(request):
            from diamondhub.access import refused

            return refused.respond(request)
        return defaults.permission_denied(request, exception)
    return problems.respond(request, problems.forbidden())


def not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """`handler404`."""
    if not _of_api(request):
        return defaults.page_not_found(request, exception)
    return problems.respond(request, problems.not_found())


def server_error(request: HttpRequest) -> HttpResponseBase:
    """`handler500`: a fault of ours, or a database that is away; Django is handling the exception."""
    error = sys.exception()
    problem = problems.problem_of(error) if isinstance(error, Exception) else None
    if isinstance(problem, Unavailable):
        log.warning("answered_unavailable", problem=problem.kind, error=str(error).strip())
        if _of_api(request):
            return problems.respond(request, problem)
        page = pages.respond(request, problem)
        # Or Django would log as a fault of ours what was logged as what it is.
        page._has_been_logged = True  # type: ignore[attr-defined]  # noqa: SLF001 - Django has no other way
        return page
    if not _of_api(request):
        return defaults.server_error(request)
    detail = "This is our fault. Tell us the request_id if it goes on."
    return problems.respond(request, Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal-error", detail))


def _of_api(request: HttpRequest) -> bool:
    return request.path_info.startswith(API_PREFIX)

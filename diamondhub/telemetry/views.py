"""`/health/live`, `/health/ready` and `/health/status`, for orchestrators, load balancers and people.

They need no key and tell no secret; what the checks found is told to those who ask from inside alone.
`diamondhub.telemetry.middleware.Probes` calls them before anything else looks at the request.
"""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from diamondhub.access import addresses
from diamondhub.telemetry import health


@require_safe
@never_cache
def live(request: HttpRequest) -> HttpResponseBase:
    """The process answers; nothing else is asked."""
    return JsonResponse({"status": "alive"})


@require_safe
@never_cache
def ready(request: HttpRequest) -> HttpResponseBase:
    """200 if this instance can answer requests, which takes the database and its schema, else 503."""
    report = health.ready()
    response = JsonResponse(
        report.as_json(details=addresses.is_inside(request.META)), status=200 if report.ready else 503
    )
    # The checks have logged why; Django would add an error at every look.
    response._has_been_logged = True  # type: ignore[attr-defined]  # noqa: SLF001 - Django has no other way
    return response


@require_safe
@never_cache
def status(request: HttpRequest) -> HttpResponseBase:
    """Every check with its outcome, and one word for all: `ready`, `degraded` or `not ready`. Always 200: it informs."""
    return JsonResponse(health.status().as_json(details=addresses.is_inside(request.META)))


#: By path.
PROBES: dict[str, Callable[[HttpRequest], HttpResponseBase]] = {
    "/health/live": live,
    "/health/ready": ready,
    "/health/status": status,
}

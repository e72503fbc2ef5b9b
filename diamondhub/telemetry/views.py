"""`/health/live` and `/health/ready`, for orchestrators and load balancers; they need no key and tell no secret."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from diamondhub.telemetry import health


@require_safe
@never_cache
def live(request: HttpRequest) -> HttpResponseBase:
    """The process answers; nothing else is asked."""
    return JsonResponse({"status": "alive"})


@require_safe
@never_cache
def ready(request: HttpRequest) -> HttpResponseBase:
    """200 if everything that must be there is there, else 503; the body lists every check either way."""
    report = health.examine()
    response = JsonResponse(report.as_json(), status=200 if report.ready else 503)
    # The checks have logged why; Django would add an error at every look.
    response._has_been_logged = True  # type: ignore[attr-defined]  # noqa: SLF001 - Django has no other way
    return response

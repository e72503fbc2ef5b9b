"""`/health/live`, `/health/ready` and `/health/status`, for orchestrators, load balancers and people, and `/metrics`.

They need no key and tell no secret; what the checks found, and metrics, are told to those who ask from inside.
`diamondhub.telemetry.middleware.Probes` calls them before anything else looks at the request.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hmac import compare_digest
from typing import Any

import structlog
from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from diamondhub.access import addresses
from diamondhub.database import release_connection
from diamondhub.telemetry import health, process_metrics, state_metrics

log = structlog.get_logger(__name__)

#: The text format that Prometheus reads.
METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


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


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponseBase:
    """What the processes of this host count of their own work."""
    if not may_read_metrics(request.META):
        return _not_for_strangers()
    return HttpResponse(process_metrics.exposed(), content_type=METRICS_TYPE)


@require_safe
@never_cache
def metrics_of_state(request: HttpRequest) -> HttpResponseBase:
    """How the deployment is, from its rows: the same whichever host is asked. 503 while the database is away."""
    if not may_read_metrics(request.META):
        return _not_for_strangers()
    try:
        return HttpResponse(state_metrics.exposed(), content_type=METRICS_TYPE)
    except (DatabaseError, InterfaceError) as error:
        log.warning("database_away", error=type(error).__name__)
    finally:
        release_connection()
    response = HttpResponse("the database is away\n", status=503, content_type="text/plain")
    response._has_been_logged = True  # type: ignore[attr-defined]  # noqa: SLF001 - Django has no other way
    return response


def may_read_metrics(meta: Mapping[str, Any]) -> bool:
    """Whether a request comes from inside, or shows METRICS_TOKEN as its bearer token."""
    if addresses.is_inside(meta):
        return True
    scheme, _, token = str(meta.get("HTTP_AUTHORIZATION", "")).partition(" ")
    wanted: str = settings.METRICS_TOKEN
    return bool(wanted) and scheme.lower() == "bearer" and compare_digest(token.strip().encode(), wanted.encode())


def _not_for_strangers() -> HttpResponseBase:
    return HttpResponse(
        "metrics are told to private addresses, and to METRICS_TOKEN\n", status=403, content_type="text/plain"
    )


#: By path.
PROBES: dict[str, Callable[[HttpRequest], HttpResponseBase]] = {
    "/health/live": live,
    "/health/ready": ready,
    "/health/status": status,
    "/metrics": metrics,
    "/metrics/state": metrics_of_state,
}

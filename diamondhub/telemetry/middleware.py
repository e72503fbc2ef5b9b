"""Answers the probes."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

from diamondhub.telemetry.views import PROBES


class Probes:
    """Answers the probes before anything looks at a request's host, its scheme or its session.

    An orchestrator asks by a pod's address, which is in no ALLOWED_HOSTS, without TLS, every few seconds.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return PROBES.get(request.path_info, self.get_response)(request)

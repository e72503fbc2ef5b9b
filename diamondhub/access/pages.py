"""The page that a person sees whose request the gate refuses: outside of the API nobody reads problem details."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html

from diamondhub.api.problems import Problem

#: The page needs nothing: no script, no picture, no frame around it.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title>
<style>body {{ color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; margin: 20vh auto; max-width: 30rem; \
padding: 0 1rem; }}</style></head>
<body><main><h1>{title}</h1><p>{detail}</p><p><small>Request {request_id}</small></p></main></body>
</html>
"""


def respond(request: HttpRequest, problem: Problem) -> HttpResponse:
    """The page of a refusal; it shows nothing that the request says."""
    html = format_html(
        _PAGE,
        title=problem.status.phrase,
        detail=problem.detail,
        request_id=getattr(request, "request_id", ""),
    )
    response = HttpResponse(html, status=problem.status, headers=problem.headers)
    response["Cache-Control"] = "no-store"
    response["Content-Security-Policy"] = POLICY
    response["Referrer-Policy"] = "same-origin"
    return response

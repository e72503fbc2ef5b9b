"""The explorer's addresses in the admin: its page, its file, and the views that people save of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import structlog
from django.contrib import messages
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.safestring import mark_safe
from psycopg.errors import QueryCanceled

from catalog.explorer import page
from catalog.explorer.models import MAX_VIEWS, SavedView
from diamondhub.api.mistakes import Wrong

log = structlog.get_logger(__name__)

LIST = "admin:catalog_diamond_changelist"
_WHOLE, _PART = "admin/catalog/diamond/explorer.html", "admin/catalog/diamond/explorer_part.html"


def explore(request: HttpRequest, context: Callable[[], dict[str, Any]], links: page.Links) -> HttpResponse:
    """The page; for htmx the part of it that changes. 400 if something was asked that there is not.

    `context` makes that of every page of the admin, `links` lead from a stone.
    """
    if request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["GET", "HEAD"])
    found = page.page(request, links)
    is_part = "HX-Request" in request.headers and "HX-History-Restore-Request" not in request.headers
    response = TemplateResponse(
        request,
        _PART if is_part else _WHOLE,
        {
            **({} if is_part else context()),
            **found,
            # Jinja has escaped it.
            "explorer": mark_safe(render_to_string("explorer/part.html", found, request, using="jinja")),  # noqa: S308
            "title": "Diamonds",
        },
        status=400 if found["mistakes"] else 200,
    )
    if is_part:
        query = found["wanted"].query(without=())
        response["HX-Push-Url"] = reverse(LIST) + (f"?{query}" if query else "")
    patch_vary_headers(response, ["HX-Request"])
    return response


def save_file(request: HttpRequest) -> HttpResponseBase:
    """The hits as CSV, the first ones in their order."""
    try:
        lines = "".join(page.file_lines(request))
    except Wrong:
        # The page says what is wrong.
        return redirect(f"{reverse(LIST)}?{request.GET.urlencode()}")
    except OperationalError as error:
        if not isinstance(error.__cause__, QueryCanceled):
            raise
        messages.error(request, "The file takes too long to make while there is no index. Try again in a minute.")
        return redirect(f"{reverse(LIST)}?{request.GET.urlencode()}")
    log.info("diamonds_saved", user=request.user.get_username(), query=request.GET.urlencode()[:500])
    response = HttpResponse(lines, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="diamonds.csv"'
    return response


def save_view(request: HttpRequest) -> HttpResponse:
    """Keep a search under a name; the name's earlier search is replaced."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    name, query = request.POST.get("name", "").strip(), request.POST.get("query", "")
    views = SavedView.objects.filter(person_id=request.user.pk)
    if not name or len(name) > 80 or "\x00" in name + query:
        messages.error(request, "A view needs a name of up to 80 letters.")
    elif len(query) > 4000:
        messages.error(request, "The view asks for too much to be kept: leave out some of its filters.")
    elif views.count() >= MAX_VIEWS and not views.filter(name=name).exists():
        messages.error(request, f"You have {MAX_VIEWS} views already: remove one first.")
    else:
        SavedView.objects.update_or_create(person_id=request.user.pk, name=name, defaults={"query": query})
        messages.success(request, f"The view “{name}” is saved.")
    return redirect(f"{reverse(LIST)}?{query}" if query and len(query) <= 4000 else reverse(LIST))


def remove_view(request: HttpRequest, view_id: int) -> HttpResponse:
    """Forget a view of one's own."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    SavedView.objects.filter(person_id=request.user.pk, pk=view_id).delete()
    return redirect(LIST)

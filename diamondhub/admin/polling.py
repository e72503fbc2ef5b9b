"""Parts of pages that ask for themselves anew: `polling.js` has them rest while their page is hidden.

Such a part is marked `data-rests`. Whoever was signed out meanwhile is led to the sign-in: the redirect that other addresses
answer with would put the sign-in's page into the part.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse

View = Callable[..., HttpResponseBase]


def polled(site: AdminSite, view: View) -> View:
    """A view of the admin that pages poll."""
    guarded = site.admin_view(view)

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if "HX-Request" in request.headers and not site.has_permission(request):
            return HttpResponse(status=204, headers={"HX-Redirect": reverse("admin:login")})
        return guarded(request, *args, **kwargs)

    return answer

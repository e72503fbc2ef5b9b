"""Where everything is served but the probes, which `diamondhub.telemetry.middleware.Probes` answers before."""

from __future__ import annotations

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

from diamondhub.access import documentation  # noqa: F401 - the document says how to sign in
from diamondhub.admin import login as admin_login
from diamondhub.api.problem_pages import OneProblem, Problems
from diamondhub.api.views import ApiPages, OpenApiDocument
from diamondhub.operations import home

# What `admin.site.urls` leads to.
admin.autodiscover()

urlpatterns: list[URLPattern | URLResolver] = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/login/", admin_login.login),
    path("admin/home/now/", admin.site.admin_view(home.now), name="home_now"),
    path("admin/home/slow/", admin.site.admin_view(home.slow), name="home_slow"),
    path("admin/", admin.site.urls),
    path("api/v1/", include("catalog.urls")),
    path("api/v1/", include("pricing.urls")),
    path("api/v1/", include("ingest.urls")),
    path("api/v1/", include("diamondhub.audit.urls")),
    path("api/v1/", include("diamondhub.webhooks.urls")),
    path("api/schema/", OpenApiDocument.as_view(), name="schema"),
    path("api/docs/", ApiPages.as_view(), name="docs"),
    path("api/problems/", Problems.as_view(), name="problems"),
    path("api/problems/<slug:kind>", OneProblem.as_view(), name="problem"),
]

handler400 = "diamondhub.api.handlers.bad_request"
handler403 = "diamondhub.api.handlers.permission_denied"
handler404 = "diamondhub.api.handlers.not_found"
handler500 = "diamondhub.api.handlers.server_error"

"""The page for somebody of the staff who may not do what they asked for: which permission they lack, and whom to ask."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from diamondhub.access import lacking, roles

#: People who give rights that are named on the page.
MAX_NAMED = 5


def respond(request: HttpRequest) -> HttpResponse:
    """The page, with the menu around it and status 403."""
    permission = lacking.lacked()
    context = {
        **admin.site.each_context(request),
        "title": "You may not do this",
        "permission": permission,
        "permission_name": _name(permission),
        "groups": roles.groups_with(permission) if permission else [],
        "givers": [
            {"name": person.get_full_name() or person.get_username(), "email": person.email}
            for person in User.objects.filter(is_superuser=True, is_active=True).order_by("username")[:MAX_NAMED]
        ],
    }
    return render(request, "admin/403.html", context, status=403)


def _name(permission: str) -> str:
    app, _, codename = permission.partition(".")
    row = Permission.objects.filter(content_type__app_label=app, codename=codename).first()
    return row.name if row is not None else ""

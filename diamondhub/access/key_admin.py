"""The keys of an API client in the admin: issued, replaced, given an end, and revoked by the buttons on the client's page.

A new key is shown on the page that answers the form, and nowhere else: that page is not stored by browsers, and neither the
session nor a message nor the history has the key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Case, CharField, Value, When
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse

from diamondhub.access import clients
from diamondhub.access.clients import MAX_LIFE, AccessError, IssuedKey
from diamondhub.access.models import ApiClient, ApiKey
from diamondhub.admin.acting import RequiredReason
from diamondhub.admin.display import ago, badge, moment
from diamondhub.api.problems import sentence
from diamondhub.audit.acting import acting

if TYPE_CHECKING:
    from diamondhub.access.client_admin import ApiClientAdmin

#: Overlaps that the button offers, as `clients.overlap_of` reads them.
OVERLAPS = {"7d": "7 days", "30d": "30 days", "1d": "1 day", "1h": "1 hour", "0": "not at all: it leaked"}


class Life(RequiredReason):
    """When a key ends: in some days, or never if none are given."""

    expires_days = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=MAX_LIFE,
        error_messages=dict.fromkeys(
            ("invalid", "min_value", "max_value"), f"A key can live 1 to {MAX_LIFE} days; leave them out for ever."
        ),
    )


class FurtherKey(Life):
    """One more key, asked for when `after` was the newest one."""

    after = forms.IntegerField(required=False, min_value=1)
    signing = forms.BooleanField(required=False)


class Replacement(Life):
    """A key in the place of another one, which goes on for a while."""

    signing = forms.BooleanField(required=False)


def new_key(request: HttpRequest, admin: ApiClientAdmin, client: int) -> HttpResponse:
    """Give the client one more key and show it."""
    if refusal := _refusal(request, "access.add_apikey"):
        return refusal
    named = ApiClient.objects.filter(pk=client).first()
    if named is None:
        return _none(request, f"There is no API client {client}.")
    form = FurtherKey(request.POST)
    if not form.is_valid():
        return _back(request, named.pk, _faults(form))
    reason = form.cleaned_data.pop("reason")
    try:
        with acting(reason=reason):
            issued = clients.issue_further_key(named, **form.cleaned_data)
    except AccessError as error:
        return _back(request, named.pk, str(error))
    admin.log_change(request, named, f"Made the key {issued.key}: {reason}")
    return shown_once(request, admin, issued)


def rotate(request: HttpRequest, admin: ApiClientAdmin, key: int) -> HttpResponse:
    """Replace a key and show the new one."""
    if refusal := _refusal(request, "access.add_apikey", "access.change_apikey"):
        return refusal
    old = ApiKey.objects.filter(pk=key).select_related("client").first()
    if old is None:
        return _none(request, f"There is no key {key}.")
    form = Replacement(request.POST)
    if not form.is_valid():
        return _back(request, old.client_id, _faults(form))
    asked = form.cleaned_data
    try:
        overlap = clients.overlap_of(request.POST.get("overlap", ""))
        with acting(reason=asked["reason"]):
            issued = clients.rotate_key(
                old, overlap=overlap, expires_days=asked["expires_days"], signing=asked["signing"]
            )
    except AccessError as error:
        return _back(request, old.client_id, str(error))
    admin.log_change(request, old.client, f"Replaced the key {old} by {issued.key}: {asked['reason']}")
    old.refresh_from_db()
    return shown_once(request, admin, issued, old=old)


def expiry(request: HttpRequest, admin: ApiClientAdmin, key: int) -> HttpResponse:
    """Have a key end in some days, or never."""
    if refusal := _refusal(request, "access.change_apikey"):
        return refusal
    named = ApiKey.objects.filter(pk=key).select_related("client").first()
    if named is None:
        return _none(request, f"There is no key {key}.")
    form = Life(request.POST)
    if not form.is_valid():
        return _back(request, named.client_id, _faults(form))
    reason = form.cleaned_data["reason"]
    try:
        with acting(reason=reason):
            changed = clients.change_key(named, expires_days=form.cleaned_data["expires_days"])
    except AccessError as error:
        return _back(request, named.client_id, str(error))
    end = f"ends on {changed.expires_at:%Y-%m-%d %H:%M} UTC" if changed.expires_at else "does not end"
    admin.log_change(request, named.client, f"The key {named} {end}: {reason}")
    messages.success(request, f"The key {named} {end}.")
    return redirect(client_page(named.client_id))


def revoke(request: HttpRequest, admin: ApiClientAdmin, key: int) -> HttpResponse:
    """Revoke a key from now on; 405 for anything but POST, 403 without permission."""
    if refusal := _refusal(request, "access.change_apikey"):
        return refusal
    named = ApiKey.objects.filter(pk=key).select_related("client").first()
    if named is None:
        return _none(request, f"There is no key {key}.")
    form = RequiredReason(request.POST)
    if not form.is_valid():
        return _back(request, named.client_id, _faults(form))
    reason = form.cleaned_data["reason"]
    with acting(reason=reason):
        was_live = clients.revoke_key(named)
    if was_live:
        admin.log_change(request, named.client, f"Revoked the key {named}: {reason}")
        messages.success(request, f"The key {named} is revoked: requests with it are refused from now on.")
    else:
        messages.warning(request, f"The key {named} was revoked before.")
    return redirect(client_page(named.client_id))


def shown_once(
    request: HttpRequest, admin: ApiClientAdmin, issued: IssuedKey, old: ApiKey | None = None
) -> HttpResponse:
    """The page that shows a new key, and the one that it replaces."""
    context = {
        **admin.admin_site.each_context(request),
        "opts": admin.opts,
        "title": f"A new key of {issued.key.client}",
        "client": issued.key.client,
        "key": issued.key,
        "text": issued.text,
        "signing_secret": issued.signing_secret,
        "old": old,
        "old_ends": moment(old.expires_at) if old else "",
        "here": client_page(issued.key.client_id),
    }
    request.current_app = admin.admin_site.name
    response = TemplateResponse(request, "admin/access/apiclient/key.html", context)
    # Neither a cache nor the browser's way back may keep it.
    response["Cache-Control"] = "no-store"
    return response


def _back(request: HttpRequest, client: int, words: str) -> HttpResponse:
    messages.error(request, sentence(words))
    return redirect(client_page(client))


def _none(request: HttpRequest, words: str) -> HttpResponse:
    messages.error(request, words)
    return redirect("admin:access_apiclient_changelist")


def _refusal(request: HttpRequest, *permissions: str) -> HttpResponse | None:
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    if not request.user.has_perms(permissions):
        raise PermissionDenied
    return None


def _faults(form: forms.Form) -> str:
    return " ".join(str(fault) for faults in form.errors.values() for fault in faults)


def client_page(client: Any) -> str:
    """The address of a client's page."""
    return reverse("admin:access_apiclient_change", args=[client])


def keys_of(client: ApiClient) -> list[dict[str, Any]]:
    """A client's keys, newest first, with their states by the database's clock."""
    state = Case(
        When(revoked_at__isnull=False, then=Value("revoked")),
        When(expires_at__lte=Now(), then=Value("expired")),
        When(replaced_by__isnull=False, then=Value("replaced")),
        default=Value("active"),
        output_field=CharField(),
    )
    keys: Any = ApiKey.objects.filter(client=client).select_related("replaced_by").annotate(state=state).order_by("-pk")
    return [
        {
            "key": key,
            "badge": badge(key.state),
            "usable": key.state in ("active", "replaced"),
            "current": key.state == "active",
            "may_end": key.state != "revoked",
            "created": moment(key.created_at),
            "expires": moment(key.expires_at) if key.expires_at else "never",
            "revoked": moment(key.revoked_at),
            "last_used": ago(key.last_used_at),
        }
        for key in keys
    ]

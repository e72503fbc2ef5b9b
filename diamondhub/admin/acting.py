"""The common part of the admin's buttons: POST only, a permission, a valid reason, and business errors as messages."""

from __future__ import annotations

from collections.abc import Callable

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect


class Reason(forms.Form):
    """The optional reason for a deed, kept by the audit."""

    reason = forms.CharField(max_length=500, required=False, label="Reason")


class RequiredReason(forms.Form):
    """The mandatory reason for a deed, kept by the audit."""

    reason = forms.CharField(
        max_length=500,
        label="Reason",
        error_messages={"required": "Say why: the reason is kept for those who ask later."},
    )


def act(
    request: HttpRequest,
    permission: str,
    do: Callable[[str], tuple[str, str]],
    *,
    back: str,
    errors: type[Exception] | tuple[type[Exception], ...],
    form: type[forms.Form] = Reason,
) -> HttpResponse:
    """Call `do` with the posted reason; it returns the message to show and the address to redirect to.

    An exception of `errors` is shown as a message and redirects `back`. 405 unless it is a POST, 403 without the permission.
    """
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    if not request.user.has_perm(permission):
        raise PermissionDenied
    posted = form(request.POST)
    if not posted.is_valid():
        for faults in posted.errors.values():
            messages.error(request, " ".join(str(fault) for fault in faults))
        return redirect(back)
    try:
        said, onward = do(posted.cleaned_data["reason"])
    except errors as error:
        messages.error(request, str(error))
        return redirect(back)
    messages.success(request, said)
    return redirect(onward)

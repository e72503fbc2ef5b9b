"""The common part of ingestion's buttons: permissions, and errors of ingestion as messages."""

from __future__ import annotations

from collections.abc import Callable

from django import forms
from django.http import HttpRequest, HttpResponse

from diamondhub.admin import acting as admin_acting
from diamondhub.admin.acting import Reason
from ingest.errors import IngestError

#: Permissions to start a run, and to cancel, approve and retry one.
START = "ingest.add_run"
DECIDE = "ingest.change_run"


class RequiredReason(admin_acting.RequiredReason):
    """The mandatory reason for a deed, kept with the run."""

    reason = forms.CharField(
        max_length=500, label="Reason", error_messages={"required": "Say why: the reason is kept with the run."}
    )


def act(
    request: HttpRequest,
    permission: str,
    do: Callable[[str], tuple[str, str]],
    *,
    back: str,
    form: type[forms.Form] = Reason,
) -> HttpResponse:
    """Call `diamondhub.admin.acting.act` with errors of ingestion as messages."""
    return admin_acting.act(request, permission, do, back=back, errors=IngestError, form=form)

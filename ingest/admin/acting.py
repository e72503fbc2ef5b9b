"""What the buttons of ingestion share: their permissions, and its errors as messages."""

from __future__ import annotations

from collections.abc import Callable

from django import forms
from django.http import HttpRequest, HttpResponse

from diamondhub.admin import acting as admin_acting
from diamondhub.admin.acting import Reason
from ingest.errors import IngestError

#: Who may start a run, and who may cancel, approve and retry one.
START = "ingest.add_run"
DECIDE = "ingest.change_run"


class RequiredReason(admin_acting.RequiredReason):
    """As `Reason`, where there must be one."""

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
    """As `diamondhub.admin.acting.act`, with errors of ingestion as messages."""
    return admin_acting.act(request, permission, do, back=back, errors=IngestError, form=form)

"""Common to pricing's buttons and forms: permissions, the revision that a form was read at, refusals as messages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django import forms
from django.contrib import messages
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from psycopg.errors import RestrictViolation

from diamondhub.admin import acting as admin_acting
from diamondhub.admin.acting import Reason
from pricing.errors import NotADraft, PricingError, StaleDraft
from pricing.validation import refusals

#: Who may publish, roll back, run experiments, and start and cancel repricings.
PUBLISH = "pricing.publish_ruleset"


@contextmanager
def database_refusals() -> Iterator[None]:
    """Say the database's own refusal to alter what is sealed as `NotADraft`."""
    try:
        yield
    except IntegrityError as error:
        if isinstance(error.__cause__, RestrictViolation):
            raise NotADraft(error.__cause__.diag.message_primary) from error
        raise


def act(
    request: HttpRequest,
    permission: str,
    do: Callable[[str], tuple[str, str]],
    *,
    back: str,
    form: type[forms.Form] = Reason,
) -> HttpResponse:
    """The same as `diamondhub.admin.acting.act`, with errors of pricing and refusals of the database as messages."""

    def do_or_say_why_not(reason: str) -> tuple[str, str]:
        with database_refusals():
            return do(reason)

    return admin_acting.act(request, permission, do_or_say_why_not, back=back, errors=PricingError, form=form)


def answer_or_refuse(request: HttpRequest, answer: Callable[[], HttpResponse], *, back: str) -> HttpResponse:
    """The answer, or, if pricing refuses what was asked, a message and the way `back`."""
    try:
        with database_refusals():
            return answer()
    except PricingError as error:
        messages.error(request, str(error))
        return redirect(back)


def admit(form: Any, row: Any, clean: Callable[[Any], None]) -> None:
    """Have a row of the form's values admitted; what is wrong becomes errors of the fields that have none yet."""
    tell(form, refusals(clean, row))


def tell(form: Any, wrong: Iterable[tuple[str, str]]) -> None:
    """Make what is wrong, by field, errors of the form's fields that have none yet."""
    for field, message in wrong:
        if field in form.fields and field in form.cleaned_data:
            form.add_error(field, message)
        elif field not in form.fields:
            form.add_error(None, message)


def posted_revision(request: HttpRequest) -> int:
    """The revision of the draft that the posted form was made from. Raises `StaleDraft` if the form does not say."""
    text = request.POST.get("revision", "")
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise StaleDraft("the form did not say which state of the draft it shows: look again, nothing was saved")
    return int(text)

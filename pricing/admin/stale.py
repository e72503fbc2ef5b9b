"""A form that somebody else was faster than: shown again with what was typed, and with what is saved now beside it.

Nothing is saved then; whoever saves the form again has seen what it takes the place of.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.utils.datastructures import MultiValueDict

from pricing.errors import StaleDraft

_REFUSAL = "pricing.refusal"


def refusal_of(request: HttpRequest) -> str:
    """The words with which the posted form is only shown again; empty if it is to be saved."""
    return str(request.META.get(_REFUSAL, ""))


def answer_or_show_again(request: HttpRequest, answer: Callable[[], HttpResponse]) -> HttpResponse:
    """The answer; if that finds the draft changed, once more, by forms that are told of it and so are not saved."""
    try:
        return answer()
    except StaleDraft as error:
        words = str(error)
        request.META[_REFUSAL] = (
            f"{words[0].upper()}{words[1:]}. What you typed is shown again: saving it now replaces what is there."
        )
        return answer()


def refuse(form: Any, refusal: str) -> None:
    """Refuse the form, if it is only to be shown again, and say what is saved now."""
    if refusal:
        form.add_error(None, refusal)
        tell_what_is_saved(form)


def tell_what_is_saved(form: Any) -> None:
    """Beside each field of a form of a saved row that differs from the row, say what is saved now."""
    if form.instance.pk is None:
        return
    for name in form.changed_data:
        if name in form.fields and not form.fields[name].widget.is_hidden and name != "DELETE":
            form.add_error(name, f"Saved now: {_said(form.fields[name], form[name].initial)}.")


def with_gone_rows_as_new(posted: Any, prefix: str, forms_of: int, there: set[str]) -> Any:
    """The data sent to a formset: rows that are `there` first, and those that are gone as new ones with what was typed."""
    kept: list[int] = []
    others: list[int] = []
    seen: set[str] = set()
    for place in range(forms_of):
        given = posted.get(f"{prefix}-{place}-id", "")
        (kept if given in there - seen else others).append(place)
        seen.add(given)
    result = MultiValueDict({name: posted.getlist(name) for name in posted if not name.startswith(f"{prefix}-")})
    result[f"{prefix}-TOTAL_FORMS"], result[f"{prefix}-INITIAL_FORMS"] = str(forms_of), str(len(kept))
    for place, before in enumerate([*kept, *others]):
        start = f"{prefix}-{before}-"
        for name in posted:
            if name.startswith(start):
                result.setlist(f"{prefix}-{place}-{name.removeprefix(start)}", posted.getlist(name))
        if place >= len(kept):
            result[f"{prefix}-{place}-id"] = ""
    return result


def _said(field: forms.Field, value: Any) -> str:
    if value in (None, "", [], ()):
        return "nothing"
    if isinstance(field, forms.ChoiceField):
        choices: Any = field.choices
        labels = {str(choice): str(label) for choice, label in choices}
        return ", ".join(
            labels.get(str(choice), str(choice)) for choice in (value if isinstance(value, list) else [value])
        )
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(field.prepare_value(value))

"""Form fields of the admin: money typed in dollars, lists of names typed in a text box.

Only this module and `diamondhub.admin.base` import the theme's classes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms.fields import InvalidJSONInput
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold import widgets

from diamondhub import json_text

TextInput: type[forms.TextInput] = widgets.UnfoldAdminTextInputWidget
Textarea: type[forms.Textarea] = widgets.UnfoldAdminTextareaWidget
Select: type[forms.Select] = widgets.UnfoldAdminSelectWidget


def without_zeros(form: forms.BaseForm) -> None:
    """Show a form's initial decimals without trailing zeros: 40, not 40.000."""
    for name, value in form.initial.items():
        if isinstance(value, Decimal):
            form.initial[name] = Decimal(f"{value.normalize():f}")


class CheckBoxes(forms.CheckboxSelectMultiple):
    """Check boxes in columns, rendered without templates: the theme's four per box are too slow for hundreds of boxes."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        chosen = {str(choice) for choice in value or ()}
        group = (attrs or {}).get("id", f"id_{name}")
        boxes = format_html_join(
            "",
            '<label><input type="checkbox" name="{}" value="{}" id="{}_{}"{}> {}</label>',
            (
                (name, choice, group, place, SafeString(" checked") if str(choice) in chosen else "", label)
                for place, (choice, label) in enumerate(self.choices)
            ),
        )
        return format_html('<div class="dh-boxes" id="{}">{}</div>', group, boxes)


class Choices(forms.Select):
    """A drop-down rendered without templates, for the same reason."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        options = format_html_join(
            "",
            '<option value="{}"{}>{}</option>',
            (
                (choice, SafeString(" selected") if str(choice) == str("" if value is None else value) else "", label)
                for choice, label in self.choices
            ),
        )
        attributes = {**self.attrs, **(attrs or {}), "name": name}
        pairs = format_html_join("", ' {}="{}"', ((key, text) for key, text in attributes.items() if text is not False))
        return format_html("<select{}>{}</select>", pairs, options)


class DollarsField(forms.DecimalField):
    """An amount typed in dollars, `1,234.50` or `$1234.5`, whose value is cents; bounds are given in cents."""

    default_error_messages = {"invalid": "Enter an amount in dollars, for example 1250 or 9.95."}

    def __init__(self, *, least_cents: int, most_cents: int, **options: Any) -> None:
        options.setdefault("widget", TextInput(attrs={"inputmode": "decimal"}))
        super().__init__(
            min_value=Decimal(least_cents) / 100, max_value=Decimal(most_cents) / 100, decimal_places=2, **options
        )

    def to_python(self, value: Any) -> Any:
        """The dollars, without the sign and the thousands' commas that people type."""
        if isinstance(value, str):
            value = re.sub(r"[$,\s]", "", value)
        return super().to_python(value)

    def clean(self, value: Any) -> Any:
        dollars = super().clean(value)
        return None if dollars is None else int(dollars * 100)

    def prepare_value(self, value: Any) -> Any:
        """Cents as dollars; what a person typed stays as it was typed."""
        return f"{Decimal(value) / 100:.2f}" if isinstance(value, int) else value

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether another amount was typed; `5` and `5.00` are the same."""
        try:
            return bool(self.clean(data) != initial)
        except ValidationError:
            return True


class JsonField(forms.JSONField):
    """JSON within the bounds of `json_text`: a value that is too deep, or that no column takes, is a fault of the form."""

    def to_python(self, value: Any) -> Any:
        if isinstance(value, str) and value not in self.empty_values:
            try:
                json_text.read(value)
            except ValueError as error:
                raise ValidationError(f"This {error}.", code="invalid") from error
        return super().to_python(value)

    def bound_data(self, data: Any, initial: Any) -> Any:
        """The typed text as a value, or unchanged if it cannot be read."""
        if isinstance(data, str) and not self.disabled:
            try:
                json_text.read(data)
            except ValueError:
                return InvalidJSONInput(data)
        return super().bound_data(data, initial)


class NamesField(forms.CharField):
    """Names with commas or line ends between (`by_line`: only line ends), as a list without repeats."""

    def __init__(self, *, by_line: bool = False, **options: Any) -> None:
        self.by_line = by_line
        options.setdefault("widget", Textarea(attrs={"rows": 2}))
        options.setdefault("help_text", "One a line." if by_line else "With commas between.")
        super().__init__(required=False, **options)

    def clean(self, value: Any) -> Any:
        """The list of names; empty for an empty text."""
        parts = re.split(r"[\r\n]+" if self.by_line else r"[,\r\n]+", super().clean(value))
        return list(dict.fromkeys(name for part in parts if (name := part.strip())))

    def prepare_value(self, value: Any) -> Any:
        """The list as text; what a person typed stays as it was typed."""
        if isinstance(value, Sequence) and not isinstance(value, str):
            return ("\n" if self.by_line else ", ").join(value)
        return value

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(self.clean(data) != list(initial or []))
        except ValidationError:
            return True

"""The limits of one client in the admin's form: a text field for each class, which says what holds if it is empty."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms

from diamondhub.access.models import ApiClient
from diamondhub.access.throttles.limits import OF_CLIENTS, WRITTEN, LimitClass, parse
from diamondhub.admin.forms import TextInput

if TYPE_CHECKING:
    ClientModelForm = forms.ModelForm[ApiClient]
else:
    ClientModelForm = forms.ModelForm

#: What each class is for, to whom gives a client a limit of its own.
_FOR = {
    LimitClass.SEARCH: "Searching the catalogue.",
    LimitClass.LOOKUP: "Single stones, and what belongs to one.",
    LimitClass.CHANGES: "What has changed since a version.",
    LimitClass.EXPORTS: "Starting exports.",
    LimitClass.PRICING: "Reading rule sets, simulations, experiments and histories of prices.",
    LimitClass.PRICING_EDITS: "Editing and publishing rules, repricing, experiments.",
    LimitClass.RUNS: "Starting, cancelling and retrying runs.",
    LimitClass.PROXY: "Asking a supplier, within the supplier's own limit.",
    LimitClass.OTHER: "All other addresses.",
    LimitClass.VISITOR: "One visitor of a shop with a publishable key, whatever is asked for.",
}
#: The names of the form's fields, by class.
FIELDS = {name: f"limit_{name.replace('-', '_')}" for name in OF_CLIENTS}


def _field(name: LimitClass) -> forms.CharField:
    return forms.CharField(
        required=False,
        max_length=40,
        label=f"limit of {name}",
        help_text=f"{_FOR[name]} Empty: {WRITTEN[name]}.",
        widget=TextInput(attrs={"placeholder": WRITTEN[name]}),
    )


class LimitsForm(ClientModelForm):
    """The part of a client's form that has its limits; whoever may change the client may change them."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        own = self.instance.limits if isinstance(self.instance.limits, dict) else {}
        for name, field in FIELDS.items():
            self.initial.setdefault(field, own.get(name, ""))

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        limits = {}
        for name, field in FIELDS.items():
            written = " ".join(cleaned.get(field, "").split())
            if not written:
                continue
            try:
                parse(name, written)
            except ValueError as error:
                self.add_error(field, f"A limit {error}.")
            limits[str(name)] = written
        self.instance.limits = limits
        return cleaned

    def save_limits(self) -> None:
        """Write the limits, and nothing else of the client."""
        client = self.instance
        ApiClient.objects.filter(pk=client.pk).update(
            limits=client.limits, max_at_once=client.max_at_once, max_rows_a_day=client.max_rows_a_day
        )


# Declared as if written one by one in the class, which the admin asks for its fields.
LimitsForm.declared_fields.update({field: _field(name) for name, field in FIELDS.items()})
LimitsForm.base_fields.update(LimitsForm.declared_fields)

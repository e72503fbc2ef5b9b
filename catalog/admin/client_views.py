"""Clients' views in the admin: what each client may see, in which currency, and how much of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest

from catalog.client_views import editing, written
from catalog.client_views.models import CatalogView
from catalog.columns import COLUMNS
from diamondhub.admin.base import Admin
from diamondhub.admin.display import NOTHING
from diamondhub.admin.forms import CheckBoxes, Textarea

if TYPE_CHECKING:
    ViewModelForm = ModelForm[CatalogView]
else:
    ViewModelForm = ModelForm


class FiltersField(forms.CharField):
    """Filters of searches, one a line, whose value is an object of them."""

    def __init__(self, **options: Any) -> None:
        widget = Textarea(attrs={"rows": 4, "placeholder": "lab_grown=false\nprice_max=20000"})
        super().__init__(required=False, widget=widget, **options)

    def clean(self, value: Any) -> Any:
        """The object; empty for an empty text."""
        return written.read(super().clean(value))

    def prepare_value(self, value: Any) -> Any:
        """The object as lines; what a person typed stays as it was typed."""
        return written.write(value) if isinstance(value, dict) else value

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether the filters are others."""
        try:
            return bool(self.clean(data) != (initial or {}))
        except ValidationError:
            return True


class ViewForm(ViewModelForm):
    """What a client sees. What is wrong is told at its field."""

    forced = FiltersField(
        label="Only stones with",
        help_text="Filters by the names and values of the API, one a line: lab=GIA,IGI. They hold in everything that the "
        "client asks for. Amounts are in US dollars.",
    )
    defaults = FiltersField(
        label="Unless it asks otherwise",
        help_text="Filters of searches that hold where the client says nothing of that attribute.",
    )
    shown_fields = forms.MultipleChoiceField(
        choices=[(column.name, column.name) for column in COLUMNS if column.scope and column.name != "id"],
        widget=CheckBoxes,
        required=False,
        label="Fields that are shown",
        help_text="None chosen: all that the client's scopes show. What is not shown can be neither filtered nor sorted by.",
    )

    class Meta:
        model = CatalogView
        fields = ("client", "forced", "defaults", "shown_fields", "currency", "ending", "ending_step", "max_rows")
        help_texts = {
            "client": "A client without a view sees all that its scopes show.",
            "currency": "Of all money in its answers, and of what it asks for; there must be a rate of exchange.",
            "ending": "Prices in another currency end on this amount, such as 99 in steps of 100, next to what the rate "
            "gives. Empty: as the rate gives.",
            "max_rows": "Stones that one search or export shows at most, over all pages. Empty: all.",
        }

    def clean_shown_fields(self) -> list[str] | None:
        """The names, or None for all."""
        return self.cleaned_data["shown_fields"] or None

    def clean(self) -> dict[str, Any]:
        """Have the view looked at as a whole."""
        values: dict[str, Any] = super().clean() or {}
        if not self.errors:
            client = values.get("client") or self.instance.client
            try:
                editing.check(CatalogView(**{**values, "client": client}))
            except ValidationError as error:
                self.add_error(None, error)
        return values


@admin.register(CatalogView)
class CatalogViewAdmin(Admin[CatalogView]):
    """Views of clients. One that is not wanted any more is emptied, so that its client hears of what it hid."""

    form = ViewForm
    list_display = ("client", "only", "unless", "currency", "max_rows")
    ordering = ("client__name",)
    list_select_related = ("client",)
    actions = None

    def get_queryset(self, request: HttpRequest) -> QuerySet[CatalogView]:
        """With the client's name."""
        return super().get_queryset(request).select_related("client")

    def get_readonly_fields(self, request: HttpRequest, obj: CatalogView | None = None) -> tuple[str, ...]:
        """Whose view it is stays."""
        return ("client",) if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: CatalogView | None = None) -> bool:
        """Nobody: a view is emptied."""
        return False

    def save_model(self, request: HttpRequest, obj: CatalogView, form: Any, change: bool) -> None:
        """Have `editing` keep it."""
        editing.save(obj)

    @admin.display(description="only stones with")
    def only(self, view: CatalogView) -> str:
        """What is forced."""
        return _on_one_line(view.forced)

    @admin.display(description="unless it asks otherwise")
    def unless(self, view: CatalogView) -> str:
        """What holds where nothing is said."""
        return _on_one_line(view.defaults)


def _on_one_line(filters: dict[str, Any], longest: int = 80) -> str:
    words = written.write(filters).replace("\n", " · ")
    return (words if len(words) <= longest else f"{words[:longest]}…") or NOTHING

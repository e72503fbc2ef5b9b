"""Rule sets in the admin: drafts are edited by whom the permissions allow, published and retired ones only shown."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import Max
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString

from diamondhub.admin_base import Admin
from diamondhub.admin_display import Group, badge, moment
from pricing.models import RuleSet


@admin.register(RuleSet)
class RuleSetAdmin(Admin[RuleSet]):
    """Rule sets, newest first. Publishing is not an edit and not done here."""

    list_display = ("name", "badge", "margin_natural", "margin_lab_grown", "margin_fancy", "published", "created")
    list_filter = ("state",)
    ordering = ("-version",)
    fields = ("margin_natural", "margin_lab_grown", "margin_fancy", "notes")
    actions = None
    search_help_text = "Version number"

    def find(self, rows: Any, text: str) -> Any:
        """By version."""
        return rows.filter(version=int(text)) if text.isascii() and text.isdigit() else rows.none()

    @admin.display(description="rule set")
    def name(self, rule_set: RuleSet) -> str:
        """The version; links to the page."""
        return f"Version {rule_set.version}"

    @admin.display(description="state")
    def badge(self, rule_set: RuleSet) -> SafeString:
        """The state as a badge."""
        return badge(rule_set.state)

    @admin.display(description="published")
    def published(self, rule_set: RuleSet) -> str | SafeString:
        """When it was published."""
        return moment(rule_set.published_at)

    @admin.display(description="created")
    def created(self, rule_set: RuleSet) -> str | SafeString:
        """When it was made."""
        return moment(rule_set.created_at)

    def has_change_permission(self, request: HttpRequest, obj: RuleSet | None = None) -> bool:
        """Only drafts change."""
        return super().has_change_permission(request, obj) and (obj is None or obj.state == RuleSet.State.DRAFT)

    def has_delete_permission(self, request: HttpRequest, obj: RuleSet | None = None) -> bool:
        """Only drafts can be thrown away."""
        return super().has_delete_permission(request, obj) and (obj is None or obj.state == RuleSet.State.DRAFT)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The form of a draft, for whom may change it; else the page that shows the rule set."""
        row = self.get_object(request, object_id)
        if row is not None and not self.has_change_permission(request, row):
            return self.detail_view(request, object_id)
        return super().change_view(request, object_id, form_url, extra_context)

    def save_model(self, request: HttpRequest, obj: RuleSet, form: ModelForm[RuleSet], change: bool) -> None:
        """A new draft gets the next version; a draft that was published meanwhile stays as it was published."""
        if not change:
            # Locking the newest lets two people who save at once have two versions.
            RuleSet.objects.select_for_update().order_by("-version").first()
            obj.version = (RuleSet.objects.aggregate(newest=Max("version"))["newest"] or 0) + 1
            super().save_model(request, obj, form, change)
            return
        changes = {name: form.cleaned_data[name] for name in form.changed_data}
        if changes and not RuleSet.objects.filter(pk=obj.pk, state=RuleSet.State.DRAFT).update(**changes):
            messages.error(request, f"Rule set {obj.version} is no draft any more: nothing was changed.")

    def groups(self, request: HttpRequest, row: RuleSet) -> list[Group]:
        """Margins, and the version's life."""
        return [
            Group(
                "Margins on cost",
                [
                    ("natural", f"{row.margin_natural.normalize():f} %"),
                    ("lab-grown", f"{row.margin_lab_grown.normalize():f} %"),
                    ("fancy", f"{row.margin_fancy.normalize():f} %"),
                ],
            ),
            Group(
                "Version",
                [
                    ("version", row.version),
                    ("state", badge(row.state)),
                    ("created", moment(row.created_at)),
                    ("published", moment(row.published_at)),
                    ("notes", row.notes or "–"),
                ],
            ),
        ]

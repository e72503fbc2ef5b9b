"""Rule sets in the admin: drafts are edited by whom the permissions allow, published and retired ones only shown.

The pages that simulate and publish are in modules of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString

from diamondhub.admin.base import Admin, numbered
from diamondhub.admin.display import NOTHING, Group, Link, badge, counted, moment, row_link
from diamondhub.admin.forms import Textarea, without_zeros
from pricing import editing, ordering
from pricing.admin.acting import PUBLISH, act, admit, answer_or_refuse, posted_revision
from pricing.admin.causes import link_to_changes
from pricing.admin.publishing import publish_page
from pricing.admin.rule_files import IMPORT, export_file, import_page
from pricing.admin.rule_table import rule_table
from pricing.admin.simulation import simulation_page
from pricing.admin.stale import answer_or_show_again, refusal_of, refuse
from pricing.differences import percent
from pricing.errors import NoSuchRuleSet
from pricing.models import RuleSet
from pricing.validation import clean_rule_set

if TYPE_CHECKING:
    RuleSetModelForm = ModelForm[RuleSet]
else:
    RuleSetModelForm = ModelForm


class RuleSetForm(RuleSetModelForm):
    """A draft's margins. With a `refusal` it is only shown again."""

    refusal = ""

    class Meta:
        model = RuleSet
        fields = ("margin_natural", "margin_lab_grown", "margin_fancy", "floor_margin", "notes")
        widgets = {"notes": Textarea(attrs={"rows": 3})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        without_zeros(self)

    def clean(self) -> dict[str, Any]:
        """Have the margins admitted, and refuse what was typed into a form that somebody else was faster than."""
        values = {name: self.cleaned_data[name] for name in self._meta.fields or () if name in self.cleaned_data}
        admit(self, RuleSet(**values), clean_rule_set)
        refuse(self, self.refusal)
        return self.cleaned_data


@admin.register(RuleSet)
class RuleSetAdmin(Admin[RuleSet]):
    """Rule sets, newest first."""

    form = RuleSetForm
    list_display = (
        "name",
        "badge",
        "natural",
        "lab_grown",
        "fancy",
        "copied_from",
        "published",
        "published_by",
        "created",
    )
    list_filter = ("state",)
    ordering = ("-version",)
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("margin_natural", "margin_lab_grown", "margin_fancy"),
                    "floor_margin",
                    "notes",
                )
            },
        ),
    )
    actions = None
    list_before_template = "admin/pricing/ruleset/import_link.html"
    search_help_text = "Version number"
    detail_template = "admin/pricing/ruleset/detail.html"
    delete_confirmation_template = "admin/pricing/delete.html"

    def find(self, rows: Any, text: str) -> Any:
        """By version."""
        return numbered(rows, "version", text)

    def get_queryset(self, request: HttpRequest) -> Any:
        """Without what is pinned on sealed sets, which may be large."""
        return super().get_queryset(request).defer("compiled")

    @admin.display(description="rule set")
    def name(self, rule_set: RuleSet) -> str:
        """The version; links to the page."""
        return f"Version {rule_set.version}"

    @admin.display(description="state")
    def badge(self, rule_set: RuleSet) -> SafeString:
        """The state as a badge."""
        return badge(rule_set.state)

    @admin.display(description="natural")
    def natural(self, rule_set: RuleSet) -> str:
        """The margin on natural stones."""
        return percent(rule_set.margin_natural)

    @admin.display(description="lab-grown")
    def lab_grown(self, rule_set: RuleSet) -> str:
        """The margin on lab-grown stones."""
        return percent(rule_set.margin_lab_grown)

    @admin.display(description="fancy")
    def fancy(self, rule_set: RuleSet) -> str:
        """The margin on fancy stones."""
        return percent(rule_set.margin_fancy)

    @admin.display(description="copied from")
    def copied_from(self, rule_set: RuleSet) -> str:
        """The version that the set began as a copy of."""
        return f"version {rule_set.based_on}" if rule_set.based_on else NOTHING

    @admin.display(description="published")
    def published(self, rule_set: RuleSet) -> str | SafeString:
        """The moment of the last publication."""
        return moment(rule_set.published_at)

    @admin.display(description="created")
    def created(self, rule_set: RuleSet) -> str | SafeString:
        """The moment at which it was made."""
        return moment(rule_set.created_at)

    # --- who may what ----------------------------------------------------------------------------------------------

    def has_change_permission(self, request: HttpRequest, obj: RuleSet | None = None) -> bool:
        """Only drafts change."""
        return super().has_change_permission(request, obj) and (obj is None or obj.is_draft)

    def has_delete_permission(self, request: HttpRequest, obj: RuleSet | None = None) -> bool:
        """Only drafts can be thrown away."""
        return super().has_delete_permission(request, obj) and (obj is None or obj.is_draft)

    def get_form(self, request: HttpRequest, obj: RuleSet | None = None, change: bool = False, **kwargs: Any) -> Any:
        """The form, which is told if it is only shown again."""
        form = super().get_form(request, obj, change=change, **kwargs)
        return type("RuleSetFormShown", (form,), {"refusal": refusal_of(request)})

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The list, with the way to the import for whom may use it."""
        may = request.user.has_perms(IMPORT)
        return super().changelist_view(request, {"may_import": may, **(extra_context or {})})

    # --- the page of a set -----------------------------------------------------------------------------------------

    def page_context(self, request: HttpRequest, rule_set: RuleSet) -> dict[str, Any]:
        """The rules' table, the conflicts, and which buttons this person has."""
        changes = self.has_change_permission(request, rule_set)
        return {
            **rule_table(rule_set.pk, editable=changes and request.user.has_perm("pricing.change_rule")),
            "state": badge(rule_set.state),
            "may_add_rule": rule_set.is_draft and request.user.has_perm("pricing.add_rule"),
            "may_copy": self.has_add_permission(request),
            "may_publish": request.user.has_perm(PUBLISH) and rule_set.state != RuleSet.State.PUBLISHED,
            "publish_word": "Roll back to this version…" if rule_set.published_at else "Publish…",
        }

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The form of a draft above its rules, for whom may change it; else the page that shows the rule set."""
        row = self.get_object(request, unquote(object_id))
        if row is None:
            return super().change_view(request, object_id, form_url, extra_context)
        if not self.has_change_permission(request, row):
            if request.method == "POST" and super().has_change_permission(request):
                return answer_or_refuse(request, lambda: _refuse(row), back=page_of(row.pk))
            return self.detail_view(request, object_id)

        def answer() -> HttpResponse:
            if refusal_of(request):
                row.refresh_from_db(fields=["revision", "state"])
            elif request.method == "POST":
                editing.unchanged(row, revision=posted_revision(request))
            context = {
                "title": f"Draft {row.version}",
                "revision": row.revision,
                "show_save_and_add_another": False,
                **self.page_context(request, row),
                **(extra_context or {}),
            }
            return super(RuleSetAdmin, self).change_view(request, object_id, form_url, context)

        return answer_or_refuse(request, lambda: answer_or_show_again(request, answer), back=page_of(row.pk))

    def save_model(self, request: HttpRequest, obj: RuleSet, form: ModelForm[RuleSet], change: bool) -> None:
        """A new draft gets the next version; of an old one only what the person changed is written, if nobody was first."""
        if not change:
            editing.new_rule_set(obj, (), actor=request.user.get_username())
            return
        changes = {name: form.cleaned_data[name] for name in form.changed_data}
        editing.change_margins(obj, changes, revision=posted_revision(request))

    def response_add(self, request: HttpRequest, obj: RuleSet, post_url_continue: str | None = None) -> HttpResponse:
        """On to the new draft, which has no rules yet."""
        return super().response_add(request, obj, post_url_continue or page_of(obj.pk))

    def response_post_save_add(self, request: HttpRequest, obj: RuleSet) -> HttpResponseRedirect:
        """Stay with the draft: it is simulated and published next."""
        return redirect(page_of(obj.pk))

    def response_post_save_change(self, request: HttpRequest, obj: RuleSet) -> HttpResponseRedirect:
        """Stay with the draft."""
        return redirect(page_of(obj.pk))

    def groups(self, request: HttpRequest, row: RuleSet) -> list[Group]:
        """Margins, and the version's life."""
        published = row.repricings.order_by("-pk").first()
        return [
            Group(
                "Margins on cost",
                [
                    ("natural", percent(row.margin_natural)),
                    ("lab-grown", percent(row.margin_lab_grown)),
                    ("fancy", percent(row.margin_fancy)),
                    ("floor over cost", percent(row.floor_margin)),
                ],
            ),
            Group(
                "Version",
                [
                    ("version", row.version),
                    ("copied from", self.copied_from(row)),
                    ("created", moment(row.created_at)),
                    ("created by", row.created_by or NOTHING),
                    ("published", moment(row.published_at)),
                    ("published by", row.published_by or NOTHING),
                    ("reason", row.published_reason or NOTHING),
                    ("last repricing by it", row_link(published) if published else NOTHING),
                    ("notes", row.notes or NOTHING),
                ],
            ),
        ]

    def links(self, request: HttpRequest, row: RuleSet) -> list[Link]:
        """The changes that led to prices by it."""
        return link_to_changes(request, rule_set=row.version)

    def detail_context(self, request: HttpRequest, row: RuleSet) -> dict[str, Any]:
        """The same as on the page of a draft, without its form."""
        return {**self.page_context(request, row), "title": f"Rule set {row.version}"}

    # --- throwing a draft away -------------------------------------------------------------------------------------

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[Any], dict[str, int], set[str], list[str]]:
        """A draft goes with its rules, which are counted and not listed."""
        rules = sum(draft.rules.count() for draft in objs)
        words = [f"Draft {draft.version}" for draft in objs] + [counted(rules, "rule") + " with all clauses"]
        return words, {"draft": len(objs), "rules": rules}, set(), []

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Ask, then throw the draft away, unless it was published meanwhile."""
        row = self.get_object(request, unquote(object_id))
        back = page_of(row.pk) if row else reverse("admin:pricing_ruleset_changelist")
        context = {"revision": row.revision if row else "", "back": back, **(extra_context or {})}
        return answer_or_refuse(
            request, lambda: super(RuleSetAdmin, self).delete_view(request, object_id, context), back=back
        )

    def delete_model(self, request: HttpRequest, obj: RuleSet) -> None:
        """Throw away what the person looked at, and not what somebody made of it meanwhile."""
        editing.delete_draft(obj, revision=posted_revision(request))

    # --- buttons ---------------------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        """The addresses of pages and buttons besides the usual ones."""
        view = self.admin_site.admin_view
        return [
            path("import/", view(self.import_file), name="pricing_ruleset_import"),
            path("<int:rule_set_id>/export/", view(self.export), name="pricing_ruleset_export"),
            path("<int:rule_set_id>/copy/", view(self.copy), name="pricing_ruleset_copy"),
            path("<int:rule_set_id>/spread/", view(self.spread), name="pricing_ruleset_spread"),
            path("<int:rule_set_id>/simulate/", view(self.simulate), name="pricing_ruleset_simulate"),
            path("<int:rule_set_id>/publish/", view(self.publish), name="pricing_ruleset_publish"),
            *super().get_urls(),
        ]

    def copy(self, request: HttpRequest, rule_set_id: int) -> HttpResponse:
        """Copy the set into a draft of its own, which the person lands on."""

        def do(_reason: str) -> tuple[str, str]:
            source = RuleSet.objects.filter(pk=rule_set_id).first()
            if source is None:
                raise NoSuchRuleSet
            draft = editing.new_draft(actor=request.user.get_username(), source=source)
            return f"Draft {draft.version} is a copy of version {source.version}.", page_of(draft.pk)

        return act(request, "pricing.add_ruleset", do, back=reverse("admin:pricing_ruleset_changelist"))

    def import_file(self, request: HttpRequest) -> HttpResponse:
        """The page that makes a draft of a file. 403 without the permissions to add sets and rules."""
        if not request.user.has_perms(IMPORT):
            raise PermissionDenied
        return import_page(request, self.admin_site.each_context(request))

    def export(self, request: HttpRequest, rule_set_id: int) -> HttpResponse:
        """The set with its rules as a file. 403 for whom may not see both."""
        if not (self.has_view_permission(request) and request.user.has_perm("pricing.view_rule")):
            raise PermissionDenied
        return export_file(request, rule_set_id)

    def spread(self, request: HttpRequest, rule_set_id: int) -> HttpResponse:
        """Number the priorities anew, with room between."""

        def do(_reason: str) -> tuple[str, str]:
            if not RuleSet.objects.filter(pk=rule_set_id).exists():
                raise NoSuchRuleSet
            ordering.spread(rule_set_id, revision=posted_revision(request))
            return "The priorities are 10, 20, 30 … now, in the same order.", page_of(rule_set_id)

        return act(request, "pricing.change_rule", do, back=page_of(rule_set_id))

    def simulate(self, request: HttpRequest, rule_set_id: int) -> HttpResponse:
        """The effect that publishing would have; nothing is written."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return simulation_page(request, rule_set_id, self.admin_site.each_context(request))

    def publish(self, request: HttpRequest, rule_set_id: int) -> HttpResponse:
        """The page that publishes, or rolls back."""
        if not request.user.has_perm(PUBLISH):
            raise PermissionDenied
        return publish_page(request, rule_set_id, self.admin_site.each_context(request))


def page_of(rule_set_id: int) -> str:
    """The address of a rule set's page."""
    return reverse("admin:pricing_ruleset_change", args=[rule_set_id])


def _refuse(rule_set: RuleSet) -> HttpResponse:
    editing.unchanged(rule_set, revision=rule_set.revision)
    return redirect(page_of(rule_set.pk))

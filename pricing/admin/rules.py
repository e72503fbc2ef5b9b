"""Rules in the admin: a page that edits one rule of a draft with its clauses, and shows one of a sealed set."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.forms import ModelForm
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from diamondhub.admin.base import Admin, numbered
from diamondhub.admin.display import NOTHING, Group, Link, Table, counted
from pricing import editing, ordering
from pricing.admin.acting import act, answer_or_refuse, posted_revision
from pricing.admin.rule_forms import ClauseInline, RuleForm
from pricing.admin.rule_sets import page_of
from pricing.admin.rule_table import days, state
from pricing.admin.stale import answer_or_show_again, refusal_of
from pricing.admin.stones_of_rules import link_to_stones
from pricing.admin.trying import panel
from pricing.conditions import in_words
from pricing.differences import dollars, ending, modifier
from pricing.faults import warnings_of
from pricing.in_force import day_of
from pricing.models import Rule, RuleSet


@admin.register(Rule)
class RuleAdmin(Admin[Rule]):
    """Rules of all sets; they are added and edited from the page of their draft."""

    form = RuleForm
    inlines = (ClauseInline,)
    list_display = ("name", "of_set", "number", "priority", "said_modifier", "rating", "active")
    list_filter = ("rule_set__state", "active")
    allowed_lookups = ("rule_set", "number")
    search_help_text = "Number of the rule, in all versions"
    actions = None
    detail_template = "admin/pricing/rule/detail.html"
    delete_confirmation_template = "admin/pricing/delete.html"
    fieldsets = (
        (None, {"fields": (("name", "priority"), "active")}),
        (
            "Price",
            {
                "fields": (
                    ("modifier", "fixed_cents"),
                    ("ending_cents", "ending_step_cents"),
                    ("ending_mode", "rating"),
                ),
            },
        ),
        ("Days and notes", {"fields": (("valid_from", "valid_to"), "notes")}),
    )

    def find(self, rows: Any, text: str) -> Any:
        """By number."""
        return numbered(rows, "number", text)

    def get_queryset(self, request: HttpRequest) -> Any:
        """With the set, which every page asks for, but not with what is pinned on it, which may be large."""
        return super().get_queryset(request).select_related("rule_set").defer("rule_set__compiled")

    @admin.display(description="rule set")
    def of_set(self, rule: Rule) -> SafeString:
        """The set, as a link."""
        return _set_link(rule.rule_set)

    @admin.display(description="modifier, points")
    def said_modifier(self, rule: Rule) -> str:
        """With its sign."""
        return modifier(rule)

    # --- who may what ----------------------------------------------------------------------------------------------

    def has_change_permission(self, request: HttpRequest, obj: Rule | None = None) -> bool:
        """Only rules of drafts change."""
        return super().has_change_permission(request, obj) and (obj is None or obj.rule_set.is_draft)

    def has_delete_permission(self, request: HttpRequest, obj: Rule | None = None) -> bool:
        """Only rules of drafts can be deleted."""
        return super().has_delete_permission(request, obj) and (obj is None or obj.rule_set.is_draft)

    # --- adding and editing ----------------------------------------------------------------------------------------

    def get_form(self, request: HttpRequest, obj: Rule | None = None, change: bool = False, **kwargs: Any) -> Any:
        """The form for the rule's draft."""
        form = super().get_form(request, obj, change=change, **kwargs)
        draft = obj.rule_set if obj else self._draft_of(request)
        return type("RuleFormOfDraft", (form,), {"draft": draft, "refusal": refusal_of(request)})

    def _draft_of(self, request: HttpRequest) -> RuleSet:
        """The set that a rule is added to, which the address names."""
        match = request.resolver_match
        rule_set = RuleSet.objects.filter(pk=match.kwargs.get("rule_set_id", 0) if match else 0).first()
        if rule_set is None:
            raise Http404("there is no such rule set")
        return rule_set

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Rules belong to a draft: the person is asked to choose one."""
        if not request.user.has_perm("pricing.add_rule"):
            raise PermissionDenied
        messages.info(
            request, "Open the draft that the rule is for, or copy a rule set into one, and add the rule there."
        )
        return redirect("admin:pricing_ruleset_changelist")

    def add_to(self, request: HttpRequest, rule_set_id: int) -> HttpResponse:
        """Add a rule to a draft."""
        self._draft_of(request)

        def answer() -> HttpResponse:
            draft = self._draft_of(request)
            if request.method == "POST" and not refusal_of(request):
                editing.unchanged(draft, revision=posted_revision(request))
            editing.unchanged(draft, revision=draft.revision)
            context = {
                "title": f"Add a rule to draft {draft.version}",
                "draft": draft,
                "draft_link": _set_link(draft),
                "rule": None,
                "try_url": reverse("admin:pricing_rule_try_new", args=[draft.pk]),
            }
            return super(RuleAdmin, self).add_view(request, "", context)

        if not self.has_add_permission(request):
            raise PermissionDenied
        return answer_or_refuse(request, lambda: answer_or_show_again(request, answer), back=page_of(rule_set_id))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The form, for whom may change the rule; else the page that shows it."""
        rule = self.get_object(request, unquote(object_id))
        if rule is None:
            return super().change_view(request, object_id, form_url, extra_context)
        here = reverse("admin:pricing_rule_change", args=[rule.pk])
        may_in_drafts = super().has_change_permission(request)
        if request.method == "POST" and not may_in_drafts:
            raise PermissionDenied
        if request.method != "POST" and not self.has_change_permission(request, rule):
            return self.detail_view(request, object_id)

        def answer() -> HttpResponse:
            if refusal_of(request):
                rule.rule_set.refresh_from_db(fields=["revision", "state"])
            elif request.method == "POST":
                editing.unchanged(rule.rule_set, revision=posted_revision(request))
            context = {
                "title": f"{rule.name}: rule of draft {rule.rule_set.version}",
                "draft": rule.rule_set,
                "draft_link": _set_link(rule.rule_set),
                "rule": rule,
                "warnings": warnings(rule),
                "stone_links": link_to_stones(request, rule),
                "try_url": reverse("admin:pricing_rule_try", args=[rule.pk]),
                **(extra_context or {}),
            }
            return super(RuleAdmin, self).change_view(request, object_id, form_url, context)

        return answer_or_refuse(request, lambda: answer_or_show_again(request, answer), back=here)

    def save_model(self, request: HttpRequest, obj: Rule, form: ModelForm[Rule], change: bool) -> None:
        """Leave it to `save_related`: a rule is written with its clauses."""

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Write the rule with its clauses, if nobody was first, and say what its author may not have meant."""
        (formset,) = formsets
        # Sorts the rows into new, changed and deleted ones, for the log of the admin.
        formset.save(commit=False)
        clauses = [each.instance for each in formset.forms if each not in formset.deleted_forms]
        rule = form.instance
        editing.put_rule(
            rule.rule_set if change else self._draft_of(request),
            rule,
            clauses,
            number=rule.number if change else None,
            revision=posted_revision(request),
        )
        for warning in warnings(rule):
            messages.warning(request, warning)

    def response_change(self, request: HttpRequest, obj: Rule) -> HttpResponse:
        """The usual answer, but another rule is added to the same draft."""
        response = super().response_change(request, obj)
        if "_addanother" in request.POST:
            return redirect("admin:pricing_rule_add_to", obj.rule_set_id)
        return response

    def response_post_save_add(self, request: HttpRequest, obj: Rule) -> HttpResponseRedirect:
        """Back to the draft."""
        return redirect(page_of(obj.rule_set_id))

    def response_post_save_change(self, request: HttpRequest, obj: Rule) -> HttpResponseRedirect:
        """Back to the draft."""
        return redirect(page_of(obj.rule_set_id))

    # --- trying what is typed ---------------------------------------------------------------------------------------

    def try_new(self, request: HttpRequest, rule_set_id: int) -> HttpResponse:
        """What a new rule would do as it stands in the form. 405 for anything but POST, 403 for whom may not add it."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        draft = self._draft_of(request)
        if not (self.has_add_permission(request) and draft.is_draft):
            raise PermissionDenied
        return self._tried(request, draft, None)

    def try_changed(self, request: HttpRequest, rule_id: int) -> HttpResponse:
        """What a rule would do as it stands in the form. 405 for anything but POST, 403 for whom may not change it."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        rule = self.get_object(request, str(rule_id))
        if rule is None:
            raise Http404("there is no such rule")
        if not self.has_change_permission(request, rule):
            raise PermissionDenied
        return self._tried(request, rule.rule_set, rule)

    def _tried(self, request: HttpRequest, draft: RuleSet, rule: Rule | None) -> HttpResponse:
        """The panel of the form as it was posted; nothing is saved."""
        changes = rule is not None
        form = self.get_form(request, rule, change=changes)(request.POST, instance=rule)
        formsets, _inlines = self._create_formsets(request, form.instance, change=changes)  # type: ignore[attr-defined]  # Django has no other
        return panel(request, draft, form, formsets[0])

    # --- deleting and moving ---------------------------------------------------------------------------------------

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[Any], dict[str, int], set[str], list[str]]:
        """A rule goes with its clauses."""
        words = [f"Rule {rule}, with {counted(rule.clauses.count(), 'clause')}" for rule in objs]
        return words, {"rule": len(objs)}, set(), []

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Ask, then delete, unless somebody changed the draft meanwhile."""
        rule = self.get_object(request, unquote(object_id))
        back = page_of(rule.rule_set_id) if rule else reverse("admin:pricing_ruleset_changelist")
        context = {"revision": rule.rule_set.revision if rule else "", "back": back, **(extra_context or {})}

        def answer() -> HttpResponse:
            done = super(RuleAdmin, self).delete_view(request, object_id, context)
            return redirect(back) if rule and request.method == "POST" else done

        return answer_or_refuse(request, answer, back=back)

    def delete_model(self, request: HttpRequest, obj: Rule) -> None:
        """Delete the rule of the draft as the person saw it."""
        editing.delete_rule(obj.rule_set, obj.number, revision=posted_revision(request))

    def get_urls(self) -> list[URLPattern]:
        """Adding to a draft and moving, besides the usual addresses."""
        view = self.admin_site.admin_view
        return [
            path("of/<int:rule_set_id>/add/", view(self.add_to), name="pricing_rule_add_to"),
            path("of/<int:rule_set_id>/try/", view(self.try_new), name="pricing_rule_try_new"),
            path("<int:rule_id>/try/", view(self.try_changed), name="pricing_rule_try"),
            path("<int:rule_id>/move/<slug:direction>/", view(self.move), name="pricing_rule_move"),
            *super().get_urls(),
        ]

    def move(self, request: HttpRequest, rule_id: int, direction: str) -> HttpResponse:
        """Let the rule change places with its neighbour."""
        if direction not in ("up", "down"):
            raise Http404("rules move up or down")
        rule = Rule.objects.filter(pk=rule_id).first()
        back = page_of(rule.rule_set_id) if rule else reverse("admin:pricing_ruleset_changelist")

        def do(_reason: str) -> tuple[str, str]:
            moved = ordering.move(rule_id, up=direction == "up", revision=posted_revision(request))
            return f"Rule “{moved.name}” has priority {moved.priority} now.", f"{back}#rules"

        return act(request, "pricing.change_rule", do, back=back)

    # --- the page of a rule of a sealed set ------------------------------------------------------------------------

    def links(self, request: HttpRequest, row: Rule) -> list[Link]:
        """The set, and the rule in other versions."""
        others = f"{reverse('admin:pricing_rule_changelist')}?number={row.number}"
        return [
            Link(f"Rule set {row.rule_set.version}", page_of(row.rule_set_id), "sell"),
            Link("This rule in all versions", others, "history"),
            *link_to_stones(request, row),
        ]

    def groups(self, request: HttpRequest, row: Rule) -> list[Group]:
        """The price that the rule makes, and its days."""
        return [
            Group(
                "Price",
                [
                    ("modifier, points", modifier(row)),
                    ("fixed amount", dollars(row.fixed_cents)),
                    ("price ending", ending(row)),
                    ("rating", row.rating or NOTHING),
                ],
            ),
            Group(
                "Rule",
                [
                    ("rule set", _set_link(row.rule_set)),
                    ("number", row.number),
                    ("priority", row.priority),
                    ("days", days(row) or "always"),
                    ("state", state(row, day_of(timezone.now()))),
                    ("notes", row.notes or NOTHING),
                ],
            ),
        ]

    def tables(self, request: HttpRequest, row: Rule) -> list[Table]:
        """The clauses in words."""
        clauses = [(place, in_words(clause)) for place, clause in enumerate(row.clauses.all(), start=1)]
        return [
            Table("Clauses: the rule matches if any of them does", ("", "stones"), clauses, "None: it matches nothing.")
        ]

    def detail_context(self, request: HttpRequest, row: Rule) -> dict[str, Any]:
        """A title that says whose rule it is, and what is wrong with it."""
        return {"title": f"{row.name}: rule of version {row.rule_set.version}", "warnings": warnings(row)}


def warnings(rule: Rule) -> list[str]:
    """The warnings among the rule's faults."""
    return [fault.message for fault in warnings_of(list(rule.clauses.all()))]


def _set_link(rule_set: RuleSet) -> SafeString:
    words = f"{'draft' if rule_set.is_draft else 'version'} {rule_set.version}"
    return format_html('<a class="dh-link" href="{}">{}</a>', page_of(rule_set.pk), words)

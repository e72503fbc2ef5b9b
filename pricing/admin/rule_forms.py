"""The forms of a rule and its clauses: money in dollars, lists as text or boxes, conditions grouped as the trade does.

What a rule may say is decided by `pricing.validation`; here it becomes errors of fields.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms import BaseInlineFormSet, ModelForm
from django.http import HttpRequest

from catalog.shapes import KNOWN_SHAPES
from diamondhub.admin_base import StackedInline
from diamondhub.admin_display import spoken
from diamondhub.admin_forms import CheckBoxes, DollarsField, NamesField
from pricing import ordering, validation
from pricing.conditions import STONE_TYPES
from pricing.models import MOST_CENTS, MOST_CLAUSES, MOST_COST_CENTS, Clause, Rule, RuleSet

if TYPE_CHECKING:
    RuleModelForm = ModelForm[Rule]
    ClauseModelForm = ModelForm[Clause]
    ClauseFormSetBase = BaseInlineFormSet[Clause, Rule, ModelForm[Clause]]
    ClauseInlineBase = StackedInline[Clause, Rule]
else:
    RuleModelForm = ClauseModelForm = ModelForm
    ClauseFormSetBase = BaseInlineFormSet
    ClauseInlineBase = StackedInline


def _admit(form: Any, row: Any, clean: Callable[[Any], None]) -> None:
    """Have a row of the form's values admitted; what is wrong becomes errors of the fields that have none yet."""
    try:
        clean(row)
    except ValidationError as error:
        for field, message in validation.messages_of(error):
            if field in form.fields and field in form.cleaned_data:
                form.add_error(field, message)
            elif field not in form.fields:
                form.add_error(None, message)


class RuleForm(RuleModelForm):
    """A rule without its clauses. `draft` is the set that it belongs to."""

    draft: RuleSet
    fixed_cents = DollarsField(
        label="Fixed amount, $",
        least_cents=-MOST_CENTS,
        most_cents=MOST_CENTS,
        required=False,
        help_text="Added after the margin; negative takes off.",
    )
    ending_cents = DollarsField(
        label="Price ends on, $",
        least_cents=0,
        most_cents=MOST_CENTS,
        required=False,
        help_text="99 in steps of 100 gives $99, $199, $299.",
    )
    ending_step_cents = DollarsField(label="In steps of, $", least_cents=1, most_cents=MOST_CENTS, required=False)

    class Meta:
        model = Rule
        fields = (
            "priority",
            "name",
            "active",
            "modifier",
            "fixed_cents",
            "ending_cents",
            "ending_step_cents",
            "ending_mode",
            "rating",
            "valid_from",
            "valid_to",
            "notes",
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance._state.adding:
            self.fields["priority"].initial = ordering.next_priority(self.draft.pk)

    def clean_fixed_cents(self) -> int:
        """Nothing typed is nothing added."""
        cents: int | None = self.cleaned_data["fixed_cents"]
        return cents or 0

    def clean(self) -> dict[str, Any]:
        """Have the rule admitted; no other rule of the draft has its priority, and there is room for it."""
        values = {name: self.cleaned_data[name] for name in self._meta.fields or () if name in self.cleaned_data}
        row = Rule(**values)
        _admit(self, row, validation.clean_rule)
        others = Rule.objects.filter(rule_set=self.draft).exclude(pk=self.instance.pk)
        priority = self.cleaned_data.get("priority")
        same = others.filter(priority=priority).first() if priority is not None else None
        if same is not None:
            free = ordering.next_priority(self.draft.pk)
            self.add_error("priority", f"Rule “{same.name}” has this priority already; behind all others is {free}.")
        if problem := validation.check_counts(others.count() + 1, 0):
            self.add_error(None, problem)
        return self.cleaned_data


class ClauseForm(ClauseModelForm):
    """A clause: whatever is filled in must hold."""

    stone_types = forms.MultipleChoiceField(
        choices=[(name, spoken(name).replace("Lab grown", "Lab-grown")) for name in STONE_TYPES],
        required=False,
        widget=CheckBoxes,
    )
    shapes = forms.MultipleChoiceField(required=False, widget=CheckBoxes)
    labs = NamesField(help_text="With commas between: GIA, IGI.")
    feeds = NamesField(help_text="Names of feeds with commas between: nivoda-natural.")
    suppliers = NamesField(by_line=True, help_text="One a line, as the stones' pages write them.")
    fancy_colors = NamesField(label="Fancy colours", help_text="With commas between: YELLOW, GREENISH_YELLOW.")
    cost_cents_min = DollarsField(label="Cost from, $", least_cents=0, most_cents=MOST_COST_CENTS, required=False)
    cost_cents_max = DollarsField(label="Cost to, $", least_cents=0, most_cents=MOST_COST_CENTS, required=False)
    cost_per_carat_cents_min = DollarsField(
        label="Cost per carat from, $", least_cents=0, most_cents=MOST_COST_CENTS, required=False
    )
    cost_per_carat_cents_max = DollarsField(
        label="Cost per carat to, $", least_cents=0, most_cents=MOST_COST_CENTS, required=False
    )

    class Meta:
        model = Clause
        exclude = ("rule",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # What an import brought along stays possible.
        shapes = [*KNOWN_SHAPES, *(shape for shape in self.instance.shapes if shape not in KNOWN_SHAPES)]
        field = self.fields["shapes"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = [(shape, spoken(shape)) for shape in shapes]

    def has_changed(self) -> bool:
        """A clause that was added is meant, also one that asks nothing and so matches every stone."""
        return self.instance._state.adding or super().has_changed()

    def clean(self) -> dict[str, Any]:
        """Have the clause admitted, its names in the catalogue's spelling."""
        names = [field.name for field in Clause._meta.concrete_fields if field.name in self.cleaned_data]
        row = Clause(**{name: self.cleaned_data[name] for name in names if name not in ("id", "rule")})
        _admit(self, row, validation.clean_clause)
        for name in ("labs", "feeds", "suppliers", "fancy_colors", "shapes", "stone_types"):
            if name in self.cleaned_data:
                self.cleaned_data[name] = getattr(row, name)
        return self.cleaned_data


class ClauseFormSet(ClauseFormSetBase):
    """A rule's clauses."""

    def initial_form_count(self) -> int:
        """No more than there are, whatever the form says: a clause that is gone has no row to be filled."""
        count = super().initial_form_count()
        return min(count, len(self.get_queryset())) if self.is_bound else count


class ClauseInline(ClauseInlineBase):
    """Clauses below their rule, each with its conditions in folded groups."""

    model = Clause
    form = ClauseForm
    formset = ClauseFormSet
    extra = 0
    max_num = MOST_CLAUSES
    fieldsets = (
        (
            "Stone: type and shape",
            {
                "classes": ("collapse",),
                "fields": (
                    ("stone_types", "stone_types_excluded"),
                    ("shapes", "shapes_excluded"),
                ),
            },
        ),
        (
            "Grades",
            {
                "classes": ("collapse",),
                "fields": (
                    ("color_min", "color_max"),
                    ("clarity_min", "clarity_max"),
                    ("cut_min", "cut_max"),
                    ("polish_min", "polish_max"),
                    ("symmetry_min", "symmetry_max"),
                    ("fluorescence_min", "fluorescence_max"),
                ),
            },
        ),
        (
            "Measures",
            {
                "classes": ("collapse",),
                "fields": (
                    ("carats_min", "carats_max"),
                    ("ratio_min", "ratio_max"),
                    ("table_pct_min", "table_pct_max"),
                    ("depth_pct_min", "depth_pct_max"),
                ),
            },
        ),
        (
            "Money",
            {
                "classes": ("collapse",),
                "fields": (
                    ("cost_cents_min", "cost_cents_max"),
                    ("cost_per_carat_cents_min", "cost_per_carat_cents_max"),
                ),
            },
        ),
        (
            "Fancy colours",
            {
                "classes": ("collapse",),
                "fields": (
                    ("fancy_colors", "fancy_colors_excluded"),
                    ("fancy_intensity_min", "fancy_intensity_max"),
                ),
            },
        ),
        (
            "Source: lab, feed and supplier",
            {
                "classes": ("collapse",),
                "fields": (
                    ("labs", "labs_excluded"),
                    ("feeds", "feeds_excluded"),
                    ("suppliers", "suppliers_excluded"),
                ),
            },
        ),
        ("Media", {"classes": ("collapse",), "fields": (("has_image", "has_video"),)}),
    )

    def get_formset(self, request: HttpRequest, obj: Rule | None = None, **kwargs: Any) -> Any:
        """More clauses than a rule may have are an error."""
        return super().get_formset(request, obj, **{"validate_max": True, **kwargs})

    def has_add_permission(self, request: HttpRequest, obj: Rule | None = None) -> bool:
        """Clauses are part of their rule: who may change that may change them."""
        return _may_edit(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Rule | None = None) -> bool:
        """As for adding."""
        return _may_edit(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Rule | None = None) -> bool:
        """As for adding."""
        return _may_edit(request, obj)

    def has_view_permission(self, request: HttpRequest, obj: Rule | None = None) -> bool:
        """As for the rule."""
        return request.user.has_perm("pricing.view_rule") or _may_edit(request, obj)


def _may_edit(request: HttpRequest, rule: Rule | None) -> bool:
    permission = "pricing.add_rule" if rule is None else "pricing.change_rule"
    return request.user.has_perm(permission) and (rule is None or rule.rule_set.is_draft)

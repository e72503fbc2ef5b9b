"""The forms of a rule and its clauses: money in dollars, lists as text or boxes, conditions grouped as the trade does.

`pricing.faults` and `pricing.validation` decide what a rule may say; here that becomes errors of fields.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django import forms
from django.forms import BaseInlineFormSet, ModelForm
from django.http import HttpRequest

from catalog.shapes import KNOWN_SHAPES
from diamondhub.admin.base import StackedInline
from diamondhub.admin.display import spoken
from diamondhub.admin.forms import CheckBoxes, Choices, DollarsField, NamesField, without_zeros
from pricing import validation
from pricing.admin.acting import admit, tell
from pricing.admin.stale import refusal_of, refuse, tell_what_is_saved, with_gone_rows_as_new
from pricing.conditions import STONE_TYPES
from pricing.faults import Others, faults_of
from pricing.models import MAX_CENTS, MAX_CLAUSES, MAX_COST_CENTS, Clause, Rule, RuleSet

if TYPE_CHECKING:
    RuleModelForm = ModelForm[Rule]
    ClauseModelForm = ModelForm[Clause]
    ClauseFormSetBase = BaseInlineFormSet[Clause, Rule, ModelForm[Clause]]
    ClauseInlineBase = StackedInline[Clause, Rule]
else:
    RuleModelForm = ClauseModelForm = ModelForm
    ClauseFormSetBase = BaseInlineFormSet
    ClauseInlineBase = StackedInline


class RuleForm(RuleModelForm):
    """A rule without its clauses. `draft` is the set that it belongs to; with a `refusal` it is only shown again."""

    draft: RuleSet
    refusal = ""
    fixed_cents = DollarsField(
        label="Fixed amount, $",
        least_cents=-MAX_CENTS,
        most_cents=MAX_CENTS,
        required=False,
        help_text="Added after the margin; negative takes off.",
    )
    ending_cents = DollarsField(
        label="Price ends on, $",
        least_cents=0,
        most_cents=MAX_CENTS,
        required=False,
        help_text="99 in steps of 100 gives $99, $199, $299.",
    )
    ending_step_cents = DollarsField(label="In steps of, $", least_cents=1, most_cents=MAX_CENTS, required=False)

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
        without_zeros(self)
        if not self.instance.number:
            self.fields["priority"].initial = Others.in_draft(self.draft.pk).next_priority

    def clean_fixed_cents(self) -> int:
        """Nothing typed is nothing added."""
        cents: int | None = self.cleaned_data["fixed_cents"]
        return cents or 0

    def clean(self) -> dict[str, Any]:
        """Have the rule admitted; no other rule of the draft has its priority, and there is room for it."""
        values = {name: self.cleaned_data[name] for name in self._meta.fields or () if name in self.cleaned_data}
        row = Rule(**values)
        others = Others.in_draft(self.draft.pk, but=self.instance.number)
        tell(self, [(fault.field, fault.message) for fault in faults_of(row, (), others) if fault.is_error])
        refuse(self, self.refusal)
        return self.cleaned_data


@dataclass(frozen=True, slots=True)
class Line:
    """A condition on the page: its name, and its fields: from and to, or names and whether they are turned round."""

    label: str
    fields: tuple[str, ...]


#: Conditions in the groups in which the trade thinks of them.
GROUPS: tuple[tuple[str, tuple[Line, ...]], ...] = (
    (
        "Stone",
        (
            Line("Type", ("stone_types", "stone_types_excluded")),
            Line("Shape", ("shapes", "shapes_excluded")),
        ),
    ),
    (
        "Grades, from the best to the worst",
        tuple(
            Line(name.capitalize().replace("Color", "Colour"), (f"{name}_min", f"{name}_max"))
            for name in ("color", "clarity", "cut", "polish", "symmetry", "fluorescence")
        ),
    ),
    (
        "Measures",
        (
            Line("Carats", ("carats_min", "carats_max")),
            Line("Ratio", ("ratio_min", "ratio_max")),
            Line("Table, %", ("table_pct_min", "table_pct_max")),
            Line("Depth, %", ("depth_pct_min", "depth_pct_max")),
        ),
    ),
    (
        "Money, in dollars",
        (
            Line("Cost", ("cost_cents_min", "cost_cents_max")),
            Line("Cost per carat", ("cost_per_carat_cents_min", "cost_per_carat_cents_max")),
        ),
    ),
    (
        "Fancy colours",
        (
            Line("Colour", ("fancy_colors", "fancy_colors_excluded")),
            Line("Intensity", ("fancy_intensity_min", "fancy_intensity_max")),
        ),
    ),
    (
        "Lab, feed and supplier",
        (
            Line("Lab", ("labs", "labs_excluded")),
            Line("Feed", ("feeds", "feeds_excluded")),
            Line("Supplier", ("suppliers", "suppliers_excluded")),
        ),
    ),
    ("Media", (Line("Image", ("has_image",)), Line("Video", ("has_video",)))),
)


class _Presence(forms.TypedChoiceField):
    """Whether there is something: with, without, or either."""

    def __init__(self) -> None:
        super().__init__(
            choices=[("", "with or without"), ("True", "only with"), ("False", "only without")],
            # Also of the row's own value, with which what was typed is compared to see whether it changed.
            coerce=lambda given: str(given) == "True",
            empty_value=None,
            required=False,
        )


class ClauseForm(ClauseModelForm):
    """A clause: whatever is filled in must hold."""

    refusal = ""
    stone_types = forms.MultipleChoiceField(
        choices=[(name, spoken(name).replace("Lab grown", "Lab-grown")) for name in STONE_TYPES],
        required=False,
        widget=CheckBoxes,
    )
    shapes = forms.MultipleChoiceField(required=False, widget=CheckBoxes)
    labs = NamesField(help_text="With commas between, such as GIA, IGI.")
    feeds = NamesField(help_text="With commas between, such as nivoda-natural.")
    suppliers = NamesField(by_line=True, help_text="One a line, as the stones' pages write them.")
    fancy_colors = NamesField(help_text="With commas between, such as YELLOW, GREENISH_YELLOW.")
    cost_cents_min = DollarsField(least_cents=0, most_cents=MAX_COST_CENTS, required=False)
    cost_cents_max = DollarsField(least_cents=0, most_cents=MAX_COST_CENTS, required=False)
    cost_per_carat_cents_min = DollarsField(least_cents=0, most_cents=MAX_COST_CENTS, required=False)
    cost_per_carat_cents_max = DollarsField(least_cents=0, most_cents=MAX_COST_CENTS, required=False)
    has_image = _Presence()
    has_video = _Presence()

    class Meta:
        model = Clause
        exclude = ("rule",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        without_zeros(self)
        # What an import brought along stays possible.
        shapes = [*KNOWN_SHAPES, *(shape for shape in self.instance.shapes if shape not in KNOWN_SHAPES)]
        field = self.fields["shapes"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = [(shape, spoken(shape)) for shape in shapes]
        for _title, lines in GROUPS:
            for line in lines:
                _dress(self, line)

    @property
    def groups(self) -> list[dict[str, Any]]:
        """The conditions for the template; a group that says something or has an error is open."""
        return [
            {
                "title": title,
                "open": any(self[name].errors or self._says(name) for line in lines for name in line.fields),
                "lines": [
                    {
                        "label": line.label,
                        "fields": [self[name] for name in line.fields],
                        "help": self.fields[line.fields[0]].help_text,
                        "errors": [error for name in line.fields for error in self[name].errors],
                        "is_list": line.fields[-1].endswith("_excluded"),
                    }
                    for line in lines
                ],
            }
            for title, lines in GROUPS
        ]

    def _says(self, name: str) -> bool:
        return self[name].value() not in (None, "", False, [], ())

    def has_changed(self) -> bool:
        """A clause that was added is meant, also one that asks nothing and so matches every stone."""
        return self.instance.pk is None or super().has_changed()

    def clean(self) -> dict[str, Any]:
        """Have the clause admitted, its names in the catalogue's spelling."""
        names = [field.name for field in Clause._meta.concrete_fields if field.name in self.cleaned_data]
        row = Clause(**{name: self.cleaned_data[name] for name in names if name not in ("id", "rule")})
        admit(self, row, validation.clean_clause)
        for name in ("labs", "feeds", "suppliers", "fancy_colors", "shapes", "stone_types"):
            if name in self.cleaned_data:
                self.cleaned_data[name] = getattr(row, name)
        if self.refusal:
            tell_what_is_saved(self)
        return self.cleaned_data


def _dress(form: ClauseForm, line: Line) -> None:
    """Give a condition's fields plain, small widgets that say their names: a page has fifty of them a clause."""
    for name in line.fields:
        field = form.fields[name]
        end = {"min": " from", "max": " to"}.get(name.rpartition("_")[2], "")
        words = {"class": "dh-input", "aria-label": f"{line.label}{end}"}
        if name.endswith("_excluded"):
            field.widget = forms.CheckboxInput()
        elif isinstance(field, forms.ChoiceField) and not isinstance(field, forms.MultipleChoiceField):
            choices = [(value, "any" if value == "" and end else label) for value, label in _choices(field)]
            field.widget = Choices(attrs=words, choices=choices)
        elif isinstance(field, NamesField):
            field.widget = forms.Textarea(attrs={**words, "rows": 2})
        elif isinstance(field, forms.DecimalField):
            field.widget = forms.TextInput(attrs={**words, "inputmode": "decimal"})


def _choices(field: forms.ChoiceField) -> list[tuple[Any, str]]:
    choices: Any = field.choices
    return [(value, str(label)) for value, label in choices]


class ClauseFormSet(ClauseFormSetBase):
    """A rule's clauses. With a `refusal`, clauses that are gone meanwhile are shown again as new ones."""

    refusal = ""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.refusal and self.is_bound and self.management_form.is_valid():
            there = {str(clause.pk) for clause in self.get_queryset()}
            self.data = with_gone_rows_as_new(self.data, str(self.prefix), self.total_form_count(), there)
            del self.management_form

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
    max_num = MAX_CLAUSES
    template = "admin/pricing/rule/clauses.html"
    fieldsets = ((None, {"fields": tuple(name for _title, lines in GROUPS for line in lines for name in line.fields)}),)

    def get_formset(self, request: HttpRequest, obj: Rule | None = None, **kwargs: Any) -> Any:
        """More clauses than a rule may have are an error; no form is made for them, however many a body speaks of."""
        bounds = {"validate_max": True, "absolute_max": MAX_CLAUSES + 1}
        formset = super().get_formset(request, obj, **{**bounds, **kwargs})
        refusal = refusal_of(request)
        form = type("ClauseFormShown", (formset.form,), {"refusal": refusal})
        return type("ClauseFormSetShown", (formset,), {"refusal": refusal, "form": form})

    def has_add_permission(self, request: HttpRequest, obj: Rule | None = None) -> bool:
        """Clauses are part of their rule: who may change that may change them."""
        return _may_edit(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Rule | None = None) -> bool:
        """The same as for adding."""
        return _may_edit(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Rule | None = None) -> bool:
        """The same as for adding."""
        return _may_edit(request, obj)

    def has_view_permission(self, request: HttpRequest, obj: Rule | None = None) -> bool:
        """The same as for the rule."""
        return request.user.has_perm("pricing.view_rule") or _may_edit(request, obj)


def _may_edit(request: HttpRequest, rule: Rule | None) -> bool:
    permission = "pricing.add_rule" if rule is None else "pricing.change_rule"
    return request.user.has_perm(permission) and (rule is None or rule.rule_set.is_draft)

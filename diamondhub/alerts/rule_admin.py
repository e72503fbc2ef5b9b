"""Rules in the admin: which problems and news are told on which channel, when, and to whom else if nobody acts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.safestring import SafeString

from diamondhub.admin.base import Admin
from diamondhub.admin.display import NOTHING, badge, duration
from diamondhub.admin.forms import CheckBoxes, NamesField, Select
from diamondhub.alerts import configuring
from diamondhub.alerts.configuring import WrongChannel
from diamondhub.alerts.models import Rule
from diamondhub.operations.problems import kinds
from diamondhub.operations.problems.kinds import Severity

if TYPE_CHECKING:
    RuleModelForm = ModelForm[Rule]
else:
    RuleModelForm = ModelForm


class RuleForm(RuleModelForm):
    """A rule."""

    channel = forms.ChoiceField(widget=Select, help_text="A channel that no rule names is told everything.")
    escalate_to = forms.ChoiceField(required=False, widget=Select)
    severities = forms.MultipleChoiceField(
        choices=Severity.choices, required=False, widget=CheckBoxes, help_text="None: all."
    )
    kinds = NamesField(help_text="Names of kinds of problems and news, with commas between; empty: all.")
    feeds = NamesField(help_text="Feeds, with commas between; empty: all, and what is of no feed.")

    class Meta:
        model = Rule
        fields = (
            *("name", "active", "channel", "severities", "kinds", "feeds", "wait_seconds", "interval_seconds"),
            *("repeat_seconds", "escalate_to", "escalate_after_seconds", "tell_resolved"),
            *("quiet_from", "quiet_to", "time_zone"),
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = configuring.choices_of_channels()
        fields: dict[str, Any] = self.fields
        if "channel" in fields:
            fields["channel"].choices = choices
            fields["escalate_to"].choices = [("", "nobody"), *choices]

    def clean(self) -> dict[str, Any]:
        """All of it together, with what is wrong at its field."""
        values: dict[str, Any] = super().clean() or {}
        if self.errors:
            return values
        names = [kind.name for kind in kinds.all_kinds()] + [kind.name for kind in kinds.all_news()]
        rule = Rule(**{name: values[name] for name in self.Meta.fields})
        try:
            configuring.check_rule(rule, kinds=names, channels=[name for name, _ in configuring.choices_of_channels()])
        except WrongChannel as error:
            self.add_error(error.field if error.field in self.fields else None, str(error))
        return values


@admin.register(Rule)
class RuleAdmin(Admin[Rule]):
    """Which problems and news are told on which channel."""

    form = RuleForm
    list_display = ("name", "state", "channel", "what", "escalates")
    ordering = ("name",)
    actions = None

    def get_fieldsets(self, request: HttpRequest, obj: Rule | None = None) -> Any:
        """The form in groups."""
        return [
            (None, {"fields": ("name", "active", "channel")}),
            ("What", {"fields": ("severities", "kinds", "feeds", "tell_resolved")}),
            ("When", {"fields": ("wait_seconds", "interval_seconds", "repeat_seconds")}),
            ("Escalation", {"fields": ("escalate_to", "escalate_after_seconds")}),
            ("Quiet hours", {"fields": ("quiet_from", "quiet_to", "time_zone")}),
        ]

    @admin.display(description="state")
    def state(self, rule: Rule) -> SafeString:
        """On or off."""
        return badge("active" if rule.active else "inactive")

    @admin.display(description="what")
    def what(self, rule: Rule) -> str:
        """What it tells of."""
        return (
            "; ".join(", ".join(names) for names in (rule.severities, rule.kinds, rule.feeds) if names) or "everything"
        )

    @admin.display(description="escalates")
    def escalates(self, rule: Rule) -> str:
        """To whom, and after how long."""
        return f"to {rule.escalate_to} after {duration(rule.escalate_after_seconds)}" if rule.escalate_to else NOTHING

    def save_model(self, request: HttpRequest, obj: Rule, form: Any, change: bool) -> None:
        """Have `configuring` do it."""
        if told := configuring.save_rule(obj):
            messages.info(request, f"{told:,} open problems are told of by this rule now.")

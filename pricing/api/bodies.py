"""Queries and bodies of pricing's API. Rules, their clauses and margins are declared in `pricing.written`."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from diamondhub.api import fields
from diamondhub.api.endpoint import PageQuery
from diamondhub.api.mistakes import Mistakes
from diamondhub.api.serializers import Body, Query
from pricing.models import Repricing, RuleSet
from pricing.written import READ_AT, RuleSetFields, Words, WrittenRule

#: A repricing's cause, which its reason becomes, is kept in so many characters.
MAX_CAUSE_LENGTH = 200
MAX_NOTES_LENGTH = 4_000
MAX_REVISION = 2**31 - 1
_BELOW_COST = "True: stones may be sold for less than they cost."


class RuleSetsQuery(PageQuery):
    """The parameters of the list of rule sets."""

    state = fields.OneOf(RuleSet.State.values, required=False, help_text="Only sets in this state.")


class RepricingsQuery(PageQuery):
    """The parameters of the list of repricings."""

    state = fields.OneOf(Repricing.State.values, required=False, help_text="Only repricings in this state.")


class RevisionQuery(Query):
    """The parameter of what deletes."""

    revision = fields.Whole(
        0, MAX_REVISION, help_text="The draft's revision as it was read; required. An older one is a 409."
    )


class DayQuery(Query):
    """The parameter of a price of the past."""

    day = fields.Day(help_text="The day, in UTC; required.")


class NewDraft(Body):
    """A copy of a rule set."""

    copy_of = fields.Whole(required=False, help_text="Version to copy; the published one if left out.")
    notes = fields.Text(required=False, max_length=MAX_NOTES_LENGTH, lines=True)


class ChangedDraft(RuleSetFields):
    """Fields of a draft that change; what is left out stays."""

    default_error_messages = {"unknown": "is not a field of this request"}
    revision = fields.Whole(help_text=READ_AT)

    class Meta:
        described = {"minProperties": 2}
        example = {"revision": 3, "margin_natural": 42.5, "floor_margin": 5}

    def combine(self, values: dict[str, Any], mistakes: Mistakes) -> dict[str, Any]:
        changes = {name: value for name, value in values.items() if name != "revision"}
        row = super().combine(changes, mistakes)
        return {**values, **{name: getattr(row, name) for name in changes}}


class EditedRule(WrittenRule):
    """A rule with its clauses. The words and warnings of an answer may be sent back; they are passed over."""

    words = serializers.ListField(read_only=True)
    warnings = serializers.ListField(read_only=True)


class NewRule(EditedRule):
    """A rule that has no number yet."""

    number = None  # type: ignore[assignment]  # DRF's way to take an inherited field away

    default_error_messages = {"numbered": "is given out here: leave it away"}

    def check_names(self, data: Any, mistakes: Mistakes) -> None:
        if "number" in data:
            mistakes.add("number", str(self.error_messages["numbered"]))
        super().check_names({name: inner for name, inner in data.items() if name != "number"}, mistakes)


class AddedRule(Body):
    """A rule that is added to a draft."""

    revision = fields.Whole(help_text=READ_AT)
    rule = NewRule()


class ReplacedRule(Body):
    """A rule that takes the place of one of a draft."""

    revision = fields.Whole(help_text=READ_AT)
    rule = EditedRule()


class Publishing(Body):
    """What is published, why, and in whose place."""

    reason = fields.Reason()
    revision = fields.Whole(required=False, help_text="Required for a draft: only what you read is published.")
    replaces = fields.Whole(
        required=False, help_text="The version in force that you compared with: if it is another by now, a 409."
    )
    confirm_below_cost = fields.YesNo(required=False, help_text=_BELOW_COST)


class NewRepricing(Body):
    """The reason for pricing every stone anew."""

    reason = fields.Reason(MAX_CAUSE_LENGTH)


class Share(fields.Number):
    """A share of the stones, of which `pricing.validation` says what it may be."""

    def schema(self) -> dict[str, Any]:
        return {**super().schema(), "minimum": 0.01, "maximum": 99.99}


class NewExperiment(Body):
    """An experiment that is prepared."""

    slug = Words(pattern="[A-Za-z0-9_-]+", max_length=64, help_text="Its name, and that of its arm.")
    rule_set = fields.Whole(help_text="Version that prices the share.")
    share = Share(2, help_text="Percent of the stones, 0.01 to 99.99.")
    notes = Words(required=False, max_length=MAX_NOTES_LENGTH, lines=True)


class Start(Body):
    """Why it is started, and the confirmation that a start may need."""

    reason = fields.Reason(required=False)
    confirm_below_cost = fields.YesNo(required=False, help_text=_BELOW_COST)

"""Answers about rule sets and their rules."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from diamondhub.api import fields
from diamondhub.api.answers import Answer
from pricing.api.answers import Moment
from pricing.conditions import in_words
from pricing.faults import warnings_of
from pricing.models import MAX_CLAUSES, Rule, RuleSet
from pricing.written import READ_AT, RuleFields, RuleSetFields, WrittenClause, write_rule


class RuleAnswer(Answer, RuleFields):
    """A rule with its clauses, as it is written, in words, and with what its author may not have meant."""

    number = fields.Whole(help_text="The rule's name through all versions.")
    clauses = fields.ListOf(
        WrittenClause(),
        max_length=MAX_CLAUSES,
        help_text="The rule matches if any clause does; without any it matches nothing.",
    )
    words = serializers.ListField(child=fields.Text(), help_text="Each clause for people.")
    warnings = serializers.ListField(
        child=fields.Text(), help_text="Rules and clauses that match nothing or everything."
    )

    def to_representation(self, instance: Rule) -> dict[str, Any]:
        clauses = sorted(instance.clauses.all(), key=lambda clause: clause.pk)
        return {
            **write_rule(instance),
            "words": [in_words(clause) for clause in clauses],
            "warnings": [fault.message for fault in warnings_of(clauses)],
        }


class EditAnswer(Answer):
    """A rule that was written, and the draft's new revision."""

    revision = fields.Whole()
    rule = RuleAnswer()


class RevisionAnswer(Answer):
    """The revision of a draft after an edit."""

    revision = fields.Whole(help_text="The draft's new revision.")


class _Version(Answer):
    version = fields.Whole()
    state = fields.OneOf(RuleSet.State.values)
    revision = fields.Whole(help_text=READ_AT)


class RuleSetAnswer(_Version, RuleSetFields):
    """A rule set without its rules."""

    rule_count = fields.Whole()
    based_on = fields.Whole(allow_null=True)
    created_by = fields.Text()
    created_at = Moment()
    published_by = fields.Text()
    published_at = Moment(allow_null=True)
    published_reason = fields.Text()


class FullRuleSetAnswer(RuleSetAnswer):
    """A rule set with its rules by priority."""

    rule_count = fields.Whole(source="rules.count")
    rules = RuleAnswer(many=True)

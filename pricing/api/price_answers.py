"""Answers about the prices of a diamond: how they changed, how they came about, and what they were."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from diamondhub import money
from diamondhub.api import fields
from diamondhub.api.answers import Answer
from pricing.api.answers import Amount, Moment
from pricing.models import PriceChange


class PriceAnswer(Answer):
    """A price, and what made it."""

    price = Amount()
    cost = Amount()
    rule_set = fields.Whole()
    rule = fields.Whole(allow_null=True)
    experiment_arm = fields.Text(allow_null=True)

    def to_representation(self, instance: PriceChange) -> dict[str, Any]:
        """One end of a change, `old` or `new`."""
        end = self.field_name
        return {
            "price": money.to_text(getattr(instance, f"{end}_price_cents")),
            "cost": money.to_text(getattr(instance, f"{end}_cost_cents")),
            "rule_set": getattr(instance, f"{end}_rule_set"),
            "rule": getattr(instance, f"{end}_rule"),
            "experiment_arm": getattr(instance, f"{end}_arm"),
        }


class PriceChangeAnswer(Answer):
    """One change of a price."""

    changed_at = Moment()
    old = PriceAnswer(source="*")
    new = PriceAnswer(source="*")
    cause = fields.Text(allow_null=True)
    cause_id = fields.Whole(allow_null=True)
    actor = fields.Text(allow_null=True)


class MatchedRuleAnswer(Answer):
    """The rule that priced a stone."""

    number = fields.Whole(source="rule.number")
    priority = fields.Whole(source="rule.priority")
    name = fields.Text(source="rule.name")
    modifier = fields.Number(3, source="rule.modifier")
    clause = fields.Text(help_text="The first clause that matched, in words.")

    def to_representation(self, instance: Any) -> Any:
        return None if instance.rule is None else super().to_representation(instance)


class StepAnswer(Answer):
    """One step from cost to price."""

    step = fields.Text(source="name")
    words = fields.Text()
    amount = Amount(source="cents")


class UnmetAnswer(Answer):
    """A clause that did not match."""

    clause = fields.Text()
    unmet = fields.Text(source="condition", help_text="The first condition that did not hold.")
    stone = fields.Text(help_text="What the stone says there.")


class PassedRuleAnswer(Answer):
    """A rule that was looked at before, and did not price the stone."""

    number = fields.Whole()
    priority = fields.Whole()
    name = fields.Text()
    in_force = fields.YesNo()
    why = fields.Text(help_text="Why the rule did not price the stone, in a line.")
    clauses = UnmetAnswer(many=True, source="unmet")
    clauses_left_out = fields.Whole()


class ExplanationAnswer(Answer):
    """A price and how it came about."""

    diamond = serializers.UUIDField(source="diamond_id")
    price = Amount(source="price_cents")
    cost = Amount(source="cost_cents")
    warning = fields.Text(help_text="Empty, or what the stone holds otherwise than its rule set says.")
    stone_type = fields.Text()
    base_margin = fields.Number(3)
    rule_set = fields.Whole(source="rule_set.version")
    published_by = fields.Text(source="rule_set.published_by")
    published_at = Moment(source="rule_set.published_at", allow_null=True)
    published_reason = fields.Text(source="rule_set.published_reason")
    day = fields.Day(help_text="The day for which the rules were asked.")
    experiment_arm = fields.Text(source="arm", allow_null=True)
    rating = fields.Whole(allow_null=True)
    rule = MatchedRuleAnswer(source="*", allow_null=True)
    steps = StepAnswer(many=True, help_text="From cost to price, the amount after each step.")
    passed = PassedRuleAnswer(many=True, help_text="Rules that were looked at before, and did not price the stone.")
    rules_left_out = fields.Whole()


class PastPriceAnswer(Answer):
    """The price at the end of a day (`past`), who published the rules for it (`rule_set`), and its explanation (`told`)."""

    day = fields.Day(source="past.day")
    price = Amount(source="past.price_cents")
    cost = Amount(source="past.cost_cents")
    rule_set = fields.Whole(source="past.rule_set")
    rule = fields.Whole(source="past.rule", allow_null=True)
    experiment_arm = fields.Text(source="past.arm", allow_null=True)
    since = Moment(
        source="past.since", allow_null=True, help_text="When the price came about; null if no change is known."
    )
    cause = fields.Text(source="past.cause", allow_null=True)
    cause_id = fields.Whole(source="past.cause_id", allow_null=True)
    actor = fields.Text(source="past.actor", allow_null=True)
    published_by = fields.Text(source="rule_set.published_by", allow_null=True)
    published_reason = fields.Text(source="rule_set.published_reason", allow_null=True)
    in_force = fields.Whole(
        source="told.in_force",
        allow_null=True,
        help_text="The rule set in force at the end of the day; a newer one than `rule_set` gave the same price.",
    )
    explanation = ExplanationAnswer(
        source="told.explanation",
        allow_null=True,
        help_text="The steps from cost to price; null if the rule set that made the price is not known any more.",
    )
    doubts = serializers.ListField(
        source="told.doubts",
        child=fields.Text(),
        help_text="What of the explanation is not certain, and why: a stone is judged by what is known of it today.",
    )

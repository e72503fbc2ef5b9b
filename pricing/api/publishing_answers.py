"""Answers about publishing: conflicts of a rule set, its simulated effect, and the repricings that follow."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from diamondhub.api import fields
from diamondhub.api.answers import Answer
from pricing.api.answers import Amount, Moment
from pricing.conflicts import Kind
from pricing.models import Repricing


class ConflictAnswer(Answer):
    """Something that a rule's author may not have meant; rules by number."""

    kind = fields.OneOf([kind.value for kind in Kind])
    rule = fields.Whole(source="rule.number", allow_null=True)
    message = fields.Text()
    earlier = serializers.SerializerMethodField()

    def get_earlier(self, conflict: Any) -> list[int]:
        return [rule.number for rule in conflict.earlier]


class ConflictsAnswer(Answer):
    """The conflicts of a rule set."""

    rule_set = fields.Whole()
    conflicts = ConflictAnswer(many=True)


class EffectAnswer(Answer):
    """The effect on all stones, or on those of one type."""

    stones = fields.Whole()
    changed = fields.Whole()
    below_cost = fields.Whole()
    cost = Amount(source="cost_cents")
    old = Amount(source="old_cents")
    new = Amount(source="new_cents")
    effect = Amount(source="effect_cents")


class RuleEffectAnswer(Answer):
    """The stones that a rule prices, or the base margins alone."""

    rule = fields.Whole(source="rule.number", allow_null=True)
    name = fields.Text(source="rule.name", allow_null=True)
    stones = fields.Whole()
    effect = Amount(source="effect_cents")


BarAnswer = type(
    "BarAnswer",
    (Answer,),
    {
        "__doc__": "One bar of a histogram.",
        "from": fields.Whole(source="low", allow_null=True),
        "to": fields.Whole(source="high", allow_null=True),
        "stones": fields.Whole(),
    },
)


class MoverAnswer(Answer):
    """A stone whose price moves far."""

    id = serializers.UUIDField(source="diamond_id")
    stone = fields.Text(source="supplier_stone_id")
    cost = Amount(source="cost_cents")
    old = Amount(source="old_cents")
    new = Amount(source="new_cents")
    rule = fields.Whole(allow_null=True)


class SimulationAnswer(Answer):
    """The effect that publishing a rule set would have."""

    rule_set = fields.Whole(source="version")
    total = EffectAnswer()
    by_type = serializers.DictField(child=EffectAnswer())
    rules = RuleEffectAnswer(many=True)
    histogram = BarAnswer(
        many=True, help_text="Stones by the change of their price in percent; those that stay are in no bar."
    )
    up = MoverAnswer(many=True)
    down = MoverAnswer(many=True)


class RepricingAnswer(Answer):
    """A repricing without its progress, as `pricing.reprice.summary` gives it."""

    repricing = fields.Whole()
    state = fields.OneOf(Repricing.State.values)
    rule_set = fields.Whole()
    experiment = fields.Text(allow_null=True)
    as_of = fields.Day()
    cause = fields.Text()
    started_by = fields.Text()
    created_at = Moment()
    finished_at = Moment(allow_null=True)
    cancelled_by = fields.Text()
    cancelled_reason = fields.Text()
    dataset_version = fields.Whole(allow_null=True)


class RepricingReportAnswer(RepricingAnswer):
    """A repricing with its progress, as `pricing.reprice.report` gives it."""

    batches = fields.Whole()
    done = fields.Whole(help_text="Batches that are done.")
    stones = fields.Whole(help_text="Diamonds looked at.")
    changed = fields.Whole(help_text="Diamonds written.")
    repriced = fields.Whole(help_text="Diamonds with another price than before.")

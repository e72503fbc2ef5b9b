"""Answers of pricing's API: serializers that make them and describe them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rest_framework import serializers

from diamondhub import money
from diamondhub.api import fields
from diamondhub.api.answers import Answer
from pricing import experiments
from pricing.conditions import in_words
from pricing.conflicts import Kind
from pricing.faults import warnings_of
from pricing.models import MAX_CLAUSES, Experiment, PriceChange, Repricing, Rule, RuleSet
from pricing.uncertainty import Verdict
from pricing.written import READ_AT, RuleFields, RuleSetFields, WrittenClause, write_rule


class Moment(fields.Moment):
    """A moment as pricing has always written it, with its offset."""

    def to_representation(self, value: datetime | str) -> str:
        return value if isinstance(value, str) else value.isoformat()


class Amount(fields.Dollars):
    """Cents as dollars, which may be negative."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"help_text": "Dollars.", **options})

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": r"^-?[0-9]+\.[0-9]{2}$"}


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


class ExperimentAnswer(Answer):
    """An experiment without its results."""

    slug = fields.Text()
    state = fields.OneOf(Experiment.State.values)
    rule_set = fields.Whole(source="rule_set.version")
    share = fields.Number(2, help_text="Percent of the stones.")
    notes = fields.Text()
    created_at = Moment()
    started_by = fields.Text()
    started_at = Moment(allow_null=True)
    started_reason = fields.Text()
    ended_by = fields.Text()
    ended_at = Moment(allow_null=True)
    ended_reason = fields.Text()


class ArmAnswer(Answer):
    """Stones that are priced alike."""

    arm = fields.Text(allow_null=True)
    stones = fields.Whole()
    mean_price = Amount(source="mean_price_cents", allow_null=True)
    sold = fields.Whole()


class ExpectedAnswer(Answer):
    """The simulation at the start: the share's stones as the experiment's set prices them, and as they were priced."""

    stones = fields.Whole()
    changed = fields.Whole()
    below_cost = fields.Whole()
    cost = Amount(source="cost_cents")
    old = Amount(source="old_cents")
    new = Amount(source="new_cents")


class MeasuredArmAnswer(Answer):
    """The stones of one group that were for sale when the experiment started."""

    arm = fields.Text(allow_null=True)
    stones = fields.Whole()
    sold = fields.Whole(help_text="Sold since, as the supplier says.")
    gone = fields.Whole(help_text="Sold, taken off or delisted since.")
    revenue = Amount(source="revenue_cents", help_text="The asking prices of the sold stones, in dollars.")
    margin = Amount(source="margin_cents", help_text="These prices less what the stones cost, in dollars.")


class ComparisonAnswer(Answer):
    """A figure of the share against that of all other stones. Money is in cents, shares are fractions."""

    what = fields.OneOf(
        ["share_sold", "share_gone", "revenue_per_stone", "margin_per_stone", "margin_of_sold"],
        help_text="Per stone means per stone that was offered; `margin_of_sold` is the margin on cost of sold stones.",
    )
    arm = fields.Number(6, allow_null=True)
    others = fields.Number(6, allow_null=True)
    difference = fields.Number(6, allow_null=True)
    low = fields.Number(
        6, allow_null=True, help_text="The lower end of the difference's interval; null if too few sold."
    )
    high = fields.Number(6, allow_null=True, help_text="The upper end.")
    verdict = fields.OneOf([verdict.value for verdict in Verdict], help_text="What may be said of the difference.")


class MeasuredAnswer(Answer):
    """What came of the stones that were for sale at the start: asking prices of sold stones, not orders."""

    days = fields.Number(2, help_text="Days from the start to the count.")
    confidence = fields.Whole(help_text="Percent of such intervals that hold the true difference.")
    arms = MeasuredArmAnswer(many=True)
    comparisons = ComparisonAnswer(many=True)


class ResultsAnswer(Answer):
    """The results of an experiment so far."""

    since = Moment()
    counted_at = Moment()
    arms = ArmAnswer(many=True)
    expected = ExpectedAnswer(allow_null=True, help_text="Null for experiments of earlier releases.")
    measured = MeasuredAnswer(allow_null=True, help_text="Null if it took the database too long.")

    def get_attribute(self, instance: Experiment) -> dict[str, Any] | None:
        results = experiments.results(instance)
        return {"expected": None, "measured": None, **results} if results else None


class FullExperimentAnswer(ExperimentAnswer):
    """An experiment with its results."""

    results = ResultsAnswer(
        allow_null=True, help_text="The share, and all other stones (`arm` null); null before the start."
    )


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

"""Answers about experiments and their results."""

from __future__ import annotations

from typing import Any

from diamondhub.api import fields
from diamondhub.api.answers import Answer
from pricing import experiments
from pricing.api.answers import Amount, Moment
from pricing.models import Experiment
from pricing.uncertainty import Verdict


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

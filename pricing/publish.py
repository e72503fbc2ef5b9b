"""Which rule set is in force, making one be it, and the drafts that become one."""

from __future__ import annotations

from datetime import UTC, date, datetime

from django.db.models import Prefetch, Q, QuerySet

from pricing.compile import Pricing
from pricing.models import Experiment, Rule, RuleSet


def with_rules(rule_sets: QuerySet[RuleSet]) -> QuerySet[RuleSet]:
    """The sets with rules and clauses fetched ahead, as the evaluators want them."""
    return rule_sets.prefetch_related(Prefetch("rules", Rule.objects.prefetch_related("clauses")))


def published_rule_set() -> RuleSet:
    """The one published rule set; the first migration publishes version 1, so there always is one."""
    return RuleSet.objects.get(state=RuleSet.State.PUBLISHED)


def experiment_at(moment: datetime) -> Experiment | None:
    """The experiment that ran at that time."""
    running = Q(ended_at__isnull=True) | Q(ended_at__gt=moment)
    return Experiment.objects.select_related("rule_set").filter(running, started_at__lte=moment).first()


def pricing_at(version: int, moment: datetime) -> Pricing:
    """What priced stones at that time, by a rule set of that version: who pins both has the same prices all along."""
    return Pricing(RuleSet.objects.get(version=version), moment.astimezone(UTC).date(), experiment_at(moment))


def current_pricing(now: datetime, rule_set: RuleSet | None = None) -> Pricing:
    """What prices stones now, or would if `rule_set` were published.

    The experiment goes by its state: the clock of the host that started it may be ahead.
    """
    running = Experiment.objects.select_related("rule_set").filter(state=Experiment.State.RUNNING).first()
    return Pricing(rule_set or published_rule_set(), day_of(now), running)


def day_of(moment: datetime) -> date:
    """The day, in UTC, by which the validity of rules goes."""
    return moment.astimezone(UTC).date()

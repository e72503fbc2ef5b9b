"""The rule set in force, and the pricing of stones by it: now, held for a transaction, or as a job pinned it."""

from __future__ import annotations

from datetime import UTC, date, datetime

from django.db import connection
from django.db.models import Prefetch, QuerySet

from diamondhub.database import clock
from pricing.compile import Pricing
from pricing.models import Experiment, Rule, RuleSet

#: A transaction that holds the pricing is ended by the database when it has asked nothing for so long (seconds).
HOLD_SECONDS = 60.0


def with_rules(rule_sets: QuerySet[RuleSet]) -> QuerySet[RuleSet]:
    """The sets with rules and clauses fetched ahead, as the evaluators want them."""
    return rule_sets.prefetch_related(Prefetch("rules", Rule.objects.prefetch_related("clauses")))


def published_rule_set() -> RuleSet:
    """The one published rule set; the first migration publishes version 1, so there always is one."""
    return RuleSet.objects.get(state=RuleSet.State.PUBLISHED)


def pinned_pricing(version: int, experiment_id: int | None, moment: datetime) -> Pricing:
    """The pricing of a job that pinned both at that time: the same prices all along."""
    experiment = Experiment.objects.select_related("rule_set").filter(pk=experiment_id or 0).first()
    return Pricing(RuleSet.objects.get(version=version), day_of(moment), experiment)


def current_pricing(now: datetime, rule_set: RuleSet | None = None) -> Pricing:
    """The pricing of stones now, or as it would be if `rule_set` were published.

    The experiment goes by its state: the clock of the host that started it may be ahead. A caller that must agree with
    repricings on the day takes `now` from the database.
    """
    running = Experiment.objects.select_related("rule_set").filter(state=Experiment.State.RUNNING).first()
    return Pricing(rule_set or published_rule_set(), day_of(now), running)


def held_pricing() -> Pricing:
    """The pricing of stones now and until the transaction ends: whoever is about to change it waits for that.

    So the repricing that comes with the change finds whatever was priced by this. For transactions of seconds only: the
    database ends one that asks nothing of it for `HOLD_SECONDS`, so that nobody who hangs keeps others from publishing.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('idle_in_transaction_session_timeout', %s, true)", [f"{int(HOLD_SECONDS * 1000)}"]
        )
        cursor.execute("SELECT pg_advisory_xact_lock_shared(hashtext('pricing_repricing'))")
    return current_pricing(clock())


def day_of(moment: datetime) -> date:
    """The day, in UTC, by which the validity of rules goes."""
    return moment.astimezone(UTC).date()

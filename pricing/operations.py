"""What pricing shows on the start page, and what it forgets: months of the history of prices, and old repricings."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import connection
from django.db.models import Exists, OuterRef, QuerySet
from django.urls import reverse
from django.utils import timezone

from diamondhub import sweep
from diamondhub.admin.display import ago, badge, moment, row_link
from diamondhub.operations import home, measuring, retention, stages
from diamondhub.operations.charts import Series, chart
from pricing.history import CHANGES
from pricing.models import Experiment, Repricing, RepricingBatch, RuleSet

#: How many price changes there ever were, by the minute (`measuring.note_level`).
PRICE_CHANGES = "price-changes"


def rule_set_card() -> Iterator[home.Card]:
    """The rule set in force, who published it when and why, the running experiment, and the last repricing."""
    in_force = RuleSet.objects.filter(state=RuleSet.State.PUBLISHED).defer("compiled").first()
    if in_force is None:
        return
    experiment = Experiment.objects.filter(state=Experiment.State.RUNNING).first()
    repricing = Repricing.objects.order_by("-pk").first()
    yield home.Card(
        "Prices",
        "admin/pricing/home.html",
        {
            "rule_set": row_link(in_force, f"Version {in_force.version}"),
            "published_at": moment(in_force.published_at),
            "age": ago(in_force.published_at),
            "published_by": in_force.published_by,
            "reason": in_force.published_reason,
            "experiment": row_link(experiment, experiment.slug) if experiment else "",
            "repricing": row_link(repricing) if repricing else "",
            "repricing_state": badge("running" if repricing.state == Repricing.State.READY else repricing.state)
            if repricing
            else "",
            "repricing_age": ago(repricing.created_at) if repricing else "",
        },
    )


def price_changes_chart() -> Iterator[home.Card]:
    """Prices that were changed in the last day, whatever changed them."""
    now = timezone.now()
    changed = measuring.grown_by_quarter(PRICE_CHANGES)
    words = f"{sum(changed.values()):,.0f} prices were changed in the last day."
    chosen = chart("Price changes", "a quarter of an hour", [Series("changed", "one", changed)], now, words=words)
    yield home.Card("Price changes", "admin/home/charts.html", {"charts": [chosen]})


def note_price_changes() -> None:
    """The sweep's look: how many changes there were, by the number of the last one, which costs no look at the changes."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT last_value FROM pricing_pricechange_id_seq")
        (last,) = cursor.fetchone()
    measuring.note_level(PRICE_CHANGES, last)


home.register(rule_set_card, permission="pricing.view_ruleset", every=5)
home.register(price_changes_chart, permission="pricing.view_pricechange", every=60)
sweep.register(note_price_changes)
stages.register(
    "repricing (batches)",
    lambda: RepricingBatch.objects.filter(state=RepricingBatch.State.READY, repricing__state=Repricing.State.READY),
    url=lambda: reverse("admin:pricing_repricing_changelist"),
)


def old_repricings() -> QuerySet[Repricing]:
    """Repricings of long ago, but the last one that was not cancelled: it says up to which day rules were heeded."""
    later = Repricing.objects.filter(pk__gt=OuterRef("pk")).exclude(state=Repricing.State.CANCELLED)
    return Repricing.objects.filter(Exists(later), finished_at__lt=retention.history_kept_from())


retention.register_months("price_months", CHANGES)
retention.register_rows("repricings", old_repricings)

retention.keep("pricing.PriceChange", how_long="HISTORY_RETENTION_DAYS days, by whole months", by=("price_months",))
retention.keep(
    "pricing.Repricing",
    "pricing.RepricingBatch",
    how_long="HISTORY_RETENTION_DAYS days after its end; the last one stays",
    by=("repricings",),
)
retention.keep(
    "pricing.RuleSet",
    "pricing.Rule",
    "pricing.Clause",
    "pricing.Experiment",
    how_long="for ever: few, made by people, and every price is explained by them",
)

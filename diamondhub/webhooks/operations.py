"""What webhooks show on the start page, and which deliveries are forgotten."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import QuerySet
from django.urls import reverse

from diamondhub.operations import home, retention, stages
from diamondhub.operations.problems import looking
from diamondhub.operations.problems.looking import Wrong
from diamondhub.operations.problems.reading import unresolved
from diamondhub.telemetry import expected_metrics
from diamondhub.webhooks.models import Delivery, Subscription
from diamondhub.webhooks.outbox import MAX_WAITING

#: Days for which deliveries that ended are kept.
DELIVERIES_DAYS = 30


def failing() -> Iterator[home.Figure]:
    """Webhooks whose receivers take nothing; nothing while all is well."""
    count, text = home.capped_count(Subscription.objects.filter(failing_since__isnull=False))
    if count:
        url = reverse("admin:webhooks_subscription_changelist")
        yield home.Figure(title="webhooks failing", value=text, url=url, tone="warn")


def old_deliveries() -> QuerySet[Delivery]:
    """Deliveries that ended long ago."""
    return Delivery.objects.filter(finished_at__lt=retention.days_ago(DELIVERIES_DAYS))


home.register(failing, permission="webhooks.view_subscription", every=5)
stages.register(
    "webhooks (deliveries)",
    lambda: Delivery.objects.filter(state=Delivery.State.PENDING),
    url=lambda: reverse("admin:webhooks_subscription_changelist"),
)
retention.register_rows("webhook_deliveries", old_deliveries)
retention.keep("webhooks.Delivery", how_long="30 days after its end", by=("webhook_deliveries",))
retention.keep("webhooks.Subscription", how_long="for ever: few for each client")


# --- what is looked for ----------------------------------------------------------------------------------------------


def still_wrong() -> Iterator[Wrong]:
    """Of what was told of webhooks, what has not ended: those that are still off, and those that still take too little."""
    kinds = ("webhook-switched-off", "webhook-events-dropped")
    for problem in unresolved().filter(kind__in=kinds):
        number = problem.about.removeprefix("webhook:")
        subscription = Subscription.objects.filter(pk=int(number)).first() if number.isdecimal() else None
        if subscription is None:
            continue
        if problem.kind == "webhook-switched-off":
            is_wrong = not subscription.active
        else:
            waiting = subscription.deliveries.filter(state=Delivery.State.PENDING)[: MAX_WAITING // 2].count()
            is_wrong = subscription.active and waiting >= MAX_WAITING // 2
        if is_wrong:
            yield Wrong(problem.kind, problem.about, problem.subject, problem.details)


looking.register(still_wrong, "webhook-switched-off", "webhook-events-dropped", every=60)
expected_metrics.expect(
    "diamondhub_sends_total", lambda _cursor: [("webhook", outcome) for outcome in ("delivered", "failed", "dead")]
)

"""What webhooks show on the start page, and which deliveries are forgotten."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import QuerySet
from django.urls import reverse

from diamondhub.operations import home, retention
from diamondhub.webhooks.models import Delivery, Subscription

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


home.register(failing, permission="webhooks.view_subscription")
retention.register_rows("webhook_deliveries", old_deliveries)

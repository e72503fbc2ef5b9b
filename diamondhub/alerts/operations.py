"""What alerts show on the start page, and which of them are forgotten."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Exists, OuterRef, QuerySet
from django.urls import reverse

from diamondhub.alerts.models import Delivery, Event
from diamondhub.operations import home, retention


def undelivered() -> Iterator[home.Figure]:
    """Alerts that are on their way, and those that nobody could be told of."""
    url = reverse("admin:alerts_event_changelist")
    pending, pending_text = home.capped_count(Delivery.objects.filter(state=Delivery.State.PENDING))
    dead, dead_text = home.capped_count(Delivery.objects.filter(state=Delivery.State.DEAD))
    yield home.Figure(
        title="alerts on their way",
        value=pending_text,
        url=f"{url}?delivery=pending",
        tone="warn" if pending else "good",
    )
    yield home.Figure(
        title="alerts undeliverable",
        value=dead_text,
        url=f"{url}?delivery=dead",
        tone="bad" if dead else "good",
    )


def old_events() -> QuerySet[Event]:
    """Alerts of long ago of which no delivery is under way."""
    pending = Delivery.objects.filter(event=OuterRef("pk"), state=Delivery.State.PENDING)
    return Event.objects.filter(~Exists(pending), created_at__lt=retention.history_kept_from())


home.register(undelivered, permission="alerts.view_event")
retention.register_rows("alerts", old_events)

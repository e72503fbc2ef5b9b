"""Alerts in the admin: what people should know, and what became of telling them. Only shown."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from diamondhub.admin.base import ReadOnlyAdmin, SelectFilter
from diamondhub.admin.display import NOTHING, Group, Table, badge, json_code, moment
from diamondhub.alerts.models import Delivery, Event


class DeliveryFilter(SelectFilter):
    """Events with a delivery in one state."""

    title = "delivery"
    parameter_name = "delivery"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The states of deliveries."""
        return [(str(value), str(label)) for value, label in Delivery.State.choices]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Through the deliveries of that state, of which few are not delivered."""
        value = self.value()
        if value is None:
            return queryset
        return queryset.filter(pk__in=Delivery.objects.filter(state=value).values("event"))


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin[Event]):
    """Events, newest first, with the states of their deliveries."""

    list_display = ("subject", "level", "kind", "told", "created")
    list_filter = ("severity", DeliveryFilter)
    search_help_text = "Number of the event"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Event]:
        """Events with their deliveries, in two queries for any number of rows."""
        return super().get_queryset(request).prefetch_related("deliveries")

    @admin.display(description="severity")
    def level(self, event: Event) -> SafeString:
        """Severity as a badge."""
        return badge(event.severity)

    @admin.display(description="deliveries")
    def told(self, event: Event) -> str | SafeString:
        """Each channel with the state of its delivery."""
        return format_html_join(
            " ", "{} {}", ((delivery.channel, badge(delivery.state)) for delivery in event.deliveries.all())
        )

    @admin.display(description="created")
    def created(self, event: Event) -> str | SafeString:
        """When it happened."""
        return moment(event.created_at)

    def groups(self, request: HttpRequest, row: Event) -> list[Group]:
        """The event, and its details as they are sent."""
        return [
            Group(
                "Event",
                [
                    ("subject", row.subject),
                    ("severity", badge(row.severity)),
                    ("kind", row.kind),
                    ("created", moment(row.created_at)),
                    ("trace id", row.trace_id or NOTHING),
                    ("told once per", row.dedupe_key),
                ],
            ),
            Group("Details", [("as sent", json_code(row.details))]),
        ]

    def tables(self, request: HttpRequest, row: Event) -> list[Table]:
        """The deliveries."""
        return [
            Table(
                "Deliveries",
                ["channel", "state", "attempts", "next attempt", "finished", "last error"],
                [
                    [
                        delivery.channel,
                        badge(delivery.state),
                        delivery.attempts,
                        moment(delivery.due_at) if delivery.state == Delivery.State.PENDING else NOTHING,
                        moment(delivery.finished_at),
                        delivery.last_error or NOTHING,
                    ]
                    for delivery in sorted(row.deliveries.all(), key=lambda delivery: delivery.channel)
                ],
                note="No channel was configured when this happened.",
            )
        ]

"""Alerts in the admin: what people should know, and what became of telling them. They can be sent again."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from diamondhub.admin.acting import act
from diamondhub.admin.base import ReadOnlyAdmin, SelectFilter
from diamondhub.admin.display import NOTHING, Group, Table, badge, json_code, moment
from diamondhub.alerts import channel_admin, outbox, rule_admin  # noqa: F401 - they register channels and rules
from diamondhub.alerts.models import Delivery, Event

RESEND = "alerts.change_delivery"


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
    detail_template = "admin/alerts/event/detail.html"

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

    def detail_context(self, request: HttpRequest, row: Event) -> dict[str, Any]:
        """The deliveries that can be sent again, and whether this person may."""
        ended = [delivery for delivery in row.deliveries.all() if delivery.state != Delivery.State.PENDING]
        return {"may_resend": request.user.has_perm(RESEND), "ended": ended}

    def get_urls(self) -> list[URLPattern]:
        """The button's address besides the usual ones."""
        view = self.admin_site.admin_view
        return [
            path("delivery/<int:delivery>/resend/", view(self.resend), name="alerts_delivery_resend"),
            *super().get_urls(),
        ]

    def resend(self, request: HttpRequest, delivery: int) -> HttpResponse:
        """Send a delivery that ended again."""
        if not request.user.has_perm(RESEND):
            raise PermissionDenied
        named = Delivery.objects.filter(pk=delivery).first()
        if named is None:
            raise Http404("there is no such delivery")
        page = reverse("admin:alerts_event_change", args=[named.event_id])

        def do(_reason: str) -> tuple[str, str]:
            if not outbox.resend(named):
                raise OnItsWay("It is on its way already.")
            return f"It is sent again on {named.channel}.", page

        return act(request, RESEND, do, back=page, errors=OnItsWay)


class OnItsWay(Exception):
    """A delivery has not ended yet."""

"""Webhooks in the admin: shown with their deliveries, switched off and on, tested. Secrets are their clients' alone."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString

from diamondhub.admin.acting import act
from diamondhub.admin.base import ReadOnlyAdmin
from diamondhub.admin.display import NOTHING, Group, Table, badge, moment
from diamondhub.webhooks import outbox, subscriptions
from diamondhub.webhooks.models import Delivery, Subscription

CHANGE = "webhooks.change_subscription"
#: Deliveries on the page.
SHOWN_DELIVERIES = 50


@admin.register(Subscription)
class SubscriptionAdmin(ReadOnlyAdmin[Subscription]):
    """Webhooks, newest first."""

    list_display = ("named", "client", "events_told", "state", "failing")
    list_filter = ("active",)
    list_select_related = ("client",)
    detail_template = "admin/webhooks/subscription/detail.html"
    search_help_text = "Number of the webhook"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Subscription]:
        """Without what is sealed."""
        return super().get_queryset(request).defer("secret", "previous_secret")

    @admin.display(description="webhook")
    def named(self, subscription: Subscription) -> str:
        """Number and host."""
        return str(subscription)

    @admin.display(description="events")
    def events_told(self, subscription: Subscription) -> str:
        """What it is told of."""
        return ", ".join(subscription.events)

    @admin.display(description="state")
    def state(self, subscription: Subscription) -> SafeString:
        """Active or not."""
        return badge("active" if subscription.active else "inactive")

    @admin.display(description="failing since")
    def failing(self, subscription: Subscription) -> str | SafeString:
        """Since when nothing was delivered though it was tried."""
        return moment(subscription.failing_since)

    def groups(self, request: HttpRequest, row: Subscription) -> list[Group]:
        """The webhook; its whole address only for whom may change it, as the address may be all that guards it."""
        url = row.url if request.user.has_perm(CHANGE) else f"https://{row.host}/…"
        return [
            Group(
                "Webhook",
                [
                    ("client", row.client.name),
                    ("address", url),
                    ("events", ", ".join(row.events)),
                    ("state", badge("active" if row.active else "inactive")),
                    ("problem", row.problem or NOTHING),
                    ("failing since", moment(row.failing_since)),
                    ("switched off", moment(row.disabled_at)),
                    ("secret set", moment(row.secret_set_at)),
                    ("secret before signs until", moment(row.previous_secret_until)),
                    ("created", moment(row.created_at)),
                ],
            )
        ]

    def tables(self, request: HttpRequest, row: Subscription) -> list[Table]:
        """The newest deliveries."""
        return [
            Table(
                "Deliveries",
                ["event", "id", "state", "tries", "next try", "finished", "status", "last error"],
                [
                    [
                        delivery.kind,
                        delivery.message_id,
                        badge(delivery.state),
                        delivery.tries,
                        moment(delivery.due_at) if delivery.state == Delivery.State.PENDING else NOTHING,
                        moment(delivery.finished_at),
                        delivery.status or NOTHING,
                        delivery.last_error or NOTHING,
                    ]
                    for delivery in row.deliveries.order_by("-pk")[:SHOWN_DELIVERIES]
                ],
                note="Nothing was sent yet.",
            )
        ]

    def detail_context(self, request: HttpRequest, row: Subscription) -> dict[str, Any]:
        """Whether this person has the buttons."""
        return {"may_change": request.user.has_perm(CHANGE), "subscription": row}

    def get_urls(self) -> list[URLPattern]:
        """The buttons' addresses besides the usual ones."""
        view = self.admin_site.admin_view
        return [
            path("<int:subscription>/off/", view(self.switch_off), name="webhooks_subscription_off"),
            path("<int:subscription>/on/", view(self.switch_on), name="webhooks_subscription_on"),
            path("<int:subscription>/test/", view(self.test), name="webhooks_subscription_test"),
            *super().get_urls(),
        ]

    def switch_off(self, request: HttpRequest, subscription: int) -> HttpResponse:
        """Send nothing to it any more."""

        def do(reason: str) -> tuple[str, str]:
            words = f"switched off by staff{f': {reason}' if reason else ''}"
            subscriptions.change(_named(subscription), active=False, reason=words)
            return f"Webhook {subscription} is switched off.", _page(subscription)

        return act(request, CHANGE, do, back=_page(subscription), errors=subscriptions.SwitchedOff)

    def switch_on(self, request: HttpRequest, subscription: int) -> HttpResponse:
        """Send to it again."""

        def do(reason: str) -> tuple[str, str]:
            subscriptions.change(_named(subscription), active=True)
            return f"Webhook {subscription} is switched on.", _page(subscription)

        return act(request, CHANGE, do, back=_page(subscription), errors=subscriptions.SwitchedOff)

    def test(self, request: HttpRequest, subscription: int) -> HttpResponse:
        """Send it a test."""

        def do(reason: str) -> tuple[str, str]:
            named = _named(subscription)
            subscriptions.require_active(named)
            delivery = outbox.emit_test(named)
            return f"The test {delivery.message_id} is on its way: look below what becomes of it.", _page(subscription)

        return act(request, CHANGE, do, back=_page(subscription), errors=subscriptions.SwitchedOff)


def _named(number: int) -> Subscription:
    subscription = Subscription.objects.filter(pk=number).first()
    if subscription is None:
        raise Http404("there is no such webhook")
    return subscription


def _page(number: int) -> str:
    return reverse("admin:webhooks_subscription_change", args=[number])

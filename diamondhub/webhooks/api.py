"""Webhooks by REST: a client subscribes addresses of its own to events, and sees what became of telling them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.http import Http404
from django.urls import reverse
from rest_framework.request import Request
from rest_framework.response import Response

from diamondhub.access.models import ApiClient, ApiKey
from diamondhub.access.scopes import Scope
from diamondhub.api import fields
from diamondhub.api.answers import Answer, page_of, shown_as
from diamondhub.api.endpoint import Endpoint, PageQuery, operation
from diamondhub.api.serializers import Body
from diamondhub.webhooks import kinds, outbox, subscriptions  # noqa: F401 - kinds declares what is answered with
from diamondhub.webhooks.addresses import WebhookAddress
from diamondhub.webhooks.events import TEST, EventKind
from diamondhub.webhooks.models import Delivery, Subscription
from diamondhub.webhooks.subscriptions import MAX_OVERLAP_HOURS, OVERLAP_HOURS

#: Deliveries that a webhook is shown with.
RECENT_DELIVERIES = 20


class EventsField(fields.ListOf):
    """The events to be told of."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            fields.OneOf(EventKind.values), things="events", min_length=1, max_length=len(EventKind), **options
        )


class NewWebhook(Body):
    """A webhook that is to be."""

    url = WebhookAddress(help_text="Where to post: `https` at a public host.")
    events = EventsField(help_text="What to be told of. Each needs the scope by which you could read it yourself.")


class ChangedWebhook(Body):
    """What is to change of a webhook."""

    url = WebhookAddress(required=False)
    events = EventsField(required=False)
    active = fields.YesNo(
        required=False, help_text="False: nothing is sent, and what waits is dropped. True forgets what was wrong."
    )


class SecretRotation(Body):
    """How the secret before ends."""

    overlap_hours = fields.Whole(
        0, MAX_OVERLAP_HOURS, default=OVERLAP_HOURS, help_text="How long it signs beside the new one; 0: it leaked."
    )


class DeliveryAnswer(Answer):
    """One event on its way."""

    id = fields.Text(help_text="The `webhook-id` of the message, the same in every try.")
    event = fields.OneOf([*EventKind.values, TEST])
    state = fields.OneOf(
        Delivery.State.values,
        help_text="`dead` after three days of trying; `replaced` by a newer one; `dropped` when the webhook went off, "
        "or as the oldest of too many that waited.",
    )
    tries = fields.Whole(0)
    status = fields.Whole(allow_null=True, help_text="Of your last answer; null if there was none.")
    error = fields.Text(allow_null=True)
    created_at = fields.Moment()
    next_try_at = fields.Moment(allow_null=True)
    finished_at = fields.Moment(allow_null=True)


_EXAMPLE: dict[str, Any] = {
    "webhook": 3,
    "url": "https://shop.example.com/webhooks/diamonds",
    "events": ["catalog.changed"],
    "active": True,
    "problem": None,
    "failing_since": None,
    "disabled_at": None,
    "secret_set_at": "2026-11-28T08:00:00Z",
    "previous_secret_until": None,
    "created_at": "2026-11-28T08:00:00Z",
    "links": {"self": "/api/v1/webhooks/3"},
}
_DELIVERY = {
    "id": "msg_0f1e2d3c4b5a69788796a5b4c3d2e1f0",
    "event": "catalog.changed",
    "state": "delivered",
    "tries": 1,
    "status": 204,
    "error": None,
    "created_at": "2026-11-28T08:10:00Z",
    "next_try_at": None,
    "finished_at": "2026-11-28T08:10:01Z",
}


@shown_as(_EXAMPLE)
class WebhookAnswer(Answer):
    """A webhook."""

    webhook = fields.Whole(1)
    url = fields.Text()
    events = fields.ListOf(fields.OneOf(EventKind.values))
    active = fields.YesNo()
    problem = fields.Text(allow_null=True, help_text="What is wrong: why it is off, or why the last try failed.")
    failing_since = fields.Moment(allow_null=True, help_text="Since when nothing was delivered though it was tried.")
    disabled_at = fields.Moment(allow_null=True)
    secret_set_at = fields.Moment()
    previous_secret_until = fields.Moment(allow_null=True, help_text="Until then the secret before signs as well.")
    created_at = fields.Moment()
    links = type("WebhookLinks", (Answer,), {"self": fields.Text()})()


@shown_as({**_EXAMPLE, "deliveries": [_DELIVERY]})
class OneWebhookAnswer(WebhookAnswer):
    """A webhook with what was sent to it lately."""

    deliveries = DeliveryAnswer(many=True, help_text=f"The newest {RECENT_DELIVERIES}, the newest first.")


@shown_as({**_EXAMPLE, "secret": "whsec_…"})
class IssuedWebhookAnswer(WebhookAnswer):
    """A webhook with its new secret, which is shown this once."""

    secret = fields.Text(help_text="`whsec_…`, to verify signatures with. Nobody is shown it again.")


class WebhookEndpoint(Endpoint):
    """A view of the client's own webhooks."""

    scope = Scope.WEBHOOKS_MANAGE
    tag = "webhooks"
    cache_control = "no-store"
    problems_of = {
        subscriptions.TooMany: (HTTPStatus.CONFLICT, "too-many-webhooks"),
        subscriptions.SwitchedOff: (HTTPStatus.CONFLICT, "webhook-off"),
        subscriptions.ScopeMissing: (HTTPStatus.FORBIDDEN, "forbidden"),
    }

    @property
    def client(self) -> ApiClient:
        """Who asks."""
        assert isinstance(self.request.auth, ApiKey)
        return self.request.auth.client

    def mine(self, number: int) -> Subscription:
        """The client's own webhook of this number; 404 for everybody else's."""
        # Numbers beyond the database's name nothing.
        own = Subscription.objects.filter(client=self.client, pk=number) if number < 2**63 else None
        subscription = own.first() if own is not None else None
        if subscription is None:
            raise Http404
        return subscription


class Webhooks(WebhookEndpoint):
    """All webhooks of the client."""

    @operation("list_webhooks", "Your webhooks", query=PageQuery, answer=page_of(WebhookAnswer))
    def get(self, request: Request) -> Response:
        """The webhooks of your client, the newest first."""
        return self.page(Subscription.objects.filter(client=self.client), shown, by="id")

    @operation(
        "create_webhook",
        "Subscribe to events",
        body=NewWebhook,
        answer=IssuedWebhookAnswer,
        status=HTTPStatus.CREATED,
        problems=("too-many-webhooks",),
    )
    def post(self, request: Request) -> Response:
        """Have an address told of events. Answers with the secret that verifies them, which is shown this once.

        No `Idempotency-Key` is taken, as answers with secrets are not kept: list your webhooks if you had no answer.
        """
        issued = subscriptions.create(self.client, **self.body)
        return Response({**shown(issued.subscription), "secret": issued.secret}, status=HTTPStatus.CREATED)


class OneWebhook(WebhookEndpoint):
    """One webhook."""

    @operation("get_webhook", "One webhook", answer=OneWebhookAnswer)
    def get(self, request: Request, number: int) -> Response:
        """The webhook, what is wrong with it, and what became of the newest events."""
        return Response(with_deliveries(self.mine(number)))

    @operation("change_webhook", "Change a webhook", body=ChangedWebhook, answer=WebhookAnswer)
    def patch(self, request: Request, number: int) -> Response:
        """Change its address or events, or switch it off or on; answers with the webhook as it is then."""
        changed = subscriptions.change(self.mine(number), **self.body, reason="switched off by its client")
        return Response(shown(changed))

    @operation("delete_webhook", "Delete a webhook", answer=None, status=HTTPStatus.NO_CONTENT)
    def delete(self, request: Request, number: int) -> Response:
        """Delete it with its deliveries; what is being sent at this moment may still arrive."""
        self.mine(number).delete()
        return Response(status=HTTPStatus.NO_CONTENT)


class WebhookSecret(WebhookEndpoint):
    """A webhook's secret."""

    @operation(
        "rotate_webhook_secret",
        "Get a new secret",
        body=SecretRotation,
        body_is_optional=True,
        answer=IssuedWebhookAnswer,
    )
    def post(self, request: Request, number: int) -> Response:
        """Replace the secret. Until the overlap is over, messages have both signatures: verify with either.

        No `Idempotency-Key` is taken, as answers with secrets are not kept.
        """
        issued = subscriptions.rotate_secret(self.mine(number), **self.body)
        return Response({**shown(issued.subscription), "secret": issued.secret})


class WebhookTest(WebhookEndpoint):
    """A webhook's test."""

    @operation(
        "test_webhook",
        "Send a test",
        answer=DeliveryAnswer,
        status=HTTPStatus.ACCEPTED,
        problems=("webhook-off",),
        idempotent=True,
    )
    def post(self, request: Request, number: int) -> Response:
        """Send the event `webhook.test`, as any other event; `GET` the webhook to see what became of it."""
        subscription = self.mine(number)
        subscriptions.require_active(subscription)
        return Response(delivery_shown(outbox.emit_test(subscription)), status=HTTPStatus.ACCEPTED)


def shown(subscription: Subscription) -> dict[str, Any]:
    """A webhook as answers have it."""
    return {
        "webhook": subscription.pk,
        **{
            name: getattr(subscription, name)
            for name in ("url", "events", "active", "failing_since", "disabled_at", "secret_set_at")
        },
        "problem": subscription.problem or None,
        "previous_secret_until": subscription.previous_secret_until,
        "created_at": subscription.created_at,
        "links": {"self": reverse("webhook", args=[subscription.pk])},
    }


def with_deliveries(subscription: Subscription) -> dict[str, Any]:
    """A webhook with its newest deliveries."""
    newest = subscription.deliveries.order_by("-pk")[:RECENT_DELIVERIES]
    return {**shown(subscription), "deliveries": [delivery_shown(delivery) for delivery in newest]}


def delivery_shown(delivery: Delivery) -> dict[str, Any]:
    """A delivery as answers have it."""
    return {
        "id": delivery.message_id,
        "event": delivery.kind,
        "state": delivery.state,
        "tries": delivery.tries,
        "status": delivery.status,
        "error": delivery.last_error or None,
        "created_at": delivery.created_at,
        "next_try_at": delivery.due_at if delivery.state == Delivery.State.PENDING else None,
        "finished_at": delivery.finished_at,
    }

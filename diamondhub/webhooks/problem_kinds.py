"""What can be wrong with webhooks of API clients."""

from __future__ import annotations

from django.urls import reverse

from diamondhub.operations.problems.kinds import Kind, Severity, declare

_SEES = "webhooks.view_subscription"


def _page(target: str) -> str:
    return reverse("admin:webhooks_subscription_change", args=[target.removeprefix("webhook:")])


declare(
    Kind(
        "webhook-switched-off",
        "A webhook is switched off",
        Severity.WARNING,
        found="a client's webhook took nothing for five days, or said that it wants no more (410)",
        ends="the webhook is switched on again or deleted",
        permission=_SEES,
        link=_page,
        by_hand=True,
    ),
    Kind(
        "webhook-events-dropped",
        "Events of a webhook are dropped",
        Severity.WARNING,
        found="more than a thousand events waited for a client's webhook, and the oldest were dropped",
        ends="by itself, when less than half as many wait, or the webhook is switched off or deleted",
        permission=_SEES,
        link=_page,
        by_hand=True,
    ),
)

"""The kinds of problems that the API of webhooks answers with, besides those that any operation has."""

from __future__ import annotations

from http import HTTPStatus

from diamondhub.api.kinds import Kind, declare

declare(
    Kind(
        "too-many-webhooks",
        HTTPStatus.CONFLICT,
        "There are too many webhooks",
        "The client has as many webhooks as a client can have.",
        "Delete one that is not used any more, or subscribe one address to several events.",
    ),
    Kind(
        "webhook-off",
        HTTPStatus.CONFLICT,
        "The webhook is switched off",
        "Nothing is sent to a webhook that is switched off; `problem` of the webhook says why it is.",
        'Mend the receiver, then switch the webhook on: `PATCH` it with `{"active": true}`.',
    ),
)

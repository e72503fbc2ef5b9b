"""A webhook: a message of ours, signed by Standard Webhooks, or one in the form that a template gives it.

Templates speak to systems of duty (PagerDuty, Opsgenie): what is posted, and where to, when a problem opens and
when it ends.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from diamondhub.alerts.channels import posting, templates
from diamondhub.webhooks import signing

if TYPE_CHECKING:
    from diamondhub.alerts.messages import Item, Message
    from diamondhub.alerts.models import Channel


def send(channel: Channel, message: Message) -> None:
    """Post one message, of each of its problems if the channel has a template. Raises `ChannelError`."""
    if not channel.template:
        body = json.dumps(payload(message), separators=(",", ":")).encode()
        posting.post(channel, body, _signed(channel, message.key, body))
        return
    token = posting.opened(channel, "token")
    headers = {"Authorization": f"{channel.authorization} {token}"} if channel.authorization and token else {}
    for item in message.items or [templates.item_of(message)]:
        request = templates.request(channel.template, message, item, token=token)
        if request is None:
            continue
        path, body_of_item = request
        body = json.dumps(body_of_item, separators=(",", ":")).encode()
        posting.post(channel, body, {**headers, **_signed(channel, message.key, body)}, path=path)


def payload(message: Message) -> dict[str, Any]:
    """The message in our own form."""
    return {
        "type": f"alert.{message.what}",
        "timestamp": message.created_at.isoformat(),
        "data": {
            "severity": message.severity,
            "kind": message.kind,
            "subject": message.title,
            "problems": [_problem(item) for item in message.items],
            "more": message.more,
            "details": message.details,
            "trace_id": message.trace_id or None,
        },
    }


def _problem(item: Item) -> dict[str, Any]:
    return {
        "problem": item.problem,
        "episode": item.episode,
        "kind": item.kind,
        "severity": item.severity,
        "state": item.state or None,
        "subject": item.subject,
        "occurrences": item.occurrences,
        "first_seen_at": item.first_seen or None,
        "last_seen_at": item.last_seen or None,
        "lasted": item.lasted or None,
        "why": item.why or None,
        "url": item.url or None,
        "run_book": item.run_book or None,
    }


def _signed(channel: Channel, key: str, body: bytes) -> dict[str, str]:
    secret = posting.opened(channel, "secret")
    return signing.headers(f"msg_{key}", int(time.time()), body, [secret] if secret else [])

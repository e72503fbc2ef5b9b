"""Slack by an incoming webhook: one message with a line for each problem.

Whatever comes from elsewhere is escaped: `&`, `<` and `>` are all that Slack gives a meaning to (`<!channel>`, links), and
formatting is off where such words stand.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from diamondhub.alerts.channels import posting

if TYPE_CHECKING:
    from diamondhub.alerts.messages import Item, Message
    from diamondhub.alerts.models import Channel

#: Slack cuts texts at 40,000 characters, and those of blocks at 3,000.
MAX_TEXT, MAX_BLOCK = 3_900, 2_900
_SIGNS = {"critical": "\N{LARGE RED CIRCLE}", "warning": "\N{LARGE ORANGE CIRCLE}", "info": "\N{LARGE BLUE CIRCLE}"}
_OVER = "\N{LARGE GREEN CIRCLE}"


def send(channel: Channel, message: Message) -> None:
    """Post one message. Raises `ChannelError`."""
    posting.post(channel, json.dumps(payload(message)).encode(), {})


def payload(message: Message) -> dict[str, Any]:
    """The message as Slack takes it. Texts of others stand in plain text, where nothing is a link or calls anybody."""
    sign = _OVER if message.what == "resolved" else _SIGNS.get(message.severity, "")
    title = f"{sign} [{message.severity}] {message.title}"
    blocks = [_plain(title)]
    for item in message.items:
        if len(message.items) > 1 or item.subject != message.subject:
            blocks.append(_plain(f"[{item.severity}] {item.subject}"))
        if item.facts():
            blocks.append(
                {"type": "context", "elements": [{"type": "plain_text", "text": _cut(item.facts()), "emoji": False}]}
            )
        if links := _links(item):
            blocks.append({"type": "context", "elements": [{"type": "mrkdwn", "text": links, "verbatim": True}]})
    if message.more:
        blocks.append(_plain(f"… and {message.more:,} more"))
    # What notifications show; here words are marked up, so they are escaped.
    return {"text": escaped(title)[:MAX_TEXT], "mrkdwn": False, "link_names": False, "blocks": blocks[:50]}


def escaped(text: str) -> str:
    """A text without anything that has a meaning to Slack."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _plain(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "plain_text", "text": _cut(text), "emoji": False}}


def _cut(text: str) -> str:
    return text if len(text) <= MAX_BLOCK else text[: MAX_BLOCK - 1] + "…"


def _links(item: Item) -> str:
    """Links of our own addresses; a run book that has none is named."""
    named = [("Problem", item.url), ("What to do", item.run_book)]
    return " · ".join(
        f"<{address}|{label}>" if address.startswith("http") else f"{label}: {escaped(address)}"
        for label, address in named
        if address
    )

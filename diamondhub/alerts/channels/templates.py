"""Templates of webhooks: for a problem that is there and for one that is over, a path behind the address and a body.

A template is JSON: `{"open": {"path": "", "body": {…}}, "resolved": {…}}`. In its texts `$name` stands for a value of
`NAMES`; values are put in after the JSON was read, so none of them can change its form. A text that is `$details` or
`$occurrences` alone becomes the value itself. Without `resolved` nobody is told that a problem is over.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from diamondhub.alerts.messages import Item
from diamondhub.api.fields import nearest

if TYPE_CHECKING:
    from diamondhub.alerts.messages import Message

PRESETS: dict[str, dict[str, Any]] = {
    "pagerduty": {
        "open": {
            "body": {
                "routing_key": "$token",
                "event_action": "trigger",
                "dedup_key": "$key",
                "payload": {
                    "summary": "$summary",
                    "severity": "$severity",
                    "source": "DiamondHub",
                    "timestamp": "$last_seen",
                    "class": "$kind",
                    "custom_details": {"facts": "$facts", "details": "$details", "run_book": "$run_book"},
                },
                "links": [{"href": "$url", "text": "The problem in DiamondHub"}],
            }
        },
        "resolved": {"body": {"routing_key": "$token", "event_action": "resolve", "dedup_key": "$key"}},
    },
    "opsgenie": {
        "open": {
            "body": {
                "message": "$short",
                "alias": "$key",
                "description": "$summary\n$facts\n$url\n$run_book",
                "source": "DiamondHub",
                "priority": "$priority",
                "tags": ["$kind", "$severity"],
            }
        },
        "resolved": {
            "path": "/$key/close?identifierType=alias",
            "body": {"source": "DiamondHub", "note": "$facts"},
        },
    },
}
#: What `$name` stands for.
NAMES: dict[str, str] = {
    "summary": "the subject, in one line",
    "short": "the subject in 130 characters",
    "severity": "critical, warning or info",
    "priority": "P1, P3 or P5",
    "kind": "the kind of problem",
    "key": "what the problem is known by, the same until it is resolved",
    "what": "opened, recurred, reminder, escalation, resolved, news, test",
    "facts": "since when, how often, what became of it",
    "url": "the problem's page",
    "run_book": "what to do",
    "first_seen": "ISO 8601",
    "last_seen": "ISO 8601",
    "occurrences": "a number",
    "details": "an object",
    "token": "the channel's token",
}
_PRIORITIES = {"critical": "P1", "warning": "P3", "info": "P5"}
_NAME = re.compile(r"\$([a-z_]+)")
#: Deepest and longest template (characters).
MAX_DEPTH, MAX_TEMPLATE = 12, 20_000


class WrongTemplate(ValueError):
    """A template that cannot be used; the text says why."""


def check(template: Any) -> None:
    """Raise `WrongTemplate` for what is none."""
    if not isinstance(template, dict) or "open" not in template or template.keys() - {"open", "resolved"}:
        raise WrongTemplate('must be an object with "open" and perhaps "resolved"')
    for state, request in template.items():
        if not isinstance(request, dict) or "body" not in request or request.keys() - {"path", "body"}:
            raise WrongTemplate(f'"{state}" must be an object with "body" and perhaps "path"')
        path = request.get("path", "")
        if not isinstance(path, str) or (path and not re.fullmatch(r"[/?][A-Za-z0-9._~/$?=&%_-]{0,200}", path)):
            raise WrongTemplate(f'"path" of "{state}" must begin with / or ? and hold letters, digits and $names')
        if ".." in path or "$token" in path:
            raise WrongTemplate(f'"path" of "{state}" must hold neither .. nor $token')
        _check_names(path)
        _check_names(request["body"])


def _check_names(value: Any, depth: int = 0) -> None:
    if depth > MAX_DEPTH:
        raise WrongTemplate(f"must not be deeper than {MAX_DEPTH} levels")
    if isinstance(value, dict):
        for key, inner in value.items():
            _check_names(key, depth + 1)
            _check_names(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            _check_names(inner, depth + 1)
    elif isinstance(value, str):
        for name in _NAME.findall(value):
            if name not in NAMES:
                raise WrongTemplate(f"${name} stands for nothing{nearest(name, NAMES)}")


def request(template: dict[str, Any], message: Message, item: Item, *, token: str) -> tuple[str, Any] | None:
    """Path and body of what is posted of an item; None if the template has nothing for it."""
    chosen = template.get("resolved" if item.state == "resolved" else "open")
    if chosen is None:
        return None
    values = _values(message, item, token)
    path = _NAME.sub(lambda match: quote(str(values[match[1]]), safe=""), chosen.get("path", ""))
    return path, _filled(chosen["body"], values)


def item_of(message: Message) -> Item:
    """News as an item, since templates know items."""
    return Item(
        kind=message.kind, severity=message.severity, subject=message.subject, first_seen=message.created_at.isoformat()
    )


def _values(message: Message, item: Item, token: str) -> dict[str, Any]:
    summary = item.subject or message.subject
    return {
        "summary": summary[:1_000],
        "short": summary if len(summary) <= 130 else summary[:129] + "…",
        "severity": item.severity,
        "priority": _PRIORITIES.get(item.severity, "P3"),
        "kind": item.kind,
        "key": item.key if item.problem else f"diamondhub-{message.key}",
        "what": message.what,
        "facts": item.facts(),
        "url": item.url,
        "run_book": item.run_book,
        "first_seen": item.first_seen,
        "last_seen": item.last_seen or item.first_seen,
        "occurrences": item.occurrences,
        "details": message.details,
        "token": token,
    }


def _filled(value: Any, values: dict[str, Any]) -> Any:
    if isinstance(value, dict):
        return {str(_filled(key, values)): _filled(inner, values) for key, inner in value.items()}
    if isinstance(value, list):
        filled = [_filled(inner, values) for inner in value]
        # A link without an address is refused by those who take links.
        return [inner for inner in filled if not (isinstance(inner, dict) and inner.get("href") == "")]
    if isinstance(value, str):
        alone = _NAME.fullmatch(value)
        if alone and not isinstance(values[alone[1]], str):
            return values[alone[1]]
        return _NAME.sub(lambda match: str(values[match[1]]), value)
    return value

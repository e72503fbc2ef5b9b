"""Clients and keys as commands report them: one JSON object, or lines for people."""

from __future__ import annotations

from typing import Any

from diamondhub.access.clients import USABLE, IssuedKey
from diamondhub.access.models import ApiClient, ApiKey


def issued(made: IssuedKey) -> dict[str, Any]:
    """A key just issued, with its text."""
    return {
        "client": made.key.client.name,
        "kind": made.key.kind,
        "scopes": made.key.client.scopes,
        "key_id": made.key.key_id,
        "expires_at": _moment(made.key.expires_at),
        "key": made.text,
        **({} if made.signing_secret is None else {"signing_secret": made.signing_secret}),
    }


def issued_in_words(made: IssuedKey) -> str:
    """What stands beside a key just issued."""
    client = made.key.client
    whose = f"Key of {client.name} ({', '.join(client.scopes)}), {_end(made.key)}."
    if made.signing_secret is None:
        return f"{whose} Send it as X-API-Key; it is not shown again."
    return (
        f"{whose} Send it as X-API-Key, or sign requests with the secret in the second line and the keyid"
        f" dh_{made.key.key_id}; neither is shown again."
    )


def key(shown: ApiKey) -> dict[str, Any]:
    """A key, which nobody sees any more."""
    return {
        "key_id": shown.key_id,
        "kind": shown.kind,
        "signs": shown.signing_secret is not None,
        "created_at": _moment(shown.created_at),
        "expires_at": _moment(shown.expires_at),
        "revoked_at": _moment(shown.revoked_at),
        "replaced_by": shown.replaced_by.key_id if shown.replaced_by else None,
        "last_used_at": _moment(shown.last_used_at),
    }


def key_in_words(shown: ApiKey) -> str:
    """A key, in one line."""
    state = f"revoked on {shown.revoked_at:%Y-%m-%d}" if shown.revoked_at else _end(shown)
    replaced = f", replaced by {shown.replaced_by}" if shown.replaced_by else ""
    used = f"last used on {shown.last_used_at:%Y-%m-%d %H:%M}" if shown.last_used_at else "never used"
    signs = ", signs" if shown.signing_secret is not None else ""
    return f"{shown} {state}{replaced}{signs}, {used}"


def client(shown: ApiClient) -> dict[str, Any]:
    """A client with its keys, the newest first."""
    keys = shown.keys.select_related("replaced_by").annotate(usable=USABLE).order_by("-pk")
    return {
        "client": shown.name,
        "active": shown.active,
        "kind": shown.kind,
        "scopes": shown.scopes,
        "origins": shown.origins,
        "networks": shown.networks,
        "needs_signature": shown.needs_signature,
        "keys": [{**key(own), "usable": own.usable and shown.active} for own in keys],
    }


def client_in_words(shown: ApiClient) -> str:
    """A client with its keys, in lines."""
    lines = [
        f"{shown.name}: {shown.kind}, {'active' if shown.active else 'switched off'}",
        f"  scopes: {', '.join(shown.scopes)}",
        *([f"  origins: {', '.join(shown.origins)}"] if shown.is_publishable else []),
        f"  networks: {', '.join(shown.networks) or 'any'}",
        *([f"  must sign: {', '.join(shown.needs_signature)}"] if shown.needs_signature else []),
    ]
    keys = shown.keys.select_related("replaced_by").order_by("-pk")
    return "\n".join([*lines, *(f"  {key_in_words(own)}" for own in keys)])


def _end(shown: ApiKey) -> str:
    return f"ends on {shown.expires_at:%Y-%m-%d %H:%M} UTC" if shown.expires_at else "does not end"


def _moment(at: Any) -> str | None:
    return at.isoformat() if at else None

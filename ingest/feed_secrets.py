"""Secrets of feeds: set, removed, and opened for the adapter that sends them. The admin and `set_feed_secret` call it.

Which secrets a feed may have, and where each is sent, its adapter says (`secrets_of` of its `build` module).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from hmac import compare_digest

from django.db import transaction
from django.utils import timezone

from diamondhub.access import sealed
from diamondhub.access.secrets import SecretError
from diamondhub.telemetry import scrub
from ingest.errors import IngestError
from ingest.feeds.registry import secrets_of
from ingest.models import Feed, FeedSecret

#: Longest secret (characters).
MAX_LENGTH = 2_000


class NoSuchSecret(IngestError):
    """The feed sends no secret of this name."""


class UnusableSecret(IngestError):
    """The text cannot be a secret."""


class SecretCannotBeOpened(IngestError):
    """The feed has a secret that cannot be used; set it again."""


@dataclass(frozen=True, slots=True)
class SecretState:
    """A secret that a feed may have: whether and when it was set, and whether it is for where it would be sent now."""

    name: str
    set_at: datetime | None
    usable: bool


def set_secret(feed: Feed, name: str, value: str) -> None:
    """Seal a secret for where the feed sends it now. Raises `NoSuchSecret`, `UnusableSecret`, `SecretCannotBeOpened`."""
    destination = _destination(feed, name)
    if not 0 < len(value) <= MAX_LENGTH or not value.isprintable():
        raise UnusableSecret(f"a secret has 1 to {MAX_LENGTH:,} printable characters and is one line")
    scrub.know(value)
    try:
        with transaction.atomic():
            secret, _ = FeedSecret.objects.select_for_update().get_or_create(
                feed=feed, name=name, defaults={"destination": destination, "sealed": b"", "set_at": timezone.now()}
            )
            secret.destination, secret.set_at = destination, timezone.now()
            sealed.put(secret, "sealed", value.encode())
            secret.save(update_fields=["destination", "sealed", "set_at"])
    except SecretError as error:
        raise SecretCannotBeOpened(str(error)) from error


def remove_secret(feed: Feed, name: str) -> None:
    """Delete a secret. Raises `NoSuchSecret` if there is none."""
    if not FeedSecret.objects.filter(feed=feed, name=name).delete()[0]:
        raise NoSuchSecret(f"feed {feed} has no secret {name!r}")


def opened(feed: Feed) -> Mapping[str, str]:
    """The secrets of a feed, opened, by name. Raises `SecretCannotBeOpened` for one that is for somewhere else."""
    plain = {}
    sent = secrets_of(feed.adapter, feed.parameters)
    for secret in FeedSecret.objects.filter(feed_id=feed.pk).order_by("name"):
        if secret.name not in sent:
            # The address does not mention it any more.
            continue
        if not compare_digest(secret.destination, _hashed(sent[secret.name])):
            raise SecretCannotBeOpened(
                f"the {secret.name} of feed {feed} was set for another account or address than it has now: set it again"
            )
        try:
            value = (sealed.get(secret, "sealed") or b"").decode()
        except SecretError as error:
            raise SecretCannotBeOpened(str(error)) from error
        scrub.know(value)
        plain[secret.name] = value
    return plain


def states(feed: Feed) -> list[SecretState]:
    """The secrets that the feed may have, and those that it has and does not need any more."""
    there = {secret.name: secret for secret in feed.secrets.all()}
    sent = secrets_of(feed.adapter, feed.parameters)
    return [
        SecretState(
            name,
            there[name].set_at if name in there else None,
            usable=name in there and name in sent and there[name].destination == _hashed(sent[name]),
        )
        for name in sorted({*there, *sent})
    ]


def _destination(feed: Feed, name: str) -> str:
    sent = secrets_of(feed.adapter, feed.parameters)
    if name not in sent:
        known = f"its secrets are: {', '.join(sorted(sent))}" if sent else "it sends none"
        raise NoSuchSecret(f"feed {feed} sends no secret {name[:40]!r}; {known}")
    return _hashed(sent[name])


def _hashed(destination: str) -> str:
    return sha256(destination.encode()).hexdigest()

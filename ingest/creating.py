"""Creating a feed, once its supplier has been looked at. `create_feed` and the admin call it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from django.core.exceptions import ValidationError
from django.db import transaction

from diamondhub.audit.acting import acting
from diamondhub.pace.limiter import LimiterUnavailable, WaitTooLong
from ingest import feed_secrets, sign_in
from ingest.errors import IngestError
from ingest.feeds.adapter import Adapter
from ingest.feeds.adapters import adapter_for
from ingest.models import Feed


class NotAFeed(IngestError):
    """The feed cannot be created."""


def look_at_the_whole(adapter: Adapter) -> None:
    """Ask the supplier for its clock, as a run begins: a list is read from one end to the other. Raises `IngestError`."""
    try:
        adapter.server_time()
    except (LimiterUnavailable, WaitTooLong) as error:
        raise NotAFeed(str(error)) from error


def look_at_once(adapter: Adapter) -> None:
    """Try the sign-in, while somebody waits for it. Raises `NotAFeed`."""
    tried = sign_in.tried(adapter)
    if tried.outcome != sign_in.Outcome.OK:
        raise NotAFeed(sign_in.in_words(tried.as_json()))


def create_feed(
    feed: Feed, secrets: Mapping[str, str], *, look: Callable[[Adapter], None], actor: str = "", reason: str = ""
) -> Feed:
    """Save a feed that is not there yet, with its secrets, once `look` has looked at its supplier.

    Nobody's transaction may be open: a supplier takes its time. Raises `NotAFeed`, and what `look` raises.
    """
    try:
        feed.full_clean()
    except ValidationError as error:
        raise NotAFeed("; ".join(error.messages)) from error
    # What is not there is better known before there is a feed.
    look(adapter_for(feed.adapter, feed.parameters, secrets))
    with acting(actor, reason=reason), transaction.atomic():
        feed.save()
        for name, value in secrets.items():
            feed_secrets.set_secret(feed, name, value)
    return feed

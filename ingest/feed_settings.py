"""Changing a feed's settings: what may be changed once there is a feed, and how."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from diamondhub.audit.acting import acting
from ingest.models import Feed
from ingest.runs import find_feed

#: Not the slug, which makes its diamonds' ids, nor the adapter, which gives them their meaning; and what an adapter signs in
#: with is for people alone.
CHANGEABLE = (
    *("name", "enabled", "full_schedule", "incremental_schedule", "window_lag_seconds", "overlap_seconds"),
    *("max_partition_stones", "delist_brake", "shrink_brake", "median_brake", "error_budget", "partial_delay_seconds"),
    "stale_after_minutes",
)


def change(slug: str, changes: Mapping[str, Any], *, actor: str, reason: str = "") -> Feed:
    """Change these settings of a feed, and no others: a run may advance its watermark meanwhile.

    Raises `UnknownFeed`, and Django's `ValidationError` for what the feed does not take.
    """
    with acting(actor, reason=reason), transaction.atomic():
        feed = find_feed(slug)
        feed = Feed.objects.select_for_update().get(pk=feed.pk)
        for name in CHANGEABLE:
            if name in changes:
                setattr(feed, name, changes[name])
        feed.full_clean(exclude=[field.name for field in Feed._meta.fields if field.name not in changes])
        feed.save(update_fields=[name for name in CHANGEABLE if name in changes])
    # A trigger writes down since when a schedule counts.
    return Feed.objects.get(pk=feed.pk)

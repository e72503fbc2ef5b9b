"""What API keys show on the start page: those that end soon, and those that nobody can use."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.db import connection
from django.db.models.functions import Now
from django.urls import reverse

from diamondhub.access import peppers
from diamondhub.access.clients import USABLE
from diamondhub.access.models import ApiKey
from diamondhub.operations import home

#: A key that ends within this time, and that no other one replaces, is told of.
SOON = timedelta(days=14)


def keys_in_need() -> Iterator[home.Figure]:
    """Keys whose clients will be, or are, without one; nothing while all is well."""
    url = reverse("admin:access_apiclient_changelist")
    ending, text = home.capped_count(
        ApiKey.objects.filter(
            USABLE, client__active=True, replaced_by=None, expires_at__isnull=False, expires_at__lte=Now() + SOON
        )
    )
    if ending:
        yield home.Figure(title="API keys ending soon", value=text, url=url, tone="warn", note="within 14 days")
    with connection.cursor() as cursor:
        lost = sum(missing.keys for missing in peppers.missing(cursor))
    if lost:
        yield home.Figure(title="API keys refused", value=f"{lost:,}", url=url, tone="bad", note="their pepper is gone")


home.register(keys_in_need, permission="access.view_apikey")

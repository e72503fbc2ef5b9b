"""What API keys show on the start page: those that end soon, and those that nobody can use."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import connection
from django.urls import reverse

from diamondhub.access import peppers
from diamondhub.access.ending import SOON, ending_keys
from diamondhub.operations import home


def keys_in_need() -> Iterator[home.Figure]:
    """Keys whose clients will be, or are, without one; nothing while all is well."""
    url = reverse("admin:access_apiclient_changelist")
    ending, text = home.capped_count(ending_keys(SOON))
    if ending:
        yield home.Figure(
            title="API keys ending soon", value=text, url=url, tone="warn", note=f"within {SOON.days} days"
        )
    with connection.cursor() as cursor:
        lost = sum(missing.keys for missing in peppers.missing(cursor))
    if lost:
        yield home.Figure(title="API keys refused", value=f"{lost:,}", url=url, tone="bad", note="their pepper is gone")


home.register(keys_in_need, permission="access.view_apikey")

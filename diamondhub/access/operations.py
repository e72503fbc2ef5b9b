"""What API keys show on the start page, and what of people's comings and goings is forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.contrib.sessions.models import Session
from django.db import connection
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.urls import reverse

from diamondhub.access import peppers
from diamondhub.access.ending import SOON, ending_keys
from diamondhub.access.models import RowsTaken
from diamondhub.access.people import SignIn
from diamondhub.operations import home, retention

#: Days for which it is kept how many rows a client took.
ROWS_TAKEN_DAYS = 90


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


def expired_sessions() -> QuerySet[Session]:
    """Sessions that nobody can go on with."""
    return Session.objects.filter(expire_date__lt=Now())


def old_sign_ins() -> QuerySet[SignIn]:
    """Sign-ins of long ago."""
    return SignIn.objects.filter(at__lt=retention.history_kept_from())


def old_rows_taken() -> QuerySet[RowsTaken]:
    """Days of long ago on which clients took rows."""
    return RowsTaken.objects.filter(day__lt=Now() - timedelta(days=ROWS_TAKEN_DAYS))


home.register(keys_in_need, permission="access.view_apikey")
retention.register_rows("expired_sessions", expired_sessions)
retention.register_rows("sign_ins", old_sign_ins)
retention.register_rows("rows_taken", old_rows_taken)

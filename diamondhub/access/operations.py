"""What of API clients is forgotten."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import QuerySet
from django.db.models.functions import Now

from diamondhub.access.models import RowsTaken
from diamondhub.operations import retention

#: Days for which it is kept how many rows a client took.
ROWS_TAKEN_DAYS = 90


def old_rows_taken() -> QuerySet[RowsTaken]:
    """Days of long ago on which clients took rows."""
    return RowsTaken.objects.filter(day__lt=Now() - timedelta(days=ROWS_TAKEN_DAYS))


retention.register_rows("rows_taken", old_rows_taken)

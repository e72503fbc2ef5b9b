"""How long changes are kept: old days of the log go whole, and the counter says since which version it has all of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from django.conf import settings
from django.db import connection, transaction

from catalog.changes.log import DAYS
from catalog.models import DatasetVersion
from diamondhub.operations.retention import CHUNK, Removed, days_ago
from diamondhub.operations.sizes import Amount, of_pieces, of_rows


def _kept_from() -> date:
    return days_ago(settings.CHANGES_RETENTION_DAYS).date()


def would_forget() -> Removed:
    """What would go now."""
    return {
        "change_days": len(DAYS.older_than(_kept_from())),
        "versions": DatasetVersion.objects.filter(changed_on__lt=_kept_from()).count(),
    }


def would_free() -> Amount:
    """What that takes."""
    days = of_pieces(day.name for day in DAYS.older_than(_kept_from()))
    return days + of_rows(DatasetVersion.objects.filter(changed_on__lt=_kept_from()))


def forget() -> Iterator[Removed]:
    """Drop old days of the log, and then the versions that they were of."""
    for day in DAYS.older_than(_kept_from()):
        with transaction.atomic():
            # Behind the lock that dropping takes no transaction is open that has written to the log, so nobody counts.
            DAYS.drop(day)
            _not_before(day.behind)
        yield {"change_days": 1}
    with transaction.atomic():
        with connection.cursor() as cursor:
            # What the net caught; it is empty as long as days are made ahead.
            cursor.execute("DELETE FROM catalog_change_default WHERE changed_on < %s", [_kept_from()])
        _not_before(_kept_from())
    old = DatasetVersion.objects.filter(changed_on__lt=_kept_from()).order_by("pk").values_list("pk", flat=True)
    while chunk := list(old[:CHUNK]):
        DatasetVersion.objects.filter(pk__in=chunk).delete()
        yield {"versions": len(chunk)}


def _not_before(day: date) -> None:
    """Note that the log has nothing of what began before a day: the last statement of a transaction, for it counts."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            /* Versions are in the order of commits, days in that of beginnings: of a version that began before the day and
               came late, those before it are given up as well. */
            UPDATE catalog_versioncounter
            SET forgotten = gone.newest
            FROM (SELECT max(version) AS newest FROM catalog_datasetversion WHERE changed_on < %s) AS gone
            WHERE gone.newest > forgotten
            """,
            [day],
        )

"""Telling subscribers that the catalogue changed: of the newest version, at most once a second, from the sweep.

A busy catalogue makes many versions a second; a shop that is told of one reads the changes up to the newest.
"""

from __future__ import annotations

from django.db import connection, transaction

from diamondhub.webhooks.events import EventKind
from diamondhub.webhooks.outbox import emit


def tell() -> int | None:
    """Write the event for subscribers if the newest version has not been told; returns that version."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(
                """
                -- Mark the newest version as told. Locks its row, so of two sweeps one finds it told already; by the
                -- index of versions and that of those which were told.
                UPDATE catalog_datasetversion
                SET told_at = clock_timestamp()
                WHERE version = (SELECT version FROM catalog_versioncounter)
                    AND told_at IS NULL
                    AND NOT EXISTS (
                        SELECT FROM catalog_datasetversion WHERE told_at > clock_timestamp() - interval '1 second'
                    )
                RETURNING version
                """
            )
            row = cursor.fetchone()
        if row is None:
            return None
        version = int(row[0])
        emit(EventKind.CATALOG_CHANGED, {"version": version})
    return version


def sweep() -> None:
    """The sweep's look."""
    tell()

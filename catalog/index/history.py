"""What the builder asks the log of changes (`catalog.changes`): which version there is, and what changed since one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.backends.base.base import BaseDatabaseWrapper


@dataclass(frozen=True)
class Moment:
    """A version of the catalogue, by the counter's row; `at` is a time by the database's clock at which it was there."""

    version: int
    generation: str
    #: Changes since this version are in the log.
    forgotten: int
    at: datetime


def moment(connection: BaseDatabaseWrapper) -> Moment:
    """The newest version. Raises `DatabaseError`."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            -- The newest version. Takes no locks; the counter has one row.
            SELECT version, generation::text, forgotten, clock_timestamp() FROM catalog_versioncounter
            """
        )
        return Moment(*cursor.fetchone())


def changed_since(
    connection: BaseDatabaseWrapper, version: int, made_at: datetime, now: Moment, *, limit: int
) -> list[UUID] | None:
    """The ids of the stones that changed after a version that was there at `made_at`, up to that of `now`.

    None if the log does not say: it does not reach back, names more than `limit` changes, or is of another history. Both
    versions are of one generation.
    """
    if not now.forgotten <= version <= now.version:
        return None
    with connection.cursor() as cursor:
        cursor.execute(
            """
            -- Whether the version came later than what is known of it: commits were lost, and others counted in their place.
            -- Takes no locks; by the version's index.
            SELECT 1 FROM catalog_datasetversion WHERE version = %(version)s AND created_at > %(made_at)s
            """,
            {"version": version, "made_at": made_at},
        )
        if cursor.fetchone():
            return None
        cursor.execute(
            """
            -- The stones of all change sets between two versions, those that changed twice named twice. Takes no locks;
            -- change sets by the version's index, their stones by the log's, in the pieces of their days.
            SELECT c.diamond_id
            FROM catalog_datasetversion AS v
            JOIN catalog_change AS c ON c.change_set = v.id AND c.changed_on = v.changed_on
            WHERE v.version > %(version)s AND v.version <= %(now)s
            LIMIT %(limit)s
            """,
            {"version": version, "now": now.version, "limit": limit + 1},
        )
        ids = [row[0] for row in cursor.fetchall()]
    return None if len(ids) > limit else list(set(ids))

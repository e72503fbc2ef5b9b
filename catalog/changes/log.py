"""The versions of the catalogue and the log of what changed in each. Triggers keep both, so that no writer can forget them.

Every statement that writes diamonds appends the ids of its stones to `catalog_change`, under the change set of its
transaction: one row of `DatasetVersion`, made by the first such statement. When all else of the transaction is done, at its
commit, a deferred trigger takes the next version for the change set from the counter, which is one row: its lock is held
from then to the end of the commit, so versions are in the order in which commits are seen, and a version that is seen has
everything below it.

Nobody waits in a circle for the counter: whoever holds it waits for nothing any more but the disk. `take` is for what must
know its version before the commit; what follows it in the transaction must wait for no lock.

Who reads the counter and then rows sees rows at least as new as the version. The ids are read by `catalog.index.history` and
`catalog.changes.feed`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Max

from catalog.models import DatasetVersion, VersionCounter
from diamondhub.operations.retention import Removed, days_ago
from diamondhub.timed_tables import Piece, TimedTable

#: The log's table, in daily pieces.
DAYS = TimedTable("catalog_change", "changed_on", "day", ahead=3)
#: Longest cause that is kept (characters).
MAX_CAUSE = 100


@dataclass(frozen=True, slots=True)
class Version:
    """A version of the catalogue. Numbers of different generations say nothing of each other.

    `forgotten` is the version since which the log has all changes.
    """

    number: int
    generation: str
    forgotten: int


def because(cause: str) -> None:
    """Name the cause of the version that the current transaction makes, such as `run 7`. To be called before it writes."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('diamondhub.change_cause', %s, true)", [cause[:MAX_CAUSE]])


def current() -> Version:
    """The newest version that can be seen."""
    counter = VersionCounter.objects.get()
    return Version(counter.version, str(counter.generation), counter.forgotten)


def take() -> int:
    """The version of the current transaction, which is taken now; the newest that can be seen if it changed no stone.

    The counter stays locked until the transaction ends: what follows must wait for no lock that others hold.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS version_taken IMMEDIATE")
        cursor.execute("SET CONSTRAINTS version_taken DEFERRED")
        cursor.execute(
            """
            -- The version of this transaction's change set. By the primary key; takes no lock.
            SELECT coalesce(
                (
                    SELECT version FROM catalog_datasetversion
                    WHERE id = nullif(current_setting('diamondhub.change_set', true), '')::bigint
                ),
                (SELECT version FROM catalog_versioncounter)
            )
            """
        )
        (version,) = cursor.fetchone()
    return int(version)


def old_days() -> list[Piece]:
    """The days of the log that are older than `CHANGES_RETENTION_DAYS`."""
    return DAYS.older_than(days_ago(settings.CHANGES_RETENTION_DAYS).date())


def forget() -> Iterator[Removed]:
    """Forget old days of the log with their versions, each in a transaction of its own."""
    for day in old_days():
        versions = DatasetVersion.objects.filter(changed_on__lt=day.behind)
        with transaction.atomic():
            newest = versions.aggregate(newest=Max("version"))["newest"]
            DAYS.drop(day)
            forgotten, _ = versions.delete()
            if newest is not None:
                # Last, so that the counter is not held while the piece's lock is waited for.
                VersionCounter.objects.filter(forgotten__lt=newest).update(forgotten=newest)
        yield {"change_days": 1, "versions": forgotten}

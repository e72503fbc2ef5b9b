"""The versions of the catalogue and the log of what changed in each. Triggers keep both, so that no writer can forget them.

Every statement that writes diamonds appends the ids of its stones to `catalog_change`, under the change set of its
transaction: one row of `DatasetVersion`, made by the first such statement. When all else of the transaction is done, at its
commit, a deferred trigger takes the next version for the change set from the counter, which is one row: its lock is held
from then to the end of the commit, so versions are in the order in which commits are seen, and a version that is seen has
everything below it.

Nobody waits in a circle for the counter: whoever holds it waits for nothing any more but the disk. Checks of foreign keys,
which wait for the commit as well and lock rows, come first: the trigger queues itself a second time, behind them. `take` is
for what must know its version before the commit; what follows it in the transaction must wait for no lock.

Who reads the counter and then rows sees rows at least as new as the version. The ids are read by `catalog.index.history` and
`catalog.changes.feed`.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection

from catalog.models import VersionCounter
from diamondhub.timed_tables import TimedTable

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

    The counter stays locked until the transaction ends: what follows must wait for no lock that others hold. All checks that
    wait for the commit are made here, before it is locked.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
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

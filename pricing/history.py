"""The history of prices: who is named as the cause of a change, and the table's monthly pieces.

A trigger on the diamonds writes it once a statement (migration `0035_price_changes_in_sets`), so that a statement by hand
is in it as well.
"""

from __future__ import annotations

from django.db import connection

from catalog.changes import log
from diamondhub.timed_tables import TimedTable

#: The history's table, in monthly pieces.
CHANGES = TimedTable("pricing_pricechange", "changed_on", "month", ahead=2)


def because(cause: str, cause_id: int | None, actor: str) -> None:
    """Name the cause of what the current transaction changes in stones and prices: "run" 7, "repricing" 3, "replay", …"""
    log.because(cause if cause_id is None else f"{cause} {cause_id}")
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT set_config('diamondhub.price_cause', %s, true), set_config('diamondhub.price_cause_id', %s, true),
                set_config('diamondhub.price_actor', %s, true)
            """,
            [cause[:16], "" if cause_id is None else str(cause_id), actor[:150]],
        )

"""The pauses that suppliers asked for, kept in PostgreSQL; the limiter reads them after a flush of its Redis."""

from __future__ import annotations

from django.db import connection

from diamondhub.database import release_connection


class SupplierPauses:
    """The limiter's `PauseStore`. Times are the database's; the connection is given back before anybody sleeps."""

    def keep(self, account: str, seconds: float) -> None:
        """Remember that nobody may send for `seconds`; a longer pause that is known already stays."""
        with connection.cursor() as cursor:
            cursor.execute(
                """
                INSERT INTO ingest_supplierpause AS known (account, until)
                VALUES (%(account)s, clock_timestamp() + %(seconds)s * interval '1 second')
                ON CONFLICT (account) DO UPDATE SET until = greatest(known.until, EXCLUDED.until)
                """,
                {"account": account, "seconds": seconds},
            )
        release_connection()

    def left(self, account: str) -> float:
        """Seconds of the remembered pause that are left; 0 if there is none."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT extract(epoch FROM until - clock_timestamp()) FROM ingest_supplierpause WHERE account = %s",
                [account],
            )
            row = cursor.fetchone()
        release_connection()
        return max(0.0, float(row[0])) if row else 0.0

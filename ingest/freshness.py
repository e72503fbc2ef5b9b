"""The catalogue's age as a health check that only informs, since an old catalogue can still be served."""

from __future__ import annotations

from typing import Any

import psycopg

from diamondhub.telemetry.health import Outcome


def age_of_last_run(cursor: psycopg.Cursor[Any]) -> Outcome:
    """The age of each enabled feed's last completed run; not ok if a feed has none."""
    cursor.execute(
        """
        SELECT feed.slug, extract(epoch FROM clock_timestamp() - max(run.finished_at))
        FROM ingest_feed AS feed
        LEFT JOIN ingest_run AS run ON run.feed_id = feed.id AND run.state = 'completed'
        WHERE feed.enabled
        GROUP BY feed.slug
        ORDER BY feed.slug
        """
    )
    ages = dict(cursor.fetchall())
    words = [f"{slug}: {'never' if age is None else f'{age / 60:.0f} min ago'}" for slug, age in ages.items()]
    return Outcome(ok=None not in ages.values(), detail="; ".join(words) or "no feed is enabled")

"""How old the stones of a feed are, and how old is too old; and as a health check that only informs, since an old catalogue
can still be served."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import chain, islice, pairwise, takewhile
from typing import Any

import psycopg
from django.db.models import QuerySet

from diamondhub.telemetry.health import Outcome
from ingest import crontab
from ingest.models import Feed, Run
from ingest.models.run import LIVE_STATES

#: A feed that nothing starts by itself is too old after this.
BOUND_WITHOUT_SCHEDULE = timedelta(days=2)
#: A slot that brought nothing is late after this, or after a quarter of the time between slots, if that is longer.
LATE = timedelta(hours=1)
#: A run that is under way may take so long before the feed's age counts again.
PATIENCE = timedelta(hours=6)
#: A schedule is looked at for a week and a day: what it leaves out at night and at weekends is in it.
LOOKED_AHEAD = timedelta(days=8)


def age(feed: Feed, now: datetime) -> timedelta:
    """How old the feed's stones are: since its watermark, or since there is a feed, but for the time of a live run."""
    return age_with(feed, now, at_work().filter(feed=feed).values_list("created_at", flat=True).first())


def age_with(feed: Feed, now: datetime, begun: datetime | None) -> timedelta:
    """As `age`, of a feed whose live run, if it has one at work, began then."""
    since = feed.watermark or feed.created_at
    under_way = min(now - begun, PATIENCE) if begun else timedelta()
    return max(now - since - under_way, timedelta())


def at_work() -> QuerySet[Run]:
    """Live runs that do not wait for a person; a feed has one at most."""
    return Run.objects.filter(state__in=LIVE_STATES).exclude(state=Run.State.IN_REVIEW)


def bound(feed: Feed, now: datetime) -> timedelta:
    """How old is too old: what the feed says, or as old as it gets when one of its slots brings nothing, and a while."""
    if feed.stale_after_minutes:
        return timedelta(minutes=feed.stale_after_minutes)
    longest = _longest_pause(feed.full_schedule, feed.incremental_schedule, now.date())
    return BOUND_WITHOUT_SCHEDULE if longest is None else longest + max(LATE, longest / 4)


@lru_cache(maxsize=256)
def _longest_pause(full: str, incremental: str, day: date) -> timedelta | None:
    """The longest time between two slots of the schedules together, from a day on; None if they have no two slots."""
    begin = datetime.combine(day, time(), tzinfo=UTC)
    near: set[datetime] = set()
    first: set[datetime] = set()
    for schedule in (full, incremental):
        try:
            slots = crontab.parse(schedule).slots_after(begin) if schedule else iter(())
        except ValueError:
            # A problem of its own.
            continue
        two = list(islice(slots, 2))
        first |= {*two}
        near |= {*takewhile(lambda slot: slot <= begin + LOOKED_AHEAD, chain(two, slots))}
    # Schedules that are rarer than that say something by their first slots.
    ordered = sorted(near if len(near) > 1 else first)
    return max((later - earlier for earlier, later in pairwise(ordered)), default=None)


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

"""How many stones the catalogue has on sale, for pages that people look at: counted at most once a minute.

A count reads the whole table, and no index is kept for it: searches do not need one, and consolidation would pay for it.
"""

from __future__ import annotations

import structlog
from django.core.cache import cache
from django.db import OperationalError
from django.db.models import Count
from psycopg.errors import QueryCanceled
from redis.exceptions import RedisError

from catalog.models import Availability, Diamond
from diamondhub.admin.base import bounded

log = structlog.get_logger(__name__)

#: Where the count is kept. While a run brings stones there is a new version every second: it is not counted as often.
KEY = "on-sale"
#: A page waits no longer for the count (seconds); reading a million stones takes about one.
COUNT_SECONDS = 5
#: So long is a count shown, or that there is none in time, before the table is read again (seconds).
FRESH_SECONDS = 60


def stones_on_sale() -> dict[str, int] | None:
    """The available stones by feed; feeds without any are not in it. None if they are not counted in time."""
    try:
        known: tuple[dict[str, int] | None] | None = cache.get(KEY)
    except RedisError:
        return _count()
    if known is not None:
        return known[0]
    counts = _count()
    try:
        cache.set(KEY, (counts,), FRESH_SECONDS)
    except RedisError as error:
        log.warning("count_not_kept", error=type(error).__name__)
    return counts


def _count() -> dict[str, int] | None:
    available = Diamond.objects.filter(availability=Availability.AVAILABLE)
    try:
        with bounded(COUNT_SECONDS):
            return dict(available.order_by().values_list("feed").annotate(stones=Count("id")))
    except OperationalError as error:
        if not isinstance(error.__cause__, QueryCanceled):
            raise
        log.warning("stones_on_sale_not_counted", seconds=COUNT_SECONDS)
        return None

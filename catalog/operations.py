"""What the catalogue shows on the start page: stones that can be bought now, the index of searches; and what it forgets."""

from __future__ import annotations

from collections.abc import Iterator

from django.conf import settings
from django.db.models import QuerySet
from django.urls import reverse

from catalog.changes import forgetting
from catalog.changes.log import DAYS
from catalog.exports import files
from catalog.exports.models import EXPORT_STATES, Export, Stock
from catalog.on_sale import stones_on_sale
from catalog.states import STATES
from diamondhub.admin.display import NOTHING
from diamondhub.operations import home, retention

#: Days for which the rows of exports that ended are kept; their files go much earlier.
EXPORTS_DAYS = 30


def diamonds_on_sale() -> Iterator[home.Figure]:
    """All available stones."""
    counts = stones_on_sale()
    yield home.Figure(
        title="diamonds on sale",
        value=NOTHING if counts is None else f"{sum(counts.values()):,}",
        url=reverse("admin:catalog_diamond_changelist") + "?availability=available",
        note="not counted in time" if counts is None else "",
    )


def search_index() -> Iterator[home.Figure]:
    """The version of this host's index, or that searches do without one."""
    # Numpy takes memory and time to start, which programs without an index need not spend.
    from catalog.index import status

    now = status.of(settings.INDEX_DIR)
    is_well = now.alive and not now.reason
    yield home.Figure(
        title="search index",
        value=NOTHING if now.reason or now.notice is None else f"version {now.notice.version:,}",
        url="/health/status",
        tone="good" if is_well else "warn",
        note=now.reason or ("" if now.alive else "no builder is at work"),
    )


home.register(diamonds_on_sale, permission="catalog.view_diamond")
home.register(search_index, permission="catalog.view_diamond")

retention.register(retention.Step("changes", forgetting.forget, forgetting.would_forget))
retention.make_ahead(DAYS)
retention.register_months("state_months", STATES)


def old_exports() -> QuerySet[Export]:
    """Exports that ended long ago and have no file any more."""
    ended = Export.objects.filter(state__in=EXPORT_STATES.final)
    return ended.filter(finished_at__lt=retention.days_ago(EXPORTS_DAYS))


def old_stocks() -> QuerySet[Stock]:
    """Whole stocks that nobody has asked for in a long time."""
    return Stock.objects.filter(asked_at__lt=retention.days_ago(EXPORTS_DAYS))


retention.register_rows("exports", old_exports)
retention.register_rows("stocks", old_stocks)
retention.register(files.LOST_FILES)

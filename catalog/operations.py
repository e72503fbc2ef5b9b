"""What the catalogue shows on the start page: stones that can be bought now, the index of searches; and what it forgets."""

from __future__ import annotations

from collections.abc import Iterator
from time import monotonic

from django.conf import settings
from django.db.models import QuerySet
from django.urls import reverse

from catalog import state_metrics  # noqa: F401 - it fills a table by being imported
from catalog.changes import forgetting
from catalog.changes.log import DAYS
from catalog.exports import files
from catalog.exports.models import EXPORT_STATES, Export, Stock
from catalog.index import reports
from catalog.on_sale import stones_on_sale
from catalog.states import STATES
from diamondhub.admin.display import NOTHING, duration
from diamondhub.operations import away, home, retention, stages, workers
from diamondhub.operations.away import Away
from diamondhub.operations.problems import looking

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
    behind = now.notice.behind(monotonic()) if now.notice is not None else 0.0
    yield home.Figure(
        title="search index",
        value=NOTHING if now.reason or now.notice is None else f"version {now.notice.version:,}",
        url="/health/status",
        tone="good" if is_well else "warn",
        note=now.reason
        or ("" if now.alive else "no builder is at work")
        or (f"{duration(behind)} behind" if behind >= 1 else "the newest version"),
    )


def index_away() -> Iterator[Away]:
    """An index that searches do without."""
    from catalog.index import status

    now = status.of(settings.INDEX_DIR)
    if now.reason or not now.alive:
        yield Away(
            f"Searches are slow: this host's index is not used ({now.reason or 'no builder is at work'}).",
            "Start the program `index` on this host, or see what it logs.",
            url=reverse("admin:index"),
        )


away.register(index_away)
home.register(diamonds_on_sale, permission="catalog.view_diamond", every=10)
home.register(search_index, permission="catalog.view_diamond")
stages.register(
    "exports",
    lambda: Export.objects.filter(state=Export.State.PENDING),
    url=lambda: reverse("admin:catalog_export_changelist"),
)

retention.register(
    retention.Step("changes", forgetting.forget, forgetting.would_forget, would_free=forgetting.would_free)
)
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
retention.register_rows("index_builders", reports.forgotten)
retention.register_rows("stocks", old_stocks)
retention.register(files.LOST_FILES)

retention.keep("catalog_change", how_long="CHANGES_RETENTION_DAYS days, by whole days", by=("changes",))
retention.keep(
    "catalog.DatasetVersion", how_long="CHANGES_RETENTION_DAYS days, with the log of changes", by=("changes",)
)
retention.keep(
    "catalog.AvailabilityChange", how_long="HISTORY_RETENTION_DAYS days, by whole months", by=("state_months",)
)
retention.keep(
    "catalog.Export", how_long="30 days after its end; its file EXPORT_HOURS hours", by=("exports", "lost_export_files")
)
retention.keep("catalog.Stock", how_long="30 days after it was last asked for", by=("stocks",))
retention.keep(
    "catalog.Diamond", how_long="for ever: one row for each stone that ever was on offer, delisted ones included"
)
retention.keep("catalog.StockNumber", how_long="for ever: one row for each stone that got another number")
retention.keep("catalog.VersionCounter", how_long="for ever: one row")
retention.keep("catalog.CatalogView", how_long="for ever: one for each client at most")
retention.keep("catalog.ExchangeRate", how_long="for ever: some a day at most, and old prices are explained by them")
retention.keep("catalog.IndexBuilder", how_long="two days after it was last heard of", by=("index_builders",))
retention.keep("catalog.SavedView", how_long="for ever: each person has some dozens at most")
looking.register(reports.look, "index-behind")
workers.note("web", reports.NOTE, reports.Missing().note)

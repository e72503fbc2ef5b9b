"""What the catalogue shows on the start page: stones that can be bought now, the index of searches; and what it forgets."""

from __future__ import annotations

from collections.abc import Iterator

from django.conf import settings
from django.urls import reverse

from catalog.changes import forgetting
from catalog.changes.log import DAYS
from catalog.on_sale import stones_on_sale
from catalog.states import STATES
from diamondhub.admin.display import NOTHING
from diamondhub.operations import home, retention


def diamonds_on_sale() -> Iterator[home.Figure]:
    """All available stones."""
    counts = stones_on_sale()
    yield home.Figure(
        title="diamonds on sale",
        value=NOTHING if counts is None else f"{sum(counts.values()):,}",
        url=reverse("admin:catalog_diamond_changelist") + "?availability__exact=available",
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

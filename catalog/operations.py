"""What the catalogue shows on the start page, how many stones can be bought now, and what it forgets."""

from __future__ import annotations

from collections.abc import Iterator

from django.urls import reverse

from catalog.changes import log
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


home.register(diamonds_on_sale, permission="catalog.view_diamond")

retention.register(retention.Step("changes", log.forget, lambda: {"change_days": len(log.old_days()), "versions": 0}))
retention.make_ahead(log.DAYS)
retention.register_months("state_months", STATES)

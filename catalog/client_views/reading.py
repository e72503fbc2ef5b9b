"""The view of a client, read from its row and from the rate of exchange in force, with the version of the catalogue: one
query for all three.

What was made of a row is kept by all that it was made of, so nothing that is kept is ever out of date.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple

import structlog
from django.db import connection
from rest_framework.serializers import ValidationError

from catalog.api.asking import FilterBody
from catalog.client_views.view import EVERYTHING, ClientView
from catalog.currencies.converting import DOLLARS, Ending, Exchange
from catalog.currencies.rates import TODAY
from catalog.currencies.units import PLACES
from catalog.index.history import Moment
from catalog.searching.filters import DEFAULTS, conditions, normal
from diamondhub import money
from diamondhub.access.models import ApiClient
from diamondhub.api.mistakes import Mistakes
from diamondhub.api.problems import InvalidBody, Unavailable

log = structlog.get_logger(__name__)

#: When a client may ask again whose view cannot be used (seconds): somebody must mend it first.
RETRY_SECONDS = 300


class ViewUnusable(Unavailable):
    """The view of a client cannot be kept to, so nothing is shown."""

    def __init__(self, why: str) -> None:
        detail = f"Your client's view of the catalogue cannot be used: {why}. The operator of this API must mend it."
        super().__init__("view-unusable", detail, retry_after=RETRY_SECONDS)


class Row(NamedTuple):
    """What a view is made of, as the database has it; filters are texts of JSON."""

    forced: str
    defaults: str
    fields: tuple[str, ...] | None
    currency: str
    ending: Decimal | None
    ending_step: Decimal | None
    max_rows: int | None
    since: int
    rate: Decimal | None
    rate_since: date | None


class _KeptFilters(FilterBody):
    """Filters that were looked at when they were entered. Names that no stone has any more are no mistake later."""

    def combine(self, values: dict[str, Any], mistakes: Mistakes) -> dict[str, Any]:
        return normal(values)


def view_of(client: ApiClient) -> ClientView:
    """The view of a client, as it is now. One small query. Raises `ViewUnusable`."""
    return view_and_version_of(client)[0]


def view_and_version_of(client: ApiClient) -> tuple[ClientView, Moment]:
    """The same with the catalogue's newest version, by the same query."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            -- The newest version, and the view of a client if it has one, with the rate in force of its currency. By the
            -- index of clients, and that of currencies and days; takes no locks. The counter has one row.
            SELECT counter.version, counter.generation::text, counter.forgotten, clock_timestamp(),
                view.client_id IS NOT NULL, view.forced::text, view.defaults::text, view.shown_fields, view.currency,
                view.ending, view.ending_step, view.max_rows, view.since, rate.rate, rate.valid_from
            FROM catalog_versioncounter AS counter
            LEFT JOIN catalog_catalogview AS view ON view.client_id = %s
            LEFT JOIN LATERAL (
                SELECT rate, valid_from
                FROM catalog_exchangerate
                WHERE currency = view.currency AND valid_from <= {TODAY}
                ORDER BY valid_from DESC
                LIMIT 1
            ) AS rate ON true
            """,
            [client.pk],
        )
        *counted, has_view, forced, defaults, fields, currency, ending, step, max_rows, since, rate, valid_from = (
            cursor.fetchone()
        )
    newest = Moment(*counted)
    if not has_view:
        return EVERYTHING, newest
    shown = None if fields is None else tuple(fields)
    row = Row(forced, defaults, shown, currency, ending, step, max_rows, since, rate, valid_from)
    try:
        return made_of(row), newest
    except (InvalidBody, ViewUnusable) as error:
        log.error("client_view_unusable", client=client.name, error=str(error))
        if isinstance(error, ViewUnusable):
            raise
        raise ViewUnusable("its filters cannot be read") from None


@lru_cache(maxsize=1_000)
def made_of(row: Row) -> ClientView:
    """The view that a row says. Raises `InvalidBody` for filters that cannot be read, and `ViewUnusable`."""
    forced, defaults = (filters_of(json.loads(text)) for text in (row.forced, row.defaults))
    exchange = DOLLARS
    if row.currency != money.CURRENCY:
        if row.rate is None or row.currency not in PLACES:
            raise ViewUnusable(f"there is no rate of exchange for {row.currency}")
        exchange = Exchange(row.currency, row.rate.normalize(), row.rate_since, _ending(row))
    fields = None if row.fields is None else frozenset(row.fields)
    sight = _sight_of(forced, defaults, None if fields is None else sorted(fields), row.max_rows)
    return ClientView(
        key=key_of(sight, exchange),
        sight=sight,
        forced=conditions(forced),
        defaults=defaults,
        fields=fields,
        exchange=exchange,
        max_rows=row.max_rows,
        since=row.since,
    )


def filters_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """The values of filters by their parameters' names, as a body has them. Raises `InvalidBody`."""
    try:
        values = _KeptFilters.read(body)
    except ValidationError as error:
        raise InvalidBody.of(error) from None
    return {name: value for name, value in values.items() if name not in DEFAULTS or name in body}


def key_of(sight: str, exchange: Exchange) -> str:
    """The key of a view: the same text for the same view; empty for that of everything, in dollars."""
    if not exchange.is_needed:
        return sight
    ending = exchange.ending and (exchange.ending.ending, exchange.ending.step)
    return f"{sight}:{exchange.currency}:{exchange.rate:f}" + (f":{ending}" if ending else "")


def _sight_of(*parts: Any) -> str:
    if parts == ({}, {}, None, None):
        return EVERYTHING.sight
    return blake2b(json.dumps(parts, sort_keys=True, default=str).encode(), digest_size=12).hexdigest()


def _ending(row: Row) -> Ending | None:
    if row.ending is None or row.ending_step is None:
        return None
    unit = 10 ** PLACES[row.currency]
    return Ending(int(row.ending * unit), int(row.ending_step * unit))

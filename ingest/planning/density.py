"""The density of a feed's stones on the price axis, as the catalogue last knew it: the planner learns from it.

Stones are counted and summed up by PostgreSQL, which sends no more points than a plan can use.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from django.db import OperationalError, connection, transaction

log = structlog.get_logger(__name__)

#: Planning does not wait longer for the catalogue (milliseconds); it can do without.
STATEMENT_MILLISECONDS = 30_000


@dataclass(frozen=True, slots=True)
class Density:
    """A feed's stones in the catalogue: how many, and ascending (whole dollars per carat, stones below) pairs."""

    feed: str
    total: int
    points: list[tuple[int, int]]

    def weights_within(self, ranges: Sequence[tuple[int, int]]) -> list[dict[int, int]]:
        """For each price range (from, to; ascending, both inclusive): hundredths of a carat → stones lighter than that."""
        rows = _ask(
            """
            /* Stones by weight within some ranges of prices. Locks nothing; reads the feed's stones once. */
            SELECT place, hundredths, count(*)
            FROM (
                SELECT
                    coalesce(floor(cost_cents / nullif(carats, 0) / 100), 0)::bigint AS price,
                    coalesce(floor(carats * 100), 0)::integer AS hundredths
                FROM catalog_diamond
                WHERE feed = %(feed)s AND availability = 'available'
            ) AS stone
            CROSS JOIN LATERAL (SELECT width_bucket(price, %(starts)s::bigint[]) AS place) AS range
            WHERE place > 0 AND price <= (%(ends)s::bigint[])[place]
            GROUP BY place, hundredths
            ORDER BY place, hundredths
            """,
            {"feed": self.feed, "starts": [low for low, _ in ranges], "ends": [high for _, high in ranges]},
        )
        weights: list[dict[int, int]] = [{0: 0} for _ in ranges]
        below = [0] * len(ranges)
        for place, hundredths, stones in rows:
            weights[place - 1][hundredths] = below[place - 1]
            below[place - 1] += stones
            weights[place - 1][hundredths + 1] = below[place - 1]
        return weights


def known_density(feed: str, *, steps: int) -> Density | None:
    """The density of a feed's available stones, at most 2 × `steps` points at about equal numbers of stones.

    Stones of unknown weight count as 0 dollars per carat, as they do for the supplier. None if there are none, or if the
    catalogue is too busy to say.
    """
    rows = _ask(
        """
        /* The prices at which the running number of stones passes another step, and what lies below and at them.
           Locks nothing; reads the feed's stones once. */
        WITH prices AS (
            SELECT coalesce(floor(cost_cents / nullif(carats, 0) / 100), 0)::bigint AS price, count(*) AS here
            FROM catalog_diamond
            WHERE feed = %(feed)s AND availability = 'available'
            GROUP BY 1
        ),
        running AS (
            SELECT
                price,
                here,
                (sum(here) OVER (ORDER BY price))::bigint - here AS below,
                (sum(here) OVER ())::bigint AS total
            FROM prices
        )
        SELECT price, below, here, total
        FROM running
        WHERE (below + here) * %(steps)s / total > below * %(steps)s / total
        ORDER BY price
        """,
        {"feed": feed, "steps": steps},
    )
    if not rows:
        return None
    points = {0: 0}
    for price, below, here, _total in rows:
        points[price] = below
        points[price + 1] = below + here
    return Density(feed, rows[0][3], sorted(points.items()))


def _ask(statement: str, parameters: dict[str, Any]) -> list[Any]:
    """Ask the catalogue, for a bounded time; what it has no time for, it does not know."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(STATEMENT_MILLISECONDS)])
            cursor.execute(statement, parameters)
            rows: list[Any] = cursor.fetchall()
    except OperationalError as error:
        log.warning("density_unknown", reason=str(error).strip().splitlines()[0])
        return []
    return rows

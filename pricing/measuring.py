"""What came of an experiment, and how sure one can be of it.

Measured are the stones that were for sale when the experiment started: who belongs to the share is decided by a hash, so the
two groups differ by chance and by price alone, and all of them are watched for the same time. A stone counts as sold if the
supplier says so, at the price that it was offered for when it was; it is gone if it was sold, taken off or delisted. Orders
are not known here: who bought a stone, and what was paid, stays with the shop. What follows from that is in
`docs/pricing.md`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import sql

from diamondhub.database import psycopg_cursor
from pricing.compile import in_share_of
from pricing.models import Experiment
from pricing.uncertainty import CONFIDENCE, Difference, Sample, compare_means, compare_shares

#: Digits behind the point of figures that are kept.
DIGITS = 6


@dataclass(frozen=True, slots=True)
class Arm:
    """One group: its stones, those sold and gone, and of those sold the asking prices, margins (cents) and margin shares."""

    stones: int
    sold: int
    gone: int
    revenue: Sample
    margin: Sample
    margin_share: Sample

    def per_stone(self, sums: Sample) -> Sample:
        """The same over all stones of the group: those that were not sold brought nothing."""
        return Sample(self.stones, sums.total, sums.squares)


_NOBODY = Arm(0, 0, 0, Sample(0, 0, 0), Sample(0, 0, 0), Sample(0, 0, 0))


def measure(experiment: Experiment, until: datetime) -> dict[str, Any]:
    """The measurement of a started experiment up to now, as it is kept: `days`, `arms` and `comparisons`.

    Amounts are cents; shares are fractions. Each comparison has both figures, the interval of the share's figure less that
    of all other stones, and a verdict (`pricing.uncertainty.Verdict`).
    """
    assert experiment.started_at is not None
    by_share = _count(experiment, experiment.started_at)
    share, others = by_share.get(True, _NOBODY), by_share.get(False, _NOBODY)
    sold = min(share.sold, others.sold)
    compared = {
        "share_sold": compare_shares(share.sold, share.stones, others.sold, others.stones),
        "share_gone": compare_shares(share.gone, share.stones, others.gone, others.stones),
        "revenue_per_stone": compare_means(
            share.per_stone(share.revenue), others.per_stone(others.revenue), least=sold
        ),
        "margin_per_stone": compare_means(share.per_stone(share.margin), others.per_stone(others.margin), least=sold),
        "margin_of_sold": compare_means(share.margin_share, others.margin_share, least=sold),
    }
    return {
        "days": round((until - experiment.started_at).total_seconds() / 86_400, 2),
        "confidence": CONFIDENCE,
        "arms": [_arm(experiment.slug, share), _arm(None, others)],
        "comparisons": [_comparison(what, difference) for what, difference in compared.items()],
    }


def _arm(name: str | None, arm: Arm) -> dict[str, Any]:
    return {
        "arm": name,
        "stones": arm.stones,
        "sold": arm.sold,
        "gone": arm.gone,
        "revenue_cents": int(arm.revenue.total),
        "margin_cents": int(arm.margin.total),
    }


def _comparison(what: str, difference: Difference) -> dict[str, Any]:
    return {
        "what": what,
        "arm": _rounded(difference.first),
        "others": _rounded(difference.second),
        "difference": _rounded(difference.difference),
        "low": _rounded(difference.low),
        "high": _rounded(difference.high),
        "verdict": difference.verdict.value,
    }


def _rounded(figure: float | None) -> float | None:
    return None if figure is None else round(figure, DIGITS)


def _count(experiment: Experiment, since: datetime) -> dict[bool, Arm]:
    """Both groups, by whether they are the share."""
    statement = sql.SQL(
        """
        /* The stones that were for sale at the start, by share: one scan of the diamonds, the changes of availability since
           (by month), and the price at its sale of each stone that is sold (index pricechange_diamond). Takes no locks. */
        WITH moved AS (
            SELECT diamond_id,
                (array_agg(old ORDER BY changed_at, id))[1] AS state_at_start,
                max(changed_at) FILTER (WHERE new = 'sold') AS sold_at
            FROM catalog_availabilitychange
            WHERE changed_on >= {day} AND changed_at > {since}
            GROUP BY diamond_id
        ), offered AS (
            SELECT s.id, {in_share} AS in_share, s.availability, s.price_cents, s.cost_cents, moved.sold_at
            FROM catalog_diamond AS s
            LEFT JOIN moved ON moved.diamond_id = s.id
            WHERE s.first_seen_at <= {since} AND COALESCE(moved.state_at_start, s.availability) = 'available'
        ), ended AS (
            SELECT offered.in_share, offered.availability,
                COALESCE(later.old_price_cents, offered.price_cents)::double precision AS price,
                COALESCE(later.old_cost_cents, offered.cost_cents)::double precision AS cost
            FROM offered
            LEFT JOIN LATERAL (
                SELECT change.old_price_cents, change.old_cost_cents
                FROM pricing_pricechange AS change
                WHERE offered.availability = 'sold'
                    AND change.diamond_id = offered.id
                    AND change.changed_on >= (offered.sold_at AT TIME ZONE 'UTC')::date
                    AND change.changed_at >= offered.sold_at
                ORDER BY change.changed_on, change.id
                LIMIT 1
            ) AS later ON true
        )
        SELECT in_share,
            count(*),
            count(*) FILTER (WHERE availability = 'sold'),
            count(*) FILTER (WHERE availability IN ('sold', 'unavailable', 'delisted')),
            COALESCE(sum(price) FILTER (WHERE availability = 'sold'), 0),
            COALESCE(sum(price * price) FILTER (WHERE availability = 'sold'), 0),
            COALESCE(sum(price - cost) FILTER (WHERE availability = 'sold'), 0),
            COALESCE(sum((price - cost) * (price - cost)) FILTER (WHERE availability = 'sold'), 0),
            count(*) FILTER (WHERE availability = 'sold' AND cost > 0),
            COALESCE(sum((price - cost) / cost) FILTER (WHERE availability = 'sold' AND cost > 0), 0),
            COALESCE(sum(((price - cost) / cost) ^ 2) FILTER (WHERE availability = 'sold' AND cost > 0), 0)
        FROM ended
        GROUP BY in_share
        """
    ).format(
        in_share=in_share_of(experiment),
        since=sql.Literal(since),
        day=sql.SQL("({}::timestamptz AT TIME ZONE 'UTC')::date").format(sql.Literal(since)),
    )
    with psycopg_cursor() as cursor:
        cursor.execute(statement)
        rows: list[Any] = cursor.fetchall()
    arms = {}
    for in_share, stones, sold, gone, price, price_squares, margin, margin_squares, with_cost, share, squares in rows:
        arms[bool(in_share)] = Arm(
            stones,
            sold,
            gone,
            Sample(sold, price, price_squares),
            Sample(sold, margin, margin_squares),
            Sample(with_cost, share, squares),
        )
    return arms

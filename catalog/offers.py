"""One stone, several offers: which rows of the catalogue are offers of one stone, and which only have its certificate.

Offers of one stone have a certificate of one laboratory and number that proves something (`catalog.certificates.proving`),
are of one shape and both natural or both grown, and weigh the same: sorted by weight, none is more than a hundredth heavier
than the one before it. Rows with the same certificate that contradict each other are stones of their own: one of them is
written wrong, and nobody knows which.

The index tells stones apart by the same rule (`catalog.index.deriving`).
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Case, Q, Value, When

from catalog.certificates import FOLDED, PROVES, numbered, proving
from catalog.models import Availability, Diamond

#: What offers of one stone have in common besides the number of the certificate.
SAME = ("lab", "lab_grown", "shape")
#: Weights of one stone differ by rounding only.
TOLERATED_PERCENT = 1
#: Other rows that are shown beside one.
MAX_OTHERS = 50

_SAME = ", ".join(SAME)


def grouped(rows: str) -> str:
    """A query of those rows of the catalogue whose certificate proves something and stands in several of them.

    Its columns are `id`, `feed`, `number`, `lab` and `stone`, a text that offers of one stone share. `rows` is a condition
    on `catalog_diamond`, which must take all or none of the rows of one number that count.
    """
    return f"""
        SELECT id, feed, number, lab,
            ROW(number, {_SAME}, sum(begins) OVER (by_weight ROWS UNBOUNDED PRECEDING))::text AS stone
        FROM (
            SELECT *,
                count(*) OVER (PARTITION BY number) AS several,
                coalesce(100 * carats > {100 + TOLERATED_PERCENT} * lag(carats) OVER by_weight, FALSE)::integer AS begins
            FROM (
                SELECT id, feed, {FOLDED} AS number, {_SAME}, coalesce(carats, 0) AS carats
                FROM catalog_diamond
                WHERE certificate_number IS NOT NULL AND {rows}
            ) AS certified
            WHERE number IS NOT NULL
            WINDOW by_weight AS (PARTITION BY number, {_SAME} ORDER BY carats, id)
        ) AS parted
        WHERE several > 1 AND number ~ '{PROVES}'
        WINDOW by_weight AS (PARTITION BY number, {_SAME} ORDER BY carats, id)
    """


@dataclass(frozen=True, slots=True)
class Offer:
    """Another row with the certificate of a stone; `contradicts` says in words how it cannot be the same stone."""

    diamond: Diamond
    contradicts: str


def others(stone: Diamond) -> list[Offer]:
    """The other rows with the certificate of a stone, the cheapest on sale first; at most `MAX_OTHERS`.

    A row that lacks the laboratory, or has it where the stone lacks it, is among them; one of another laboratory is not.
    """
    if proving(stone.certificate_number) is None:
        return []
    assert stone.certificate_number is not None
    rows = Diamond.objects.filter(numbered([stone.certificate_number])).exclude(pk=stone.pk)
    if stone.lab is not None:
        rows = rows.filter(Q(lab=stone.lab) | Q(lab__isnull=True))
    on_sale_first = Case(When(availability=Availability.AVAILABLE, then=Value(0)), default=Value(1))
    rows = rows.order_by(on_sale_first, "price_cents", "pk")[:MAX_OTHERS]
    return [Offer(other, contradiction(stone, other)) for other in rows]


def contradiction(stone: Diamond, other: Diamond) -> str:
    """How two rows with one certificate contradict each other, in words; empty if they may be one stone."""
    words = []
    if stone.carats is not None and other.carats is not None:
        lesser, greater = sorted([stone.carats, other.carats])
        if 100 * greater > (100 + TOLERATED_PERCENT) * lesser:
            words.append(f"it weighs {other.carats.normalize():f} ct, not {stone.carats.normalize():f}")
    if stone.shape and other.shape and stone.shape != other.shape:
        words.append(f"it is {other.shape}, not {stone.shape}")
    if stone.lab_grown != other.lab_grown:
        words.append("it is lab-grown" if other.lab_grown else "it is natural")
    return ", ".join(words)

"""Stones far too cheap to be natural although no column says that they were grown: they are refused, not believed."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from catalog.grades import Clarity, Color, FancyIntensity
from ingest.errors import MappingError
from ingest.feeds.deciding_nature import Evidence, Nature
from ingest.feeds.fancy import FancyFacts
from ingest.feeds.pricelist import bands
from ingest.feeds.pricelist.costs import Price

#: From this colour on a price says whether a letter is one of the scale.
TINTED_FROM = Color.K
#: Intensities of the dearest fancy colours.
STRONG = frozenset({FancyIntensity.FANCY_INTENSE, FancyIntensity.FANCY_VIVID})


def refuse_doubtful(
    per_carat: int,
    color: int | None,
    clarity: int | None,
    stone: Nature,
    evidence: Sequence[Evidence],
) -> None:
    """Refuse a stone of good grades that is far too cheap to be natural, if no column says that it is."""
    good = color is not None and color <= Color.J and clarity is not None and clarity <= Clarity.SI2
    if good and not stone.treated and not any(spoken.said.grown is not None for spoken in evidence):
        raise MappingError(
            "lab-grown or natural",
            f"no column says it, and {per_carat / 100:,.2f} dollars a carat are far too few "
            "for a natural stone of its grades",
        )


def refuse_dear(
    price: Price, carats: Decimal | None, color: int | None, said: str, header: str, band_factor: float
) -> None:
    """Refuse a natural stone of a tinted colour that is far too dear for it: its letter names a fancy colour."""
    if color is None or not TINTED_FROM <= color < Color.FANCY or not carats:
        return
    most = bands.tinted_above(float(carats), color, band_factor)
    if price.per_carat is not None and price.per_carat > 100 * most:
        raise MappingError(
            header,
            f"{said[:60]!r} may be the name of a fancy colour: {price.per_carat / 100:,.2f} dollars a carat is no price of "
            f"a natural stone of {carats} carats and the colour {Color(color).name}, which is {most:,.0f} at most",
        )


def refuse_doubtful_fancy(
    price: Price,
    carats: Decimal | None,
    fancy: FancyFacts,
    stone: Nature,
    evidence: Sequence[Evidence],
    band_factor: float,
) -> None:
    """Refuse an intense or vivid colour that is far too cheap to be natural, if no column says that it is."""
    if fancy.intensity not in STRONG or price.per_carat is None or carats is None:
        return
    if carats < bands.INTENSE_FROM or fancy.overtone or stone.treated:
        return
    if price.per_carat < 100 * bands.doubtful_fancy_below(fancy.name, band_factor) and not any(
        spoken.said.grown is not None for spoken in evidence
    ):
        raise MappingError(
            "lab-grown or natural",
            f"no column says it, and {price.per_carat / 100:,.2f} dollars a carat are far too few "
            f"for a natural {str(fancy.name).lower()} of such an intensity",
        )

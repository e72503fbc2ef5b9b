"""What the rows of a list say of its columns of money: arithmetic between columns, levels of prices, and weights.

`ingest.feeds.pricelist.proving.proof` weighs it. Everything here looks at a sample of rows that is read once.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from catalog.grades import Clarity, Color
from ingest.feeds.pricelist import bands, numbers
from ingest.feeds.pricelist.discounts import Discount, Writing

#: Rows that a sample has at most; of a longer list every second, fourth, … row is taken.
MAX_SAMPLE = 2_000
#: Prices that differ by less than this share are the same one: discounts are written in whole percents.
SAME_WITHIN = 0.01
#: A price in whole dollars is rounded by as much.
ROUNDED_BY = 0.51
#: One row alone proves only what is exact.
EXACT_WITHIN = 0.003
#: A row of another weight than one carat fits its meaning better than the next one by at least this.
TELLS_BY = 0.005
#: Weights nearer to one carat than this cannot tell a carat's price from the stone's.
TELLING_FROM = 0.04
#: Rows, and spread of their weights (standard deviation of logarithms), from which a growth with weight is measured.
MIN_ROWS_OF_GROWTH, MIN_SPREAD = 30, 0.25
#: One factor on so many rows at least, and on this share of them, is no chance; one nearer to 1 may be a further discount.
MIN_CONSTANT, CONSTANT_ON, FURTHER_DISCOUNT = 10, 0.9, 0.06
#: The power of the weight by which prices of natural stones grow, per carat and of the stone.
GROWTH_PER_CARAT, GROWTH_TOTAL = (0.3, 1.4), (1.6, 2.8)

#: Rapaport's prices of a carat are multiples of this, which the price of a stone is only when it is divided by the weight.
LIST_STEP = 50
#: A rounded amount tells whether it is such a multiple if it is known to this many dollars a carat; so many rows must tell,
#: and so large a share of those on which only one of the two is a multiple must agree.
TELLS_STEP_WITHIN, MIN_STEPS, ON_STEP = 5.0, 5, 0.8

Something = TypeVar("Something")


@dataclass(slots=True)
class SampleRow:
    """One row as far as it bears on prices: amounts in dollars by header, None where there is none."""

    number: int
    carats: float | None
    kind: bands.Kind
    color: int | None
    clarity: int | None
    amounts: dict[str, float | None]
    discounts: dict[str, Discount | None]
    cells: dict[str, str]
    #: The decimal sign of its amounts.
    sign: str = "."
    #: Header and cell of what only hints at a grown stone, where nothing says what it is.
    hint: tuple[str, str] | None = None
    #: Whether nothing says what the stone is, and its colour if that is an intense or vivid one without an overtone.
    is_silent: bool = False
    strong: str = ""

    @property
    def telling(self) -> float | None:
        """The weight, if it can tell a carat's price from the stone's."""
        return self.carats if self.carats and abs(self.carats - 1) > TELLING_FROM else None


@dataclass(slots=True)
class Votes:
    """Rows that agree with each meaning, of those that could."""

    rows: int = 0
    for_meaning: Counter[str] = field(default_factory=Counter)
    exact: Counter[str] = field(default_factory=Counter)

    def winner(self) -> str | None:
        """The meaning that the rows prove, if they prove one."""
        if not any(self.for_meaning.values()):
            return None
        (meaning, votes), *others = self.for_meaning.most_common()
        against = sum(count for _, count in others)
        if votes == 1 and not self.exact[meaning]:
            return None
        return meaning if votes >= 0.6 * self.rows and against <= 0.1 * votes else None


def sampled(rows: Iterable[Something], most: int = MAX_SAMPLE) -> list[tuple[int, Something]]:
    """Rows with their numbers (from 1), evenly over all of them, in one pass and bounded memory."""
    kept: list[tuple[int, Something]] = []
    stride = 1
    for number, row in enumerate(rows):
        if number % stride:
            continue
        if len(kept) >= 2 * most:
            del kept[1::2]
            stride *= 2
            if number % stride:
                continue
        kept.append((number + 1, row))
    return kept


def against_list(rows: Sequence[SampleRow], price: str, listed: str, off: str, writing: Writing) -> tuple[Votes, int]:
    """Whether list × (1 - discount) is a carat's price or, by the weight, the stone's; and the rows that fit at all."""
    votes, fitting = Votes(), 0
    for row in rows:
        amount, of_list, said = row.amounts.get(price), row.amounts.get(listed), row.discounts.get(off)
        factor = said.factor(writing) if said is not None else None
        if not amount or not of_list or factor is None or amount <= 0 or row.carats is None:
            continue
        expected = of_list * float(factor)
        ratios = {"per_carat": amount / expected, "total": amount / (expected * row.carats)}
        fits = _vote(votes, row, ratios, SAME_WITHIN if amount % 1 else max(SAME_WITHIN, ROUNDED_BY / amount))
        fitting += fits
    return votes, fitting


def constant_against_list(
    rows: Sequence[SampleRow], price: str, listed: str, off: str, writing: Writing
) -> tuple[float, int] | None:
    """The factor by which nearly all prices, of a carat or of the stone, differ from list and discount, and the rows.

    None if there is none, or if it is so near to one that it may be a further discount.
    """
    for weighed in (False, True):
        factors = []
        for row in rows:
            amount, of_list, said = row.amounts.get(price), row.amounts.get(listed), row.discounts.get(off)
            factor = said.factor(writing) if said is not None else None
            if amount and of_list and factor and row.carats and amount > 0:
                factors.append(amount / (of_list * float(factor) * (row.carats if weighed else 1)))
        if len(factors) < MIN_CONSTANT:
            continue
        middle = float(np.median(factors))
        alike = sum(abs(factor / middle - 1) <= SAME_WITHIN for factor in factors)
        if alike >= CONSTANT_ON * len(factors) and abs(middle - 1) > FURTHER_DISCOUNT:
            return middle, alike
    return None


def against_column(rows: Sequence[SampleRow], price: str, other: str) -> Votes:
    """Whether a column times the weight is the other one (`per_carat`), the reverse (`total`), or both hold the same."""
    votes = Votes()
    for row in rows:
        amount, beside = row.amounts.get(price), row.amounts.get(other)
        if not amount or not beside or amount <= 0 or beside <= 0 or row.carats is None:
            continue
        ratio = amount / beside
        _vote(votes, row, {"per_carat": ratio * row.carats, "total": ratio / row.carats, "same": ratio})
    return votes


def times_of(rows: Sequence[SampleRow], price: str, other: str) -> tuple[float, float]:
    """How many times another column's prices one's are, in the middle of rows that have both, and how much that varies."""
    ratios = [
        amount / beside
        for row in rows
        if (amount := row.amounts.get(price)) and (beside := row.amounts.get(other)) and amount > 0 and beside > 0
    ]
    if not ratios:
        return 1.0, 0.0
    middle = float(np.median(ratios))
    return middle, float(np.median(np.abs(np.log(np.array(ratios) / middle))))


def _vote(votes: Votes, row: SampleRow, ratios: dict[str, float], within: float = SAME_WITHIN) -> bool:
    """Count a row for the meaning that it fits, if it fits that much better than the others."""
    apart = {meaning: abs(ratio - 1) for meaning, ratio in ratios.items()}
    nearest, second = sorted(apart, key=lambda meaning: apart[meaning])[:2]
    fits = apart[nearest] <= within
    tells = fits and apart[second] >= 4 * apart[nearest] + TELLS_BY
    if tells or row.telling is not None:
        votes.rows += 1
        votes.for_meaning[nearest] += tells
        votes.exact[nearest] += tells and apart[nearest] <= EXACT_WITHIN
    return fits


def by_level(rows: Sequence[SampleRow], price: str) -> Votes:
    """Which meaning makes the prices those of such stones, of the rows for which only one does."""
    votes = Votes()
    for row in rows:
        amount, weight = row.amounts.get(price), row.telling
        if not amount or amount <= 0 or weight is None or row.kind.fancy:
            continue
        votes.rows += 1
        fitting = [
            meaning
            for meaning, dollars in (("per_carat", amount), ("total", amount / weight))
            if bands.is_usual(dollars, weight, row.kind)
        ]
        if len(fitting) == 1:
            votes.for_meaning[fitting[0]] += 1
    return votes


def share_of_usual(rows: Sequence[SampleRow], price: str, meaning: str) -> float:
    """The share of telling rows whose price is a usual one, if a column means this."""
    usual = [
        bands.is_usual(amount if meaning == "per_carat" else amount / weight, weight, row.kind)
        for row in rows
        if (amount := row.amounts.get(price)) and amount > 0 and (weight := row.telling) and not row.kind.fancy
    ]
    return sum(usual) / len(usual) if usual else 0.0


def is_possible(row: SampleRow, amount: float) -> bool:
    """Whether an amount could be what a carat or the stone costs."""
    weight = row.carats or 1.0
    low, high = bands.possible(weight, row.kind)
    return low <= amount <= high or low <= amount / weight <= high


def _usual(row: SampleRow, weight: float) -> float | None:
    """What a carat of a stone of this weight and these grades costs."""
    level = bands.usual(weight, row.kind)
    if level is None or row.kind.lab_grown:
        return level
    color = 0.0 if row.color is None else row.color - Color.G
    clarity = 0.0 if row.clarity is None else row.clarity - Clarity.VS1
    return level * math.exp(-0.10 * color - 0.14 * clarity)


def level_of(rows: Sequence[SampleRow], price: str, meaning: str) -> tuple[float, int]:
    """How many times what is usual a carat costs, in the middle of the rows, if a column means this; and the rows."""
    times = []
    for row in rows:
        amount, level = row.amounts.get(price), row.carats and _usual(row, row.carats)
        if amount and amount > 0 and level and row.carats:
            times.append((amount if meaning == "per_carat" else amount / row.carats) / level)
    return (float(np.median(times)) if times else 1.0), len(times)


@dataclass(frozen=True, slots=True)
class Growth:
    """The power of the weight by which a column's prices grow, of stones of the same grades, and how sure that is."""

    power: float
    error: float
    rows: int

    def meaning(self) -> str | None:
        """What grows so with weight."""
        low, high = self.power - 3 * self.error, self.power + 3 * self.error
        for meaning, (least, most) in (("per_carat", GROWTH_PER_CARAT), ("total", GROWTH_TOTAL)):
            if least <= low and high <= most:
                return meaning
        return None


def growth_of(rows: Sequence[SampleRow], price: str) -> Growth | None:
    """How a column's prices grow with weight, of natural stones on the scale; None if the rows are too few or too alike."""
    points = [
        (math.log(amount), math.log(row.carats), row.color or 0, row.clarity or 0)
        for row in rows
        if (amount := row.amounts.get(price)) and amount > 0 and row.carats and row.kind == bands.ORDINARY
    ]
    if len(points) < MIN_ROWS_OF_GROWTH:
        return None
    table: NDArray[Any] = np.array(points)
    prices, weights = table[:, 0], table[:, 1]
    if float(weights.std()) < MIN_SPREAD:
        return None
    known = [np.ones(len(points)), weights, *(column for column in (table[:, 2], table[:, 3]) if column.std() > 0)]
    design = np.column_stack(known)
    solution, _, rank, _ = np.linalg.lstsq(design, prices, rcond=None)
    if rank < design.shape[1]:
        return None
    left = prices - design @ solution
    variance = float(left @ left) / max(1, len(points) - design.shape[1])
    error = math.sqrt(max(0.0, variance * float(np.linalg.inv(design.T @ design)[1, 1])))
    return Growth(float(solution[1]), error, len(points))


def lists_stones(rows: Sequence[SampleRow], listed: str) -> tuple[int, int] | None:
    """Rows on which a list price is a round one only when it is divided by the weight, and those that could tell.

    None unless most do: then it is of the stone, although Rapaport's list is of a carat.
    """
    telling = of_stone = 0
    for row in rows:
        amount, weight = row.amounts.get(listed), row.telling
        within = (0.006 if amount and amount % 1 else ROUNDED_BY) / (weight or 1)
        if not amount or amount <= 0 or weight is None or within > TELLS_STEP_WITHIN:
            continue
        by_weight, as_it_is = _off_step(amount / weight) <= within, _off_step(amount) <= 0.006
        telling += not (by_weight and as_it_is)
        of_stone += by_weight and not as_it_is
    return (of_stone, telling) if telling >= MIN_STEPS and of_stone >= ON_STEP * telling else None


def _off_step(amount: float) -> float:
    """How far an amount is from the nearest multiple."""
    return abs(amount - LIST_STEP * round(amount / LIST_STEP))


def amount_of(cell: str, sign: str) -> float | None:
    """An amount of dollars in a cell."""
    read = numbers.amount(cell, sign) if cell else None
    return None if read is None else float(read)

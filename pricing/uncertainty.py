"""How sure one can be of a difference between two groups of stones: intervals of 95 %, in plain arithmetic.

Shares are compared by Newcombe's interval for the difference of two proportions, made of two Wilson intervals (Newcombe,
"Interval estimation for the difference between independent proportions", 1998, method 10); means by Welch's interval, which
lets the groups vary differently. Both take stones for independent of each other. Where there are too few to say anything,
that is what is said.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import sqrt

#: Two-sided, of a normal distribution: 95 of 100 such intervals hold the true difference.
CONFIDENCE, Z = 95, 1.959964
#: Stones that a share needs on either side, those that did and those that did not, in each group.
MIN_OF_EITHER = 10
#: Stones that a mean needs in each group: what few stones sold for is told by chance.
MIN_FOR_MEAN = 30


class Verdict(StrEnum):
    """What may be said of a difference."""

    TOO_FEW = "too_few"
    NOT_SEEN = "not_seen"
    HIGHER = "higher"
    LOWER = "lower"


@dataclass(frozen=True, slots=True)
class Difference:
    """The figures of two groups, the interval of the first less the second (None if there is none), and what may be said."""

    first: float | None
    second: float | None
    low: float | None
    high: float | None
    verdict: Verdict

    @property
    def difference(self) -> float | None:
        """The difference; None if one of the groups has no figure."""
        return None if self.first is None or self.second is None else self.first - self.second


@dataclass(frozen=True, slots=True)
class Sample:
    """The number of values of a group, their sum, and the sum of their squares."""

    count: int
    total: float
    squares: float

    @property
    def mean(self) -> float | None:
        """The mean; None without values."""
        return self.total / self.count if self.count else None

    @property
    def variance(self) -> float:
        """The variance of what the values are a sample of."""
        if self.count < 2:
            return 0.0
        return max(0.0, (self.squares - self.total * self.total / self.count) / (self.count - 1))


def compare_shares(first: int, of_first: int, second: int, of_second: int) -> Difference:
    """The difference of two shares, such as `first` stones sold `of_first`."""
    shares = [hits / among if among else None for hits, among in ((first, of_first), (second, of_second))]
    each_side = (first, of_first - first, second, of_second - second)
    if min(each_side) < MIN_OF_EITHER or shares[0] is None or shares[1] is None:
        return Difference(shares[0], shares[1], None, None, Verdict.TOO_FEW)
    one, other = shares[0], shares[1]
    (low_one, high_one), (low_other, high_other) = wilson(first, of_first), wilson(second, of_second)
    low = one - other - sqrt((one - low_one) ** 2 + (high_other - other) ** 2)
    high = one - other + sqrt((high_one - one) ** 2 + (other - low_other) ** 2)
    return Difference(one, other, low, high, _verdict(low, high))


def compare_means(first: Sample, second: Sample, *, least: int) -> Difference:
    """The difference of two means; `least` is the smaller number of stones that have a say in either group."""
    if least < MIN_FOR_MEAN or min(first.count, second.count) < MIN_FOR_MEAN:
        return Difference(first.mean, second.mean, None, None, Verdict.TOO_FEW)
    one, other = first.total / first.count, second.total / second.count
    parts = [sample.variance / sample.count for sample in (first, second)]
    error = sqrt(sum(parts))
    freedom = (
        sum(parts) ** 2 / sum(part**2 / (sample.count - 1) for part, sample in zip(parts, (first, second), strict=True))
        if error
        else 1e9
    )
    reach = student(freedom) * error
    low, high = one - other - reach, one - other + reach
    return Difference(one, other, low, high, _verdict(low, high))


def wilson(hits: int, among: int) -> tuple[float, float]:
    """The interval of one share."""
    share, square = hits / among, Z * Z
    middle = share + square / (2 * among)
    reach = Z * sqrt(share * (1 - share) / among + square / (4 * among * among))
    scale = 1 + square / among
    return max(0.0, (middle - reach) / scale), min(1.0, (middle + reach) / scale)


def student(freedom: float) -> float:
    """The quantile of Student's distribution in the place of `Z`, by Cornish and Fisher: exact to 0.001 from 10 on."""
    first = (Z**3 + Z) / 4
    second = (5 * Z**5 + 16 * Z**3 + 3 * Z) / 96
    third = (3 * Z**7 + 19 * Z**5 + 17 * Z**3 - 15 * Z) / 384
    return Z + first / freedom + second / freedom**2 + third / freedom**3


def _verdict(low: float, high: float) -> Verdict:
    if low > 0:
        return Verdict.HIGHER
    return Verdict.LOWER if high < 0 else Verdict.NOT_SEEN

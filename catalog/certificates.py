"""Certificate numbers as they are compared: what one laboratory's number is, however suppliers write it.

Case, spaces and signs are folded. IGI prints the numbers of lab-grown stones with `LG` in front, which many leave out.
What is written in the place of a number (`0`, `NA`, `PENDING`) is none, and a number of a few characters proves nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from django.db import models
from django.db.models import Func, Q
from django.db.models.lookups import In


def _fold(column: str) -> str:
    """The fold of a column in SQL. Nearly all numbers are digits, or `LG` and digits: told by what is left without digits,
    which takes half the time of the general form.
    """
    general = (
        f"nullif(regexp_replace(upper(regexp_replace({column}, '[^A-Za-z0-9]', '', 'g')), '^LG(?=[0-9])', ''), '')"
    )
    return (
        f"CASE translate({column}, '0123456789', '') WHEN '' THEN nullif({column}, '') WHEN 'LG' THEN "
        f"CASE WHEN starts_with({column}, 'LG') AND length({column}) > 2 THEN substr({column}, 3) ELSE {general} END "
        f"ELSE {general} END"
    )


#: The fold of the column `certificate_number` in SQL, the same as `folded`; NULL for a number without letters and digits.
FOLDED = _fold("certificate_number")

#: A number of fewer letters and digits is no laboratory's: two stones that have it may be two.
MIN_PROVING = 5
_TWO_DIGITS = "|".join(f"{digit}.*[^{digit}A-Z]" for digit in range(10))
#: A regular expression of PostgreSQL for folded numbers that tell a certificate from every other.
PROVES = f"^(?=.{{{MIN_PROVING}}})(?=.*(?:{_TWO_DIGITS})).*$"
#: The fold of such a number, or NULL; the same as `proving`.
PROVING = f"substring({FOLDED} FROM '{PROVES}')"


class Folded(Func):
    """The fold of a column in a query. The index `diamond_certificate_number` is over it."""

    template = _fold("%(expressions)s")
    arity = 1

    def __init__(self, column: Any) -> None:
        super().__init__(column, output_field=models.CharField(null=True))


def numbered(numbers: Iterable[str]) -> Q:
    """The condition of stones whose certificates have these numbers, however either is written. The index serves it."""
    keys = {key for number in numbers if (key := folded(number))}
    # PostgreSQL does not see by itself that the index holds all of these.
    return Q(certificate_number__isnull=False) & Q(In(Folded("certificate_number"), keys)) if keys else Q(pk__in=[])


def folded(number: str | None) -> str | None:
    """The number that is compared: `"lg 5678-90"` is `"567890"`; None if there is none."""
    plain = re.sub(r"[^A-Za-z0-9]", "", number or "").upper()
    return re.sub(r"^LG(?=[0-9])", "", plain) or None


def is_placeholder(number: str) -> bool:
    """Whether this stands where a number would be: it has no digit, or the same one only (`0000000000`)."""
    digits = re.sub(r"[^0-9]", "", number)
    return not digits.strip(digits[:1])


def proving(number: str | None) -> str | None:
    """The number that is compared, if it tells a certificate from every other; None if it proves nothing."""
    key = folded(number)
    return None if key is None or len(key) < MIN_PROVING or is_placeholder(key) else key

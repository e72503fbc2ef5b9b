"""Which columns of a diamond the index keeps, and how: every value is a whole number of a column's own array.

The table follows from `catalog.columns` and the model: what can be asked for or sorted by is kept. What a stone lacks is the
smallest number of the array's type.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
from django.db import models
from numpy.typing import NDArray

from catalog.certificates import MIN_PROVING, PROVING, proving
from catalog.columns import COLUMNS, Address
from catalog.models import Diamond

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
#: Texts of which nearly every stone has one of its own.
_OWN = frozenset({"supplier_stone_id", "offer_id", "certificate_number"})


@dataclass(frozen=True)
class Whole:
    """Whole numbers as they are: cents, grades, days."""

    def number(self, value: Any) -> int:
        return int(value)

    def value(self, number: int) -> Any:
        return number


@dataclass(frozen=True)
class Scaled:
    """Decimals of so many places, times 10 to the power of them."""

    places: int

    def number(self, value: Any) -> int:
        """The number of a decimal of these places; others have none, and are asked for by `Between` only."""
        return int(Decimal(value).scaleb(self.places))

    def value(self, number: int) -> Any:
        return Decimal(number).scaleb(-self.places)


@dataclass(frozen=True)
class Moment:
    """Points in time: microseconds since 1970, UTC."""

    def number(self, value: datetime) -> int:
        return (value - _EPOCH) // _MICROSECOND

    def value(self, number: int) -> Any:
        return _EPOCH + timedelta(microseconds=number)


@dataclass(frozen=True)
class Truth:
    """0 is no, 1 is yes."""

    def number(self, value: Any) -> int:
        return int(value)

    def value(self, number: int) -> Any:
        return bool(number)


@dataclass(frozen=True)
class Presence:
    """Whether the stone has a value is all that is kept: 1 where it has one."""

    def number(self, value: Any) -> int:
        return 1

    def value(self, number: int) -> Any:
        return number


@dataclass(frozen=True)
class Word:
    """One of not too many texts: its place in the list `words` of the column."""


@dataclass(frozen=True)
class Digest:
    """A text that few stones share: the first eight bytes of its MD5, big-endian and signed.

    In SQL the first half of `md5(text)::uuid`.
    """

    def number(self, value: str) -> int:
        number = int.from_bytes(hashlib.md5(value.encode(), usedforsecurity=False).digest()[:8], "big", signed=True)
        # The smallest number is the sign of what is lacking.
        return max(number, -(2**63) + 1)


@dataclass(frozen=True)
class Certificate(Digest):
    """The digest of a certificate's number as certificates are compared; one that proves nothing is lacking.

    `source` is the column of the number, `sql` the number as it is compared, an expression over the table; one of digits
    proves something from `least_digits` on.
    """

    least_digits: int = MIN_PROVING
    source = "certificate_number"
    sql = PROVING

    def of(self, written: str | None) -> int | None:
        """The digest of a number as a supplier wrote it."""
        compared = proving(written)
        return None if compared is None else self.number(compared)


Form = Whole | Scaled | Moment | Truth | Presence | Word | Digest


@dataclass(frozen=True, eq=False)
class Coded:
    """Points in time of which many stones share each: their places in the rising list of those that there are."""

    #: As `Moment` has them.
    times: NDArray[np.int64]

    def place(self, value: datetime) -> Fraction:
        """The place of a time in the list; of one that it lacks, a place between two."""
        number = Moment().number(value)
        place = int(np.searchsorted(self.times, number))
        is_listed = place < len(self.times) and self.times[place] == number
        return Fraction(place) if is_listed else Fraction(2 * place - 1, 2)

    def value(self, place: int) -> datetime:
        """The time at a place."""
        moment: datetime = Moment().value(int(self.times[place]))
        return moment

    def numbers(self, places: NDArray[np.signedinteger]) -> NDArray[np.int64]:
        """The times at these places as `Moment` has them."""
        lacking = places == np.iinfo(places.dtype).min
        numbers: NDArray[np.int64] = self.times.take(places, mode="clip")
        numbers[lacking] = np.iinfo(np.int64).min
        return numbers


def coded(numbers: NDArray[np.signedinteger]) -> tuple[Coded, NDArray[np.int64]] | None:
    """Numbers as places in a list of those that there are, the smallest for what is lacking; None if that takes no less."""
    lacking = numbers == np.iinfo(numbers.dtype).min
    times = np.unique(numbers)
    times = times[times != np.iinfo(numbers.dtype).min].astype(np.int64)
    width = 1 if len(times) < 2**7 else 2 if len(times) < 2**15 else 4
    if not len(times) or times.nbytes + width * len(numbers) >= numbers.nbytes:
        return None
    places = np.searchsorted(times, numbers)
    places[lacking] = np.iinfo(np.int64).min
    return Coded(times), places


#: The column of what stones of one certificate share.
CERTIFICATE = "certificate"


def _field(name: str) -> models.Field[Any, Any]:
    field = Diamond._meta.get_field(name)
    assert isinstance(field, models.Field)
    return field


def _form(field: models.Field[Any, Any], address: bool) -> Form:
    if address:
        return Presence()
    match field:
        case models.DecimalField():
            return Scaled(field.decimal_places)
        case models.DateTimeField():
            return Moment()
        case models.BooleanField():
            return Truth()
        case models.IntegerField():
            return Whole()
        case models.CharField():
            return Digest() if field.name in _OWN else Word()
    raise TypeError(f"the index has no form for {field.name}")


@cache
def forms() -> Mapping[str, Form]:
    """The form of every column that the index keeps, by the model's name, besides the id; and of `CERTIFICATE`."""
    kept = {
        column.source: _form(_field(column.source), isinstance(column.kind, Address))
        for column in COLUMNS
        if (column.asked or column.sortable) and column.source != "id"
    }
    return {**kept, CERTIFICATE: Certificate()}


@cache
def layout() -> str:
    """A name of the columns and their forms: a file of another layout cannot be read."""
    return hashlib.sha256(repr(sorted(forms().items())).encode()).hexdigest()[:16]

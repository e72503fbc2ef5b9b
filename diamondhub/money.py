"""Money: integer US cents inside, decimal strings outside. The one place that rounds."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal

CURRENCY = "USD"


def round_half_up(amount: Decimal) -> int:
    """Round an exact amount in cents to whole cents, halves away from zero (as PostgreSQL's `round(numeric)` does)."""
    return int(amount.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def per_unit(cents: int, thousandths: int) -> int:
    """The price of 1 where `cents` is that of so many thousandths (of a carat, say), rounded half-up to the cent.

    `cents` must not be negative. It is `round_half_up` of the exact quotient, without decimals.
    """
    return (2_000 * cents + thousandths) // (2 * thousandths)


def round_up(amount: Decimal) -> int:
    """Round an exact amount in cents up to whole cents."""
    return int(amount.quantize(Decimal(1), rounding=ROUND_CEILING))


def add_percentage(cents: int, percentage: Decimal) -> int:
    """`cents` raised by `percentage` (40 means + 40 %), rounded half-up to the cent."""
    return round_half_up(cents * (100 + percentage) / 100)


def to_text(cents: int | None) -> str | None:
    """Cents as the API shows them: `123450` becomes `"1234.50"`."""
    if cents is None:
        return None
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100}.{abs(cents) % 100:02d}"


def from_text(text: str) -> int:
    """`"1234.5"` becomes `123450`. Raises `ValueError` for anything but plain digits with at most two decimals."""
    whole, _, fraction = text.partition(".")
    digits = whole + fraction
    if not (whole and digits.isascii() and digits.isdigit() and len(fraction) <= 2):
        raise ValueError(f"not an amount of money: {text!r}")
    return int(whole) * 100 + int(fraction.ljust(2, "0") or 0)

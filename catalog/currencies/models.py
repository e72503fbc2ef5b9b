"""Dated rates of exchange."""

from __future__ import annotations

from decimal import Decimal

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q

from catalog.currencies.units import OTHERS
from diamondhub.audit.tracking import audited

#: Digits of a rate, and those behind its point.
RATE_DIGITS, RATE_PLACES = 18, 8


@audited()
class ExchangeRate(models.Model):
    """What one US dollar is in a currency, from a day on (UTC) until the day of the currency's next rate."""

    currency = models.CharField(max_length=3, choices=[(code, code) for code in OTHERS])
    rate = models.DecimalField(
        max_digits=RATE_DIGITS,
        decimal_places=RATE_PLACES,
        validators=[MinValueValidator(Decimal(1).scaleb(-RATE_PLACES))],
        help_text="What one US dollar is in the currency, such as 0.92 for EUR or 151.25 for JPY.",
    )
    valid_from = models.DateField(help_text="The day (UTC) from which on prices are converted by it.")

    class Meta:
        ordering = ["currency", "-valid_from"]
        constraints = [
            models.CheckConstraint(condition=Q(rate__gt=0), name="exchange_rate_positive"),
            models.UniqueConstraint(fields=["currency", "valid_from"], name="exchange_rate_once_a_day"),
        ]

    def __str__(self) -> str:
        return f"1 USD = {self.rate.normalize():f} {self.currency} from {self.valid_from}"

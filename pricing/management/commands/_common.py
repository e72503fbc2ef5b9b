"""The base of the commands of pricing."""

from __future__ import annotations

from diamondhub.commands import ReportingCommand
from pricing.errors import PricingError


class PricingCommand(ReportingCommand):
    """A command whose errors of pricing are one line on stderr."""

    expected = (PricingError,)

"""What the commands of pricing share."""

from __future__ import annotations

from diamondhub.commands import ReportingCommand
from pricing.errors import PricingError


class PricingCommand(ReportingCommand):
    """A command whose errors of pricing are one line on stderr."""

    expected = (PricingError,)

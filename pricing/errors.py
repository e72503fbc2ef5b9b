"""Errors of pricing. The docstring of a class is its default message."""

from __future__ import annotations


class PricingError(Exception):
    """Pricing could not do what was asked."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").strip().splitlines()[0])


class ReasonMissing(PricingError):
    """Say why: the reason is kept for those who ask later."""


class NotADraft(PricingError):
    """Only drafts can be changed: copy the rule set into one."""


class StaleDraft(PricingError):
    """Somebody else has changed this draft meanwhile: look at it again before you go on."""


class AlreadyPublished(PricingError):
    """This rule set is in force already."""


class SellsBelowCost(PricingError):
    """Some stones would be sold below cost: confirm that this is what you want."""

    def __init__(self, stones: int) -> None:
        super().__init__(f"{stones:,} stones would be sold below cost: confirm that this is what you want")
        self.stones = stones


class ExperimentUnderWay(PricingError):
    """An experiment is running: end it first."""


class NoSuchRepricing(PricingError):
    """There is no such repricing."""


class RepricingOver(PricingError):
    """The repricing is over already."""

"""Errors of pricing. The docstring of a class is its default message."""

from __future__ import annotations

from collections.abc import Sequence


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
        what = "1 stone" if stones == 1 else f"{stones:,} stones"
        super().__init__(f"{what} would be sold below cost: confirm that this is what you want")
        self.stones = stones


class ExperimentUnderWay(PricingError):
    """An experiment is running: end it first."""


class NoSuchRepricing(PricingError):
    """There is no such repricing."""


class RepricingOver(PricingError):
    """The repricing is over already."""


class NoSuchRuleSet(PricingError):
    """There is no such rule set."""


class NoSuchRule(PricingError):
    """There is no such rule in this rule set."""


class DraftInUse(PricingError):
    """An experiment uses this draft: it cannot be thrown away."""


class NoSuchExperiment(PricingError):
    """There is no such experiment."""


class ExperimentNotPrepared(PricingError):
    """Only an experiment that was never started can be started."""


class ExperimentNotRunning(PricingError):
    """Only an experiment that runs can be ended."""


class CannotExplain(PricingError):
    """The rule set that priced this stone is not here any more: its price cannot be explained."""


class NoPriceThen(PricingError):
    """The stone had no price on that day."""


class HistoryNotKept(PricingError):
    """The history of prices does not reach back to that day."""


class InvalidRules(PricingError):
    """These cannot be taken as rules; `errors` are the places at fault, each with what is wrong there."""

    #: Mistakes told at once.
    MAX_TOLD = 50

    def __init__(self, errors: Sequence[tuple[str, str]]) -> None:
        told = [f"{place}: {message}" if place else message for place, message in errors[:3]]
        super().__init__("; ".join(told) + (f"; and {len(errors) - 3} more" if len(errors) > 3 else ""))
        self.errors = tuple(errors[: self.MAX_TOLD])

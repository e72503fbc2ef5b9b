"""The rows of pricing: what a stone's price is made from, and what was made of it."""

from __future__ import annotations

from pricing.models.clause import Clause
from pricing.models.experiment import EXPERIMENT_STATES, Experiment
from pricing.models.limits import MOST_CENTS, MOST_CLAUSES, MOST_COST_CENTS, MOST_NAMES, MOST_RULES
from pricing.models.repricing import REPRICING_STATES, PriceChange, Repricing, RepricingBatch
from pricing.models.rules import RULE_SET_STATES, Rule, RuleSet

__all__ = [
    "EXPERIMENT_STATES",
    "MOST_CENTS",
    "MOST_CLAUSES",
    "MOST_COST_CENTS",
    "MOST_NAMES",
    "MOST_RULES",
    "REPRICING_STATES",
    "RULE_SET_STATES",
    "Clause",
    "Experiment",
    "PriceChange",
    "Repricing",
    "RepricingBatch",
    "Rule",
    "RuleSet",
]

"""The rows of pricing: what a stone's price is made from, and what was made of it."""

from __future__ import annotations

from pricing.models.clause import Clause
from pricing.models.experiment import EXPERIMENT_STATES, Experiment
from pricing.models.limits import MAX_CENTS, MAX_CLAUSES, MAX_COST_CENTS, MAX_NAMES, MAX_RULES
from pricing.models.repricing import REPRICING_STATES, PriceChange, Repricing, RepricingBatch
from pricing.models.rules import RULE_SET_STATES, Rule, RuleSet

__all__ = [
    "EXPERIMENT_STATES",
    "MAX_CENTS",
    "MAX_CLAUSES",
    "MAX_COST_CENTS",
    "MAX_NAMES",
    "MAX_RULES",
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

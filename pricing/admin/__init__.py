"""Pricing in the admin, one file per subject. Django imports this package; the modules register themselves."""

from __future__ import annotations

from pricing.admin import experiments, history, repricings, rule_sets, rules, stones_of_rules

__all__ = ["experiments", "history", "repricings", "rule_sets", "rules", "stones_of_rules"]

"""How rule sets, rules, experiments and prices are shown by the API."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from diamondhub import money
from pricing import experiments
from pricing.conditions import in_words
from pricing.faults import warnings_of
from pricing.models import Experiment, PriceChange, Rule, RuleSet
from pricing.written import RULE_SET_FIELDS, write, write_rule

#: What a rule is shown with, and what is passed over when a client sends it back.
READ_ONLY = ("words", "warnings")


def rule_set_answer(rule_set: RuleSet, rule_count: int) -> dict[str, Any]:
    """A rule set without its rules."""
    return {
        "version": rule_set.version,
        "state": rule_set.state,
        "revision": rule_set.revision,
        **write(rule_set, RULE_SET_FIELDS),
        "rule_count": rule_count,
        "based_on": rule_set.based_on,
        "created_by": rule_set.created_by,
        "created_at": rule_set.created_at.isoformat(),
        "published_by": rule_set.published_by,
        "published_at": _moment(rule_set.published_at),
        "published_reason": rule_set.published_reason,
    }


def rule_answer(rule: Rule) -> dict[str, Any]:
    """A rule with its clauses, as it is written, in words, and with what its author may not have meant."""
    clauses = sorted(rule.clauses.all(), key=lambda clause: clause.pk)
    warnings = [fault.message for fault in warnings_of(clauses)]
    return {**write_rule(rule), "words": [in_words(clause) for clause in clauses], "warnings": warnings}


def experiment_answer(experiment: Experiment) -> dict[str, Any]:
    """An experiment without its results."""
    return {
        "slug": experiment.slug,
        "state": experiment.state,
        "rule_set": experiment.rule_set.version,
        "share": float(experiment.share),
        "notes": experiment.notes,
        "created_at": experiment.created_at.isoformat(),
        "started_by": experiment.started_by,
        "started_at": _moment(experiment.started_at),
        "ended_by": experiment.ended_by,
        "ended_at": _moment(experiment.ended_at),
        "ended_reason": experiment.ended_reason,
    }


def results_answer(experiment: Experiment) -> dict[str, Any] | None:
    """What came of an experiment so far; None before its start."""
    found = experiments.results(experiment)
    if not found:
        return None
    arms = [
        {
            "arm": one["arm"],
            "stones": one["stones"],
            "mean_price": money.to_text(one["mean_price_cents"]),
            "sold": one["sold"],
        }
        for one in found["arms"]
    ]
    return {"since": found["since"], "counted_at": found["counted_at"], "arms": arms}


def change_answer(change: PriceChange) -> dict[str, Any]:
    """One change of a price."""

    def side(name: str) -> dict[str, Any]:
        return {
            "price": money.to_text(getattr(change, f"{name}_price_cents")),
            "cost": money.to_text(getattr(change, f"{name}_cost_cents")),
            "rule_set": getattr(change, f"{name}_rule_set"),
            "rule": getattr(change, f"{name}_rule"),
            "experiment_arm": getattr(change, f"{name}_arm"),
        }

    return {
        "changed_at": change.changed_at.isoformat(),
        "old": side("old"),
        "new": side("new"),
        "cause": change.cause,
        "cause_id": change.cause_id,
        "actor": change.actor,
    }


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()

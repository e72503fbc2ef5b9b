"""Addresses of pricing's API, below `/api/v1/`."""

from __future__ import annotations

from django.urls import URLPattern, path

from pricing.api import kinds  # noqa: F401 - declares what the API answers with
from pricing.api.diamonds import PastPriceOfDiamond, PriceExplanation, PriceHistory
from pricing.api.experiments import EndExperiment, Experiments, OneExperiment, StartExperiment
from pricing.api.history import History
from pricing.api.publishing import Publication, RuleSetConflicts, RuleSetSimulation
from pricing.api.repricings import CancelRepricing, OneRepricing, Repricings
from pricing.api.rule_sets import OneRuleSet, RuleSets
from pricing.api.rules import OneRule, Rules

urlpatterns: list[URLPattern] = [
    path("rule-sets", RuleSets.as_view(), name="rule_sets"),
    path("rule-sets/<int:version>", OneRuleSet.as_view(), name="rule_set"),
    path("rule-sets/<int:version>/rules", Rules.as_view(), name="rules"),
    path("rule-sets/<int:version>/rules/<int:number>", OneRule.as_view(), name="rule"),
    path("rule-sets/<int:version>/simulation", RuleSetSimulation.as_view(), name="rule_set_simulation"),
    path("rule-sets/<int:version>/conflicts", RuleSetConflicts.as_view(), name="rule_set_conflicts"),
    path("rule-sets/<int:version>/publication", Publication.as_view(), name="rule_set_publication"),
    path("repricings", Repricings.as_view(), name="repricings"),
    path("repricings/<int:number>", OneRepricing.as_view(), name="repricing"),
    path("repricings/<int:number>/cancellation", CancelRepricing.as_view(), name="repricing_cancellation"),
    path("experiments", Experiments.as_view(), name="experiments"),
    path("experiments/<slug:slug>", OneExperiment.as_view(), name="experiment"),
    path("experiments/<slug:slug>/start", StartExperiment.as_view(), name="experiment_start"),
    path("experiments/<slug:slug>/end", EndExperiment.as_view(), name="experiment_end"),
    path("diamonds/<uuid:id>/history", History.as_view(), name="history"),
    path("diamonds/<uuid:id>/price-history", PriceHistory.as_view(), name="price_history"),
    path("diamonds/<uuid:id>/past-price", PastPriceOfDiamond.as_view(), name="past_price"),
    path("diamonds/<uuid:id>/price-explanation", PriceExplanation.as_view(), name="price_explanation"),
]

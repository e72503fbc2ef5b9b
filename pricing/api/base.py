"""The base of pricing's views: the scope for reading, errors of pricing as problems, and whoever asks."""

from __future__ import annotations

from http import HTTPStatus

from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from diamondhub.access.scopes import Scope
from diamondhub.access.throttles.limits import LimitClass
from diamondhub.api.endpoint import Endpoint
from diamondhub.api.mistakes import FieldError, Wrong
from diamondhub.api.problems import InvalidBody, Problem, sentence
from pricing import errors
from pricing.models import Rule, RuleSet
from pricing.validation import messages_of

#: A statement over all stones that takes longer is given up, and with it what was asked (seconds).
SCAN_SECONDS = 15


def _invalid_rules(error: errors.InvalidRules) -> Problem:
    return InvalidBody(sentence(str(error)), errors=[FieldError(place[:200], said) for place, said in error.errors])


def _invalid_row(error: ValidationError) -> Problem:
    return InvalidBody.of(Wrong(FieldError(field, message) for field, message in messages_of(error)))


def _reason_missing(error: errors.ReasonMissing) -> Problem:
    return InvalidBody(sentence(str(error)), errors=[FieldError("reason", "must say why")])


def _sells_below_cost(error: errors.SellsBelowCost) -> Problem:
    confirm = FieldError("confirm_below_cost", "must be true to sell stones below cost")
    return Problem(HTTPStatus.CONFLICT, "sells-below-cost", sentence(str(error)), errors=[confirm])


def _no_price_then(error: errors.NoPriceThen) -> Problem:
    said = str(error)
    return Problem(HTTPStatus.NOT_FOUND, "not-found", sentence(said), errors=[FieldError("day", said)])


def _gone(_error: Exception) -> Problem:
    """The answer about a row that somebody has thrown away since it was looked up."""
    return Problem(HTTPStatus.NOT_FOUND, "not-found", "There is nothing at this address.")


class PricingEndpoint(Endpoint):
    """A view of pricing. Nobody on the way keeps its answers, which show what stones cost."""

    scope = Scope.PRICING_READ
    limit = LimitClass.PRICING
    tag = "pricing"
    cache_control = "no-store"
    problems_of = {
        errors.PricingError: (HTTPStatus.CONFLICT, "conflict"),
        errors.NotADraft: (HTTPStatus.CONFLICT, "not-a-draft"),
        errors.StaleDraft: (HTTPStatus.CONFLICT, "stale-revision"),
        errors.AlreadyPublished: (HTTPStatus.CONFLICT, "already-published"),
        errors.DraftInUse: (HTTPStatus.CONFLICT, "draft-in-use"),
        errors.ExperimentUnderWay: (HTTPStatus.CONFLICT, "experiment-under-way"),
        errors.ExperimentNotPrepared: (HTTPStatus.CONFLICT, "experiment-not-prepared"),
        errors.ExperimentNotRunning: (HTTPStatus.CONFLICT, "experiment-not-running"),
        errors.RepricingOver: (HTTPStatus.CONFLICT, "repricing-over"),
        errors.CannotExplain: (HTTPStatus.CONFLICT, "cannot-explain"),
        errors.HistoryNotKept: (HTTPStatus.GONE, "history-not-kept"),
        errors.NoPriceThen: _no_price_then,
        errors.SellsBelowCost: _sells_below_cost,
        errors.NoSuchRuleSet: (HTTPStatus.NOT_FOUND, "not-found"),
        errors.NoSuchRule: (HTTPStatus.NOT_FOUND, "not-found"),
        errors.NoSuchRepricing: (HTTPStatus.NOT_FOUND, "not-found"),
        errors.NoSuchExperiment: (HTTPStatus.NOT_FOUND, "not-found"),
        errors.InvalidRules: _invalid_rules,
        errors.ReasonMissing: _reason_missing,
        ValidationError: _invalid_row,
        RuleSet.DoesNotExist: _gone,
        Rule.DoesNotExist: _gone,
    }


def rule_set_of(version: int, rows: QuerySet[RuleSet] | None = None) -> RuleSet:
    """The rule set of a version. Raises `NoSuchRuleSet`."""
    rule_set = (RuleSet.objects.all() if rows is None else rows).filter(version=version).first()
    if rule_set is None:
        raise errors.NoSuchRuleSet(f"there is no rule set {version}")
    return rule_set

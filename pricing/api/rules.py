"""Rules of a rule set by REST: one at a time, whole, with all their clauses."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from diamondhub.access.scopes import Scope
from diamondhub.access.throttles.limits import LimitClass
from diamondhub.api.endpoint import operation
from pricing import editing
from pricing.api.base import PricingEndpoint, rule_set_of
from pricing.api.bodies import AddedRule, ReplacedRule, RevisionQuery
from pricing.api.rule_answers import EditAnswer, RevisionAnswer, RuleAnswer
from pricing.errors import InvalidRules
from pricing.models import Clause, Rule, RuleSet

#: Longest body that carries a rule; one with fifty clauses of full lists is shorter (bytes).
BODY_LIMIT = 1_000_000


class Rules(PricingEndpoint):
    """The rules of a draft."""

    @operation(
        "add_rule",
        "Add a rule to a draft",
        scope=Scope.PRICING_EDIT,
        body=AddedRule,
        body_limit=BODY_LIMIT,
        limit=LimitClass.PRICING_EDITS,
        answer=EditAnswer,
        status=HTTPStatus.CREATED,
        problems=(
            "not-a-draft",
            "stale-revision",
        ),
        idempotent=True,
    )
    def post(self, request: Request, version: int) -> Response:
        """Add a rule with its clauses; it gets a number that no rule ever had. Needs the scope `pricing:edit`."""
        draft = rule_set_of(version)
        rule, clauses = self.body["rule"]
        return Response(
            _put(draft, rule, clauses, number=None, revision=self.body["revision"]), status=HTTPStatus.CREATED
        )


class OneRule(PricingEndpoint):
    """One rule of a rule set."""

    @operation("get_rule", "One rule", answer=RuleAnswer)
    def get(self, request: Request, version: int, number: int) -> Response:
        """The rule with this number, with its clauses."""
        return Response(RuleAnswer(editing.rule_of(rule_set_of(version), number)).data)

    @operation(
        "put_rule",
        "Replace a rule of a draft",
        scope=Scope.PRICING_EDIT,
        body=ReplacedRule,
        body_limit=BODY_LIMIT,
        limit=LimitClass.PRICING_EDITS,
        answer=EditAnswer,
        problems=(
            "not-a-draft",
            "stale-revision",
        ),
    )
    def put(self, request: Request, version: int, number: int) -> Response:
        """Put a rule with all its clauses in the place of the one with this number. Needs the scope `pricing:edit`.

        What is left out is as in a new rule. The words and warnings of an answer may be sent back; they are passed over.
        """
        draft = rule_set_of(version)
        rule, clauses = self.body["rule"]
        if rule.number not in (None, number):
            raise InvalidRules([("rule.number", f"must be {number}, as in the address")])
        return Response(_put(draft, rule, clauses, number=number, revision=self.body["revision"]))

    @operation(
        "delete_rule",
        "Delete a rule of a draft",
        scope=Scope.PRICING_EDIT,
        query=RevisionQuery,
        answer=RevisionAnswer,
        problems=(
            "not-a-draft",
            "stale-revision",
        ),
        limit=LimitClass.PRICING_EDITS,
    )
    def delete(self, request: Request, version: int, number: int) -> Response:
        """Delete the rule with its clauses. Needs the scope `pricing:edit`."""
        revision = editing.delete_rule(rule_set_of(version), number, revision=self.query["revision"])
        return Response({"revision": revision})


def _put(draft: RuleSet, rule: Rule, clauses: list[Clause], *, number: int | None, revision: int) -> dict[str, Any]:
    try:
        editing.put_rule(draft, rule, clauses, number=number, revision=revision)
    except InvalidRules as error:
        raise InvalidRules([(f"rule.{place}".rstrip("."), message) for place, message in error.errors]) from error
    return EditAnswer({"revision": revision + 1, "rule": Rule.objects.get(pk=rule.pk)}).data

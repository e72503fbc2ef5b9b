"""Rule sets by REST: reading them, copying one into a draft, changing a draft's margins, and throwing a draft away."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce
from rest_framework.request import Request
from rest_framework.response import Response

from diamondhub.access.scopes import Scope
from diamondhub.access.throttles.limits import LimitClass
from diamondhub.api.answers import page_of
from diamondhub.api.endpoint import actor, operation
from diamondhub.api.mistakes import FieldError
from diamondhub.api.problems import InvalidBody
from pricing import editing
from pricing.api.base import PricingEndpoint, rule_set_of
from pricing.api.bodies import ChangedDraft, NewDraft, RevisionQuery, RuleSetsQuery
from pricing.api.rule_answers import FullRuleSetAnswer, RuleSetAnswer
from pricing.in_force import with_rules
from pricing.models import Rule, RuleSet


class RuleSets(PricingEndpoint):
    """All rule sets."""

    @operation("list_rule_sets", "Rule sets", query=RuleSetsQuery, answer=page_of(RuleSetAnswer))
    def get(self, request: Request) -> Response:
        """Rule sets without their rules, the newest first."""
        # A count for each set of the page: a join would count the rules of all sets there are.
        count = (
            Rule.objects.filter(rule_set=OuterRef("pk")).values("rule_set").annotate(rules=Count("pk")).values("rules")
        )
        rows = RuleSet.objects.defer("compiled").annotate(rule_count=Coalesce(Subquery(count), 0))
        if "state" in self.query:
            rows = rows.filter(state=self.query["state"])
        return self.page(rows, RuleSetAnswer().to_representation, by="version")

    @operation(
        "create_draft",
        "New draft",
        scope=Scope.PRICING_EDIT,
        body=NewDraft,
        answer=FullRuleSetAnswer,
        status=HTTPStatus.CREATED,
        problems=(HTTPStatus.NOT_FOUND,),
        idempotent=True,
        limit=LimitClass.PRICING_EDITS,
    )
    def post(self, request: Request) -> Response:
        """Copy a rule set into a new draft; its rules keep their numbers. Needs the scope `pricing:edit`."""
        source = rule_set_of(self.body["copy_of"]) if "copy_of" in self.body else None
        draft = editing.new_draft(actor=actor(request), source=source, notes=self.body.get("notes", ""))
        return Response(_shown(draft.version), status=HTTPStatus.CREATED)


class OneRuleSet(PricingEndpoint):
    """One rule set."""

    @operation("get_rule_set", "One rule set", answer=FullRuleSetAnswer)
    def get(self, request: Request, version: int) -> Response:
        """The set with all its rules by priority, and their clauses."""
        return Response(_shown(version))

    @operation(
        "change_draft",
        "Change a draft's margins",
        scope=Scope.PRICING_EDIT,
        body=ChangedDraft,
        answer=FullRuleSetAnswer,
        problems=(
            "not-a-draft",
            "stale-revision",
        ),
        limit=LimitClass.PRICING_EDITS,
    )
    def patch(self, request: Request, version: int) -> Response:
        """Change margins, floor and notes of a draft; what is left out stays. Needs the scope `pricing:edit`."""
        changes = dict(self.body)
        revision = changes.pop("revision")
        draft = rule_set_of(version)
        if not changes:
            raise InvalidBody("There is nothing to change.", errors=[FieldError("", "names no field to change")])
        editing.change_margins(draft, changes, revision=revision)
        return Response(_shown(version))

    @operation(
        "delete_draft",
        "Throw a draft away",
        scope=Scope.PRICING_EDIT,
        query=RevisionQuery,
        answer=None,
        status=HTTPStatus.NO_CONTENT,
        problems=(
            "not-a-draft",
            "stale-revision",
            "draft-in-use",
        ),
        limit=LimitClass.PRICING_EDITS,
    )
    def delete(self, request: Request, version: int) -> Response:
        """Throw a draft away with its rules. Needs the scope `pricing:edit`."""
        editing.delete_draft(rule_set_of(version), revision=self.query["revision"])
        return Response(status=HTTPStatus.NO_CONTENT)


def _shown(version: int) -> dict[str, Any]:
    return FullRuleSetAnswer(rule_set_of(version, with_rules(RuleSet.objects.defer("compiled")))).data

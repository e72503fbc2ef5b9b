"""Rule sets by REST: reading them, copying one into a draft, changing a draft's margins, and throwing a draft away."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from diamondhub.access.scopes import Scope
from diamondhub.api.bodies import InvalidBody
from diamondhub.api.documentation import BODY, problems
from diamondhub.api.parameters import OneOf, Parameter, parse
from diamondhub.api.problems import FieldError
from pricing import editing
from pricing.api import schemas
from pricing.api.answers import rule_answer, rule_set_answer
from pricing.api.views import PAGING, REVISION, PricingView, actor, page_of, read_body, revision_of, rule_set_of
from pricing.errors import InvalidRules
from pricing.evaluate import rules_of
from pricing.in_force import with_rules
from pricing.models import Rule, RuleSet
from pricing.written import RULE_SET_FIELDS, Mistakes, Text, Whole, fill_rule_set

_LIST = (
    Parameter("state", OneOf({state: state for state in RuleSet.State.values}), "Only sets in this state."),
    *PAGING,
)


class RuleSets(PricingView):
    """All rule sets."""

    scopes = {"POST": Scope.PRICING_EDIT}

    @extend_schema(
        operation_id="list_rule_sets",
        summary="Rule sets",
        tags=["pricing"],
        parameters=[parameter.described() for parameter in _LIST],
        responses={200: schemas.page(schemas.RULE_SET), **problems(HTTPStatus.BAD_REQUEST)},
    )
    def get(self, request: Request) -> Response:
        """Rule sets without their rules, the newest first."""
        values = parse(request, _LIST)
        # A count for each set of the page: a join would count the rules of all sets there are.
        count = (
            Rule.objects.filter(rule_set=OuterRef("pk")).values("rule_set").annotate(rules=Count("pk")).values("rules")
        )
        rows = RuleSet.objects.defer("compiled").annotate(rule_count=Coalesce(Subquery(count), 0))
        if "state" in values:
            rows = rows.filter(state=values["state"])
        query = f"rule_sets {values.get('state', '')}"
        return Response(page_of(rows, values, _counted, by="version", query=query))

    @extend_schema(
        operation_id="create_draft",
        summary="New draft",
        tags=["pricing"],
        request=schemas.body(schemas.NEW_DRAFT),
        responses={201: schemas.RULE_SET_WITH_RULES, **problems(*BODY, HTTPStatus.NOT_FOUND)},
    )
    def post(self, request: Request) -> Response:
        """Copy a rule set into a new draft; its rules keep their numbers. Needs the scope `pricing:edit`."""
        parse(request, ())
        values = read_body(request, {"copy_of": Whole(), "notes": Text()})
        source = rule_set_of(values["copy_of"]) if "copy_of" in values else None
        mistakes = Mistakes()
        blank = RuleSet(margin_natural=0, margin_lab_grown=0, margin_fancy=0)
        fill_rule_set(blank, {"notes": values.get("notes", "")}, mistakes)
        if mistakes.found:
            raise InvalidRules(mistakes.found)
        draft = editing.new_draft(actor=actor(request), source=source, notes=values.get("notes", ""))
        return Response(_with_rules(draft.version), status=HTTPStatus.CREATED)


class OneRuleSet(PricingView):
    """One rule set."""

    scopes = {"PATCH": Scope.PRICING_EDIT, "DELETE": Scope.PRICING_EDIT}

    @extend_schema(
        operation_id="get_rule_set",
        summary="One rule set",
        tags=["pricing"],
        responses={200: schemas.RULE_SET_WITH_RULES, **problems(HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND)},
    )
    def get(self, request: Request, version: int) -> Response:
        """The set with all its rules by priority, and their clauses."""
        parse(request, ())
        return Response(_with_rules(version))

    @extend_schema(
        operation_id="change_draft",
        summary="Change a draft's margins",
        tags=["pricing"],
        request=schemas.body(schemas.CHANGE_DRAFT),
        responses={200: schemas.RULE_SET_WITH_RULES, **problems(*BODY, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)},
    )
    def patch(self, request: Request, version: int) -> Response:
        """Change margins, floor and notes of a draft; what is left out stays. Needs the scope `pricing:edit`."""
        parse(request, ())
        known = {"revision": Whole(), **{one.name: None for one in RULE_SET_FIELDS}}
        values = read_body(request, known, required=("revision",))
        revision = values.pop("revision")
        draft = rule_set_of(version)
        mistakes = Mistakes()
        fill_rule_set(draft, values, mistakes)
        if mistakes.found:
            raise InvalidRules(mistakes.found)
        changes = {one.field: getattr(draft, one.field) for one in RULE_SET_FIELDS if one.name in values}
        if not changes:
            raise InvalidBody("There is nothing to change.", errors=[FieldError("", "names no field to change")])
        editing.change_margins(draft, changes, revision=revision)
        return Response(_with_rules(version))

    @extend_schema(
        operation_id="delete_draft",
        summary="Throw a draft away",
        tags=["pricing"],
        parameters=[REVISION.described()],
        responses={
            204: None,
            **problems(HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
        },
    )
    def delete(self, request: Request, version: int) -> Response:
        """Throw a draft away with its rules. Needs the scope `pricing:edit`."""
        revision = revision_of(parse(request, (REVISION,)))
        editing.delete_draft(rule_set_of(version), revision=revision)
        return Response(status=HTTPStatus.NO_CONTENT)


def _counted(rule_set: Any) -> dict[str, Any]:
    return rule_set_answer(rule_set, rule_set.rule_count)


def _with_rules(version: int) -> dict[str, Any]:
    rule_set = rule_set_of(version, with_rules(RuleSet.objects.defer("compiled")))
    rules = rules_of(rule_set)
    return {**rule_set_answer(rule_set, len(rules)), "rules": [rule_answer(rule) for rule in rules]}

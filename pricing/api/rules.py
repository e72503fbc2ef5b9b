"""Rules of a rule set by REST: one at a time, whole, with all their clauses."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from diamondhub.access.scopes import Scope
from diamondhub.api.documentation import BODY, problems
from diamondhub.api.parameters import parse
from pricing import editing
from pricing.api import schemas
from pricing.api.answers import READ_ONLY, rule_answer
from pricing.api.views import REVISION, PricingView, read_body, revision_of, rule_set_of
from pricing.errors import InvalidRules, NoSuchRule
from pricing.models import Clause, Rule, RuleSet
from pricing.written import Mistakes, Whole, read_rule


class Rules(PricingView):
    """The rules of a draft."""

    scopes = {"POST": Scope.PRICING_EDIT}

    @extend_schema(
        operation_id="add_rule",
        summary="Add a rule to a draft",
        tags=["pricing"],
        request=schemas.body(schemas.PUT_RULE),
        responses={201: schemas.PUT_RULE_ANSWER, **problems(*BODY, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)},
    )
    def post(self, request: Request, version: int) -> Response:
        """Add a rule with its clauses; it gets a number that no rule ever had. Needs the scope `pricing:edit`."""
        parse(request, ())
        draft = rule_set_of(version)
        revision, rule, clauses = _read(request, ignored=READ_ONLY, number=None)
        _put(draft, rule, clauses, number=None, revision=revision)
        return Response(_edited(rule, revision), status=HTTPStatus.CREATED)


class OneRule(PricingView):
    """One rule of a rule set."""

    scopes = {"PUT": Scope.PRICING_EDIT, "DELETE": Scope.PRICING_EDIT}

    @extend_schema(
        operation_id="get_rule",
        summary="One rule",
        tags=["pricing"],
        responses={200: schemas.RULE, **problems(HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND)},
    )
    def get(self, request: Request, version: int, number: int) -> Response:
        """The rule with this number, with its clauses."""
        parse(request, ())
        rule = Rule.objects.filter(rule_set=rule_set_of(version), number=number).first()
        if rule is None:
            raise NoSuchRule(f"rule set {version} has no rule {number}")
        return Response(rule_answer(rule))

    @extend_schema(
        operation_id="put_rule",
        summary="Replace a rule of a draft",
        tags=["pricing"],
        request=schemas.body(schemas.PUT_RULE),
        responses={200: schemas.PUT_RULE_ANSWER, **problems(*BODY, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)},
    )
    def put(self, request: Request, version: int, number: int) -> Response:
        """Put a rule with all its clauses in the place of the one with this number. Needs the scope `pricing:edit`.

        What is left out is as in a new rule. The words and warnings of an answer may be sent back; they are passed over.
        """
        parse(request, ())
        draft = rule_set_of(version)
        revision, rule, clauses = _read(request, ignored=READ_ONLY, number=number)
        _put(draft, rule, clauses, number=number, revision=revision)
        return Response(_edited(rule, revision))

    @extend_schema(
        operation_id="delete_rule",
        summary="Delete a rule of a draft",
        tags=["pricing"],
        parameters=[REVISION.described()],
        responses={
            200: schemas.REVISED,
            **problems(HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
        },
    )
    def delete(self, request: Request, version: int, number: int) -> Response:
        """Delete the rule with its clauses. Needs the scope `pricing:edit`."""
        revision = revision_of(parse(request, (REVISION,)))
        return Response({"revision": editing.delete_rule(rule_set_of(version), number, revision=revision)})


def _read(request: Request, *, ignored: tuple[str, ...], number: int | None) -> tuple[int, Rule, list[Clause]]:
    values = read_body(request, {"revision": Whole(), "rule": None}, required=("revision", "rule"))
    written = values["rule"]
    mistakes = Mistakes()
    rule, clauses = read_rule(written, mistakes, "rule", ignored=ignored)
    if isinstance(written, dict) and "number" in written and written["number"] != number:
        place = "is given out here: leave it away" if number is None else f"must be {number}, as in the address"
        mistakes.add("rule.number", place)
    if mistakes.found:
        raise InvalidRules(mistakes.found)
    return values["revision"], rule, clauses


def _put(draft: RuleSet, rule: Rule, clauses: list[Clause], *, number: int | None, revision: int) -> None:
    try:
        editing.put_rule(draft, rule, clauses, number=number, revision=revision)
    except InvalidRules as error:
        raise InvalidRules([(f"rule.{place}".rstrip("."), message) for place, message in error.errors]) from error


def _edited(rule: Rule, revision: int) -> dict[str, Any]:
    return {"revision": revision + 1, "rule": rule_answer(Rule.objects.get(pk=rule.pk))}

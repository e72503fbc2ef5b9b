"""What publishing a rule set would do, and doing it."""

from __future__ import annotations

from http import HTTPStatus

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from diamondhub.access.scopes import Scope
from diamondhub.admin.base import bounded
from diamondhub.api.bodies import InvalidBody
from diamondhub.api.documentation import BODY, problems
from diamondhub.api.parameters import parse
from diamondhub.api.problems import FieldError
from pricing import publishing, reprice
from pricing.api import schemas
from pricing.api.views import SCAN_SECONDS, PricingView, actor, read_body, reason_of, rule_set_of
from pricing.conflicts import conflicts
from pricing.in_force import with_rules
from pricing.models import RuleSet
from pricing.simulate import simulate
from pricing.written import Text, Whole, YesNo


class RuleSetSimulation(PricingView):
    """What a rule set would do."""

    @extend_schema(
        operation_id="simulate_rule_set",
        summary="Simulate a rule set",
        tags=["pricing"],
        responses={200: schemas.SIMULATION, **problems(HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND)},
    )
    def get(self, request: Request, version: int) -> Response:
        """What would become of the prices of all stones that are not delisted, by this set and as of today.

        Nothing is written. The histogram has stones by the change of their price in percent of what it was.
        """
        parse(request, ())
        rule_set = rule_set_of(version, with_rules(RuleSet.objects.all()))
        with bounded(SCAN_SECONDS):
            found = simulate(rule_set)
        return Response(found.as_json())


class RuleSetConflicts(PricingView):
    """What the rules of a set have against each other."""

    @extend_schema(
        operation_id="rule_set_conflicts",
        summary="Conflicts of a rule set",
        tags=["pricing"],
        responses={200: schemas.CONFLICTS, **problems(HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND)},
    )
    def get(self, request: Request, version: int) -> Response:
        """Rules that can never match, and rules that lose stones to an earlier one, by their numbers.

        Only the conditions are looked at, never the stones.
        """
        parse(request, ())
        rule_set = rule_set_of(version, with_rules(RuleSet.objects.all()))
        found = [
            {
                "kind": one.kind.value,
                "rule": one.rule.number if one.rule else None,
                "message": one.message,
                "earlier": [rule.number for rule in one.earlier],
            }
            for one in conflicts(rule_set)
        ]
        return Response({"rule_set": rule_set.version, "conflicts": found})


class Publication(PricingView):
    """Publishing."""

    scopes = {"POST": Scope.PRICING_PUBLISH}

    @extend_schema(
        operation_id="publish_rule_set",
        summary="Publish a rule set",
        tags=["pricing"],
        request=schemas.body(schemas.PUBLISH),
        responses={202: schemas.REPRICING, **problems(*BODY, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)},
    )
    def post(self, request: Request, version: int) -> Response:
        """Put a draft in force, or an earlier version again; answers with the repricing that follows.

        Needs the scope `pricing:publish`. A set that sells stones below cost is a 409 until that is confirmed.
        """
        parse(request, ())
        values = read_body(
            request,
            {"reason": Text(), "revision": Whole(), "replaces": Whole(), "confirm_below_cost": YesNo()},
            required=("reason",),
        )
        reason = reason_of(values)
        rule_set = rule_set_of(version)
        if rule_set.is_draft and "revision" not in values:
            raise InvalidBody("revision is missing.", errors=[FieldError("revision", "is missing")])
        with bounded(SCAN_SECONDS):
            repricing = publishing.publish(
                rule_set.pk,
                actor=actor(request),
                reason=reason,
                below_cost_confirmed=values.get("confirm_below_cost", False),
                revision=values.get("revision"),
                replaces=values.get("replaces"),
            )
        return Response(reprice.report(repricing), status=HTTPStatus.ACCEPTED)

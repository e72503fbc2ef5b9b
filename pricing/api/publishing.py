"""Publishing by REST: simulating a rule set, looking for its conflicts, and putting it in force."""

from __future__ import annotations

from http import HTTPStatus

from rest_framework.request import Request
from rest_framework.response import Response

from diamondhub.access.scopes import Scope
from diamondhub.access.throttles.limits import LimitClass
from diamondhub.admin.base import bounded
from diamondhub.api.endpoint import actor, operation
from diamondhub.api.mistakes import FieldError
from diamondhub.api.problems import InvalidBody
from pricing import publishing, reprice
from pricing.api.base import SCAN_SECONDS, PricingEndpoint, rule_set_of
from pricing.api.bodies import Publishing
from pricing.api.publishing_answers import ConflictsAnswer, RepricingReportAnswer, SimulationAnswer
from pricing.conflicts import conflicts
from pricing.in_force import with_rules
from pricing.models import RuleSet
from pricing.simulate import simulate


class RuleSetSimulation(PricingEndpoint):
    """The effect that a rule set would have."""

    @operation("simulate_rule_set", "Simulate a rule set", answer=SimulationAnswer)
    def get(self, request: Request, version: int) -> Response:
        """What would become of the prices of all stones that are not delisted, by this set and as of today.

        Nothing is written. The histogram has stones by the change of their price in percent of what it was.
        """
        rule_set = rule_set_of(version, with_rules(RuleSet.objects.all()))
        with bounded(SCAN_SECONDS):
            simulation = simulate(rule_set)
        return Response(SimulationAnswer(simulation).data)


class RuleSetConflicts(PricingEndpoint):
    """The conflicts of a set's rules."""

    @operation("rule_set_conflicts", "Conflicts of a rule set", answer=ConflictsAnswer)
    def get(self, request: Request, version: int) -> Response:
        """Rules that can never match, and rules that lose stones to an earlier one, by their numbers.

        Only the conditions are looked at, never the stones.
        """
        rule_set = rule_set_of(version, with_rules(RuleSet.objects.all()))
        return Response(ConflictsAnswer({"rule_set": rule_set.version, "conflicts": conflicts(rule_set)}).data)


class Publication(PricingEndpoint):
    """Publishing."""

    @operation(
        "publish_rule_set",
        "Publish a rule set",
        scope=Scope.PRICING_PUBLISH,
        body=Publishing,
        answer=RepricingReportAnswer,
        status=HTTPStatus.ACCEPTED,
        problems=(
            "stale-revision",
            "already-published",
            "sells-below-cost",
        ),
        idempotent=True,
        limit=LimitClass.PRICING_EDITS,
    )
    def post(self, request: Request, version: int) -> Response:
        """Put a draft in force, or an earlier version again; answers with the repricing that follows.

        Needs the scope `pricing:publish`. A set that sells stones below cost is a 409 until that is confirmed.
        """
        body = self.body
        rule_set = rule_set_of(version)
        if rule_set.is_draft and "revision" not in body:
            raise InvalidBody("revision is missing.", errors=[FieldError("revision", "is missing")])
        with bounded(SCAN_SECONDS):
            repricing = publishing.publish(
                rule_set.pk,
                actor=actor(request),
                reason=body["reason"],
                below_cost_confirmed=body.get("confirm_below_cost", False),
                revision=body.get("revision"),
                replaces=body.get("replaces"),
            )
        return Response(reprice.report(repricing), status=HTTPStatus.ACCEPTED)

"""Experiments by REST: listing them, the results of one, preparing, starting and ending one."""

from __future__ import annotations

from http import HTTPStatus

from rest_framework.request import Request
from rest_framework.response import Response

from diamondhub.access.scopes import Scope
from diamondhub.access.throttles.limits import LimitClass
from diamondhub.admin.base import bounded
from diamondhub.api.answers import page_of
from diamondhub.api.endpoint import PageQuery, actor, operation
from diamondhub.api.serializers import WithReason
from pricing import experiments, reprice
from pricing.api.base import SCAN_SECONDS, PricingEndpoint, rule_set_of
from pricing.api.bodies import NewExperiment, Start
from pricing.api.experiment_answers import ExperimentAnswer, FullExperimentAnswer
from pricing.api.publishing_answers import RepricingReportAnswer
from pricing.errors import NoSuchExperiment
from pricing.models import Experiment


class Experiments(PricingEndpoint):
    """All experiments."""

    @operation("list_experiments", "Experiments", query=PageQuery, answer=page_of(ExperimentAnswer))
    def get(self, request: Request) -> Response:
        """Experiments without their results, the newest first."""
        rows = Experiment.objects.select_related("rule_set").defer("rule_set__compiled")
        return self.page(rows, ExperimentAnswer().to_representation, by="id")

    @operation(
        "create_experiment",
        "Prepare an experiment",
        scope=Scope.PRICING_PUBLISH,
        body=NewExperiment,
        answer=ExperimentAnswer,
        status=HTTPStatus.CREATED,
        problems=(HTTPStatus.NOT_FOUND,),
        idempotent=True,
        limit=LimitClass.PRICING_EDITS,
    )
    def post(self, request: Request) -> Response:
        """Prepare an experiment by a rule set; nothing is priced by it before its start.

        Needs the scope `pricing:publish`.
        """
        body = self.body
        rule_set = rule_set_of(body["rule_set"])
        prepared = experiments.new(body["slug"], rule_set, body["share"], notes=body.get("notes", ""))
        return Response(ExperimentAnswer(prepared).data, status=HTTPStatus.CREATED)


class OneExperiment(PricingEndpoint):
    """One experiment."""

    @operation("get_experiment", "One experiment", answer=FullExperimentAnswer)
    def get(self, request: Request, slug: str) -> Response:
        """The experiment with its results: of a running one as of now, of an ended one as they were then."""
        with bounded(SCAN_SECONDS):
            return Response(FullExperimentAnswer(_named(slug)).data)

    @operation(
        "delete_experiment",
        "Throw a prepared experiment away",
        scope=Scope.PRICING_PUBLISH,
        answer=None,
        status=HTTPStatus.NO_CONTENT,
        problems=("experiment-not-prepared",),
        limit=LimitClass.PRICING_EDITS,
    )
    def delete(self, request: Request, slug: str) -> Response:
        """Throw away an experiment that was never started. Needs the scope `pricing:publish`."""
        experiments.discard(_named(slug).pk)
        return Response(status=HTTPStatus.NO_CONTENT)


class StartExperiment(PricingEndpoint):
    """Starting."""

    @operation(
        "start_experiment",
        "Start an experiment",
        scope=Scope.PRICING_PUBLISH,
        body=Start,
        body_is_optional=True,
        answer=RepricingReportAnswer,
        status=HTTPStatus.ACCEPTED,
        problems=(
            "experiment-under-way",
            "experiment-not-prepared",
            "sells-below-cost",
        ),
        idempotent=True,
        limit=LimitClass.PRICING_EDITS,
    )
    def post(self, request: Request, slug: str) -> Response:
        """Seal the rule set and price the share by it; answers with the repricing. The body may be left out.

        What the start does to the share's prices is simulated and kept (`results.expected`). Needs the scope
        `pricing:publish`. A set that sells stones of the share below cost is a 409 until that is confirmed.
        """
        confirmed, reason = self.body.get("confirm_below_cost", False), self.body.get("reason", "")
        with bounded(SCAN_SECONDS):
            started = experiments.start(
                _named(slug).pk, actor=actor(request), reason=reason, below_cost_confirmed=confirmed
            )
        return Response(reprice.report(started), status=HTTPStatus.ACCEPTED)


class EndExperiment(PricingEndpoint):
    """Ending."""

    @operation(
        "end_experiment",
        "End an experiment",
        scope=Scope.PRICING_PUBLISH,
        body=WithReason,
        answer=RepricingReportAnswer,
        status=HTTPStatus.ACCEPTED,
        problems=("experiment-not-running",),
        idempotent=True,
        limit=LimitClass.PRICING_EDITS,
    )
    def post(self, request: Request, slug: str) -> Response:
        """Keep the results and price all stones alike again; answers with the repricing.

        Needs the scope `pricing:publish`.
        """
        reason = self.body["reason"]
        with bounded(SCAN_SECONDS):
            ended = experiments.end(_named(slug).pk, actor=actor(request), reason=reason)
        return Response(reprice.report(ended), status=HTTPStatus.ACCEPTED)


def _named(slug: str) -> Experiment:
    experiment = Experiment.objects.select_related("rule_set").filter(slug=slug).first()
    if experiment is None:
        raise NoSuchExperiment(f"there is no experiment {slug[:64]}")
    return experiment

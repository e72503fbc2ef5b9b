"""Experiments by REST: which there were, what came of one, preparing, starting and ending one."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.core.exceptions import ValidationError
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from diamondhub.access.scopes import Scope
from diamondhub.admin.base import bounded
from diamondhub.api.documentation import BODY, problems
from diamondhub.api.parameters import parse
from pricing import experiments, reprice
from pricing.api import schemas
from pricing.api.answers import experiment_answer, results_answer
from pricing.api.views import (
    PAGING,
    SCAN_SECONDS,
    PricingView,
    actor,
    invalid,
    page_of,
    read_body,
    read_optional_body,
    reason_of,
    rule_set_of,
)
from pricing.errors import NoSuchExperiment
from pricing.models import Experiment
from pricing.written import Number, Text, Whole, YesNo


class Experiments(PricingView):
    """All experiments."""

    scopes = {"POST": Scope.PRICING_PUBLISH}

    @extend_schema(
        operation_id="list_experiments",
        summary="Experiments",
        tags=["pricing"],
        parameters=[parameter.described() for parameter in PAGING],
        responses={200: schemas.page(schemas.EXPERIMENT), **problems(HTTPStatus.BAD_REQUEST)},
    )
    def get(self, request: Request) -> Response:
        """Experiments without their results, the newest first."""
        values = parse(request, PAGING)
        rows = Experiment.objects.select_related("rule_set").defer("rule_set__compiled")
        return Response(page_of(rows, values, experiment_answer, by="id", query="experiments"))

    @extend_schema(
        operation_id="create_experiment",
        summary="Prepare an experiment",
        tags=["pricing"],
        request=schemas.body(schemas.NEW_EXPERIMENT),
        responses={201: schemas.EXPERIMENT, **problems(*BODY, HTTPStatus.NOT_FOUND)},
    )
    def post(self, request: Request) -> Response:
        """Prepare an experiment by a rule set; nothing is priced by it before its start.

        Needs the scope `pricing:publish`.
        """
        parse(request, ())
        kinds = {"slug": Text(), "rule_set": Whole(), "share": Number(2), "notes": Text()}
        values = read_body(request, kinds, required=("slug", "rule_set", "share"))
        rule_set = rule_set_of(values["rule_set"])
        try:
            made = experiments.new(values["slug"], rule_set, values["share"], notes=values.get("notes", ""))
        except ValidationError as error:
            raise invalid(error) from error
        return Response(experiment_answer(made), status=HTTPStatus.CREATED)


class OneExperiment(PricingView):
    """One experiment."""

    scopes = {"DELETE": Scope.PRICING_PUBLISH}

    @extend_schema(
        operation_id="get_experiment",
        summary="One experiment",
        tags=["pricing"],
        responses={200: schemas.EXPERIMENT_WITH_RESULTS, **problems(HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND)},
    )
    def get(self, request: Request, slug: str) -> Response:
        """The experiment with its results: of a running one as of now, of an ended one as they were then."""
        parse(request, ())
        with bounded(SCAN_SECONDS):
            return Response(_with_results(_named(slug)))

    @extend_schema(
        operation_id="delete_experiment",
        summary="Throw a prepared experiment away",
        tags=["pricing"],
        responses={
            204: None,
            **problems(HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
        },
    )
    def delete(self, request: Request, slug: str) -> Response:
        """Throw away an experiment that was never started. Needs the scope `pricing:publish`."""
        parse(request, ())
        experiments.discard(_named(slug).pk)
        return Response(status=HTTPStatus.NO_CONTENT)


class StartExperiment(PricingView):
    """Starting."""

    scopes = {"POST": Scope.PRICING_PUBLISH}

    @extend_schema(
        operation_id="start_experiment",
        summary="Start an experiment",
        tags=["pricing"],
        request=schemas.body(schemas.START_EXPERIMENT),
        responses={202: schemas.REPRICING, **problems(*BODY, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)},
    )
    def post(self, request: Request, slug: str) -> Response:
        """Seal the rule set and price the share by it; answers with the repricing. The body may be left out.

        Needs the scope `pricing:publish`. A set that sells stones of the share below cost is a 409 until that is confirmed.
        """
        parse(request, ())
        values = read_optional_body(request, {"confirm_below_cost": YesNo()})
        confirmed = values.get("confirm_below_cost", False)
        with bounded(SCAN_SECONDS):
            started = experiments.start(_named(slug).pk, actor=actor(request), below_cost_confirmed=confirmed)
        return Response(reprice.report(started), status=HTTPStatus.ACCEPTED)


class EndExperiment(PricingView):
    """Ending."""

    scopes = {"POST": Scope.PRICING_PUBLISH}

    @extend_schema(
        operation_id="end_experiment",
        summary="End an experiment",
        tags=["pricing"],
        request=schemas.body(schemas.REASON_BODY),
        responses={202: schemas.REPRICING, **problems(*BODY, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)},
    )
    def post(self, request: Request, slug: str) -> Response:
        """Keep the results and price all stones alike again; answers with the repricing.

        Needs the scope `pricing:publish`.
        """
        parse(request, ())
        reason = reason_of(read_body(request, {"reason": Text()}, required=("reason",)))
        with bounded(SCAN_SECONDS):
            ended = experiments.end(_named(slug).pk, actor=actor(request), reason=reason)
        return Response(reprice.report(ended), status=HTTPStatus.ACCEPTED)


def _named(slug: str) -> Experiment:
    found = Experiment.objects.select_related("rule_set").filter(slug=slug).first()
    if found is None:
        raise NoSuchExperiment(f"there is no experiment {slug[:64]}")
    return found


def _with_results(experiment: Experiment) -> dict[str, Any]:
    return {**experiment_answer(experiment), "results": results_answer(experiment)}

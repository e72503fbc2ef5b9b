"""Repricings by REST: which there were, how far one is, starting and cancelling one."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from diamondhub.access.scopes import Scope
from diamondhub.api.documentation import BODY, problems
from diamondhub.api.parameters import parse
from pricing import reprice
from pricing.api import schemas
from pricing.api.views import PAGING, PricingView, actor, page_of, read_body, reason_of
from pricing.errors import NoSuchRepricing
from pricing.models import Repricing
from pricing.written import Text

_SUMMARY = {**schemas.REPRICING, "properties": dict(list(schemas.REPRICING["properties"].items())[:12])}
_SUMMARY["required"] = list(_SUMMARY["properties"])


class Repricings(PricingView):
    """All repricings."""

    scopes = {"POST": Scope.PRICING_PUBLISH}

    @extend_schema(
        operation_id="list_repricings",
        summary="Repricings",
        tags=["pricing"],
        parameters=[parameter.described() for parameter in PAGING],
        responses={200: schemas.page(_SUMMARY), **problems(HTTPStatus.BAD_REQUEST)},
    )
    def get(self, request: Request) -> Response:
        """Repricings without their progress, the newest first."""
        values = parse(request, PAGING)
        rows = Repricing.objects.select_related("rule_set", "experiment").defer("rule_set__compiled")
        return Response(page_of(rows, values, reprice.summary, by="id", query="repricings"))

    @extend_schema(
        operation_id="start_repricing",
        summary="Start a repricing",
        tags=["pricing"],
        request=schemas.body(schemas.START_REPRICING),
        responses={202: schemas.REPRICING, **problems(*BODY)},
    )
    def post(self, request: Request) -> Response:
        """Price every stone by what is in force now; a repricing that is under way is superseded.

        Needs the scope `pricing:publish`.
        """
        parse(request, ())
        values = read_body(request, {"reason": Text()}, required=("reason",))
        reason = reason_of(values, longest=schemas.MAX_CAUSE_LENGTH)
        started = reprice.start(cause=reason, actor=actor(request))
        return Response(reprice.report(started), status=HTTPStatus.ACCEPTED)


class OneRepricing(PricingView):
    """One repricing."""

    @extend_schema(
        operation_id="get_repricing",
        summary="One repricing",
        tags=["pricing"],
        responses={200: schemas.REPRICING, **problems(HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND)},
    )
    def get(self, request: Request, number: int) -> Response:
        """The repricing and how far it is."""
        parse(request, ())
        return Response(_report(number))


class CancelRepricing(PricingView):
    """Cancelling."""

    scopes = {"POST": Scope.PRICING_PUBLISH}

    @extend_schema(
        operation_id="cancel_repricing",
        summary="Cancel a repricing",
        tags=["pricing"],
        request=schemas.body(schemas.REASON_BODY),
        responses={200: schemas.REPRICING, **problems(*BODY, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)},
    )
    def post(self, request: Request, number: int) -> Response:
        """Stop a repricing; what it has priced stays priced. Needs the scope `pricing:publish`."""
        parse(request, ())
        reason = reason_of(read_body(request, {"reason": Text()}, required=("reason",)))
        reprice.cancel(number, actor=actor(request), reason=reason)
        return Response(_report(number))


def _report(number: int) -> dict[str, Any]:
    found = Repricing.objects.select_related("rule_set", "experiment").filter(pk=number).first()
    if found is None:
        raise NoSuchRepricing(f"there is no repricing {number}")
    return reprice.report(found)

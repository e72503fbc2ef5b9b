"""Repricings by REST: listing them, looking how far one is, starting and cancelling one."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.http import HttpResponseBase
from django.urls import reverse
from rest_framework.request import Request
from rest_framework.response import Response

from diamondhub.access.scopes import Scope
from diamondhub.access.throttles.limits import LimitClass
from diamondhub.api.answers import page_of
from diamondhub.api.endpoint import actor, operation, version_of
from diamondhub.api.serializers import WithReason
from pricing import reprice
from pricing.api.base import PricingEndpoint
from pricing.api.bodies import NewRepricing, RepricingsQuery
from pricing.api.publishing_answers import RepricingAnswer, RepricingReportAnswer
from pricing.errors import NoSuchRepricing
from pricing.models import Repricing


class Repricings(PricingEndpoint):
    """All repricings."""

    @operation("list_repricings", "Repricings", query=RepricingsQuery, answer=page_of(RepricingAnswer))
    def get(self, request: Request) -> Response:
        """Repricings without their progress, the newest first."""
        rows = Repricing.objects.select_related("rule_set", "experiment").defer("rule_set__compiled")
        if "state" in self.query:
            rows = rows.filter(state=self.query["state"])
        return self.page(rows, reprice.summary, by="id")

    @operation(
        "start_repricing",
        "Start a repricing",
        scope=Scope.PRICING_PUBLISH,
        body=NewRepricing,
        answer=RepricingReportAnswer,
        status=HTTPStatus.ACCEPTED,
        idempotent=True,
        limit=LimitClass.PRICING_EDITS,
    )
    def post(self, request: Request) -> Response:
        """Price every stone by what is in force now; a repricing that is under way is superseded.

        Needs the scope `pricing:publish`. `Location` is where to watch it.
        """
        started = reprice.start(cause=self.body["reason"], actor=actor(request))
        headers = {"Location": reverse("repricing", args=[started.pk])}
        return Response(reprice.report(started), status=HTTPStatus.ACCEPTED, headers=headers)


class OneRepricing(PricingEndpoint):
    """One repricing."""

    @operation("get_repricing", "One repricing", answer=RepricingReportAnswer)
    def get(self, request: Request, number: int) -> HttpResponseBase:
        """The repricing and how far it is. Watch it by asking again with `If-None-Match`."""
        report = _report(number)
        return self.unless_known(version_of(report), lambda: Response(report))


class CancelRepricing(PricingEndpoint):
    """Cancelling."""

    @operation(
        "cancel_repricing",
        "Cancel a repricing",
        scope=Scope.PRICING_PUBLISH,
        body=WithReason,
        answer=RepricingReportAnswer,
        problems=("repricing-over",),
        idempotent=True,
        limit=LimitClass.PRICING_EDITS,
    )
    def post(self, request: Request, number: int) -> Response:
        """Stop a repricing; what it has priced stays priced. Needs the scope `pricing:publish`."""
        reprice.cancel(number, actor=actor(request), reason=self.body["reason"])
        return Response(_report(number))


def _report(number: int) -> dict[str, Any]:
    repricing = Repricing.objects.select_related("rule_set", "experiment").filter(pk=number).first()
    if repricing is None:
        raise NoSuchRepricing(f"there is no repricing {number}")
    return reprice.report(repricing)

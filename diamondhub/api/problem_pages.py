"""The addresses that problems name as their types: what each kind means and what to do about it, as pages and as JSON."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.renderers import JSONRenderer, TemplateHTMLRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from diamondhub.api import fields, kinds
from diamondhub.api.endpoint import Endpoint, operation


class KindAnswer(serializers.Serializer[Any]):
    """A kind of problem."""

    type = fields.Text(read_only=True, help_text="The `type` of its problems, and where it is documented.")
    status = fields.Whole(read_only=True, help_text="The status that it comes with.")
    title = fields.Text(read_only=True, help_text="The same at every occurrence.")
    happened = fields.Text(read_only=True, help_text="What happened.")
    remedy = fields.Text(read_only=True, help_text="What to do about it.")


class KindsAnswer(serializers.Serializer[Any]):
    """All kinds of problems."""

    results = KindAnswer(many=True, read_only=True)


class ProblemPage(Endpoint):
    """What both addresses share: they are for everybody, and for browsers too."""

    authentication_classes = []
    permission_classes = [AllowAny]
    renderer_classes = [JSONRenderer, TemplateHTMLRenderer]
    tag = "about"
    cache_control = "public, max-age=300"


class Problems(ProblemPage):
    """All kinds."""

    @operation("list_problem_kinds", "Kinds of problems", answer=KindsAnswer)
    def get(self, request: Request) -> Response:
        """Every kind of problem that the API answers with, by status. A browser gets a page."""
        return Response({"results": [_shown(kind) for kind in kinds.all_kinds()]}, template_name="api/problems.html")


class OneProblem(ProblemPage):
    """One kind."""

    @operation("get_problem_kind", "One kind of problem", answer=KindAnswer)
    def get(self, request: Request, kind: str) -> Response:
        """The kind of problem whose `type` is this address. A browser gets a page."""
        known = kinds.named(kind)
        if known is None:
            raise Http404
        return Response(_shown(known), template_name="api/problem.html")


def _shown(kind: kinds.Kind) -> dict[str, Any]:
    return {
        "type": kind.type,
        "status": kind.status.value,
        "title": kind.title,
        "happened": kind.happened,
        "remedy": kind.remedy,
    }

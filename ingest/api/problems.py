"""Problems by REST: what is wrong, since when and why; taking care of one, leaving it again, and saying that it is over."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus
from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpResponseBase
from django.urls import reverse
from rest_framework.request import Request
from rest_framework.response import Response

from diamondhub.access.scopes import Scope
from diamondhub.access.throttles.limits import LimitClass
from diamondhub.admin.base import bounded
from diamondhub.alerts import links
from diamondhub.api.answers import page_of
from diamondhub.api.endpoint import actor, operation, version_of
from diamondhub.api.mistakes import FieldError, Wrong
from diamondhub.api.problems import InvalidBody
from diamondhub.database import clock
from diamondhub.operations.models import Problem
from diamondhub.operations.problems import kinds, tracking
from ingest.api.base import LIST_SECONDS, IngestEndpoint
from ingest.api.problem_answers import ProblemAnswer, ProblemInListAnswer
from ingest.api.problem_bodies import Acknowledgement, ProblemsQuery, Resolution, TakingBack

#: Changes of a problem that are shown, the newest.
MAX_EVENTS = 100
#: Numbers of rows that the database knows.
MAX_NUMBER = 2**63 - 1
#: Apps whose problems may say what stones cost, in the words of suppliers and of prices.
QUOTING_APPS = frozenset({"ingest", "pricing"})
#: For how long somebody takes care of a problem who does not say.
ACKNOWLEDGED_FOR = timedelta(hours=1)


class ProblemEndpoint(IngestEndpoint):
    """A view of problems."""

    scope = Scope.PROBLEMS_READ
    tag = "problems"
    problems_of = {
        Problem.DoesNotExist: (HTTPStatus.NOT_FOUND, "not-found"),
        tracking.NotOpen: (HTTPStatus.CONFLICT, "problem-resolved"),
        tracking.NotAcknowledged: (HTTPStatus.CONFLICT, "problem-not-acknowledged"),
        tracking.EndsByItself: (HTTPStatus.CONFLICT, "problem-ends-by-itself"),
    }

    def withholds(self, problem: Problem) -> bool:
        """Whether the client may not see values of the problem: of kinds that may quote what a stone costs."""
        kind = kinds.known(problem.kind)
        quotes = kind is None or kind.permission.partition(".")[0] in QUOTING_APPS
        return quotes and not self.sees_costs

    def in_list(self, problem: Problem) -> dict[str, Any]:
        """A problem as lists have it."""
        kind = kinds.known(problem.kind)
        words = self.words if self.withholds(problem) else str
        return {
            "problem": problem.pk,
            "kind": problem.kind,
            "title": kind.title if kind else problem.kind,
            "severity": problem.severity,
            "state": problem.state,
            "about": problem.about,
            "where": problem.where or None,
            "subject": words(problem.subject),
            "occurrences": problem.occurrences,
            "episode": problem.episode,
            "first_seen_at": problem.first_seen_at,
            "last_seen_at": problem.last_seen_at,
            "acknowledged_by": problem.acknowledged_by or None,
            "acknowledged_until": problem.acknowledged_until,
            "resolved_at": problem.resolved_at,
            "resolved_by": problem.resolved_by or None,
            "resolved_why": words(problem.resolved_why) or None,
            "by_hand": kind is None or kind.by_hand,
            "trace_id": problem.trace_id or None,
            "links": {
                "self": reverse("problem", args=[problem.pk]),
                "page": links.problem(problem.pk) or None,
                "run_book": links.run_book(problem.kind) if kind else None,
            },
        }

    def shown(self, problem: Problem) -> dict[str, Any]:
        """A problem with what is known of it and what became of it."""
        kind = kinds.known(problem.kind)
        withheld = self.withholds(problem)
        words = self.words if withheld else str
        events = problem.events.order_by("-at", "-pk")[:MAX_EVENTS]
        return {
            **self.in_list(problem),
            "found_when": kind.found if kind else None,
            "ends_when": kind.ends if kind else None,
            "details": None if withheld else problem.details,
            "withheld": Scope.PRICING_READ if withheld else None,
            "events": [
                {
                    "at": event.at,
                    "what": event.what,
                    "episode": event.episode,
                    "where": event.where or None,
                    "by": event.by or None,
                    "note": words(event.note),
                }
                for event in events
            ],
        }


class Problems(ProblemEndpoint):
    """All problems."""

    @operation("list_problems", "Problems", query=ProblemsQuery, answer=page_of(ProblemInListAnswer))
    def get(self, request: Request) -> Response:
        """What is wrong, and what was, the newest first: each thing that can be wrong has one problem, which comes back.

        Ask for `state=open,acknowledged` to have what is wrong now.
        """
        with bounded(LIST_SECONDS):
            return self.page(_chosen(self.query), self.in_list, by="id")


class OneProblem(ProblemEndpoint):
    """One problem."""

    @operation("get_problem", "One problem", answer=ProblemAnswer)
    def get(self, request: Request, number: int) -> HttpResponseBase:
        """What is wrong, why, how it ends, and what became of it so far."""
        shown = self.shown(problem_of(number))
        return self.unless_known(version_of(shown), lambda: Response(shown))


class ProblemAcknowledgement(ProblemEndpoint):
    """Taking care of a problem."""

    @operation(
        "acknowledge_problem",
        "Acknowledge a problem",
        scope=Scope.PROBLEMS_OPERATE,
        body=Acknowledgement,
        body_is_optional=True,
        answer=ProblemAnswer,
        problems=("problem-resolved",),
        idempotent=True,
        limit=LimitClass.RUNS,
    )
    def post(self, request: Request, number: int) -> Response:
        """Say that somebody takes care of the problem: nobody is reminded of it, nor is it escalated, before that ends.

        Needs the scope `problems:operate`. Without `until` and `minutes` it ends after an hour. Whoever takes care of it
        already is followed. It ends early when the problem gets worse.
        """
        problem_of(number)
        until = self.body.get("until")
        if until is None:
            minutes = self.body.get("minutes")
            until = clock() + (ACKNOWLEDGED_FOR if minutes is None else timedelta(minutes=minutes))
        try:
            tracking.acknowledge(number, by=actor(request), until=until, note=self.body.get("note", ""))
        except tracking.WrongTime:
            message = f"must be in the future, at most {tracking.MAX_ACKNOWLEDGED.days} days from now"
            raise InvalidBody.of(Wrong([FieldError("until", message)])) from None
        return Response(self.shown(problem_of(number)))


class ProblemTakingBack(ProblemEndpoint):
    """Taking care of a problem no longer."""

    @operation(
        "take_back_problem",
        "Take an acknowledgement back",
        scope=Scope.PROBLEMS_OPERATE,
        body=TakingBack,
        body_is_optional=True,
        answer=ProblemAnswer,
        problems=("problem-not-acknowledged",),
        idempotent=True,
        limit=LimitClass.RUNS,
    )
    def post(self, request: Request, number: int) -> Response:
        """Say that nobody takes care of the problem any more: it is open again, and told by the rules as one that is.

        Needs the scope `problems:operate`.
        """
        problem_of(number)
        tracking.take_back(number, by=actor(request), note=self.body.get("note", ""))
        return Response(self.shown(problem_of(number)))


class ProblemResolution(ProblemEndpoint):
    """Saying that a problem is over."""

    @operation(
        "resolve_problem",
        "Resolve a problem by hand",
        scope=Scope.PROBLEMS_OPERATE,
        body=Resolution,
        answer=ProblemAnswer,
        problems=("problem-resolved", "problem-ends-by-itself"),
        idempotent=True,
        limit=LimitClass.RUNS,
    )
    def post(self, request: Request, number: int) -> Response:
        """End a problem, for a reason, of which nothing else says that it is over: one with `by_hand`.

        Needs the scope `problems:operate`. All others end when what they are about is right again (`ends_when`): a 409.
        """
        problem_of(number)
        tracking.resolve_by_hand(number, by=actor(request), reason=self.body["reason"])
        return Response(self.shown(problem_of(number)))


def problem_of(number: int) -> Problem:
    """The problem of this number. Raises `Problem.DoesNotExist`."""
    problem = Problem.objects.filter(pk=number).first() if number <= MAX_NUMBER else None
    if problem is None:
        raise Problem.DoesNotExist(f"there is no problem {number}")
    return problem


def _chosen(query: dict[str, Any]) -> QuerySet[Problem]:
    """The problems that a query asks for; by `place` where that says the same, since indexes begin with it."""
    rows = Problem.objects.all()
    if "kind" in query:
        rows = rows.filter(kind__in=query["kind"])
    if "severity" in query:
        rows = rows.filter(severity__in=query["severity"])
    if "state" in query:
        states = {*query["state"]}
        wanted = Q(place=Problem.RESOLVED_PLACE) if Problem.State.RESOLVED in states else Q()
        unresolved = states - {Problem.State.RESOLVED}
        if unresolved:
            wanted |= Q(place__lt=Problem.RESOLVED_PLACE, state__in=unresolved)
        rows = rows.filter(wanted)
    return rows

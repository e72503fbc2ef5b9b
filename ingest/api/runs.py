"""Runs by REST: starting, watching, approving, retrying and cancelling them, by the functions of commands and admin."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.db.models import Count, Q, Sum
from django.db.models.functions import Now
from django.http import HttpResponseBase
from django.urls import reverse
from rest_framework.request import Request
from rest_framework.response import Response

from diamondhub import money
from diamondhub.access.scopes import Scope
from diamondhub.access.throttles.limits import LimitClass
from diamondhub.admin.base import bounded
from diamondhub.api.answers import page_of
from diamondhub.api.endpoint import actor, operation, version_of
from diamondhub.api.serializers import WithReason
from diamondhub.leases import Leased
from ingest import pausing, price_meanings, resting, review, runs
from ingest.api.base import LIST_SECONDS, IngestEndpoint, within
from ingest.api.bodies import Approval, NewRun, Retry, RunsQuery
from ingest.api.partition_answers import RetryAnswer
from ingest.api.partitions import partition_shown
from ingest.api.run_answers import RunAnswer, RunInListAnswer
from ingest.dead_letters import without_values
from ingest.models import Partition, Run
from ingest.models.dead_letter import WAITING
from ingest.progress import progress
from ingest.report import report
from ingest.waiting import waiting_for

#: Moves of a run that are shown, the newest.
MAX_EVENTS = 100
#: While pages come in, how fast they do is known no more exactly (seconds).
PACE_SECONDS = 5

#: Workers renew leases and put rows off all the time; what a run waits for is told by `waiting_for`.
_LEASE = frozenset(field.name for field in Leased._meta.fields)
_ROW = [field.attname for field in Run._meta.concrete_fields if field.name not in _LEASE]


class RunEndpoint(IngestEndpoint):
    """A view of runs."""

    scope = Scope.RUNS_READ

    def run_shown(self, number: int) -> dict[str, Any]:
        """The run of this number as the client may see it. Raises `NoSuchRun`."""
        return run_shown(runs.find_run(number), costs=self.sees_costs)


class Runs(RunEndpoint):
    """All runs."""

    @operation("list_runs", "Runs", query=RunsQuery, answer=page_of(RunInListAnswer))
    def get(self, request: Request) -> Response:
        """Runs without their counts, the newest first."""
        rows = Run.objects.select_related("feed", "experiment").defer(
            "plan", "summary", "drift", "review", "prices", "census"
        )
        rows = within(self.of_feed(rows), self.query, "created_at")
        if "kind" in self.query:
            rows = rows.filter(kind=self.query["kind"])
        if "state" in self.query:
            rows = rows.filter(state__in=self.query["state"])
        with bounded(LIST_SECONDS):
            return self.page(rows, in_list, by="id")

    @operation(
        "start_run",
        "Start a run",
        scope=Scope.RUNS_OPERATE,
        body=NewRun,
        answer=RunAnswer,
        status=HTTPStatus.ACCEPTED,
        problems=(
            HTTPStatus.NOT_FOUND,
            "live-run",
            "feed-disabled",
            "feed-paused",
            "no-watermark",
            "supplier-not-configured",
        ),
        idempotent=True,
        limit=LimitClass.RUNS,
    )
    def post(self, request: Request) -> Response:
        """Start a run of a feed; workers do it. `Location` is where to watch it.

        Needs the scope `runs:operate`. A feed has one live run at most: if there is one, a 409 names it.
        """
        body = self.body
        started = runs.start_run(
            body["feed"], kind=body["kind"], started_by=actor(request), reason=body.get("reason", "")
        )
        return Response(
            self.run_shown(started.pk),
            status=HTTPStatus.ACCEPTED,
            headers={"Location": reverse("run", args=[started.pk])},
        )


class OneRun(RunEndpoint):
    """One run."""

    @operation("get_run", "One run", answer=RunAnswer)
    def get(self, request: Request, number: int) -> HttpResponseBase:
        """How far the run is, what it waits for and why, and what came of it.

        Watch it by asking again with `If-None-Match`: a 304 costs little, and says that nothing has happened.
        """
        with bounded(LIST_SECONDS):
            version = version_of_run(number, costs=self.sees_costs)
            return self.unless_known(version, lambda: Response(self.run_shown(number)))


class RunCancellation(RunEndpoint):
    """Cancelling."""

    @operation(
        "cancel_run",
        "Cancel a run",
        scope=Scope.RUNS_OPERATE,
        body=WithReason,
        answer=RunAnswer,
        problems=("wrong-state",),
        idempotent=True,
        limit=LimitClass.RUNS,
    )
    def post(self, request: Request, number: int) -> Response:
        """Cancel a live run. What it consolidated stays; the watermark does not move. Needs the scope `runs:operate`."""
        runs.find_run(number)
        runs.cancel_run(number, actor=actor(request), reason=self.body["reason"])
        return Response(self.run_shown(number))


class RunApproval(RunEndpoint):
    """Approving."""

    @operation(
        "approve_run",
        "Approve a run in review",
        scope=Scope.RUNS_OPERATE,
        body=Approval,
        answer=RunAnswer,
        problems=("wrong-state", "held-otherwise", "undecided"),
        idempotent=True,
        limit=LimitClass.RUNS,
    )
    def post(self, request: Request, number: int) -> Response:
        """Let a run in review go on past the brakes that hold it; one that presses harder later holds it again.

        Needs the scope `runs:operate`. Say with `brakes` what you have seen: if others hold the run by now, a 409.
        A run that is held by `renumbered` needs a decision: without one it stays as it is, a 409.
        """
        runs.find_run(number)
        runs.approve_run(
            number,
            actor=actor(request),
            reason=self.body["reason"],
            seen=self.body.get("brakes"),
            renumbered=self.body.get("renumbered"),
        )
        return Response(self.run_shown(number))


class RunRetry(RunEndpoint):
    """Reading failed partitions again."""

    @operation(
        "retry_run",
        "Read failed partitions again",
        scope=Scope.RUNS_OPERATE,
        body=Retry,
        body_is_optional=True,
        answer=RetryAnswer,
        status=HTTPStatus.ACCEPTED,
        problems=("wrong-state", "live-run"),
        idempotent=True,
        limit=LimitClass.RUNS,
    )
    def post(self, request: Request, number: int) -> Response:
        """Make failed partitions ready again, each where it stopped, all of them or those that are named.

        Needs the scope `runs:operate`. A run that failed, or completed without them, goes on ingesting.
        """
        runs.find_run(number)
        body = self.body
        retried = runs.retry_partitions(
            number,
            actor=actor(request),
            reason=body.get("reason", ""),
            partitions=body.get("partitions"),
            dry_run=body["dry_run"],
        )
        run = runs.find_run(number)
        answer = {
            "run": number,
            "dry_run": body["dry_run"],
            "state": run.state,
            "partitions": [partition_shown(partition, costs=self.sees_costs) for partition in retried],
            "links": _links(run),
        }
        headers = {} if body["dry_run"] else {"Location": reverse("run", args=[number])}
        return Response(answer, status=HTTPStatus.ACCEPTED, headers=headers)


# --- what is shown ---------------------------------------------------------------------------------------------------


def in_list(run: Run) -> dict[str, Any]:
    """A run as lists have it."""
    return {
        "run": run.pk,
        "feed": run.feed.slug,
        "kind": run.kind,
        "state": run.state,
        "window": {"from": run.window_from, "to": run.window_to},
        "started_by": run.started_by,
        "reason": run.reason,
        "created_at": run.created_at,
        "finished_at": run.finished_at,
        "held": sorted(run.held),
        "suspect": run.suspect,
        "failure": run.failure,
        "retries": run.retries,
        "rule_set": run.rule_set,
        "experiment": run.experiment.slug if run.experiment else None,
        "trace_id": run.trace_id,
        "links": _links(run),
    }


def run_shown(run: Run, *, costs: bool) -> dict[str, Any]:
    """A run with its counts, which are the commands' report. What stones cost is shown only with `costs`."""
    now = _clocked(run.pk).now
    at = progress(run)
    waiting = waiting_for(run, now)
    events = list(run.events.order_by("-id")[:MAX_EVENTS])
    return {
        **report(run),
        **in_list(run),
        "waiting": waiting and {"what": waiting.what, "why": waiting.why, "until": waiting.until},
        "pauses": [pausing.as_json(pause) for pause in resting.in_force().concerning(run.feed)] if run.live else [],
        "prices": price_meanings.shown(run.prices),
        "progress": {
            "share": round(at.share, 4),
            "expected": at.expected,
            "received": at.received,
            "pages_per_second": round(at.per_second, 1),
            "seconds_left": None if at.seconds_left is None else round(at.seconds_left, 1),
            "partitions_open": at.partitions - at.partitions_completed - at.partitions_failed,
            "batches": at.batches,
            "batches_completed": at.batches_completed,
        },
        "review": [_held(held, costs=costs) for held in review.read(run).held],
        "approved": sorted(run.approved),
        "approved_by": run.approved_by,
        "decisions": run.decisions,
        "events": [
            {
                "at": event.at,
                "from_state": event.from_state,
                "to_state": event.to_state,
                "actor": event.actor,
                "reason": event.reason,
            }
            for event in reversed(events)
        ],
    }


def _held(held: review.Held, *, costs: bool) -> dict[str, Any]:
    def of_payloads(words: str) -> str:
        # Of these brakes the words quote what single stones, or half of them, cost.
        quoted = held.kind in ("median", "dead_letters", "required_missing")
        return words if costs or not quoted else without_values(words)

    return {
        "brake": held.kind,
        "share": held.share,
        "why": held.why,
        "measure": held.measure,
        "bound": held.bound,
        "looked": of_payloads(held.looked),
        "parts": [
            {
                "cause": part.cause,
                "words": of_payloads(part.words),
                "stones": part.stones,
                "share": part.share,
                "fingerprint": part.fingerprint,
                "examples": [_example(example, costs=costs) for example in part.examples],
            }
            for part in held.parts
        ],
    }


def _example(example: review.Example, *, costs: bool) -> dict[str, Any]:
    cents = {"cost": example.cost, "brought": example.brought, "again": example.again}
    return {
        "stone": example.stone,
        "diamond": example.diamond or None,
        "letter": example.letter or None,
        "availability": example.availability,
        **{name: money.to_text(amount) if costs and amount is not None else None for name, amount in cents.items()},
    }


def _links(run: Run) -> dict[str, str]:
    return {
        "self": reverse("run", args=[run.pk]),
        "partitions": reverse("partitions", args=[run.pk]),
        "dead_letters": f"{reverse('dead_letters')}?run={run.pk}",
    }


# --- watching --------------------------------------------------------------------------------------------------------


def version_of_run(number: int, *, costs: bool) -> str:
    """What changes whenever anything does that a run shows; a few small queries. Raises `NoSuchRun`."""
    run = _clocked(number)
    partitions = run.partitions.aggregate(
        Count("pk"),
        *(Sum(name) for name in ("expected", "next_offset", "other_requests", "rereads", "missing", "errors")),
        completed=Count("pk", filter=Q(state=Partition.State.COMPLETED)),
        failed=Count("pk", filter=Q(state=Partition.State.FAILED)),
    )
    batches = run.batches.aggregate(Count("pk"), completed=Count("pk", filter=Q(state="completed")))
    letters = run.dead_letters.aggregate(Count("pk"), waiting=Count("pk", filter=Q(state__in=WAITING)))
    # How fast pages come in changes by itself.
    pace = int(run.now.timestamp()) // PACE_SECONDS if run.state == Run.State.INGESTING else 0
    waiting = waiting_for(run, run.now)
    until = waiting and [waiting.what, waiting.until]
    paused = [(pause.pk, pause.until) for pause in resting.in_force().concerning(run.feed)] if run.live else []
    row = [getattr(run, name) for name in _ROW]
    return version_of(row, partitions, batches, letters, pace, until, paused, costs)


def _clocked(number: int) -> Any:
    """The run with the database's time as `now`. Raises `NoSuchRun`."""
    run = Run.objects.select_related("feed").annotate(now=Now()).filter(pk=number).first()
    if run is None:
        raise runs.NoSuchRun(f"there is no run {number}")
    return run

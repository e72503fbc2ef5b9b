"""Answers of the addresses of problems."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from diamondhub.api import fields
from diamondhub.api.answers import Answer, shown_as
from diamondhub.operations.models import Problem, ProblemEvent
from diamondhub.operations.problems.kinds import BY_URGENCY

_WORDS = "Without `pricing:read`, values that it quotes are left out."
_PROBLEM: dict[str, Any] = {
    "problem": 17,
    "kind": "supplier-failing",
    "title": "The supplier fails",
    "severity": "critical",
    "state": "open",
    "about": "feed:nivoda-natural",
    "where": None,
    "subject": "nivoda-natural: 48 of our last 50 requests failed",
    "occurrences": 31,
    "episode": 2,
    "first_seen_at": "2026-11-28T08:00:00Z",
    "last_seen_at": "2026-11-28T08:05:10Z",
    "acknowledged_by": None,
    "acknowledged_until": None,
    "resolved_at": None,
    "resolved_by": None,
    "resolved_why": None,
    "by_hand": False,
    "trace_id": None,
    "links": {
        "self": "/api/v1/problems/17",
        "page": "https://diamonds.example.com/admin/operations/problem/17/change/",
        "run_book": "https://diamonds.example.com/admin/operations/problem/runbook/supplier-failing/",
    },
}


class ProblemLinks(Answer):
    """Addresses of what belongs to it."""

    self = fields.Text()
    page = fields.Text(allow_null=True, help_text="Its page for people; null where nobody has set `PUBLIC_URL`.")
    run_book = fields.Text(
        allow_null=True, help_text="What to do about it: a page, or without `PUBLIC_URL` the name of the file."
    )


@shown_as(_PROBLEM)
class ProblemInListAnswer(Answer):
    """Something that is wrong, or was: one for each kind and each thing that it is about."""

    problem = fields.Whole()
    kind = fields.Text(help_text="One of those that the list takes, or of a former version.")
    title = fields.Text(help_text="Its kind in words.")
    severity = fields.OneOf([str(severity) for severity in BY_URGENCY], help_text="The worst of this episode.")
    state = fields.OneOf(Problem.State.values)
    about = fields.Text(help_text="What is wrong: `feed:nivoda-natural`.")
    where = fields.Text(allow_null=True, help_text="Where it occurred last, if that is another thing: `run:17`.")
    subject = fields.Text(help_text=f"In one line. {_WORDS}")
    occurrences = fields.Whole(help_text="In this episode.")
    episode = fields.Whole(help_text="The how manyth time that it is there: one more whenever it comes back.")
    first_seen_at = fields.Moment(help_text="When this episode began.")
    last_seen_at = fields.Moment()
    acknowledged_by = fields.Text(allow_null=True, help_text="Who takes care of it.")
    acknowledged_until = fields.Moment(allow_null=True, help_text="It is open again then, unless it is over.")
    resolved_at = fields.Moment(allow_null=True)
    resolved_by = fields.Text(allow_null=True, help_text="Who said so, if somebody did.")
    resolved_why = fields.Text(allow_null=True, help_text=_WORDS)
    by_hand = fields.YesNo(help_text="Whether it is to be resolved by hand, since nothing looks at it again.")
    trace_id = fields.Text(allow_null=True, help_text="Of the run or request in which it occurred.")
    links = ProblemLinks()


class ProblemEventAnswer(Answer):
    """One change of a problem."""

    at = fields.Moment()
    what = fields.OneOf(ProblemEvent.What.values)
    episode = fields.Whole()
    where = fields.Text(allow_null=True)
    by = fields.Text(allow_null=True, help_text="Who did it, if somebody did.")
    note = fields.Text(help_text=_WORDS)


@shown_as(
    {
        **_PROBLEM,
        "found_when": "half of the requests of five minutes fail",
        "ends_when": "by itself, when they do not any more",
        "details": {"requests": 50, "failed": 48},
        "withheld": None,
        "events": [
            {
                "at": "2026-11-28T08:00:00Z",
                "what": "reopened",
                "episode": 2,
                "where": None,
                "by": None,
                "note": "nivoda-natural: 48 of our last 50 requests failed",
            }
        ],
    }
)
class ProblemAnswer(ProblemInListAnswer):
    """A problem with its details and what became of it."""

    found_when = fields.Text(allow_null=True, help_text="How problems of this kind are found.")
    ends_when = fields.Text(allow_null=True, help_text="How they end.")
    details = serializers.DictField(
        allow_null=True, help_text="What is known of it, as its kind has it; never a secret. Null if `withheld`."
    )
    withheld = fields.Text(allow_null=True, help_text="The scope without which `details` are null.")
    events = ProblemEventAnswer(many=True, help_text="What became of it: the newest hundred changes, the newest first.")

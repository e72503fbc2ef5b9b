"""Queries and bodies of the addresses of problems."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from rest_framework import serializers

from diamondhub.api import fields
from diamondhub.api.endpoint import PageQuery
from diamondhub.api.serializers import Body
from diamondhub.operations.models import Problem
from diamondhub.operations.problems import kinds, tracking

#: The longest time for which somebody can say that they take care of a problem.
MAX_MINUTES = tracking.MAX_ACKNOWLEDGED // timedelta(minutes=1)


class ProblemsQuery(PageQuery):
    """The parameters of the list of problems."""

    state = fields.ListOf(
        fields.OneOf(Problem.State.values),
        things="states",
        required=False,
        help_text="Only problems in one of these states; `open` and `acknowledged` ones are wrong now.",
    )
    severity = fields.ListOf(
        fields.OneOf([str(severity) for severity in kinds.BY_URGENCY]),
        things="severities",
        required=False,
        help_text="Only problems of one of these severities.",
    )
    kind = fields.ListOf(
        fields.OneOf([kind.name for kind in kinds.all_kinds()]),
        things="kinds",
        required=False,
        help_text="Only problems of one of these kinds.",
    )


class Acknowledgement(Body):
    """Until when somebody takes care of a problem."""

    default_error_messages = {"both": "must not be given together with minutes"}

    until = fields.Moment(
        required=False, help_text=f"Until then; {tracking.MAX_ACKNOWLEDGED.days} days from now at most."
    )
    minutes = fields.Whole(1, MAX_MINUTES, required=False, help_text="For so long, instead of `until`.")
    note = fields.Reason(required=False, help_text="What is known of it; kept with the problem and in the audit.")

    class Meta:
        described = {"not": {"required": ["until", "minutes"]}}
        example = {"minutes": 240, "note": "the supplier is told"}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if {"until", "minutes"} <= set(attrs):
            raise serializers.ValidationError({"until": [self.error_messages["both"]]})
        return attrs


class TakingBack(Body):
    """Why nobody takes care of a problem any more."""

    note = fields.Reason(required=False, help_text="What is known of it; kept with the problem and in the audit.")

    class Meta:
        example = {"note": "it is the day shift's"}


class Resolution(Body):
    """Why a problem is over."""

    reason = fields.Reason()

    class Meta:
        example = {"reason": "the supplier has changed its list for good"}

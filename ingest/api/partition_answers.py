"""Answers about partitions and retries, with examples."""

from __future__ import annotations

from diamondhub.api import fields
from diamondhub.api.answers import Answer, shown_as
from ingest.api.answers import COSTS, links
from ingest.api.run_answers import RUN_LINKS
from ingest.models import Partition, Run

_PARTITION = {
    "partition": 4711,
    "run": 42,
    "ordinal": 3,
    "kind": "range",
    "state": "failed",
    "working": False,
    "price_from": 1200,
    "price_to": 1499,
    "carats_from": None,
    "carats_to": None,
    "offset_from": 0,
    "offset_to": None,
    "expected": 900,
    "recounted": None,
    "next_offset": 450,
    "missing": 0,
    "attempts": 4,
    "errors": 3,
    "rereads": 0,
    "failure": "transient: the supplier failed: 502",
    "due_at": None,
    "completed_at": None,
}


@shown_as(_PARTITION)
class PartitionAnswer(Answer):
    """A slice of a run's window, and how far it is read."""

    partition = fields.Whole()
    run = fields.Whole()
    ordinal = fields.Whole()
    kind = fields.OneOf(Partition.Kind.values, help_text="A `range` of prices, or stones that are asked for by id.")
    state = fields.OneOf(Partition.State.values)
    working = fields.YesNo(help_text="A worker is at it.")
    price_from = fields.Whole(
        allow_null=True, help_text=f"Whole dollars per carat, as the supplier asks for them. {COSTS}"
    )
    price_to = fields.Whole(allow_null=True, help_text=f"Included; null is without end. {COSTS}")
    carats_from = fields.Number(2, allow_null=True)
    carats_to = fields.Number(2, allow_null=True)
    offset_from = fields.Whole()
    offset_to = fields.Whole(allow_null=True)
    expected = fields.Whole(help_text="Stones that the supplier counts.")
    recounted = fields.Whole(allow_null=True, help_text="Its count at the end, if it was another.")
    next_offset = fields.Whole(help_text="Where reading goes on.")
    missing = fields.Whole(help_text="Stones that it counts and never showed.")
    attempts = fields.Whole(help_text="How often a worker took it up.")
    errors = fields.Whole(help_text="Failures since the last page that went well.")  # type: ignore[assignment]  # fields hide DRF's properties
    rereads = fields.Whole()
    failure = fields.Text(help_text="Why it failed; empty if it did not.")
    due_at = fields.Moment(allow_null=True)
    completed_at = fields.Moment(allow_null=True)


@shown_as({"run": 42, "dry_run": False, "state": "ingesting", "partitions": [_PARTITION], "links": RUN_LINKS})
class RetryAnswer(Answer):
    """The failed partitions that are read again."""

    run = fields.Whole()
    dry_run = fields.YesNo()
    state = fields.OneOf(Run.State.values, help_text="The run's, after this.")
    partitions = PartitionAnswer(many=True, help_text="As they were when they had failed.")
    links = links("self", "partitions", "dead_letters")()

"""Answers of ingestion's API: serializers that describe them, each with an example.

Views give plain objects, which the commands' reports are as well; a test holds them against these.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from rest_framework import serializers

from diamondhub.api import fields
from diamondhub.api.answers import Answer, shown_as
from ingest import brakes
from ingest.models import DeadLetter, DeadLetterAttempt, Partition, Run, ScheduleSlot

_AT = "2026-11-28T02:00:00.000000Z"
_COSTS = "Null without the scope `pricing:read`."


class Cost(fields.Dollars):
    """Cents as dollars, or null for whom must not see what stones cost."""

    def __init__(self, **options: Any) -> None:
        super().__init__(read_only=True, allow_null=True, **{"help_text": f"Dollars. {_COSTS}", **options})


@cache
def links(*names: str) -> type[Answer]:
    """Addresses of what belongs to an answer, by these names."""
    return type(
        f"{''.join(name.title().replace('_', '') for name in names)}Links",
        (Answer,),
        {"__doc__": "Addresses of what belongs to it.", **{name: fields.Text() for name in names}},
    )


# --- feeds -----------------------------------------------------------------------------------------------------------


class RunInShortAnswer(Answer):
    """A run by number and state."""

    run = fields.Whole()
    kind = fields.OneOf(Run.Kind.values)
    state = fields.OneOf(Run.State.values)
    created_at = fields.Moment()
    finished_at = fields.Moment(allow_null=True)


class ComingRunAnswer(Answer):
    """A run that a schedule will start."""

    due_at = fields.Moment()
    kind = fields.OneOf(Run.Kind.values)


class RefusedWayAnswer(Answer):
    """A way of asking that the supplier refused."""

    way = fields.Text()
    words = fields.Text()
    most = fields.Whole(help_text="Things that it takes in one request.")
    said = fields.Text(help_text="What it said.")
    found_at = fields.Moment()
    tried_again_after = fields.Moment()


_RUN_IN_SHORT = {"run": 41, "kind": "full", "state": "completed", "created_at": _AT, "finished_at": _AT}


@shown_as(
    {
        "feed": "nivoda-natural",
        "name": "Nivoda, natural",
        "enabled": True,
        "full_schedule": "0 2 * * *",
        "incremental_schedule": "*/15 * * * *",
        "window_lag_seconds": 30,
        "overlap_seconds": 900,
        "max_partition_stones": 2500,
        "delist_brake": 0.2,
        "shrink_brake": 0.5,
        "median_brake": 0.3,
        "error_budget": 0.01,
        "partial_delay_seconds": None,
        "adapter": "nivoda",
        "parameters": {"labgrown": False},
        "watermark": _AT,
        "live_run": None,
        "last_run": _RUN_IN_SHORT,
        "next_runs": [{"due_at": _AT, "kind": "incremental"}],
        "refused_ways": [],
        "created_at": _AT,
        "links": {
            "self": "/api/v1/feeds/nivoda-natural",
            "runs": "/api/v1/runs?feed=nivoda-natural",
            "slots": "/api/v1/feeds/nivoda-natural/slots",
        },
    }
)
class FeedAnswer(Answer):
    """A feed: its settings, its runs, and how far it is known to be true."""

    feed = fields.Text(help_text="Its slug, which never changes.")
    name = fields.Text()
    enabled = fields.YesNo()
    full_schedule = fields.Text(help_text="Crontab in UTC; empty: full runs never start by themselves.")
    incremental_schedule = fields.Text(help_text="Crontab in UTC; empty: incremental runs never start by themselves.")
    window_lag_seconds = fields.Whole(help_text="A run's window ends this long before the supplier's clock.")
    overlap_seconds = fields.Whole(help_text="An incremental run starts this long before the watermark.")
    max_partition_stones = fields.Whole()
    delist_brake = fields.Number(6, help_text="A run that would delist more than this share waits for approval.")
    shrink_brake = fields.Number(6, help_text="A full run shown less than this share of what is known is suspect.")
    median_brake = fields.Number(6, help_text="A run that moves the median cost by more than this share waits.")
    error_budget = fields.Number(6, help_text="A run with more than this share of dead letters waits.")
    partial_delay_seconds = fields.Whole(
        allow_null=True, help_text="How long a run with failed partitions waits for retries; null: as everywhere."
    )
    adapter = fields.Text()
    parameters = serializers.DictField(help_text="The adapter's, without secrets; of addresses only the host.")
    watermark = fields.Moment(allow_null=True, help_text="The supplier's time up to which the catalogue is complete.")
    live_run = RunInShortAnswer(allow_null=True, help_text="The run that is under way; a feed has one at most.")
    last_run = RunInShortAnswer(allow_null=True)
    next_runs = ComingRunAnswer(many=True)
    refused_ways = RefusedWayAnswer(many=True)
    created_at = fields.Moment()
    links = links("self", "runs", "slots")()


@shown_as({"due_at": _AT, "kind": "incremental", "state": "skipped", "run": None, "reason": "run 41 is live"})
class SlotAnswer(Answer):
    """A moment at which a schedule wanted a run, and what became of it."""

    due_at = fields.Moment()
    kind = fields.OneOf(Run.Kind.values)
    state = fields.OneOf(ScheduleSlot.State.values)
    run = fields.Whole(allow_null=True)
    reason = fields.Text(help_text="Why no run was started; empty if one was.")


# --- runs ------------------------------------------------------------------------------------------------------------


WindowAnswer = type(
    "WindowAnswer",
    (Answer,),
    {
        "__doc__": "The time of changes that a run asks for, on the supplier's clock.",
        "from": fields.Moment(allow_null=True, help_text="Null: from the beginning."),
        "to": fields.Moment(allow_null=True, help_text="Null: not fixed yet."),
    },
)


class WaitingAnswer(Answer):
    """What a run waits for."""

    what = fields.OneOf(
        ["approval", "worker", "retries", "supplier"],
        help_text="`approval`: its `review` tells why; `worker`: nobody works; `retries`: failed partitions can be read "
        "again until then; `supplier`: it failed, and is asked again then.",
    )
    why = fields.Text()
    until = fields.Moment(allow_null=True, help_text="Null: until somebody does something.")


class ProgressAnswer(Answer):
    """How far a run is."""

    share = fields.Number(4, help_text="Of the stage that it is in, from 0 to 1.")
    expected = fields.Whole(help_text="Stones that the supplier counts.")
    received = fields.Whole(help_text="Different stones received.")
    pages_per_second = fields.Number(1, help_text="Over the last five seconds.")
    seconds_left = fields.Number(1, allow_null=True, help_text="Until all pages are here, at that pace.")
    partitions_open = fields.Whole()
    batches = fields.Whole()
    batches_completed = fields.Whole()


class ExampleAnswer(Answer):
    """A stone, or a dead letter, of those that a brake is about."""

    stone = fields.Text(help_text="The supplier's id.")
    diamond = serializers.UUIDField(allow_null=True)
    letter = fields.Whole(allow_null=True)
    availability = fields.Text()
    cost = Cost()
    brought = Cost(help_text=f"Dollars, as the run brought it. {_COSTS}")
    again = Cost(help_text=f"Dollars, as the supplier said when it was asked again. {_COSTS}")


class PartAnswer(Answer):
    """The stones of a brake that have one cause."""

    cause = fields.Text()
    words = fields.Text()
    stones = fields.Whole()
    share = fields.Number(6)
    fingerprint = fields.Text(help_text="Of their dead letters; empty if they have none.")
    examples = ExampleAnswer(many=True)


class HeldAnswer(Answer):
    """A brake that held the run: why, what was looked at, and the stones by cause, with a sample of each."""

    brake = fields.OneOf(list(brakes.BRAKES))
    share = fields.Number(6, help_text="How hard it pressed.")
    why = fields.Text()
    measure = fields.Text(help_text="What is measured.")
    bound = fields.Text(help_text="Against what.")
    looked = fields.Text(help_text="What the software looked at for itself.")
    parts = PartAnswer(many=True)


class RunEventAnswer(Answer):
    """A move of a run from one state to another."""

    at = fields.Moment()
    from_state = fields.Text()
    to_state = fields.OneOf(Run.State.values)
    actor = fields.Text()
    reason = fields.Text()


_RUN = {
    "run": 42,
    "feed": "nivoda-natural",
    "kind": "full",
    "state": "in_review",
    "window": {"from": None, "to": _AT},
    "started_by": "ops (API client)",
    "reason": "the supplier mended its prices",
    "created_at": _AT,
    "finished_at": None,
    "held": ["delisting"],
    "suspect": "",
    "failure": "",
    "retries": 0,
    "rule_set": 7,
    "experiment": None,
    "trace_id": "0f1e2d3c4b5a69788796a5b4c3d2e1f0",
}
_RUN_LINKS = {
    "self": "/api/v1/runs/42",
    "partitions": "/api/v1/runs/42/partitions",
    "dead_letters": "/api/v1/dead-letters?run=42",
}
_HELD = {
    "brake": "delisting",
    "share": 0.31,
    "why": "it would delist 310 of 1000 stones, more than 20%",
    "measure": "stones that no page showed and that the supplier does not know by their id either, of those listed",
    "bound": "the feed's delisting brake",
    "looked": "310 stones that no page showed were asked for by id; the supplier knows 0 of them",
    "parts": [
        {
            "cause": "gone",
            "words": "the supplier no longer knows the id: these would be delisted",
            "stones": 310,
            "share": 1.0,
            "fingerprint": "",
            "examples": [
                {
                    "stone": "SN-4711",
                    "diamond": "7f0c8a4e-0d2b-5a3c-9a54-4f1f9a3e1b2c",
                    "letter": None,
                    "availability": "available",
                    "cost": "1234.50",
                    "brought": None,
                    "again": None,
                }
            ],
        }
    ],
}


@shown_as({**_RUN, "links": _RUN_LINKS})
class RunInListAnswer(Answer):
    """A run without its counts."""

    run = fields.Whole()
    feed = fields.Text()
    kind = fields.OneOf(Run.Kind.values)
    state = fields.OneOf(Run.State.values)
    window = WindowAnswer()
    started_by = fields.Text()
    reason = fields.Text()
    created_at = fields.Moment()
    finished_at = fields.Moment(allow_null=True)
    held = serializers.ListField(child=fields.OneOf(list(brakes.BRAKES)), help_text="Brakes that hold it now.")
    suspect = fields.Text(help_text="Why it neither delists nor moves the watermark; empty if it may.")
    failure = fields.Text()
    retries = fields.Whole(help_text="How often failed partitions were read again.")
    rule_set = fields.Whole(help_text="Version that prices its stones.")
    experiment = fields.Text(allow_null=True)
    trace_id = fields.Text()
    links = links("self", "partitions", "dead_letters")()


_COUNTS = {
    "partitions": 20,
    "partitions_completed": 20,
    "partitions_failed": 0,
    "requests": 60,
    "planning_requests": 9,
    "pages": 40,
    "received": 690,
    "repeats": 0,
    "stones_stored": 12,
    "unchanged": 678,
    "inserted": 4,
    "updated": 8,
    "delisted": 0,
    "missing": 0,
    "dead_letters": 0,
    "unseen": {"gone": 310},
    "drift": {},
    "seconds": {"planning": 1.2, "ingesting": 31.5},
}


@shown_as(
    {
        **_RUN,
        **_COUNTS,
        "waiting": {"what": "approval", "why": _HELD["why"], "until": None},
        "progress": {
            "share": 1.0,
            "expected": 690,
            "received": 690,
            "pages_per_second": 0.0,
            "seconds_left": None,
            "partitions_open": 0,
            "batches": 2,
            "batches_completed": 2,
        },
        "review": [_HELD],
        "approved": [],
        "approved_by": "",
        "events": [
            {"at": _AT, "from_state": "", "to_state": "planning", "actor": "ops (API client)", "reason": "a try"},
        ],
        "links": _RUN_LINKS,
    }
)
class RunAnswer(RunInListAnswer):
    """A run: what was asked for, how far it is, what it waits for, and what came of it; counts as in commands' reports."""

    partitions = fields.Whole()
    partitions_completed = fields.Whole()
    partitions_failed = fields.Whole()
    requests = fields.Whole(help_text="Requests to the supplier, those for planning included.")
    planning_requests = fields.Whole()
    pages = fields.Whole()
    received = fields.Whole(help_text="Stones on all pages.")
    repeats = fields.Whole(help_text="Stones that were shown again.")
    stones_stored = fields.Whole(help_text="Payloads that are new or changed.")
    unchanged = fields.Whole()
    inserted = fields.Whole(help_text="New diamonds.")
    updated = fields.Whole(help_text="Changed diamonds.")
    delisted = fields.Whole()
    missing = fields.Whole(help_text="Stones that the supplier counts and never showed.")
    dead_letters = fields.Whole()
    unseen = serializers.DictField(
        child=fields.Whole(), help_text="Stones that no page showed, by what the supplier said of them by id."
    )
    drift = serializers.DictField(help_text="What the supplier sends that is strange.")
    seconds = serializers.DictField(child=fields.Number(3), help_text="Spent in each state so far.")
    waiting = WaitingAnswer(allow_null=True, help_text="What it waits for; null if it works, or is over.")
    progress = ProgressAnswer()
    review = HeldAnswer(many=True, help_text="What holds or held it, by brake.")
    approved = serializers.ListField(child=fields.OneOf(list(brakes.BRAKES)), help_text="Brakes that were approved.")
    approved_by = fields.Text()
    events = RunEventAnswer(many=True, help_text="Its newest moves, the oldest of them first.")


# --- partitions ------------------------------------------------------------------------------------------------------

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
        allow_null=True, help_text=f"Whole dollars per carat, as the supplier asks for them. {_COSTS}"
    )
    price_to = fields.Whole(allow_null=True, help_text=f"Included; null is without end. {_COSTS}")
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


@shown_as({"run": 42, "dry_run": False, "state": "ingesting", "partitions": [_PARTITION], "links": _RUN_LINKS})
class RetryAnswer(Answer):
    """The failed partitions that are read again."""

    run = fields.Whole()
    dry_run = fields.YesNo()
    state = fields.OneOf(Run.State.values, help_text="The run's, after this.")
    partitions = PartitionAnswer(many=True, help_text="As they were when they had failed.")
    links = links("self", "partitions", "dead_letters")()


# --- dead letters ----------------------------------------------------------------------------------------------------

_CAUSE = {
    "kind": "stone",
    "feed": "nivoda-natural",
    "fingerprint": "0123456789abcdef0123456789abcdef",
    "field": "diamond.certificate.carats",
    "reason": "'n/a' is no number",
}
_REASON = "Why; without the scope `pricing:read` the values that it quotes are left out: they are the supplier's."


class CauseFields(Answer):
    """The cause of dead letters."""

    kind = fields.OneOf(DeadLetter.Kind.values)
    feed = fields.Text(allow_null=True)
    fingerprint = fields.Text(help_text="The same for all letters of one cause.")
    field = fields.Text(help_text="The field that is to blame; may be empty.")
    reason = fields.Text(help_text=_REASON)


@shown_as({**_CAUSE, "letters": 31, "newest": 815})
class CauseAnswer(CauseFields):
    """A cause of letters that wait."""

    letters = fields.Whole()
    newest = fields.Whole(help_text="The newest of them.")


@shown_as({"results": [{**_CAUSE, "letters": 31, "newest": 815}]})
class CausesAnswer(Answer):
    """The causes of letters that wait, the most frequent first."""

    results = CauseAnswer(many=True)


_LETTER = {
    **_CAUSE,
    "letter": 815,
    "state": "open",
    "run": 42,
    "partition": 4711,
    "stone": "SN-4711",
    "diamond": None,
    "stones": 1,
    "attempts": 1,
    "seen": 1,
    "last_error": "",
    "observed_at": _AT,
    "created_at": _AT,
    "closed_at": None,
    "closed_by": "",
    "closed_reason": "",
    "mapper_version": "nivoda-mapper-3",
    "rule_set": 7,
    "trace_id": "0f1e2d3c4b5a69788796a5b4c3d2e1f0",
    "links": {"self": "/api/v1/dead-letters/815", "payload": "/api/v1/dead-letters/815/payload"},
}


@shown_as(_LETTER)
class LetterInListAnswer(CauseFields):
    """Something that could not be processed."""

    letter = fields.Whole()
    state = fields.OneOf(DeadLetter.State.values)
    run = fields.Whole(allow_null=True)
    partition = fields.Whole(allow_null=True)
    stone = fields.Text(help_text="The supplier's id; empty if it is none, or not known.")
    diamond = serializers.UUIDField(allow_null=True)
    stones = fields.Whole(help_text="Stones that hang on it.")
    attempts = fields.Whole(help_text="Replays in vain.")
    seen = fields.Whole(help_text="How often the same came.")
    last_error = fields.Text(help_text=_REASON)
    observed_at = fields.Moment(allow_null=True)
    created_at = fields.Moment()
    closed_at = fields.Moment(allow_null=True)
    closed_by = fields.Text()
    closed_reason = fields.Text(help_text=_REASON)
    mapper_version = fields.Text()
    rule_set = fields.Whole(allow_null=True)
    trace_id = fields.Text()
    links = links("self", "payload")()


class AttemptAnswer(Answer):
    """Something that was done about a dead letter."""

    at = fields.Moment()
    actor = fields.Text()
    outcome = fields.OneOf(DeadLetterAttempt.Outcome.values)
    reason = fields.Text(help_text=_REASON)
    mapper_version = fields.Text()
    rule_set = fields.Whole(allow_null=True)


@shown_as(
    {
        **_LETTER,
        "tried": [
            {
                "at": _AT,
                "actor": "ops (API client)",
                "outcome": "failed",
                "reason": "diamond.certificate.carats: 'n/a' is no number",
                "mapper_version": "nivoda-mapper-3",
                "rule_set": 7,
            }
        ],
    }
)
class LetterAnswer(LetterInListAnswer):
    """Something that could not be processed, with what was done about it."""

    tried = AttemptAnswer(many=True, help_text="The newest attempts, the newest first.")


@shown_as({"letter": 815, "exact": True, "payload": '{"id": "SN-4711", "price": 123450}'})
class PayloadAnswer(Answer):
    """The text that could not be processed."""

    letter = fields.Whole()
    exact = fields.YesNo(help_text="Word for word; false: it was cut or escaped.")
    payload = fields.Text()


class OutcomeAnswer(Answer):
    """What became, or would become, of one letter."""

    letter = fields.Whole()
    kind = fields.OneOf(DeadLetter.Kind.values)
    stone = fields.Text()
    outcome = fields.OneOf(DeadLetterAttempt.Outcome.values)
    reason = fields.Text(help_text=_REASON)


@shown_as(
    {
        "dry_run": False,
        "selected": 31,
        "tried": 31,
        "failed": 0,
        "left": 0,
        "parked": 0,
        "outcomes": {"inserted": 31},
        "stopped": "",
        "letters": [{"letter": 815, "kind": "stone", "stone": "SN-4711", "outcome": "inserted", "reason": ""}],
    }
)
class ReplayAnswer(Answer):
    """What came of a replay, as the command reports it."""

    dry_run = fields.YesNo()
    selected = fields.Whole(help_text="Letters that were meant.")
    tried = fields.Whole()
    failed = fields.Whole()
    left = fields.Whole(help_text="Letters that were not tried: beyond `limit`, parked, or in somebody else's hands.")
    parked = fields.Whole(help_text="Letters that need `force`.")
    outcomes = serializers.DictField(child=fields.Whole(), help_text="Letters by outcome.")
    stopped = fields.Text(help_text="Why the rest was not tried after a sample; empty if it was.")
    letters = OutcomeAnswer(many=True, help_text="The first hundred.")


@shown_as({"dry_run": False, "selected": 31, "discarded": 31, "left": 0})
class DiscardAnswer(Answer):
    """What was discarded."""

    dry_run = fields.YesNo()
    selected = fields.Whole(help_text="Letters that were meant.")
    discarded = fields.Whole(help_text="Letters that are closed now, or with `dry_run` would be.")
    left = fields.Whole(help_text="Letters beyond `limit`, or in somebody else's hands.")

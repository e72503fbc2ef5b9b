"""Answers about runs, with examples."""

from __future__ import annotations

from rest_framework import serializers

from diamondhub.api import fields
from diamondhub.api.answers import Answer, shown_as
from ingest import brakes, renumbering
from ingest.api.answers import AT, COSTS, Cost, links
from ingest.api.feed_answers import PauseAnswer, PricesAnswer
from ingest.models import Run

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
        ["approval", "pause", "worker", "retries", "supplier"],
        help_text="`approval`: its `review` tells why; `pause`: somebody has paused it, until then; `worker`: nobody works; "
        "`retries`: failed partitions can be read again until then; `supplier`: it failed, and is asked again then.",
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
    brought = Cost(help_text=f"Dollars, as the run brought it. {COSTS}")
    again = Cost(help_text=f"Dollars, as the supplier said when it was asked again. {COSTS}")


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
    "window": {"from": None, "to": AT},
    "started_by": "ops (API client)",
    "reason": "the supplier mended its prices",
    "created_at": AT,
    "finished_at": None,
    "held": ["delisting"],
    "suspect": "",
    "failure": "",
    "retries": 0,
    "rule_set": 7,
    "experiment": None,
    "trace_id": "0f1e2d3c4b5a69788796a5b4c3d2e1f0",
}
RUN_LINKS = {
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


@shown_as({**_RUN, "links": RUN_LINKS})
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
    "several_offers": {
        "rows": 3,
        "within": 2,
        "feeds": {"rosy-blue": 1},
        "contradicting": 0,
        "catalogue": {"stones": 2, "offers": 4, "contradicting": 0},
    },
    "unseen": {"gone": 310},
    "drift": {},
    "rows_of_list": None,
    "seconds": {"planning": 1.2, "ingesting": 31.5},
}


@shown_as(
    {
        "rows": 240,
        "received": 220,
        "not_offered": {"Memo": 12, "Hold": 5},
        "left_out": {"repeated": 2, "sums": 1},
        "not_shown": 0,
        "letters": 1,
        "unknown_words": {"fluorescence": {"GLOWS": 3}},
        "unknown_headers": {"Remark 2": 240},
    }
)
class RowsOfListAnswer(Answer):
    """What became of the rows of a list: all of them are received, not offered, left out or not shown."""

    rows = fields.Whole()
    received = fields.Whole(help_text="Each stone once; those that became dead letters are among them.")
    not_offered = serializers.DictField(child=fields.Whole(), help_text="Rows by the list's word for it.")
    left_out = serializers.DictField(
        child=fields.Whole(),
        help_text="Sums, footers, hidden and struck out rows, and those of a stone that a later row describes.",
    )
    not_shown = fields.Whole(
        help_text="Offered, and in no page: the run is not over, lacks partitions, or needed none."
    )
    letters = fields.Whole(help_text="Stones on the run's dead letters.")
    unknown_words = serializers.DictField(
        child=serializers.DictField(child=fields.Whole()), help_text="Rows by field and word that nobody knows."
    )
    unknown_headers = serializers.DictField(
        child=fields.Whole(), help_text="Filled cells by header of a column that nobody knows."
    )


@shown_as(
    {
        **_RUN,
        **_COUNTS,
        "waiting": {"what": "approval", "why": _HELD["why"], "until": None},
        "pauses": [],
        "prices": None,
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
        "decisions": {},
        "events": [
            {"at": AT, "from_state": "", "to_state": "planning", "actor": "ops (API client)", "reason": "a try"},
        ],
        "links": RUN_LINKS,
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
    several_offers = serializers.DictField(
        help_text="Counted at its end: `rows` of its stones on sale share a certificate with another row, `within` of "
        "them in their own list, `feeds` says how many with which other feed; the certificates of `contradicting` ones "
        "stand in rows of another shape, weight or nature. A full run says of the `catalogue` how many stones have how "
        "many offers."
    )
    unseen = serializers.DictField(
        child=fields.Whole(), help_text="Stones that no page showed, by what the supplier said of them by id."
    )
    drift = serializers.DictField(help_text="What the supplier sends that is strange.")
    rows_of_list = RowsOfListAnswer(
        allow_null=True, help_text="What became of the rows of its list; null if it reads no list."
    )
    seconds = serializers.DictField(child=fields.Number(3), help_text="Spent in each state so far.")
    waiting = WaitingAnswer(allow_null=True, help_text="What it waits for; null if it works, or is over.")
    pauses = PauseAnswer(many=True, help_text="What is paused that has to do with its feed; empty once it is over.")
    prices = PricesAnswer(allow_null=True, help_text="What the columns of its list hold; null if it reads no list.")
    progress = ProgressAnswer()
    review = HeldAnswer(many=True, help_text="What holds or held it, by brake.")
    approved = serializers.ListField(child=fields.OneOf(list(brakes.BRAKES)), help_text="Brakes that were approved.")
    approved_by = fields.Text()
    decisions = serializers.DictField(
        child=fields.OneOf([str(decision) for decision in renumbering.Decision]),
        help_text="What somebody decided by approving, by brake: `renumbered` has its stones be the `same` or `new` ones.",
    )
    events = RunEventAnswer(many=True, help_text="Its newest moves, the oldest of them first.")

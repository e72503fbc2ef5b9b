"""Answers about feeds, with examples."""

from __future__ import annotations

from rest_framework import serializers

from diamondhub.api import fields
from diamondhub.api.answers import Answer, shown_as
from ingest.api.answers import AT, links
from ingest.feeds.verdicts import Means
from ingest.models import Pause, Run, ScheduleSlot


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


_PRICES = {
    "columns": [
        {
            "header": "Price",
            "means": "per_carat",
            "words": "the price of a carat",
            "by": "RapList × (1 - Rap%) = Price",
            "rows": 1998,
            "of": 2000,
        }
    ],
    "looked_at": 2000,
    "notes": [],
    "question": None,
}


class PriceColumnAnswer(Answer):
    """A column of a list's prices."""

    header = fields.Text()
    means = fields.OneOf([str(means) for means in Means])
    words = fields.Text(help_text="The same in words.")
    by = fields.Text(help_text="What says so.")
    rows = fields.Whole(help_text="Rows that agree.")
    of = fields.Whole(help_text="Rows that could.")


@shown_as(_PRICES)
class PricesAnswer(Answer):
    """What the columns of money of a list were found to hold."""

    columns = PriceColumnAnswer(many=True)
    looked_at = fields.Whole(help_text="Rows that were looked at, evenly over the list.")
    notes = serializers.ListField(child=fields.Text(), help_text="What its headers say otherwise than its rows.")
    question = fields.Text(allow_null=True, help_text="What a person has to answer before the list is read.")


_PAUSE = {
    "what": "account",
    "name": "nivoda",
    "reason": "the supplier's prices are wrong",
    "by": "ops (API client)",
    "since": AT,
    "until": AT,
    "ended_at": None,
}


@shown_as(_PAUSE)
class PauseAnswer(Answer):
    """A pause that somebody has ordered."""

    what = fields.OneOf(
        Pause.What.values,
        help_text="`account`: nobody asks by the supplier's account; `feed`: the feed's run stays where it is and no other "
        "begins; `consolidation`: no run of any feed brings stones into the catalogue.",
    )
    name = fields.Text(help_text="The account's name in this house, or the feed's slug; empty for consolidation.")
    reason = fields.Text()
    by = fields.Text()
    since = fields.Moment()
    until = fields.Moment(help_text="It ends by itself then.")
    ended_at = fields.Moment(allow_null=True, help_text="Null: it is in force, until its time is over.")


_RUN_IN_SHORT = {"run": 41, "kind": "full", "state": "completed", "created_at": AT, "finished_at": AT}


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
        "stale_after_minutes": None,
        "adapter": "nivoda",
        "parameters": {"labgrown": False},
        "watermark": AT,
        "pauses": [],
        "live_run": None,
        "last_run": _RUN_IN_SHORT,
        "next_runs": [{"due_at": AT, "kind": "incremental"}],
        "refused_ways": [],
        "prices": None,
        "created_at": AT,
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
    stale_after_minutes = fields.Whole(
        allow_null=True, help_text="Older than this the feed is a problem; null: by its schedules."
    )
    adapter = fields.Text()
    parameters = serializers.DictField(help_text="The adapter's, without secrets; of addresses only the host.")
    watermark = fields.Moment(allow_null=True, help_text="The supplier's time up to which the catalogue is complete.")
    pauses = PauseAnswer(many=True, help_text="What is paused that has to do with this feed.")
    live_run = RunInShortAnswer(allow_null=True, help_text="The run that is under way; a feed has one at most.")
    last_run = RunInShortAnswer(allow_null=True)
    next_runs = ComingRunAnswer(many=True)
    refused_ways = RefusedWayAnswer(many=True)
    prices = PricesAnswer(
        allow_null=True,
        help_text="What the columns of its last list hold; null where no list was read.",
    )
    created_at = fields.Moment()
    links = links("self", "runs", "slots")()


@shown_as({"due_at": AT, "kind": "incremental", "state": "skipped", "run": None, "reason": "run 41 is live"})
class SlotAnswer(Answer):
    """A moment at which a schedule wanted a run, and what became of it."""

    due_at = fields.Moment()
    kind = fields.OneOf(Run.Kind.values)
    state = fields.OneOf(ScheduleSlot.State.values)
    run = fields.Whole(allow_null=True)
    reason = fields.Text(help_text="Why no run was started; empty if one was.")

"""Queries and bodies of ingestion's API."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from diamondhub.api import fields
from diamondhub.api.endpoint import PageQuery
from diamondhub.api.serializers import Body
from ingest import brakes, crontab, pausing, renumbering
from ingest.models import DeadLetter, Partition, Pause, Run

#: Partitions that one request may name.
MAX_PARTITIONS = 1_000
#: Letters that one request replays, which is one transaction of a second or two, and that it discards.
MAX_REPLAYED, MAX_DISCARDED = 500, 1_000
#: Longest life that a setting of a feed may give to anything (seconds).
MAX_SECONDS = 30 * 86_400
#: Numbers of rows in queries and bodies have 15 digits at most.
MAX_NUMBER = 10**15 - 1
_FINGERPRINT = r"[0-9a-f]{32}"
_SCHEDULE = "Crontab in UTC, such as `0 2 * * *`; empty: never by itself."


class FeedName(fields.Text):
    """A feed by its slug."""

    def __init__(self, **options: Any) -> None:
        super().__init__(r"[a-zA-Z0-9_-]{1,50}", "a feed's slug such as nivoda-natural", **options)


class Fingerprint(fields.Text):
    """A cause of dead letters."""

    def __init__(self, **options: Any) -> None:
        super().__init__(_FINGERPRINT, "the 32 letters and digits of a letter's fingerprint", **options)


class Schedule(fields.Text):
    """A crontab string; `ingest.crontab` says what it may be."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=100, **options)

    def schema(self) -> dict[str, Any]:
        return {**super().schema(), "format": "crontab", "allOf": [{"pattern": crontab.PATTERN}]}


class RunsQuery(PageQuery):
    """The parameters of the list of runs."""

    feed = FeedName(required=False, help_text="Only runs of this feed.")
    kind = fields.OneOf(Run.Kind.values, required=False, help_text="Only runs of this kind.")
    state = fields.ListOf(
        fields.OneOf(Run.State.values), things="states", required=False, help_text="Only runs in one of these states."
    )
    created_at_from = fields.Moment(required=False, help_text="Only runs started at this time or later.")
    created_at_to = fields.Moment(required=False, help_text="Only runs started before this time.")

    class Meta:
        ordered = [("created_at_from", "created_at_to")]


class PartitionsQuery(PageQuery):
    """The parameters of the list of a run's partitions."""

    kind = fields.OneOf(Partition.Kind.values, required=False, help_text="`range` of prices, or `confirm` by id.")
    state = fields.OneOf(Partition.State.values, required=False, help_text="Only partitions in this state.")


class LettersQuery(PageQuery):
    """The parameters of the list of dead letters."""

    run = fields.Whole(1, MAX_NUMBER, required=False, help_text="Only letters of this run.")
    feed = FeedName(required=False, help_text="Only letters of this feed.")
    kind = fields.OneOf(DeadLetter.Kind.values, required=False, help_text="Only letters of this kind.")
    state = fields.ListOf(
        fields.OneOf(DeadLetter.State.values),
        things="states",
        required=False,
        help_text="Only letters in one of these states; `open` and `parked` ones wait for somebody.",
    )
    fingerprint = Fingerprint(required=False, help_text="Only letters of this cause.")
    field = fields.Text(max_length=100, required=False, help_text="Only letters that blame exactly this field.")
    created_at_from = fields.Moment(required=False, help_text="Only letters written at this time or later.")
    created_at_to = fields.Moment(required=False, help_text="Only letters written before this time.")

    class Meta:
        ordered = [("created_at_from", "created_at_to")]


class ChangedFeed(Body):
    """Settings of a feed that change; what is left out stays."""

    default_error_messages = {"empty": "the body must name a setting that changes"}

    reason = fields.Reason(required=False)
    name = fields.Text(required=False, min_length=1, max_length=100)
    enabled = fields.YesNo(required=False, help_text="A feed that is switched off starts no runs.")
    full_schedule = Schedule(required=False, help_text=f"When full runs start. {_SCHEDULE}")
    incremental_schedule = Schedule(required=False, help_text=f"When incremental runs start. {_SCHEDULE}")
    window_lag_seconds = fields.Whole(0, MAX_SECONDS, required=False)
    overlap_seconds = fields.Whole(0, MAX_SECONDS, required=False)
    max_partition_stones = fields.Whole(50, 100_000, required=False)
    delist_brake = fields.Number(6, 0, 1, required=False, help_text="A share from 0 to 1.")
    shrink_brake = fields.Number(6, 0, 1, required=False, help_text="A share from 0 to 1.")
    error_budget = fields.Number(6, 0, 1, required=False, help_text="A share from 0 to 1.")
    median_brake = fields.Number(6, 0, 1, required=False, help_text="A share from 0 to 1.")
    partial_delay_seconds = fields.Whole(0, 86_400, required=False, allow_null=True)
    stale_after_minutes = fields.Whole(1, 525_600, required=False, allow_null=True)

    class Meta:
        described = {"minProperties": 1}
        example = {"full_schedule": "0 3 * * *", "reason": "the supplier's list is ready at two"}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not set(attrs) - {"reason"}:
            raise serializers.ValidationError({"": [self.error_messages["empty"]]})
        return attrs


class WithOptionalReason(Body):
    """The reason of what is done, if there is one to be kept."""

    reason = fields.Reason(required=False)

    class Meta:
        example = {"reason": "they say that it works again"}


#: What of a feed can be paused: it alone, or the account that it asks its supplier by.
_OF_FEED = [Pause.What.FEED.value, Pause.What.ACCOUNT.value]


class NewPause(Body):
    """What is paused, for how long and why."""

    reason = fields.Reason()
    what = fields.OneOf(
        _OF_FEED,
        default=Pause.What.FEED.value,
        help_text="The feed alone, or the supplier's account that it asks by, with all that ask by it.",
    )
    minutes = fields.Whole(
        pausing.MIN_MINUTES, pausing.MAX_MINUTES, default=60, help_text="How long; seven days at most."
    )

    class Meta:
        example = {"what": "account", "minutes": 120, "reason": "the supplier's prices are wrong"}


class Resumption(Body):
    """Which pause ends, and why."""

    reason = fields.Reason(required=False)
    what = fields.OneOf(_OF_FEED, default=Pause.What.FEED.value, help_text="The feed's pause, or that of its account.")

    class Meta:
        example = {"what": "account", "reason": "they have mended them"}


class NewRun(Body):
    """The run that is started."""

    feed = FeedName(help_text="The feed to pull.")
    kind = fields.OneOf(Run.Kind.values, default=Run.Kind.FULL.value, help_text="Everything, or what has changed.")
    reason = fields.Reason(required=False)

    class Meta:
        example = {"feed": "nivoda-natural", "kind": "full", "reason": "the supplier mended its prices"}


class Approval(Body):
    """The reason for letting a run go on, and what was seen of it."""

    reason = fields.Reason()
    brakes = fields.ListOf(
        fields.OneOf(list(brakes.BRAKES)),
        things="brakes",
        required=False,
        min_length=1,
        help_text="The names in the run's `review` as you read it: if others hold it by now, a 409.",
    )

    renumbered = fields.OneOf(
        [str(decision) for decision in renumbering.Decision],
        required=False,
        help_text="Of a run held by `renumbered`: the stones with new stock numbers are the `same` stones, which keep their "
        "ids, prices and histories, or `new` ones, and the old ones are taken off.",
    )

    class Meta:
        example = {"reason": "the supplier took a collection back", "brakes": ["delisting"]}


class Retry(Body):
    """What is read again, and why."""

    reason = fields.Reason(required=False)
    partitions = fields.ListOf(
        fields.Whole(1, MAX_NUMBER),
        things="partitions",
        required=False,
        min_length=1,
        max_length=MAX_PARTITIONS,
        help_text="Only these failed partitions; all that failed if left out.",
    )
    dry_run = fields.YesNo(default=False, help_text="True: only say which would be read again.")

    class Meta:
        example = {"partitions": [4711], "reason": "the supplier is back"}


class ChosenLetters(Body):
    """The dead letters that are meant: those for which all that is given holds."""

    default_error_messages = {"nothing": "the body must name letters: give letter, fingerprint or run"}

    reason = fields.Reason()
    letter = fields.Whole(1, MAX_NUMBER, required=False, help_text="This letter.")
    fingerprint = Fingerprint(required=False, help_text="Letters of this cause.")
    run = fields.Whole(1, MAX_NUMBER, required=False, help_text="Letters of this run.")
    kind = fields.OneOf(DeadLetter.Kind.values, required=False, help_text="Of these, only letters of this kind.")
    dry_run = fields.YesNo(default=False, help_text="True: only say what would become of them.")

    class Meta:
        described = {"anyOf": [{"required": [name]} for name in ("letter", "fingerprint", "run")]}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not set(attrs) & {"letter", "fingerprint", "run"}:
            raise serializers.ValidationError({"": [self.error_messages["nothing"]]})
        return attrs


class ReplayedLetters(ChosenLetters):
    """The dead letters that are tried again, and how."""

    limit = fields.Whole(1, MAX_REPLAYED, default=MAX_REPLAYED, help_text="Letters tried at most, the oldest first.")
    sample = fields.Whole(
        0, MAX_REPLAYED, default=0, help_text="So many are tried first, and the rest if these do not fail as before."
    )
    force = fields.YesNo(default=False, help_text="True: parked letters too, and past a failing sample.")

    class Meta(ChosenLetters.Meta):
        example = {"fingerprint": "0123456789abcdef0123456789abcdef", "sample": 10, "reason": "mapper 4 reads it"}


class DiscardedLetters(ChosenLetters):
    """The dead letters that are closed without being processed."""

    limit = fields.Whole(
        1, MAX_DISCARDED, default=MAX_DISCARDED, help_text="Letters discarded at most, the oldest first."
    )

    class Meta(ChosenLetters.Meta):
        example = {"letter": 815, "reason": "the supplier took the stone back"}

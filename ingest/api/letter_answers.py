"""Answers about dead letters, with examples."""

from __future__ import annotations

from rest_framework import serializers

from diamondhub.api import fields
from diamondhub.api.answers import Answer, shown_as
from ingest.api.answers import AT, links
from ingest.models import DeadLetter, DeadLetterAttempt

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
    "observed_at": AT,
    "created_at": AT,
    "closed_at": None,
    "closed_by": "",
    "closed_reason": "",
    "mapper_version": "nivoda-mapper-4",
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
                "at": AT,
                "actor": "ops (API client)",
                "outcome": "failed",
                "reason": "diamond.certificate.carats: 'n/a' is no number",
                "mapper_version": "nivoda-mapper-4",
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

"""Dead letters by REST: what could not be processed and why; trying letters again, and closing them for a reason."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import structlog
from django.db.models import QuerySet
from django.http import HttpResponseBase
from django.urls import reverse
from rest_framework.request import Request
from rest_framework.response import Response

from diamondhub.access.scopes import Scope
from diamondhub.access.throttles.limits import LimitClass
from diamondhub.admin.base import COUNT_CAP, bounded
from diamondhub.api.answers import page_of
from diamondhub.api.endpoint import actor, operation, version_of
from ingest import dead_letters, replaying
from ingest.api.base import LIST_SECONDS, IngestEndpoint, within
from ingest.api.bodies import DiscardedLetters, LettersQuery, ReplayedLetters
from ingest.api.letter_answers import (
    CausesAnswer,
    DiscardAnswer,
    LetterAnswer,
    LetterInListAnswer,
    PayloadAnswer,
    ReplayAnswer,
)
from ingest.models import DeadLetter, DeadLetterAttempt

log = structlog.get_logger(__name__)

#: Causes that are listed, the most frequent ones, and attempts that are shown of a letter, the newest.
MAX_CAUSES, MAX_ATTEMPTS = 100, 50


class LetterEndpoint(IngestEndpoint):
    """A view of dead letters."""

    scope = Scope.RUNS_READ
    tag = "dead letters"

    def in_list(self, letter: DeadLetter) -> dict[str, Any]:
        """A letter as lists have it."""
        return {
            **self.cause(letter),
            "letter": letter.pk,
            "state": letter.state,
            "run": letter.run_id,
            "partition": letter.partition_id,
            "stone": letter.supplier_stone_id,
            "diamond": letter.diamond_id,
            "stones": letter.stones,
            "attempts": letter.attempts,
            "seen": letter.seen,
            "last_error": self.words(letter.last_error),
            "observed_at": letter.observed_at,
            "created_at": letter.created_at,
            "closed_at": letter.closed_at,
            "closed_by": letter.closed_by,
            "closed_reason": self.words(letter.closed_reason),
            "mapper_version": letter.mapper_version,
            "rule_set": letter.rule_set,
            "trace_id": letter.trace_id,
            "links": {
                "self": reverse("dead_letter", args=[letter.pk]),
                "payload": reverse("dead_letter_payload", args=[letter.pk]),
            },
        }

    def cause(self, letter: DeadLetter) -> dict[str, Any]:
        """What letters of one cause share."""
        return {
            "kind": letter.kind,
            "feed": letter.feed.slug if letter.feed else None,
            "fingerprint": letter.fingerprint,
            "field": letter.field,
            "reason": self.words(letter.reason),
        }

    def chosen(self) -> QuerySet[DeadLetter]:
        """The waiting letters that a body names. Raises `NoSuchLetters`, `UnknownLetter`."""
        named = {name: self.body.get(name) for name in ("letter", "fingerprint", "run", "kind")}
        return replaying.select(**named)


class DeadLetters(LetterEndpoint):
    """All dead letters."""

    @operation("list_dead_letters", "Dead letters", query=LettersQuery, answer=page_of(LetterInListAnswer))
    def get(self, request: Request) -> Response:
        """What could not be processed, the newest first, without payloads and attempts."""
        rows = DeadLetter.objects.select_related("feed").defer("payload")
        rows = within(self.of_feed(rows), self.query, "created_at")
        same = {"run": "run_id", "kind": "kind", "fingerprint": "fingerprint", "field": "field"}
        rows = rows.filter(**{column: self.query[name] for name, column in same.items() if name in self.query})
        if "state" in self.query:
            rows = rows.filter(state__in=self.query["state"])
        with bounded(LIST_SECONDS):
            return self.page(rows, self.in_list, by="id")


class Causes(LetterEndpoint):
    """The causes of letters that wait."""

    @operation("list_dead_letter_causes", "Causes of dead letters", answer=CausesAnswer)
    def get(self, request: Request) -> Response:
        """The most frequent causes of letters that wait, with how many have each; the first 10,000 letters are counted."""
        with bounded(LIST_SECONDS):
            causes = dead_letters.open_causes(most=MAX_CAUSES, look_at=COUNT_CAP)
        return Response(
            {"results": [{**self.cause(newest), "letters": n, "newest": newest.pk} for n, newest in causes]}
        )


class OneLetter(LetterEndpoint):
    """One dead letter."""

    @operation("get_dead_letter", "One dead letter", answer=LetterAnswer)
    def get(self, request: Request, number: int) -> HttpResponseBase:
        """What went wrong, and what was done about it. The payload is at an address of its own."""
        letter = letter_of(number)
        tried = DeadLetterAttempt.objects.filter(letter_id=number).order_by("-pk")[:MAX_ATTEMPTS]
        shown = {
            **self.in_list(letter),
            "tried": [
                {
                    "at": attempt.at,
                    "actor": attempt.actor,
                    "outcome": attempt.outcome,
                    "reason": self.words(attempt.reason),
                    "mapper_version": attempt.mapper_version,
                    "rule_set": attempt.rule_set,
                }
                for attempt in tried
            ],
        }
        return self.unless_known(version_of(shown), lambda: Response(shown))


class LetterPayload(LetterEndpoint):
    """The payload of a dead letter."""

    scope = Scope.LETTERS_PAYLOAD
    cache_control = "no-store"

    @operation("get_dead_letter_payload", "Payload of a dead letter", answer=PayloadAnswer)
    def get(self, request: Request, number: int) -> Response:
        """The text that could not be processed, as the supplier sent it.

        Needs the scope `letters:payload`: it says what stones cost us, and whatever else a supplier may have sent.
        """
        letter = letter_of(number, payload=True)
        log.info("dead_letter_read", letter=number, client=actor(request))
        return Response({"letter": letter.pk, "exact": letter.exact, "payload": letter.payload})


class Replay(LetterEndpoint):
    """Trying letters again."""

    @operation(
        "replay_dead_letters",
        "Replay dead letters",
        scope=Scope.RUNS_OPERATE,
        body=ReplayedLetters,
        answer=ReplayAnswer,
        problems=(HTTPStatus.NOT_FOUND, "nothing-waits"),
        idempotent=True,
        limit=LimitClass.RUNS,
    )
    def post(self, request: Request) -> Response:
        """Try letters again, through the same mapping, pricing and upsert as every payload; answers when it is done.

        Needs the scope `runs:operate`. Names one letter, a cause or a run; of more than `limit` letters the oldest are
        tried, and `left` says how many are not. A 409 if none waits.
        """
        body = self.body
        report = replaying.replay(
            self.chosen(),
            actor=actor(request),
            why=body["reason"],
            dry_run=body["dry_run"],
            sample=body["sample"],
            force=body["force"],
            most=body["limit"],
        )
        told = report.as_json()
        letters = [{**letter, "reason": self.words(letter["reason"])} for letter in told["letters"]]
        return Response({**told, "letters": letters})


class Discard(LetterEndpoint):
    """Closing letters."""

    @operation(
        "discard_dead_letters",
        "Discard dead letters",
        scope=Scope.RUNS_OPERATE,
        body=DiscardedLetters,
        answer=DiscardAnswer,
        problems=(HTTPStatus.NOT_FOUND, "nothing-waits"),
        idempotent=True,
        limit=LimitClass.RUNS,
    )
    def post(self, request: Request) -> Response:
        """Close letters without processing them, for a reason. They are kept as long as all letters are.

        Needs the scope `runs:operate`. Names one letter, a cause or a run; a 409 if none waits.
        """
        body = self.body
        letters = self.chosen()
        selected = letters.count()
        if body["dry_run"]:
            discarded = min(selected, body["limit"])
        else:
            discarded = dead_letters.discard(letters, actor=actor(request), reason=body["reason"], most=body["limit"])
        left = max(0, selected - discarded)
        return Response({"dry_run": body["dry_run"], "selected": selected, "discarded": discarded, "left": left})


def letter_of(number: int, *, payload: bool = False) -> DeadLetter:
    """The dead letter of this number. Raises `UnknownLetter`."""
    rows = DeadLetter.objects.select_related("feed")
    letter = (rows if payload else rows.defer("payload")).filter(pk=number).first()
    if letter is None:
        raise replaying.UnknownLetter(f"there is no dead letter {number}")
    return letter

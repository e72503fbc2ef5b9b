"""Replaying dead letters: payloads that could not be processed are mapped, priced and upserted like all others.

`replay_dead_letters` and the admin call it. A chunk of letters is one transaction, with the diamonds it writes, the letters'
outcomes and the dataset version; letters that another transaction holds are skipped. A dry run does the same and rolls it
back.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now

from diamondhub.audit.acting import acting
from ingest import dead_letters, writing_stones
from ingest.errors import IngestError
from ingest.feeds.adapters import mapping_adapter_of
from ingest.models import DeadLetter, DeadLetterAttempt
from ingest.models.dead_letter import WAITING
from ingest.problems import letters as letter_problems
from ingest.replay_chunk import ReplayChunk, Result
from pricing.history import because
from pricing.in_force import held_pricing
from pricing.models import RuleSet

log = structlog.get_logger(__name__)

#: Letters of one transaction.
CHUNK = 500
#: Outcomes that a report lists one by one.
LISTED = 100

Kind = DeadLetter.Kind
Outcome = DeadLetterAttempt.Outcome


class NoSuchLetters(IngestError):
    """No dead letter that waits is meant by that."""


class UnknownLetter(NoSuchLetters):
    """There is no such dead letter."""


@dataclass(slots=True)
class Report:
    """The report of a replay. `left` letters were not tried: parked, held by another replay, or behind a failed sample."""

    selected: int
    dry_run: bool
    outcomes: Counter[str] = field(default_factory=Counter)
    tried: int = 0
    parked: int = 0
    stopped: str = ""
    letters: list[dict[str, Any]] = field(default_factory=list)

    @property
    def failed(self) -> int:
        return self.outcomes[Outcome.FAILED] + self.outcomes[Outcome.PARKED]

    @property
    def left(self) -> int:
        return max(0, self.selected - self.tried)

    def as_json(self) -> dict[str, Any]:
        return {
            "dry_run": self.dry_run,
            "selected": self.selected,
            "tried": self.tried,
            "failed": self.failed,
            "left": self.left,
            "parked": self.parked,
            "outcomes": dict(self.outcomes),
            "stopped": self.stopped,
            "letters": self.letters,
        }

    def in_words(self) -> str:
        """The report as one line."""
        would = "would be tried" if self.dry_run else "tried"
        parts = [f"{count:,} {outcome.replace('_', ' ')}" for outcome, count in sorted(self.outcomes.items())]
        words = f"{self.tried:,} of {self.selected:,} letters {would}: {', '.join(parts) or 'nothing to do'}"
        if self.parked:
            words += f"; {self.parked:,} are parked after {dead_letters.MAX_ATTEMPTS} replays in vain and need force"
        return f"{words}; {self.stopped}" if self.stopped else words


def select(
    *, fingerprint: str | None = None, run: int | None = None, letter: int | None = None, **others: Any
) -> QuerySet[DeadLetter]:
    """The waiting letters of a cause, of a run, or with a number, and with `others`, values by column.

    Raises `NoSuchLetters` if there are none, `UnknownLetter` if there never was one of that number.
    """
    letters = dead_letters.waiting()
    for name, value in {"fingerprint": fingerprint, "run_id": run, "pk": letter, **others}.items():
        if value is not None:
            letters = letters.filter(**{name: value})
    if not letters.exists():
        if letter is None:
            raise NoSuchLetters
        known = DeadLetter.objects.defer("payload").filter(pk=letter).first()
        if known is None:
            raise UnknownLetter(f"there is no dead letter {letter}")
        raise NoSuchLetters(None if known.waiting else f"letter {letter} is {known.state} already")
    return letters


def replay(
    letters: QuerySet[DeadLetter],
    *,
    actor: str,
    why: str = "",
    dry_run: bool = False,
    sample: int = 0,
    force: bool = False,
    most: int | None = None,
    after_chunk: Callable[[Report, int], object] = lambda _report, _last: None,
) -> Report:
    """Try letters again, in the order in which they were written.

    With a `sample`, that many are tried first, and the rest only if none of them fails for the same reason as before. With
    `force`, the rest is tried in any case, parked letters too. At most `most` are tried. `why` is kept with each attempt.
    `after_chunk` is told of the report and the last letter's number after each transaction, and may raise to stop.
    """
    report = Report(letters.count(), dry_run)
    report.parked = 0 if force else letters.filter(state=DeadLetter.State.PARKED).count()
    if not force:
        letters = letters.filter(state=DeadLetter.State.OPEN)
    # The ids are read once, since a letter that fails for another reason leaves the group that was selected.
    ids = list(letters.order_by("pk").values_list("pk", flat=True)[:most])
    head = ids[:sample]
    for chunk in filter(None, [head, *(ids[at : at + CHUNK] for at in range(len(head), len(ids), CHUNK))]):
        same = _replay_chunk(chunk, report, actor=actor, why=why)
        if chunk is head and same and not force and len(ids) > len(head):
            report.stopped = f"{same} of a sample of {len(head)} still fail for the same reason: the rest was not tried"
            break
        after_chunk(report, chunk[-1])
    log.info("dead_letters_replayed", actor=actor, dry_run=dry_run, tried=report.tried, **report.outcomes)
    return report


def _replay_chunk(ids: Sequence[int], report: Report, *, actor: str, why: str) -> int:
    """Replay these letters in one transaction; returns the number of those that failed for the same reason as before."""
    with acting(actor, reason=why), transaction.atomic():
        writing_stones.bound_statements()
        because("replay", None, actor)
        pricing = held_pricing()
        letters = list(
            DeadLetter.objects.select_related("run", "feed")
            .filter(pk__in=ids, state__in=WAITING)
            .order_by("pk")
            .select_for_update(skip_locked=True, of=("self",))
        )
        results = ReplayChunk(letters, pricing, actor=actor).results()
        _keep(letters, results, pricing.rule_set, actor=actor, why=why)
        if report.dry_run:
            transaction.set_rollback(True)
    same = 0
    for letter in letters:
        result = results[letter.pk]
        same += result.failed and result.cause is not None and result.cause["fingerprint"] == letter.fingerprint
        report.tried += 1
        report.outcomes[result.outcome] += 1
        if len(report.letters) < LISTED:
            report.letters.append(
                {
                    "letter": letter.pk,
                    "kind": letter.kind,
                    "stone": letter.supplier_stone_id,
                    "outcome": result.outcome,
                    "reason": result.reason,
                }
            )
    return same


def _keep(
    letters: Sequence[DeadLetter], results: dict[int, Result], rule_set: RuleSet, *, actor: str, why: str
) -> None:
    """Write the results to the letters, and an attempt for each."""
    by_mapper: dict[str, dict[int, tuple[str, str]]] = {}
    parked: dict[str, list[DeadLetter]] = defaultdict(list)
    for letter in letters:
        result = results[letter.pk]
        rows = DeadLetter.objects.filter(pk=letter.pk)
        identity = {name: getattr(letter, name) for name in ("diamond_id", "supplier_stone_id", "raw_id")}
        outcome, reason = result.outcome, result.reason
        if result.failed:
            parks = letter.attempts + 1 >= dead_letters.MAX_ATTEMPTS
            rows.update(
                attempts=F("attempts") + 1,
                last_error=reason,
                state=DeadLetter.State.PARKED if parks else letter.state,
                **(result.cause or {}),
                **identity,
            )
            if parks and letter.state == DeadLetter.State.OPEN:
                outcome = Outcome.PARKED
                parked[(result.cause or {}).get("fingerprint", letter.fingerprint)].append(letter)
                reason = f"parked after {letter.attempts + 1} replays in vain: {reason}"
        else:
            superseded = outcome == Outcome.SUPERSEDED
            rows.update(
                state=DeadLetter.State.SUPERSEDED if superseded else DeadLetter.State.REPLAYED,
                closed_at=Now(),
                closed_by=actor[:150],
                closed_reason="; ".join(filter(None, (reason or f"replayed: {outcome}", why))),
                **identity,
            )
        mapper = mapping_adapter_of(letter.feed).mapper_version if letter.feed else ""
        by_mapper.setdefault(mapper, {})[letter.pk] = (outcome, "; ".join(filter(None, (reason, why))))
    for mapper, outcomes in by_mapper.items():
        dead_letters.attempts(outcomes, actor=actor, mapper_version=mapper, rule_set=rule_set.version)
    for fingerprint, group in parked.items():
        reason = results[group[0].pk].reason
        letter_problems.parked(fingerprint, group, attempts=dead_letters.MAX_ATTEMPTS, reason=reason)
    over = [letter for letter in letters if not results[letter.pk].failed]
    letter_problems.closed(
        # A letter that fails for another reason leaves its cause, too.
        {letter.fingerprint for letter in letters},
        {letter.run_id for letter in over},
        why=f"{actor} replayed the letters",
    )

"""Problems of dead letters: causes whose letters replays skip, doorbells that nobody could answer, and when that is over.

They are about a cause, as letters are grouped by it; called in the transactions that write and close letters.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from diamondhub.operations.problems import tracking
from diamondhub.operations.problems.reading import unresolved
from ingest.models import DeadLetter
from ingest.models.dead_letter import WAITING

#: Kinds that are about a cause, with the states of letters that keep each open.
_OF_CAUSES = {"letters-parked": (DeadLetter.State.PARKED,), "message-letter": WAITING}


def about(fingerprint: str) -> str:
    """What problems of letters are about."""
    return f"cause:{fingerprint}"


def parked(fingerprint: str, letters: Sequence[DeadLetter], *, attempts: int, reason: str) -> None:
    """Replays skip these letters from now on."""
    first = letters[0]
    tracking.occurred(
        "letters-parked",
        about(fingerprint),
        subject=f"Dead letters are parked after {attempts} replays in vain: {reason}",
        details={"fingerprint": fingerprint, "letters": len(letters), "first": first.pk, "field": first.field},
        trace_id=first.trace_id,
        times=len(letters),
    )


def message_unanswered(fingerprint: str, task: str, *, reason: str, trace_id: str) -> None:
    """A doorbell could not be read or answered."""
    tracking.occurred(
        "message-letter",
        about(fingerprint),
        subject=f"A message to {task} could not be answered: {reason}",
        details={"task": task, "reason": reason, "fingerprint": fingerprint},
        trace_id=trace_id,
    )


def closed(fingerprints: Collection[str], runs: Collection[int | None], *, why: str) -> None:
    """Letters of these causes and runs were closed: resolve the problems of which none is left."""
    named = [about(fingerprint) for fingerprint in {*fingerprints}]
    for kind, of in unresolved().filter(kind__in=_OF_CAUSES, about__in=named).values_list("kind", "about"):
        left = DeadLetter.objects.filter(fingerprint=of.removeprefix("cause:"), state__in=_OF_CAUSES[kind])
        if not left.exists():
            tracking.resolve(kind, of, why=why)
    places = [f"run:{run}" for run in {*runs} if run]
    over_budget = unresolved().filter(kind="letters-over-budget", where__in=places)
    for of, run in over_budget.values_list("about", "where"):
        if not DeadLetter.objects.filter(run_id=int(run.removeprefix("run:")), state__in=WAITING).exists():
            tracking.resolve("letters-over-budget", of, why=why)

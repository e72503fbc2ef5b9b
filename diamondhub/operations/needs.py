"""What needs somebody: the unresolved problems, the worst first, each with its buttons, as the start page shows them.

`find` is part of the page's snapshot, which is one for all; `shown_to` is what one person may see and do of it. While no
sweep goes round nobody looks for what is wrong, so the page then looks by itself, and shows what nobody has written down.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog
from django.conf import settings
from django.db import DatabaseError, connection

from diamondhub.admin.display import address, ago, counted, moment
from diamondhub.database import clock
from diamondhub.operations.models import Problem
from diamondhub.operations.problems import kinds, looking
from diamondhub.operations.problems.acting import CHANGE
from diamondhub.operations.problems.kinds import BY_URGENCY, Severity
from diamondhub.operations.problems.reading import unresolved
from diamondhub.telemetry.models import Heartbeat

log = structlog.get_logger(__name__)

#: Unresolved problems that a snapshot has: with them everybody finds those that they may see.
MAX_FOUND = 300
#: Problems that the page shows to one person.
MAX_SHOWN = 20
#: Without a sweep for so long, or for so many that should have been, the page looks by itself (seconds).
LATE_SECONDS, LATE_SWEEPS = 20.0, 4


@dataclass(frozen=True, slots=True)
class FoundProblem:
    """An unresolved problem, or one that was just found and is not written down (`pk` is 0)."""

    pk: int
    kind: str
    about: str
    target: str
    severity: str
    subject: str
    since: datetime
    occurrences: int = 1
    acknowledged_by: str = ""
    acknowledged_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """All that is wrong, the worst first; `swept_at` is when the last sweep ended, `late` that it is too long ago."""

    problems: list[FoundProblem]
    more: bool
    swept_at: datetime | None
    late: bool


@dataclass(frozen=True, slots=True)
class ShownButton:
    """A button or link beside a problem."""

    label: str
    url: str
    acts: bool
    reason: bool


@dataclass(frozen=True, slots=True)
class ShownProblem:
    """A problem for one person."""

    problem: FoundProblem
    title: str
    url: str
    runbook: str
    since: Any
    age: str
    #: Where it is said that one takes care of it; "" for who may not say so.
    acknowledge: str
    buttons: list[ShownButton] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Shown:
    """What needs this person, in a line (`words`, its `tone`), and one by one."""

    words: str
    tone: str
    problems: list[ShownProblem]
    taken_care_of: list[ShownProblem]
    more: int
    late: bool
    swept: str


def find() -> Found:
    """All that is wrong now."""
    rows = list(unresolved().order_by("place", "first_seen_at")[: MAX_FOUND + 1])
    problems = [
        FoundProblem(
            row.pk,
            row.kind,
            row.about,
            row.target,
            row.severity,
            row.subject,
            row.first_seen_at,
            row.occurrences,
            row.acknowledged_by if row.state == Problem.State.ACKNOWLEDGED else "",
            row.acknowledged_until if row.state == Problem.State.ACKNOWLEDGED else None,
        )
        for row in rows[:MAX_FOUND]
    ]
    swept_at = Heartbeat.objects.filter(name="sweep").values_list("seen_at", flat=True).first()
    now = clock()
    late = swept_at is not None and (now - swept_at).total_seconds() > late_after()
    if late:
        problems += _looked_for(now, {(problem.kind, problem.about) for problem in problems})
    problems.sort(key=lambda each: (_urgency(each.severity), each.since))
    return Found(problems, len(rows) > MAX_FOUND, swept_at, late)


def late_after() -> float:
    """The seconds without a sweep after which the page looks by itself."""
    return max(LATE_SECONDS, settings.SWEEP_SECONDS * LATE_SWEEPS)


def _looked_for(now: datetime, known: set[tuple[str, str]]) -> list[FoundProblem]:
    """What the looks say that nobody takes; none of it is written down here."""
    found = []
    for lookout in looking.lookouts():
        try:
            wrong = list(lookout.look())
        except Exception as error:
            log.exception("look_failed", look=lookout.name)
            if isinstance(error, DatabaseError):
                if connection.in_atomic_block:
                    raise
                connection.close_if_unusable_or_obsolete()
            continue
        for item in wrong:
            severity = item.severity or kinds.kind(item.kind).severity
            if (item.kind, item.about) not in known:
                target = item.where or item.about
                found.append(FoundProblem(0, item.kind, item.about, target, severity, item.subject, now))
    return found[:MAX_FOUND]


def _urgency(severity: str) -> int:
    return BY_URGENCY.index(Severity(severity))


def shown_to(user: Any, found: Found) -> Shown:
    """What this person may see of all that is wrong, and the buttons that they may press."""
    seen = [
        (problem, kind)
        for problem in found.problems
        if (kind := kinds.known(problem.kind)) is not None and user.has_perm(kind.permission)
    ]
    shown = [_shown(user, problem, kind) for problem, kind in seen]
    waiting = [each for each in shown if not each.problem.acknowledged_by]
    taken = [each for each in shown if each.problem.acknowledged_by]
    words, tone = _words([each.problem for each in waiting], more=found.more)
    if found.late:
        words, tone = f"Nothing goes on by itself: the last sweep was {ago(found.swept_at)}. {words}", "bad"
    return Shown(
        words,
        tone,
        waiting[:MAX_SHOWN],
        taken[:MAX_SHOWN],
        max(0, len(waiting) - MAX_SHOWN),
        found.late,
        ago(found.swept_at),
    )


def _shown(user: Any, problem: FoundProblem, kind: kinds.Kind) -> ShownProblem:
    page = address("operations_problem_change", problem.pk) if problem.pk else ""
    subject = kind.link(problem.target) if kind.link is not None else ""
    buttons = [
        ShownButton(button.label, url, button.acts, button.reason)
        for button in kind.buttons
        if user.has_perm(button.permission) and (url := button.address(problem.target))
    ]
    return ShownProblem(
        problem,
        kind.title,
        page or subject,
        address("operations_run_book", kind.name),
        moment(problem.since),
        ago(problem.since),
        address("operations_problem_acknowledge", problem.pk)
        if problem.pk and not problem.acknowledged_by and user.has_perm(CHANGE)
        else "",
        buttons,
    )


def _words(waiting: list[FoundProblem], *, more: bool) -> tuple[str, str]:
    """One line on what waits for somebody, and its tone."""
    if not waiting:
        return "Nothing needs you.", "good"
    numbers = {severity: sum(each.severity == severity for each in waiting) for severity in BY_URGENCY}
    parts = [f"{number:,} {severity.label.lower()}" for severity, number in numbers.items() if number]
    tone = "bad" if numbers[Severity.CRITICAL] else "warn" if numbers[Severity.WARNING] else "busy"
    total = f"{'more than ' if more else ''}{counted(len(waiting), 'problem')}"
    return f"{total} {'needs' if len(waiting) == 1 and not more else 'need'} you: {', '.join(parts)}.", tone

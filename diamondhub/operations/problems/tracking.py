"""The life of a problem: it occurs, is acknowledged, and is resolved; when it comes back it is opened again.

There is one row for each kind and each thing that it is about. `occurred` and `resolve` are called in the transaction that
makes it so, and whoever listens (`on_change`: the alerts) writes in it, too. All moments are the database's.

Transactions that record several problems, in whatever order, must not wait for each other in a circle, and a request must
not wait for a run's last transaction. So nobody waits: who does not get a problem's lock at once leaves a report
(`ProblemReport`) in its own transaction, and whoever is at the problem next, the sweep at the latest, writes it down there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any

import structlog
from django.db import connection, transaction
from django.db.models.functions import Now

from diamondhub.admin.display import counted, duration
from diamondhub.audit.acting import acting
from diamondhub.database import clock
from diamondhub.operations.models import Problem, ProblemEvent, ProblemReport
from diamondhub.operations.problems import kinds
from diamondhub.telemetry import scrub

log = structlog.get_logger(__name__)

Change = ProblemEvent.What
State = Problem.State

#: Longest `about` and `where` (characters); what is longer is cut and told apart by a hash.
MAX_ABOUT = 200
#: The longest time for which somebody can take care of a problem before it is open again.
MAX_ACKNOWLEDGED = timedelta(days=7)
#: Problems whose reports one sweep writes down.
MAX_REPORTED = 200


@dataclass(frozen=True, slots=True)
class News:
    """What became of a problem just now, inside the transaction that wrote it."""

    problem: Problem
    change: Change
    at: datetime
    by: str = ""
    note: str = ""


#: Called for every change of a problem, inside its transaction, while it is locked.
Listener = Callable[[News], None]

_listeners: list[Listener] = []


class NotOpen(Exception):
    """The problem is resolved already."""


class NotAcknowledged(Exception):
    """Nobody takes care of the problem."""


class EndsByItself(Exception):
    """A look ends the problem when it finds it right again, so nobody else says that it is."""


class WrongTime(ValueError):
    """An acknowledgement ends in the future, and not too far in it."""


def on_change(listener: Listener) -> None:
    """Have `listener` told of every change."""
    if listener not in _listeners:
        _listeners.append(listener)


@dataclass(frozen=True, slots=True)
class _Occurrence:
    subject: str
    details: dict[str, Any]
    severity: str
    where: str
    trace_id: str
    times: int


@dataclass(frozen=True, slots=True)
class _Resolution:
    why: str
    by: str
    #: ISO 8601: the problem stays if it was seen since.
    unless_seen_since: str | None = None


# --- what everybody calls ----------------------------------------------------------------------------------------------


def occurred(
    kind: str,
    about: str,
    *,
    subject: str,
    details: dict[str, Any] | None = None,
    severity: kinds.Severity | None = None,
    where: str = "",
    trace_id: str = "",
    times: int = 1,
) -> Problem:
    """Record that a problem occurred `times`, or goes on (0 times): opens it, opens it again, or counts it.

    `about` names what it is about in a form that stays the same (`feed:nivoda-natural`), `where` what it occurred at this
    time (`run:17`) if that is another thing; the kind's links are made of `where`, or else of `about`. A severity other
    than the kind's is given where one case is worse or better than others. Subject and details are kept without secrets.

    Returns the problem; if another transaction is just at it, as it was before.
    """
    declared = kinds.kind(kind)
    about = _bounded(about)
    occurrence = _Occurrence(
        subject=_one_line(subject),
        details=scrub.nested(details or {}),
        severity=str(severity or declared.severity),
        where=_bounded(where),
        trace_id=trace_id[:32],
        times=times,
    )
    with transaction.atomic():
        if not _locked(kind, about):
            ProblemReport.objects.create(kind=kind, about=about, occurred=asdict(occurrence), at=Now())
            _have_reports_written(kind, about)
            problem = Problem.objects.filter(kind=kind, about=about).first()
            return problem or Problem(
                kind=kind, about=about, subject=occurrence.subject, severity=occurrence.severity, details={}
            )
        return _occurred(_problem(kind, about), kind, about, occurrence)


def resolve(kind: str, about: str, *, why: str, by: str = "", unless_seen_since: datetime | None = None) -> bool:
    """End the problem of that kind about this thing, if there is one; returns whether there was.

    With `unless_seen_since`, only if nobody has seen it since then: what was found out before may be outdated.
    """
    kinds.kind(kind)
    about = _bounded(about)
    resolution = _Resolution(why, by, None if unless_seen_since is None else unless_seen_since.isoformat())
    with transaction.atomic():
        if not _locked(kind, about):
            ProblemReport.objects.create(kind=kind, about=about, resolved=asdict(resolution), at=Now())
            _have_reports_written(kind, about)
            return Problem.objects.filter(kind=kind, about=about).exclude(state=State.RESOLVED).exists()
        problem = _problem(kind, about)
        return problem is not None and _resolved(problem, resolution)


def acknowledge(problem_id: int, *, by: str, until: datetime, note: str = "") -> Problem:
    """Record that somebody takes care of it until then; it is not repeated to anybody before.

    Waits for whoever is at the problem: to be called by itself, not in a transaction that holds other things. Raises
    `Problem.DoesNotExist`, `NotOpen`, and `WrongTime` for a moment that is over or more than `MAX_ACKNOWLEDGED` away.
    """
    with acting(by, reason=note), _held(problem_id) as problem:
        if problem.state == State.RESOLVED:
            raise NotOpen("the problem is resolved already")
        now = clock()
        if not now < until <= now + MAX_ACKNOWLEDGED:
            raise WrongTime(f"an acknowledgement ends in the future, within {MAX_ACKNOWLEDGED.days} days")
        _write(problem, {"state": State.ACKNOWLEDGED, "acknowledged_by": by[:150], "acknowledged_until": until})
        _tell(problem, Change.ACKNOWLEDGED, now, by=by, note=note)
    return problem


def take_back(problem_id: int, *, by: str, note: str = "") -> Problem:
    """Record that nobody takes care of it any more: it is open again, and told as such.

    Waits as `acknowledge` does; raises `Problem.DoesNotExist` and `NotAcknowledged`.
    """
    with acting(by, reason=note), _held(problem_id) as problem:
        if problem.state != State.ACKNOWLEDGED:
            raise NotAcknowledged("nobody takes care of the problem")
        who = problem.acknowledged_by
        _write(problem, {"state": State.OPEN, "acknowledged_by": "", "acknowledged_until": None})
        _tell(problem, Change.ACKNOWLEDGEMENT_ENDED, clock(), by=by, note=note or f"{who} takes care of it no longer")
    return problem


def resolve_by_hand(problem_id: int, *, by: str, reason: str) -> Problem:
    """End a problem because a person says so. Waits as `acknowledge` does.

    Raises `Problem.DoesNotExist`, `NotOpen`, and `EndsByItself` for one that a look ends.
    """
    with acting(by, reason=reason), _held(problem_id) as problem:
        kind = kinds.known(problem.kind)
        # Nothing looks at kinds of former versions any more.
        if kind is not None and not kind.by_hand:
            raise EndsByItself(f"problem {problem_id} is not resolved by hand: it ends {kind.ends}")
        if not _resolved(problem, _Resolution(reason, by)):
            raise NotOpen("the problem is resolved already")
    return problem


# --- what the sweep calls ----------------------------------------------------------------------------------------------


def tidy() -> None:
    """Write down the reports that are left, and open problems again whose acknowledgement has run out."""
    write_reports()
    end_acknowledgements()


def write_reports() -> None:
    """Write down what transactions have left because others were at the problem."""
    waiting = ProblemReport.objects.order_by().values_list("kind", "about").distinct()
    for kind, about in list(waiting[:MAX_REPORTED]):
        with transaction.atomic():
            if _locked(kind, about):
                _problem(kind, about)


def end_acknowledgements() -> int:
    """Open the problems again that somebody wanted to take care of until now; returns how many."""
    over = Problem.objects.filter(state=State.ACKNOWLEDGED, acknowledged_until__lte=Now()).order_by(
        "acknowledged_until"
    )
    ended = 0
    for kind, about in list(over.values_list("kind", "about")[:MAX_REPORTED]):
        with transaction.atomic():
            # Who is at it now may acknowledge it anew; else the next sweep comes by.
            problem = _problem(kind, about) if _locked(kind, about) else None
            now = clock()
            until = problem.acknowledged_until if problem else None
            if problem is None or problem.state != State.ACKNOWLEDGED or until is None or until > now:
                continue
            who = problem.acknowledged_by
            _write(problem, {"state": State.OPEN, "acknowledged_by": "", "acknowledged_until": None})
            _tell(problem, Change.ACKNOWLEDGEMENT_ENDED, now, note=f"{who} wanted to take care of it until now")
            ended += 1
    return ended


# --- a problem's lock --------------------------------------------------------------------------------------------------


def _locked(kind: str, about: str) -> bool:
    """Take the problem's lock until the transaction ends, unless another transaction has it.

    A lock of its own and not the row's: whoever is the first to write the row would be waited for.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [_lock_name(kind, about)])
        (taken,) = cursor.fetchone()
    return bool(taken)


def _lock_name(kind: str, about: str) -> str:
    return f"problem {kind} {about}"


@contextmanager
def _held(problem_id: int) -> Iterator[Problem]:
    """The problem with this number, locked in a transaction of its own, and all reports of it written down."""
    known = Problem.objects.get(pk=problem_id)
    with transaction.atomic():
        with connection.cursor() as cursor:
            name = _lock_name(known.kind, known.about)
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])
        problem = _problem(known.kind, known.about)
        if problem is None or problem.pk != problem_id:
            raise Problem.DoesNotExist(f"there is no problem {problem_id} any more")
        yield problem


def _problem(kind: str, about: str) -> Problem | None:
    """The problem that the caller has the lock of, after all reports of it; its row is locked against being forgotten."""
    problem = Problem.objects.select_for_update(no_key=True).filter(kind=kind, about=about).first()
    for report in list(ProblemReport.objects.filter(kind=kind, about=about).order_by("pk")):
        # Deleted first, and one by one: what another transaction has not committed yet stays.
        if not ProblemReport.objects.filter(pk=report.pk).delete()[0]:
            continue
        if report.occurred is not None:
            problem = _occurred(problem, kind, about, _Occurrence(**report.occurred))
        elif problem is not None and report.resolved is not None:
            _resolved(problem, _Resolution(**report.resolved))
    return problem


def _have_reports_written(kind: str, about: str) -> None:
    """Try again once this transaction is over; whoever was at the problem may be done by then."""

    def write() -> None:
        with transaction.atomic():
            if _locked(kind, about):
                _problem(kind, about)

    transaction.on_commit(write, robust=True)


# --- what becomes of a problem whose lock one has ----------------------------------------------------------------------


def _occurred(problem: Problem | None, kind: str, about: str, occurrence: _Occurrence) -> Problem:
    now = clock()
    told = {
        "subject": occurrence.subject,
        "details": occurrence.details,
        "where": occurrence.where,
        "trace_id": occurrence.trace_id,
        "last_seen_at": now,
    }
    begun = {"severity": occurrence.severity, "first_seen_at": now, "occurrences": max(1, occurrence.times)}
    if problem is None:
        problem = Problem.objects.create(kind=kind, about=about, **told, **begun)
        _tell(problem, Change.OPENED, now)
        return problem
    if problem.state == State.RESOLVED:
        again = {
            "state": State.OPEN,
            "episode": problem.episode + 1,
            "resolved_at": None,
            "resolved_by": "",
            "resolved_why": "",
            "acknowledged_by": "",
            "acknowledged_until": None,
        }
        _write(problem, told | begun | again)
        _tell(problem, Change.REOPENED, now)
        return problem
    told["occurrences"] = problem.occurrences + occurrence.times
    elsewhere = occurrence.where != problem.where
    if _is_worse(occurrence.severity, problem.severity):
        # Whoever takes care of it took care of less.
        worse = {"severity": occurrence.severity, "state": State.OPEN}
        _write(problem, told | worse | {"acknowledged_by": "", "acknowledged_until": None})
        _tell(problem, Change.WORSENED, now)
        return problem
    _write(problem, told)
    if occurrence.times:
        _tell(problem, Change.RECURRED, now, keep=elsewhere)
    return problem


def _resolved(problem: Problem, resolution: _Resolution) -> bool:
    since = resolution.unless_seen_since
    if problem.state == State.RESOLVED or (since and problem.last_seen_at >= datetime.fromisoformat(since)):
        return False
    now = clock()
    over = {"resolved_at": now, "resolved_by": resolution.by[:150], "resolved_why": resolution.why}
    _write(problem, {"state": State.RESOLVED, **over})
    note = f"{resolution.why}; {in_words(problem)}"
    _tell(problem, Change.RESOLVED, now, by=resolution.by, note=note)
    return True


def in_words(problem: Problem) -> str:
    """How long the problem lasted and how often it occurred."""
    return f"it lasted {duration(problem.lasted)} and occurred {counted(problem.occurrences, 'time')}"


def _is_worse(severity: str, than: str) -> bool:
    ranks = list(kinds.Severity)
    return ranks.index(kinds.Severity(severity)) > ranks.index(kinds.Severity(than))


def _write(problem: Problem, values: dict[str, Any]) -> None:
    for name, value in values.items():
        setattr(problem, name, value)
    problem.save(update_fields=list(values))


def _tell(problem: Problem, change: Change, at: datetime, *, by: str = "", note: str = "", keep: bool = True) -> None:
    if keep:
        ProblemEvent.objects.create(
            problem=problem,
            episode=problem.episode,
            what=change,
            at=at,
            where=problem.where,
            by=by[:150],
            note=note or problem.subject,
        )
        log.info("problem", kind=problem.kind, about=problem.about, change=str(change), subject=problem.subject)
    for listener in _listeners:
        listener(News(problem, change, at, by, note))


def _one_line(text: str) -> str:
    return scrub.reason(" ".join(text.split()), 300)


def _bounded(about: str) -> str:
    """Something that a column takes, and that two different things do not share."""
    kept = scrub.reason(about, 4 * MAX_ABOUT)
    if len(kept) <= MAX_ABOUT:
        return kept
    mark = blake2b(about.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
    return f"{kept[: MAX_ABOUT - 20]}…{mark}"

"""Examinations: every check is asked, each in a thread of its own and bounded in time, and what they say is kept.

The sweep has one made every `DOCTOR_SECONDS`; people have one made by the button of the admin's page, which the web process
takes itself, so that it also answers while no worker does. Problems follow from the newest examination.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Any

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError, connections
from django.db.models import Q
from django.db.models.functions import Now

from diamondhub import leases
from diamondhub.database import release_connection
from diamondhub.doorbells import ring
from diamondhub.operations import retention
from diamondhub.operations.doctor.checks import Check, Finding, Said, table
from diamondhub.operations.models import Examination
from diamondhub.operations.problems.kinds import Severity
from diamondhub.operations.problems.looking import Wrong
from diamondhub.telemetry import scrub

log = structlog.get_logger(__name__)

#: Checks that are asked at once: each takes a connection of the database.
AT_ONCE = 4
#: Who examines renews it while it lives (seconds).
LEASE_SECONDS = 30.0
#: While something is wrong it is looked again so often (seconds).
AGAIN_SECONDS = 300
#: An examination by schedule waits so long (seconds).
START_SECONDS = 30.0
#: Days for which examinations are kept.
EXAMINATIONS_DAYS = 90
#: From the least to the worst.
_RANKS = list(Severity)


@dataclass(frozen=True, slots=True)
class Result:
    """What a check said, and how long it took (seconds)."""

    check: Check
    said: Sequence[Said] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def findings(self) -> list[Finding]:
        """What is wrong, the worst first."""
        wrong = [said for said in self.said if isinstance(said, Finding)]
        return sorted(wrong, key=lambda finding: -_RANKS.index(finding.severity))

    @property
    def notes(self) -> list[str]:
        """What the check saw."""
        return [said for said in self.said if isinstance(said, str)]

    def as_json(self) -> dict[str, Any]:
        """As examinations keep it, without secrets."""
        kept: dict[str, Any] = scrub.nested(
            {
                "check": self.check.name,
                "asks": self.check.asks,
                "findings": [
                    {"severity": finding.severity.value, "words": finding.words, "todo": finding.todo}
                    for finding in self.findings
                ],
                "notes": self.notes,
                "seconds": round(self.seconds, 3),
                "run_book": self.check.run_book,
            }
        )
        return kept


def worst(results: Sequence[Result]) -> Severity | None:
    """The worst severity of all findings; None if there are none."""
    found = [finding.severity for result in results for finding in result.findings]
    return max(found, key=_RANKS.index, default=None)


# --- asking ------------------------------------------------------------------------------------------------------------


def ask(check: Check) -> Result:
    """Ask one check here and now. A fault of its own is a finding."""
    begun = monotonic()
    said: list[Said] = []
    try:
        said.extend(check.look())
    except Exception as error:  # noqa: BLE001 - a check with a fault of its own has failed, and the others have not
        said.append(_failed(error))
    return Result(check, said, monotonic() - begun)


def _failed(error: Exception) -> Finding:
    words = scrub.reason(str(error).strip().splitlines()[0] if str(error).strip() else "", 200)
    if isinstance(error, OperationalError | InterfaceError):
        return Finding(f"This could not be looked at: {words}", "See the check `database`, then look again.")
    log.warning("doctor_check_failed", error=f"{type(error).__name__}: {words}")
    return Finding(
        f"This could not be looked at: {type(error).__name__}: {words}",
        "Look again; if it stays, it is a fault of the check: its log line is `doctor_check_failed`.",
    )


def examine(checks: Sequence[Check]) -> list[Result]:
    """Ask checks, a few at once; one that takes longer than it may is given up, and the others are not waited for less."""
    answers: SimpleQueue[Result] = SimpleQueue()
    waiting, running, results = deque(checks), dict[str, tuple[Check, float]](), dict[str, Result]()
    while waiting or running:
        while waiting and len(running) < AT_ONCE:
            check = waiting.popleft()
            running[check.name] = (check, monotonic() + check.seconds)
            # A daemon: one that hangs in a name look-up must not keep the process from ending.
            threading.Thread(target=_ask_apart, args=(check, answers), daemon=True).start()
        first_end = min(end for _check, end in running.values())
        try:
            result = answers.get(timeout=max(0.0, first_end - monotonic()))
        except Empty:
            for name, (check, end) in list(running.items()):
                if end <= monotonic():
                    del running[name]
                    results[name] = Result(check, [_late(check)], check.seconds)
        else:
            # What comes after it was given up does not count.
            if running.pop(result.check.name, None):
                results[result.check.name] = result
    return [results[check.name] for check in checks]


def _late(check: Check) -> Finding:
    return Finding(
        f"This could not be looked at within {check.seconds:g} s.",
        "What it asks hangs, or the host is busy; look again, and at the findings beside it.",
    )


def _ask_apart(check: Check, answers: SimpleQueue[Result]) -> None:
    try:
        answers.put(ask(check))
    finally:
        connections.close_all()


# --- examinations ------------------------------------------------------------------------------------------------------


def ring_due() -> None:
    """The sweep's look: an examination every `DOCTOR_SECONDS`, and those that nobody works at."""
    if settings.DOCTOR_SECONDS:
        _make_due()
    free = Q(lease_expires_at__isnull=True) | Q(lease_expires_at__lte=Now())
    due = Examination.objects.filter(free, state=Examination.State.READY, due_at__lte=Now())
    for pk in due.values_list("pk", flat=True):
        ring("diamondhub.operations.tasks.examine", pk)


def _make_due() -> None:
    last = newest()
    is_wrong = last is not None and last.severity in (Severity.WARNING, Severity.CRITICAL)
    seconds = min(settings.DOCTOR_SECONDS, AGAIN_SECONDS) if is_wrong else settings.DOCTOR_SECONDS
    slot = datetime.fromtimestamp(datetime.now(UTC).timestamp() // seconds * seconds, UTC)
    if not Examination.objects.filter(slot=slot).exists():
        # Two beats make one: the slot is unique. What has just been started has a moment to come up.
        row = Examination(slot=slot, started_by="schedule", due_at=Now() + timedelta(seconds=START_SECONDS))
        Examination.objects.bulk_create([row], ignore_conflicts=True)


def start(*, started_by: str) -> Examination:
    """An examination of a person's, which this process takes in a thread of its own."""
    examination = Examination.objects.create(started_by=started_by, due_at=Now())
    threading.Thread(target=_work_apart, args=(examination.pk,), daemon=True).start()
    return examination


def _work_apart(examination_id: int) -> None:
    try:
        work(examination_id)
    except (InterfaceError, OperationalError) as error:
        log.warning("database_away", error=str(error).strip().splitlines()[0])
    finally:
        release_connection()


def work(examination_id: int) -> bool:
    """Make an examination; False if somebody else is at it, or it is over."""
    lease = leases.claim_one(Examination, examination_id, state=Examination.State.READY, seconds=LEASE_SECONDS)
    if lease is None:
        return False
    try:
        with leases.heartbeat(lease, seconds=LEASE_SECONDS):
            results = examine(table())
        leases.finish(lease, state=Examination.State.COMPLETED, completed_at=Now(), **_kept(results))
    except leases.LeaseLost:
        log.info("lease_lost", examination_id=examination_id)
        return False
    return True


def keep(results: Sequence[Result], *, started_by: str) -> Examination:
    """Keep what a command has asked."""
    return Examination.objects.create(
        started_by=started_by, state=Examination.State.COMPLETED, completed_at=Now(), **_kept(results)
    )


def _kept(results: Sequence[Result]) -> dict[str, Any]:
    return {"results": [result.as_json() for result in results], "severity": worst(results) or ""}


def newest() -> Examination | None:
    """The last examination that was completed."""
    return Examination.objects.filter(state=Examination.State.COMPLETED).order_by("-completed_at").first()


# --- problems ----------------------------------------------------------------------------------------------------------


def look() -> Iterator[Wrong]:
    """What the newest examination found wrong: a problem about each check, which is resolved when it finds no more."""
    last = newest()
    told_otherwise = {check.name for check in table() if check.told_as}
    for result in last.results if last else []:
        wrong = [finding for finding in result["findings"] if finding["severity"] != Severity.INFO]
        if wrong and result["check"] not in told_otherwise:
            more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
            yield Wrong(
                "doctor-finding",
                result["check"],
                f"{wrong[0]['words']}{more}",
                {"asks": result["asks"], "findings": wrong, "run_book": result["run_book"]},
                Severity(wrong[0]["severity"]),
            )


# --- what is forgotten -------------------------------------------------------------------------------------------------


def old_examinations() -> Any:
    """Examinations of long ago, but the newest one."""
    last = newest()
    old = Examination.objects.filter(created_at__lt=retention.days_ago(EXAMINATIONS_DAYS))
    return old.exclude(pk=last.pk) if last else old

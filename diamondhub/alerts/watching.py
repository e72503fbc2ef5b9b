"""The watch over those who send alerts, kept by every web process: a sweep or delivery rounds that are late are told by it.

A thread looks every few seconds. What it finds is a problem like any other, so several web processes tell of it once, it is
repeated until somebody takes care of it, and its end is told; only who sends the messages is another. While the database
is away there are no rows: then each host says so once, on the channels that it knew last.
"""

from __future__ import annotations

import os
import random
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from uuid import uuid4

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import F
from django.db.models.functions import Now

from diamondhub.admin.display import counted, duration
from diamondhub.alerts import channels as sending
from diamondhub.alerts import gathering, outbox
from diamondhub.alerts import terms as rules
from diamondhub.alerts.messages import Message
from diamondhub.alerts.models import Channel, Delivery, Event
from diamondhub.alerts.problem_kinds import DELIVERY_LATE, SWEEP_LATE
from diamondhub.audit.acting import SYSTEM, acting
from diamondhub.database import clock, release_connection
from diamondhub.operations.models import Problem
from diamondhub.operations.problems import looking, tracking
from diamondhub.operations.problems.kinds import Severity
from diamondhub.operations.problems.looking import Wrong
from diamondhub.telemetry.models import Heartbeat

log = structlog.get_logger(__name__)

#: How often a process looks, about (seconds).
TICK_SECONDS = 5.0
#: A database that does not answer for so long is away (seconds).
AWAY_SECONDS = 30.0
DATABASE_AWAY = "database-away"
_WHAT_IS_WATCHED = ((SWEEP_LATE, "sweep"), (DELIVERY_LATE, "rounds"))
_SENDERS = "beat, or the worker of the queue control, is away or busy: start them (docs/operations.md, One machine)"


def late(grace: float | None = None) -> Iterator[Wrong]:
    """What is late now, by the heartbeats; one thing at most, since without a sweep nothing else goes round.

    With `grace`, what is silent for longer than that counts as silent for so long: whoever has only begun to watch waits.
    Nothing that was never seen is late, but to one who has watched for long.
    """
    ages: dict[str, timedelta] = dict(
        Heartbeat.objects.filter(name__in=("sweep", "delivery"))
        .annotate(age=Now() - F("seen_at"))
        .values_list("name", "age")
    )
    bound = settings.WATCH_SECONDS

    def silent(name: str) -> float:
        age = ages[name].total_seconds() if name in ages else grace
        return 0.0 if age is None else age if grace is None else min(age, grace)

    if silent("sweep") > bound:
        age = ages.get("sweep")
        words = f"for {duration(age)}" if age is not None else "at all"
        yield Wrong(
            SWEEP_LATE,
            "sweep",
            f"No sweep has gone round {words}: nothing starts, goes on or is noticed; {_SENDERS}",
            details={"silent_seconds": round(age.total_seconds()) if age is not None else None},
        )
    # A sweep rings for rounds, so they can be so much older.
    elif silent("delivery") > bound + 3 * settings.SWEEP_SECONDS + 10:
        age = ages.get("delivery")
        words = f"for {duration(age)}" if age is not None else "at all"
        yield Wrong(
            DELIVERY_LATE,
            "rounds",
            f"No round of sending alerts has ended {words}; {_SENDERS}",
            details={"silent_seconds": round(age.total_seconds()) if age is not None else None},
        )


@dataclass
class Watch:
    """One process's watch: since when it is kept, and what it knew when the database last answered."""

    began: float = field(default_factory=monotonic)
    channels: list[Channel] = field(default_factory=list)
    #: Since when the database does not answer, by this process's clock and by the calendar.
    away_since: float | None = None
    away_at: datetime | None = None
    unsent: list[Channel] = field(default_factory=list)
    key: str = ""

    def tick(self, now: datetime | None = None) -> None:
        """Look once. Raises nothing that a database that is away raises."""
        try:
            self._look(now)
        except (OperationalError, InterfaceError) as error:
            self._database_is_away(error)
        else:
            self._database_is_there()
        finally:
            with suppress(Exception):
                release_connection()

    def _look(self, now: datetime | None) -> None:
        wrong = list(late(grace=monotonic() - self.began))
        self.channels = [
            terms.channel for terms in rules.in_force() if terms.apply_to_news(DATABASE_AWAY, Severity.CRITICAL, {})
        ]
        with acting(SYSTEM, via="web: watch"):
            for found in wrong:
                _tell(found, now)
            still = {(found.kind, found.about) for found in wrong}
            for kind, about in _WHAT_IS_WATCHED:
                if (kind, about) not in still:
                    _end(kind, about)
        looking.look_from_web()
        if wrong:
            # Those who would tell of it are away, perhaps because of it.
            causes = Problem.objects.filter(kind__in=looking.found_by_web(), state=Problem.State.OPEN)
            for number in causes.order_by("pk").values_list("pk", flat=True):
                _send_of(number, now)

    # --- without a database --------------------------------------------------------------------------------------------

    def _database_is_away(self, error: Exception) -> None:
        if self.away_since is None:
            self.away_since, self.away_at = monotonic(), datetime.now(UTC)
            log.warning("watch_without_database", error=str(error).strip().split("\n")[0])
        if monotonic() - self.away_since < AWAY_SECONDS:
            return
        if not self.key and _claimed_by_host():
            self.key, self.unsent = uuid4().hex, list(self.channels or rules.channels_of_environment())
        if self.unsent:
            self._send(Severity.CRITICAL, f"The database is away, says {socket.gethostname()}", f"{self.key}a")

    def _database_is_there(self) -> None:
        if self.away_since is None and not self.unsent and not self.key:
            return
        span = duration(monotonic() - self.away_since) if self.away_since is not None else "a while"
        self.away_since = None
        if not self.key:
            return
        untold = {channel.name for channel in self.unsent}
        told = [channel for channel in self.channels if channel.name not in untold]
        self.unsent, key, self.key = told, self.key, ""
        _marker().unlink(missing_ok=True)
        self._send(Severity.INFO, f"The database is back after {span}, says {socket.gethostname()}", f"{key}b")
        self.unsent = []

    def _send(self, severity: Severity, subject: str, key: str) -> None:
        """Send one message to all that have not got it; who cannot be reached is tried at the next look."""
        message = Message(
            key=key,
            what=Event.What.NEWS,
            kind=DATABASE_AWAY,
            severity=severity,
            subject=subject,
            created_at=datetime.now(UTC),
            details={
                "host": socket.gethostname(),
                "since": self.away_at.isoformat() if self.away_at else None,
                "what to do": "see that PostgreSQL runs and can be reached by DATABASE_URL; all goes on by itself then",
            },
        )
        for channel in list(self.unsent):
            try:
                sending.send(channel, message)
            except Exception as error:  # noqa: BLE001 - whatever a channel raises, the others are told
                log.warning("alert_not_delivered", channel=channel.name, error=type(error).__name__)
            else:
                self.unsent.remove(channel)


def _tell(wrong: Wrong, now: datetime | None) -> None:
    """Make it a problem unless it is one, and send what is to be said of it."""
    with transaction.atomic():
        if not _locked():
            return
        problem = _unresolved(wrong.kind, wrong.about)
        if problem is None:
            log.error("watch_found_late", kind=wrong.kind, subject=wrong.subject)
            problem = tracking.occurred(wrong.kind, wrong.about, subject=wrong.subject, details=wrong.details)
    _send_of(problem.pk, now)


def _send_of(problem: int, now: datetime | None) -> None:
    """Send what is to be said of one problem."""
    gathering.gather(now, problem=problem)
    pending = Delivery.objects.filter(event__problem=problem, state=Delivery.State.PENDING)
    if events := list(pending.values_list("event", flat=True)):
        outbox.deliver_due(now, events=events)


def _end(kind: str, about: str) -> None:
    problem = _unresolved(kind, about)
    if problem is None:
        return
    with transaction.atomic():
        if _locked():
            missed = int((clock() - problem.first_seen_at).total_seconds() / settings.SWEEP_SECONDS)
            words = f"; {counted(missed, 'sweep')} missed" if missed else ""
            tracking.resolve(kind, about, why=f"they are made again{words}")


def _unresolved(kind: str, about: str) -> Problem | None:
    return Problem.objects.filter(kind=kind, about=about).exclude(state=Problem.State.RESOLVED).first()


def _locked() -> bool:
    """Whether no other web process is telling just now; holds until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended('alerts: watch', 0))")
        (taken,) = cursor.fetchone()
    return bool(taken)


def _marker() -> Path:
    """The file by which one process of a host says that it tells of this time that the database is away."""
    return Path(settings.VAR_DIR) / "run" / "database-away"


def _claimed_by_host() -> bool:
    try:
        _marker().parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(_marker(), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        return False
    except OSError:
        # Nobody can be asked: better twice than never.
        return True
    return True


def start() -> threading.Thread:
    """Keep watch in a thread of this process, for as long as it lives."""
    thread = threading.Thread(target=_keep, name="watch", daemon=True)
    thread.start()
    return thread


def _keep() -> None:
    # One that died with its database away has left its mark.
    _marker().unlink(missing_ok=True)
    watch = Watch()
    pause = threading.Event()
    while True:
        # Not all processes at the same moment.
        pause.wait(TICK_SECONDS * random.uniform(0.8, 1.2))
        try:
            watch.tick()
        except Exception:
            log.exception("watch_failed")

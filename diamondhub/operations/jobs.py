"""Background jobs that people ask for in the admin: a leased row each, which workers do, rung for by doorbell.

Apps declare their kinds (`declare`); a button asks (`ask`), the sweep rings for what is due, a worker does it (`work`). The
work says how far it is and keeps what it needs to go on (`Running.tell`), so that a killed worker costs a lease and nothing
else. A job that is cancelled ends at once: its worker hears of it with its next word, or when its statement is stopped.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from typing import Any

import psycopg
import structlog
from django.core.exceptions import ImproperlyConfigured
from django.db import (
    DEFAULT_DB_ALIAS,
    DatabaseError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    connection,
    connections,
    transaction,
)
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from diamondhub import leases
from diamondhub.admin.display import Table
from diamondhub.audit.acting import acting
from diamondhub.doorbells import ring
from diamondhub.operations import retention
from diamondhub.operations.models import JOB_STATES, Job

log = structlog.get_logger(__name__)

#: A worker that does not say within this time that it goes on has lost its job (seconds).
LEASE_SECONDS = 60.0
#: How often it says so while a long statement runs, and hears of a cancellation (seconds).
BEAT_SECONDS = 1.0
#: Work that can go on later is put back after this long, so that others have their turn (seconds).
SLICE_SECONDS = 20.0
#: Workers that may be lost at one job in a row before it fails.
MAX_ATTEMPTS = 5
#: Jobs that are over are kept so long (days).
KEPT_DAYS = 90

#: Doorbells of jobs that compute, and of those that wait for others.
COMPUTING, WAITING = "diamondhub.operations.tasks.job", "diamondhub.operations.tasks.waiting_job"


class JobError(Exception):
    """What was asked of the jobs cannot be done; the message says why."""


class PutOff(Exception):
    """The work goes on later: raised by a job's work that has to wait so many seconds, or whose worker is to stop."""

    def __init__(self, seconds: float = 0.0) -> None:
        super().__init__(f"put off for {seconds:.1f} s")
        self.seconds = seconds


@dataclass(slots=True)
class Running:
    """A job in the hands of its worker."""

    job: Job
    lease: leases.Lease
    began: float

    @property
    def memo(self) -> dict[str, Any]:
        """What the work before this slice kept."""
        memo: dict[str, Any] = self.job.memo
        return memo

    @property
    def slice_is_over(self) -> bool:
        """Whether work that can go on later should return None now."""
        return monotonic() > self.began + SLICE_SECONDS

    def tell(self, share: float, progress: str, memo: dict[str, Any] | None = None) -> None:
        """Say how far it is, and what must be known to go on from here. Raises `LeaseLost`: nothing may be done any more.

        In a transaction it is kept with what that writes, or not at all.
        """
        leases.renew(self.lease, seconds=LEASE_SECONDS)
        values: dict[str, Any] = {"share": min(1.0, max(0.0, share)), "progress": progress}
        if memo is not None:
            self.job.memo = values["memo"] = memo
        _held(self.lease).update(**values)


#: Does a job, or a part of it: returns what came of it, or None where another slice has to go on.
Work = Callable[[Running], dict[str, Any] | None]


@dataclass(frozen=True, slots=True)
class Onward:
    """What may follow a job's result: a button that posts to `url`, for a reason, for who has `permission`."""

    label: str
    url: str
    permission: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of job.

    Who has `permission` (`<app>.<codename>`) may ask for one, see and cancel it; who has `seen_by`, see it. `in_words` says
    a result in a line, `tables` in full. Errors of `expected` speak to people; any other is named by its class. `cancelled`
    is called in the transaction that cancels a job. A job that `waits` for others (a supplier) is given to threads.
    """

    name: str
    title: str
    work: Work
    permission: str
    seen_by: str
    in_words: Callable[[dict[str, Any]], str]
    tables: Callable[[dict[str, Any]], Sequence[Table]] = lambda _result: ()
    onward: Callable[[Job], Sequence[Onward]] = lambda _job: ()
    #: The admin's address of what a job is about.
    link: Callable[[str], str] = lambda _subject: ""
    #: What a subject is called.
    about: Callable[[str], str] = lambda subject: subject
    cancelled: Callable[[Job], None] = lambda _job: None
    expected: tuple[type[Exception], ...] = ()
    #: The button on the page of all jobs that asks for one, where a job is about nothing in particular.
    button: str = ""
    waits: bool = False
    #: Whether a statement in hand is stopped when the job is cancelled.
    stops_statements: bool = False


_kinds: dict[str, Kind] = {}


def declare(*kinds: Kind) -> None:
    """Add kinds of jobs. Raises `ImproperlyConfigured` if two have one name."""
    for kind in kinds:
        if _kinds.get(kind.name, kind) != kind:
            raise ImproperlyConfigured(f"jobs: two kinds are called {kind.name}")
        _kinds[kind.name] = kind


def kinds() -> dict[str, Kind]:
    """Every kind by its name."""
    return dict(_kinds)


def kind_of(job: Job) -> Kind | None:
    """The kind of a job; None for one of another release."""
    return _kinds.get(job.kind)


# --- asking ------------------------------------------------------------------------------------------------------------


def ask(
    kind: str, subject: str = "", *, by: str, reason: str = "", parameters: dict[str, Any] | None = None
) -> tuple[Job, bool]:
    """Have a worker do this; returns the job, and whether it is new: a live one of the same kind and subject stays alone."""
    declared = _kinds[kind]
    try:
        with transaction.atomic(), acting(by, reason=reason):
            job = Job.objects.create(
                kind=kind, subject=subject, parameters=parameters or {}, asked_by=by, reason=reason, due_at=Now()
            )
    except IntegrityError:
        live = Job.objects.filter(kind=kind, subject=subject, state=Job.State.READY).first()
        if live is None:
            # It ended since.
            return ask(kind, subject, by=by, reason=reason, parameters=parameters)
        return live, False
    ring(_task(declared), job.pk)
    return job, True


def record(kind: str, subject: str, *, by: str, result: dict[str, Any], reason: str = "") -> Job:
    """Keep what came of something that was done at once, as a job that is over."""
    with acting(by, reason=reason):
        return Job.objects.create(
            kind=kind,
            subject=subject,
            asked_by=by,
            reason=reason,
            state=Job.State.COMPLETED,
            share=1.0,
            result=result,
            started_at=Now(),
            finished_at=Now(),
        )


def cancel(job_id: int, *, by: str, reason: str = "") -> Job:
    """End a job that is not over; its worker stops. Raises `JobError`."""
    with transaction.atomic(), acting(by, reason=reason):
        job = Job.objects.select_for_update(no_key=True).filter(pk=job_id).first()
        if job is None:
            raise JobError(f"There is no job {job_id}.")
        if not job.live:
            raise JobError(f"Job {job_id} is {job.state} already.")
        JOB_STATES.move(
            job,
            Job.State.CANCELLED,
            cancelled_by=by,
            cancelled_reason=reason,
            finished_at=Now(),
            due_at=None,
            lease_expires_at=None,
            lease_owner="",
        )
        kind = kind_of(job)
        if kind is not None:
            kind.cancelled(job)
    log.info("job_cancelled", job_id=job_id, kind=job.kind, actor=by)
    return job


def newest(kind: str, subject: str = "") -> Job | None:
    """The last job of a kind about this."""
    return Job.objects.filter(kind=kind, subject=subject).order_by("-pk").first()


def ring_due() -> None:
    """Ring a worker for every job that is due and free; the sweep calls it."""
    free = Q(lease_expires_at__isnull=True) | Q(lease_expires_at__lte=Now())
    due = Job.objects.filter(free, state=Job.State.READY, due_at__lte=Now())
    for pk, kind in due.values_list("pk", "kind"):
        if kind in _kinds:
            ring(_task(_kinds[kind]), pk)


def old_jobs() -> QuerySet[Job]:
    """Jobs that ended long ago."""
    return Job.objects.filter(finished_at__lt=retention.days_ago(KEPT_DAYS)).exclude(state=Job.State.READY)


def _task(kind: Kind) -> str:
    return WAITING if kind.waits else COMPUTING


# --- working -----------------------------------------------------------------------------------------------------------


def work(job_id: int) -> bool:
    """Do a job, or a slice of it; True if it is over. Does nothing while another worker has it."""
    job = Job.objects.filter(pk=job_id).first()
    if job is None or not job.live:
        return True
    kind = kind_of(job)
    if kind is None:
        # A worker of another release knows it, or nobody ever will.
        log.warning("job_of_unknown_kind", job_id=job_id, kind=job.kind)
        return True
    lease = leases.claim_one(Job, job_id, state=Job.State.READY, seconds=LEASE_SECONDS)
    if lease is None:
        return False
    job.refresh_from_db()
    Job.objects.filter(pk=job_id, started_at=None).update(started_at=Now())
    with structlog.contextvars.bound_contextvars(job_id=job_id, job=job.kind), acting(job.asked_by, reason=job.reason):
        try:
            return _attempt(kind, Running(job, lease, monotonic()))
        except leases.LeaseLost:
            log.info("lease_lost")
            return True


def _attempt(kind: Kind, running: Running) -> bool:
    lease = running.lease
    if running.job.attempts > MAX_ATTEMPTS:
        _fail(lease, f"{MAX_ATTEMPTS} workers were lost at it, one after another")
        return True
    watch = _Watch(lease, stops_statements=kind.stops_statements)
    try:
        with watch:
            result = kind.work(running)
    except leases.LeaseLost:
        raise
    except PutOff as error:
        _give_back(lease, due_in=error.seconds)
        return False
    except kind.expected as error:
        _fail(lease, str(error))
        return True
    except (InterfaceError, OperationalError) as error:
        if watch.is_lost:
            raise leases.LeaseLost from None
        log.warning("database_away", error=str(error).strip().splitlines()[0])
        leases.give_back_when_possible(lease)
        return False
    except Exception as error:
        # It must neither be tried for ever nor end in silence: whoever asked for it reads why on its page.
        if watch.is_lost:
            raise leases.LeaseLost from None
        log.exception("job_failed")
        _end_failed(lease, f"{type(error).__name__}: {error}")
        return True
    if result is None:
        _give_back(lease)
        ring(_task(kind), lease.pk)
        return False
    leases.finish(lease, state=Job.State.COMPLETED, share=1.0, result=result, memo={}, finished_at=Now())
    log.info("job_completed")
    return True


def _fail(lease: leases.Lease, error: str) -> None:
    _end_failed(lease, error)
    log.warning("job_failed", reason=error)


def _end_failed(lease: leases.Lease, error: str) -> None:
    leases.finish(lease, state=Job.State.FAILED, error=error, memo={}, finished_at=Now())


def _give_back(lease: leases.Lease, *, due_in: float = 0.0) -> None:
    """Have another slice go on; a worker that comes so far was not lost. Raises `LeaseLost`."""
    due = Now() + timedelta(seconds=due_in)
    if not _held(lease).update(lease_expires_at=None, lease_owner="", due_at=due, attempts=0):
        raise leases.LeaseLost


def _held(lease: leases.Lease) -> QuerySet[Job]:
    return Job.objects.filter(pk=lease.pk, lease_token=lease.token, lease_expires_at__isnull=False)


class _Watch:
    """A thread that renews the lease while the block runs; it stops the block's statement if the lease is lost."""

    def __init__(self, lease: leases.Lease, *, stops_statements: bool) -> None:
        self._lease = lease
        self._stops = stops_statements
        # This thread's: `connection` means another one in each.
        self._connection = connections[DEFAULT_DB_ALIAS]
        self._over, self._lost = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="job-watch", daemon=True)

    def __enter__(self) -> _Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    @property
    def is_lost(self) -> bool:
        """Whether the job was cancelled, or is another worker's."""
        return self._lost.is_set()

    def _run(self) -> None:
        try:
            while not self._over.wait(BEAT_SECONDS):
                try:
                    leases.renew(self._lease, seconds=LEASE_SECONDS)
                except leases.LeaseLost:
                    self._lost.set()
                    self._stop_until_over()
                    return
                except DatabaseError:
                    # The lease may outlast that; the final write decides.
                    connection.close()
        finally:
            connection.close()

    def _stop_until_over(self) -> None:
        """Stop the statement again and again: what comes between two of them stops neither."""
        while self._stops:
            if (held := self._connection.connection) is not None:
                with suppress(psycopg.Error):
                    held.cancel_safe(timeout=5.0)
            if self._over.wait(BEAT_SECONDS):
                return

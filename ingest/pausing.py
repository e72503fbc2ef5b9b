"""Pausing and resuming a supplier's account, a feed, or consolidation: with a reason, by somebody, and for a time.

Commands, REST and the admin call it; `ingest.resting` says what rests. A pause ends when somebody resumes or when its time
is over by the database's clock, which the sweep writes down. Whatever waited is rung for at once.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import structlog
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from diamondhub.audit.acting import SYSTEM, acting
from diamondhub.database import clock
from diamondhub.operations.problems import tracking
from ingest import resting, runs
from ingest.errors import IngestError
from ingest.models import ConsolidationBatch, Feed, Partition, Pause, Run

log = structlog.get_logger(__name__)

#: The shortest and the longest pause (minutes); whoever wants a longer one says so again, and why.
MIN_MINUTES, MAX_MINUTES = 1, 7 * 24 * 60
#: The kind of the problem that a pause is.
PAUSED = "work-paused"


class NotPaused(IngestError):
    """It is not paused: there is nothing to resume."""


class CannotPause(IngestError):
    """It cannot be paused as was asked; the message says why."""


def pause(what: str, name: str = "", *, minutes: int, by: str, reason: str) -> Pause:
    """Pause something from now on for so many minutes. What is paused already is paused anew, until then, for this reason.

    `name` is the account's (as `accounts` has it), the feed's slug, or nothing for consolidation. Raises `ReasonMissing`,
    `CannotPause`, or `UnknownFeed`.
    """
    if not reason.strip():
        raise runs.ReasonMissing("say why: the reason is shown wherever the pause is")
    if not MIN_MINUTES <= minutes <= MAX_MINUTES:
        raise CannotPause(f"a pause lasts from {MIN_MINUTES} to {MAX_MINUTES:,} minutes (7 days), not {minutes:,}")
    _check(what, name)
    reason, by = reason.strip()[:500], by[:150]
    with acting(by, reason=reason), transaction.atomic():
        end_overdue()
        now = clock()
        said = {"reason": reason, "paused_by": by, "until": now + timedelta(minutes=minutes)}
        ordered, is_new = Pause.objects.select_for_update().get_or_create(
            what=what, name=name, ended_at=None, defaults={**said, "paused_at": now}
        )
        if not is_new:
            for field, value in said.items():
                setattr(ordered, field, value)
            ordered.save(update_fields=[*said])
        tracking.occurred(
            PAUSED,
            about_of(ordered),
            subject=ordered.sentence[:1].upper() + ordered.sentence[1:],
            details={"what": what, "name": name, "by": by, "reason": reason, "until": ordered.until.isoformat()},
            where=f"pause:{ordered.pk}",
        )
    log.info("paused", what=what, of=name, by=by, reason=reason, until=ordered.until.isoformat())
    return ordered


def resume(what: str, name: str = "", *, by: str, reason: str = "") -> Pause:
    """End a pause now, and ring for what waited. Raises `NotPaused`."""
    _check(what, name)
    with acting(by, reason=reason), transaction.atomic():
        end_overdue()
        ordered = resting.unended().select_for_update().filter(what=what, name=name).first()
        if ordered is None:
            raise NotPaused(f"{Pause(what=what, name=name).words} is not paused: there is nothing to resume")
        _end(ordered, by=by[:150], reason=reason.strip()[:500])
    return ordered


def end_overdue() -> None:
    """Write down the ends of pauses whose time is over; the sweep calls it."""
    with transaction.atomic():
        for ordered in resting.unended().filter(until__lte=clock()).select_for_update(skip_locked=True):
            with acting(SYSTEM, reason="its time is over"):
                _end(ordered)


def free_leases() -> None:
    """Free what a worker held that died during a pause, since nobody takes it over before the end; the sweep calls it."""
    resting_runs = resting.in_force().resting(resting.live_runs())
    if not resting_runs:
        return
    free = {"lease_expires_at": None, "lease_owner": "", "due_at": Now()}
    for rows in (
        Run.objects.filter(pk__in=resting_runs),
        Partition.objects.filter(run__in=resting_runs, state=Partition.State.READY),
        ConsolidationBatch.objects.filter(run__in=resting_runs, state=ConsolidationBatch.State.READY),
    ):
        # Its holder may only be slow: a token that is newer than its own keeps it from writing.
        rows.filter(lease_expires_at__lte=Now()).update(**free, lease_token=F("lease_token") + 1)


def accounts() -> dict[str, list[str]]:
    """The accounts that feeds ask by, each with the slugs of its feeds."""
    asked_by: dict[str, list[str]] = {}
    for feed in Feed.objects.order_by("slug"):
        if account := resting.account_of(feed):
            asked_by.setdefault(account, []).append(feed.slug)
    return asked_by


def as_json(ordered: Pause) -> dict[str, Any]:
    """A pause as commands print it and the API answers it."""
    return {
        "what": ordered.what,
        "name": ordered.name,
        "reason": ordered.reason,
        "by": ordered.paused_by,
        "since": ordered.paused_at,
        "until": ordered.until,
        "ended_at": ordered.ended_at,
    }


def about_of(ordered: Pause) -> str:
    """What the problem of a pause is about."""
    return f"{ordered.what}:{ordered.name}"


def _end(ordered: Pause, *, by: str = "", reason: str = "") -> None:
    ordered.ended_at = clock() if by else ordered.until
    ordered.ended_by, ordered.end_reason = by, reason
    ordered.save(update_fields=["ended_at", "ended_by", "end_reason"])
    why = f"{by} resumed it{f': {reason}' if reason else ''}" if by else "its time was over"
    tracking.resolve(PAUSED, about_of(ordered), why=why, by=by)
    runs.ring_due()
    log.info("resumed", what=ordered.what, of=ordered.name, by=by or None, reason=reason or None)


def _check(what: str, name: str) -> None:
    if what not in Pause.What.values:
        raise CannotPause(f"{what!r} cannot be paused: account, feed or consolidation can")
    if what == Pause.What.FEED:
        runs.find_feed(name)
    elif what == Pause.What.CONSOLIDATION and name:
        raise CannotPause("consolidation is paused as a whole: it has no name")
    elif what == Pause.What.ACCOUNT:
        known = accounts()
        if name not in known and not resting.unended().filter(what=what, name=name).exists():
            listed = ", ".join(sorted(known)) or "none"
            raise CannotPause(f"no feed asks by an account {name!r}; there are: {listed}")

"""Problems that are found by looking: each app registers functions that say what is wrong now.

The sweep calls those that are due; what one says is opened or goes on, and what it does not say any more is resolved. When a
look was last taken is a row, so many workers take it once. A look that fails is a problem itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

import structlog
from django.conf import settings
from django.db import DatabaseError, connection, transaction

from diamondhub import environment
from diamondhub.admin.display import duration
from diamondhub.database import clock
from diamondhub.operations.models import LookTaken, Problem
from diamondhub.operations.problems import kinds, tracking

log = structlog.get_logger(__name__)

#: The longest statement of a look; looks that ask others than the database bound that themselves (seconds).
STATEMENT_SECONDS = 5.0
#: A look that takes longer has failed, whatever it says (seconds).
LOOK_SECONDS = 15.0
#: Once so much time went, looks that are left wait for the next sweep (seconds).
ROUND_SECONDS = 15.0
#: Of the things that one look says are wrong so many are written down; more than that are one thing.
MAX_WRONG = 200

#: Web processes take a look of the sweep's when nobody has taken it for so many times its pause.
WEB_PATIENCE = 3

FAILING = "look-failing"


@dataclass(frozen=True, slots=True)
class Wrong:
    """One thing that is wrong now; see `tracking.occurred`."""

    kind: str
    about: str
    subject: str
    details: dict[str, Any] = field(default_factory=dict)
    severity: kinds.Severity | None = None
    where: str = ""


#: Says everything that is wrong now of the kinds that it looks for; what it does not say is right.
Look = Callable[[], Iterable[Wrong]]


@dataclass(frozen=True, slots=True)
class Lookout:
    """A look with its kinds and how often it is taken (seconds)."""

    name: str
    kinds: tuple[str, ...]
    look: Look
    every: float
    #: The secret variable without which a process cannot take it; "" for none.
    needs: str = ""
    #: Whether web processes take it as well: what it looks for keeps the sweep from being made.
    by_web: bool = False


_lookouts: dict[str, Lookout] = {}


def register(look: Look, *kind_names: str, every: float = 10.0, needs: str = "", by_web: bool = False) -> None:
    """Have `look` taken every so many seconds; problems of these kinds are opened and resolved by what it says.

    A look that `needs` a secret variable is taken by web processes (`look_from_web`): workers are not given all. One that is
    taken `by_web` is taken by them as well as by the sweep, which is not made while what it looks for is away.
    """
    name = f"{look.__module__}.{look.__qualname__}"
    _lookouts[name] = Lookout(name, kind_names, look, every, needs, by_web)


def lookouts() -> list[Lookout]:
    """All that are registered."""
    return list(_lookouts.values())


def look() -> None:
    """Take the looks that are due, the longest waiting first, and tidy up. Called by the sweep."""
    tracking.tidy()
    _take_due([each for each in lookouts() if not each.needs or environment.is_needed(each.needs, settings.PROGRAM)])


def look_from_web() -> None:
    """Take the looks that are due and that need secrets that this process has, or find what no sweep can find.

    Called by the watch of web processes.
    """
    needing = [each for each in lookouts() if each.needs and environment.is_needed(each.needs, settings.PROGRAM)]
    # Where sweeps are made it is theirs: two hosts that see different things would open and resolve it in turns.
    left = [replace(each, every=each.every * WEB_PATIENCE) for each in lookouts() if each.by_web and not each.needs]
    _take_due([*needing, *left])


def found_by_web() -> set[str]:
    """The kinds of problems that keep sweeps from being made, and so from being told by workers."""
    return {kind for each in lookouts() if each.by_web for kind in each.kinds}


def _take_due(those: Sequence[Lookout]) -> None:
    end = monotonic() + ROUND_SECONDS
    taken = dict(LookTaken.objects.values_list("name", "taken_at"))
    now = clock()
    long_ago = datetime.min.replace(tzinfo=now.tzinfo)
    # Only what may be due is claimed: a sweep comes often, and most looks are not.
    due = [each for each in those if taken.get(each.name[:200], long_ago) <= now - _pause(each)]
    for lookout in sorted(due, key=lambda each: taken.get(each.name[:200], long_ago)):
        if monotonic() > end:
            log.warning("looks_put_off", next=lookout.name)
            return
        if _claim(lookout):
            take(lookout)


def take(lookout: Lookout) -> None:
    """Take one look now, and record what came of it; one that fails is recorded as a problem and raises nothing."""
    began = monotonic()
    try:
        since, wrong = _wrong(lookout)
        took = monotonic() - began
        if took > LOOK_SECONDS:
            raise TimeoutError(f"it took {duration(took)}, longer than {duration(LOOK_SECONDS)}")
    except Exception as error:
        log.exception("look_failed", look=lookout.name)
        if isinstance(error, DatabaseError) and not connection.in_atomic_block:
            # One that broke would fail all others, too.
            connection.close_if_unusable_or_obsolete()
        said = str(error).strip().splitlines()
        tracking.occurred(
            FAILING,
            lookout.name,
            subject=f"{lookout.name} fails: {type(error).__name__}{f': {said[0]}' if said else ''}",
            details={"kinds": list(lookout.kinds), "error": str(error)},
        )
        _note(lookout, monotonic() - began, failed=True)
        return
    _record(lookout, since, wrong)
    if _note(lookout, took, failed=False):
        tracking.resolve(FAILING, lookout.name, why="the look is taken again")


def _wrong(lookout: Lookout) -> tuple[datetime, dict[tuple[str, str], Wrong]]:
    """The moment of the look, and all that it says."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT clock_timestamp(), set_config('statement_timeout', %s, true)",
                [f"{int(STATEMENT_SECONDS * 1000)}ms"],
            )
            since = cursor.fetchone()[0]
        wrong = {(item.kind, item.about): item for item in lookout.look()}
        if connection.in_atomic_block and connection.savepoint_ids:
            # Inside another transaction, as in tests, the time-out would outlive the look.
            with connection.cursor() as cursor:
                cursor.execute("SELECT set_config('statement_timeout', '0', true)")
    strange = {item.kind for item in wrong.values()} - {*lookout.kinds}
    if strange:
        raise ValueError(f"it speaks of {', '.join(sorted(strange))}, which it is not registered for")
    return since, wrong


def _record(lookout: Lookout, since: datetime, wrong: dict[tuple[str, str], Wrong]) -> None:
    """Each problem in a transaction of its own, so that no two are locked at once."""
    unresolved = set(
        Problem.objects.filter(kind__in=lookout.kinds, place__lt=Problem.RESOLVED_PLACE).values_list("kind", "about")
    )
    # Those that are known go on whatever their number.
    new = [item for key, item in wrong.items() if key not in unresolved]
    if len(new) > MAX_WRONG:
        log.warning("more_is_wrong_than_is_kept", look=lookout.name, wrong=len(wrong))
    for item in [*(item for key, item in wrong.items() if key in unresolved), *new[:MAX_WRONG]]:
        tracking.occurred(
            item.kind,
            item.about,
            subject=item.subject,
            details=item.details,
            severity=item.severity,
            where=item.where,
            # It is the same thing that goes on, however often it is looked at.
            times=0,
        )
    for kind, about in unresolved - wrong.keys():
        tracking.resolve(kind, about, why="it is right again", unless_seen_since=since)


def _pause(lookout: Lookout) -> timedelta:
    """The pause between two looks: a sweep that comes a moment early takes it, rather than a whole sweep late."""
    return timedelta(seconds=max(0.0, lookout.every - 0.5))


def _claim(lookout: Lookout) -> bool:
    """Whether the look is due and this worker the one that takes it."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            /* One look, by its primary key. Of two workers the second waits for the first, and then finds it taken. */
            INSERT INTO operations_looktaken AS known (name, taken_at, took_ms, failed)
            VALUES (%(name)s, clock_timestamp(), 0, false)
            ON CONFLICT (name) DO UPDATE SET taken_at = clock_timestamp()
            WHERE known.taken_at <= clock_timestamp() - %(every)s * interval '1 second'
            RETURNING name
            """,
            {"name": lookout.name[:200], "every": _pause(lookout).total_seconds()},
        )
        return cursor.fetchone() is not None


def _note(lookout: Lookout, took: float, *, failed: bool) -> bool:
    """Keep how a look went; returns whether the one before failed."""
    rows = LookTaken.objects.filter(pk=lookout.name[:200])
    before = rows.values_list("failed", flat=True).first()
    rows.update(took_ms=int(took * 1000), failed=failed)
    return before is not False

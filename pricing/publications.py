"""The rule sets that were in force over time: each publication, as the audit and the sets themselves remember it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from diamondhub.audit.tracking import AUDITED
from pricing.models import RuleSet

#: Publications that are read, the newest.
MAX_PUBLICATIONS = 1_000


@dataclass(frozen=True, slots=True, order=True)
class Publication:
    """A rule set comes into force: once for each time that it was published."""

    at: datetime
    version: int


def publications() -> list[Publication]:
    """All publications that are remembered, the earliest first.

    A set's row knows its last one, the audit those since it is kept. The first set of all was never published by anybody.
    """
    events = AUDITED[RuleSet._meta.label_lower].events.objects.filter(state=RuleSet.State.PUBLISHED)
    known: set[tuple[datetime, int]] = set(
        events.exclude(published_at=None)
        .order_by("-published_at")
        .values_list("published_at", "version")
        .distinct()[:MAX_PUBLICATIONS]
    )
    sealed = RuleSet.objects.exclude(state=RuleSet.State.DRAFT)
    last_ones = sealed.exclude(published_at=None).order_by("-published_at")
    known |= {
        (at, version) for at, version in last_ones.values_list("published_at", "version")[:MAX_PUBLICATIONS] if at
    }
    # The one that the first migration made.
    first = sealed.filter(published_at=None, version=1).values_list("created_at", "version").first()
    return sorted(Publication(at, version) for at, version in {*known, *([first] if first else [])})


def in_force_at_end_of(day: date, among: Sequence[Publication] | None = None) -> Publication | None:
    """The publication whose set was in force at the end of a day (UTC); None before the first that is remembered."""
    end = datetime.combine(day, time.min, UTC) + timedelta(days=1)
    earlier = [each for each in (publications() if among is None else among) if each.at < end]
    return earlier[-1] if earlier else None

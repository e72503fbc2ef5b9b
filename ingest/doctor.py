"""What ingestion adds to the doctor: the supplier's clock, and the invariants that are cheap to check."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from django.db import OperationalError
from psycopg.errors import QueryCanceled

from diamondhub.operations.doctor.checks import Finding, Said, database, register
from diamondhub.operations.doctor.of_servers import Reading, register_clock
from diamondhub.operations.problems.kinds import Severity
from diamondhub.telemetry import scrub
from ingest import invariants
from ingest.feeds import adapters
from ingest.models import Feed

#: The adapter whose supplier tells its time.
_ADAPTER = "nivoda"
#: A `Date` header has whole seconds, rounded down (seconds).
_HALF_A_SECOND = 0.5
#: Invariants that read few rows at any size; `check_invariants` checks all of them.
CHEAP: dict[int, Callable[[], Iterator[str]]] = {number: invariants.CHECKS[number] for number in (3, 4, 6)}
#: Violations of one invariant that are told.
MAX_TOLD = 3


def suppliers_clock() -> Reading | None:
    """The time that the supplier's answer to one request says, in its slot of the limiter; None without such a feed."""
    with database():
        feed = Feed.objects.filter(adapter=_ADAPTER, enabled=True).order_by("pk").first()
    if feed is None:
        return None
    at = adapters.adapter_of(feed).server_time()
    return Reading(at.timestamp() + _HALF_A_SECOND, exact_to=_HALF_A_SECOND)


register_clock("the supplier", suppliers_clock)


@register("invariants", "Does what must always hold, hold?", seconds=10.0)
def invariants_hold() -> Iterator[Said]:
    """The cheap ones of `check_invariants`; what needs a scan of the catalogue is left to that command."""
    for number, check in CHEAP.items():
        try:
            with database():
                broken = [problem for problem, _ in zip(check(), range(MAX_TOLD + 1), strict=False)]
        except OperationalError as error:
            if not isinstance(error.__cause__, QueryCanceled):
                raise
            yield f"invariant {number} takes too long to be looked at here"
            continue
        for problem in broken[:MAX_TOLD]:
            yield Finding(
                f"Invariant {number} is broken: {scrub.reason(problem, 300)}.",
                "See docs/architecture.md, Invariants; `manage.py check_invariants` has all violations.",
                Severity.CRITICAL,
            )
        if len(broken) > MAX_TOLD:
            yield f"invariant {number} has more violations than are told here"
    yield f"checked: {', '.join(map(str, CHEAP))}; the others by check_invariants"

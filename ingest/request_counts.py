"""Counts of requests to suppliers, kept in PostgreSQL by ten seconds: what share of them failed, and how many there were.

Clients count what becomes of each request (`RequestCounts`); a process adds its counts up and writes them every second or
two. `lately` is what the look for troubled suppliers reads, `over` what charts show.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic

import structlog
from django.db import DatabaseError, connection

from diamondhub.database import release_connection
from diamondhub.operations.problems import tracking
from diamondhub.telemetry import process_metrics, scrub
from ingest.feeds.nivoda.client import Counting
from ingest.models import SupplierRequests

log = structlog.get_logger(__name__)

#: How long a row counts (seconds).
BUCKET_SECONDS = 10
#: A process writes what it has counted when so much time has gone; a failure it writes sooner (seconds).
WRITE_SECONDS, WRITE_FAILURES_SECONDS = 2.0, 0.5
#: The last requests are those of so many seconds before the last one; the most recent, of so many rows with enough of them.
LATELY_SECONDS, RECENT_ROWS, RECENT_REQUESTS = 180, 6, 5
#: Days for which counts are kept.
KEPT_DAYS = 14


@dataclass(slots=True)
class _Counted:
    requests: int = 0
    throttled: int = 0
    failed: int = 0
    #: Failures that no answer followed.
    failed_at_the_end: int = 0
    last_error: str = ""


@dataclass(slots=True)
class RequestCounts(Counting):
    """The counts of one account in this process; safe to share between threads."""

    account: str
    _counted: _Counted = field(default_factory=_Counted)
    _written_at: float = float("-inf")
    #: Whether the last request that was written had no answer.
    _is_failing: bool = False
    _counting: threading.Lock = field(default_factory=threading.Lock)

    def answered(self) -> None:
        """A request was answered as it should be."""
        self._add(_Counted(requests=1))

    def throttled(self) -> None:
        """A request was refused, since there were too many."""
        self._add(_Counted(requests=1, throttled=1))

    def failed(self, said: str) -> None:
        """A request brought no answer, or one that is none."""
        self._add(_Counted(requests=1, failed=1, last_error=said))

    def signed_in(self) -> None:
        """The supplier took our user and password."""
        try:
            tracking.resolve("sign-in-refused", f"account:{self.account}", why="the supplier has let us in")
        except DatabaseError as error:
            log.warning("problem_not_recorded", error=str(error).strip().splitlines()[0])
        release_connection()

    def sign_in_refused(self, said: str) -> None:
        """The supplier refused our user or password."""
        try:
            tracking.occurred(
                "sign-in-refused",
                f"account:{self.account}",
                subject=f"The supplier ({self.account}) refuses to let us in: {said}",
                details={"account": self.account, "said": said},
            )
        except DatabaseError as error:
            log.warning("problem_not_recorded", error=str(error).strip().splitlines()[0])
        release_connection()

    def _add(self, more: _Counted) -> None:
        outcome = "failed" if more.failed else "throttled" if more.throttled else "answered"
        process_metrics.count("diamondhub_supplier_requests_total", self.account, outcome)
        now = monotonic()
        with self._counting:
            counted = self._counted
            counted.requests += more.requests
            counted.throttled += more.throttled
            counted.failed += more.failed
            counted.failed_at_the_end = counted.failed_at_the_end + 1 if more.failed else 0
            counted.last_error = more.last_error or counted.last_error
            is_trouble = bool(counted.failed or counted.throttled)
            age = now - self._written_at
            # That requests are answered again is news.
            is_back = self._is_failing and not counted.failed_at_the_end
            is_due = is_back or age >= (WRITE_FAILURES_SECONDS if is_trouble else WRITE_SECONDS)
            # Within somebody's transaction the row would stay locked.
            if not is_due or connection.in_atomic_block:
                return
            self._is_failing = counted.failed_at_the_end > 0
            self._counted, self._written_at = _Counted(), now
        try:
            _write(self.account, counted)
        except DatabaseError as error:
            log.warning("requests_not_counted", requests=counted.requests, error=str(error).strip().splitlines()[0])
            connection.close()
        release_connection()


def _write(account: str, counted: _Counted) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            /* One row by its key, locked for this statement. */
            INSERT INTO ingest_supplierrequests AS known
                (account, at, requests, throttled, failed, failed_at_the_end, last_error)
            VALUES (
                %(account)s,
                date_bin(%(bucket)s * interval '1 second', clock_timestamp(), timestamptz '2000-01-01'),
                %(requests)s, %(throttled)s, %(failed)s, %(failed_at_the_end)s, %(last_error)s
            )
            ON CONFLICT (account, at) DO UPDATE SET
                requests = known.requests + EXCLUDED.requests,
                throttled = known.throttled + EXCLUDED.throttled,
                failed = known.failed + EXCLUDED.failed,
                failed_at_the_end = EXCLUDED.failed_at_the_end + CASE
                    WHEN EXCLUDED.failed_at_the_end = EXCLUDED.requests THEN known.failed_at_the_end ELSE 0
                END,
                last_error = coalesce(nullif(EXCLUDED.last_error, ''), known.last_error)
            """,
            {
                "account": account,
                "bucket": BUCKET_SECONDS,
                "requests": counted.requests,
                "throttled": counted.throttled,
                "failed": counted.failed,
                "failed_at_the_end": counted.failed_at_the_end,
                "last_error": scrub.reason(counted.last_error, 300),
            },
        )


@dataclass(slots=True)
class Lately:
    """The last requests to an account: those of a few minutes, and the most recent of them."""

    account: str
    until: datetime
    requests: int = 0
    throttled: int = 0
    failed: int = 0
    recent: int = 0
    recently_failed: int = 0
    #: The last ones of all that brought no answer, one after the other.
    failed_at_the_end: int = 0
    last_error: str = ""


def lately() -> Iterator[Lately]:
    """The last requests to each account that was asked within a day."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            /* A few rows of each account, by the key. */
            SELECT counts.account, counts.at, counts.requests, counts.throttled, counts.failed, counts.failed_at_the_end,
                counts.last_error
            FROM (
                SELECT account, max(at) AS last FROM ingest_supplierrequests
                WHERE at > clock_timestamp() - interval '1 day'
                GROUP BY account
            ) AS newest
            JOIN ingest_supplierrequests AS counts
                ON counts.account = newest.account
                AND counts.at > newest.last - %(seconds)s * interval '1 second'
            ORDER BY counts.account, counts.at DESC
            """,
            {"seconds": LATELY_SECONDS},
        )
        rows = cursor.fetchall()
    by_account: dict[str, Lately] = {}
    seen: dict[str, int] = {}
    for account, at, requests, throttled, failed, at_the_end, last_error in rows:
        sums = by_account.setdefault(account, Lately(account, at))
        # All of those that came later have failed.
        if sums.failed_at_the_end == sums.requests:
            sums.failed_at_the_end += at_the_end
        if sums.recent < RECENT_REQUESTS and seen.get(account, 0) < RECENT_ROWS:
            sums.recent += requests
            sums.recently_failed += failed
        seen[account] = seen.get(account, 0) + 1
        sums.requests += requests
        sums.throttled += throttled
        sums.failed += failed
        sums.last_error = sums.last_error or last_error
    yield from by_account.values()


def over(account: str, since: datetime) -> list[SupplierRequests]:
    """The counts of an account since then, the oldest first."""
    return list(SupplierRequests.objects.filter(account=account, at__gte=since).order_by("at"))

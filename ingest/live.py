"""Live runs as the start page shows them: how far each is, how fast it asks, and why it is not faster.

Few queries for all of them: the page is made anew every two seconds while somebody looks.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils import timezone

from diamondhub.admin.display import badge, duration
from diamondhub.database import clock
from ingest import request_counts
from ingest.feeds import registry
from ingest.models import Run, SupplierPause
from ingest.models.run import LIVE_STATES
from ingest.progress import Progress, progress
from ingest.waiting import waiting_for

#: Runs that are shown; a feed has one at most.
MAX_RUNS = 20
#: From this share on refusals and failures are why a run is slow.
TELLING_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class Asked:
    """An account's requests in the last half minute: how many a second, and the shares refused and failed."""

    per_second: float
    refused: float
    failed: float


NOTHING_ASKED = Asked(0.0, 0.0, 0.0)


def live_runs() -> list[dict[str, Any]]:
    """Every live run with its progress, the pace of its requests, and why it is slow."""
    runs = list(Run.objects.select_related("feed").filter(state__in=LIVE_STATES).order_by("pk")[:MAX_RUNS])
    if not runs:
        return []
    now = clock()
    asked = requests_lately()
    accounts = {run.pk: registry.account_of(run.feed.adapter, run.feed.parameters) for run in runs}
    pauses = dict(SupplierPause.objects.filter(until__gt=now).values_list("account", "until"))
    asking = [accounts[run.pk] for run in runs if run.state in (Run.State.PLANNING, Run.State.INGESTING)]
    rows = []
    for run in runs:
        account = accounts[run.pk]
        pace = asked.get(account, NOTHING_ASKED)
        snapshot = progress(run)
        rows.append(
            {
                "run": run,
                "progress": snapshot,
                "badge": badge(run.state),
                "words": in_words(snapshot),
                "age": duration(timezone.now() - run.created_at),
                "pace": _pace(run, pace) if account else "",
                "why": why_slow(run, now, pace, paused_until=pauses.get(account), shared=asking.count(account) > 1),
            }
        )
    return rows


def in_words(now: Progress) -> str:
    """How far a live run is, in the terms of its stage."""
    if now.state == Run.State.PLANNING:
        return "counting stones and cutting partitions"
    if now.state == Run.State.CONSOLIDATING:
        return f"{now.batches_completed:,} of {now.batches:,} batches"
    words = [
        f"{now.received:,} of {now.expected:,} stones",
        f"{now.partitions_completed:,} of {now.partitions:,} partitions",
    ]
    if now.partitions_failed:
        words.append(f"{now.partitions_failed:,} failed")
    if now.state == Run.State.INGESTING:
        words.append(f"{now.per_second:.1f} pages/s")
    if now.seconds_left is not None:
        words.append(f"about {duration(now.seconds_left)} left")
    return ", ".join(words)


def _pace(run: Run, pace: Asked) -> str:
    if run.state not in (Run.State.PLANNING, Run.State.INGESTING):
        return ""
    words = f"{pace.per_second:.1f} of {settings.NIVODA_RATE_LIMIT} requests/s"
    if pace.refused or pace.failed:
        words += f", {pace.refused:.0%} refused, {pace.failed:.0%} failed"
    return words


def why_slow(run: Run, now: datetime, pace: Asked, *, paused_until: datetime | None, shared: bool) -> str:
    """Why a run does not go on, or not as fast as its limit lets it; "" if there is nothing to say."""
    waits = waiting_for(run, now)
    if waits is not None and waits.what in ("approval", "pause", "worker"):
        return waits.why
    is_asking = run.state in (Run.State.PLANNING, Run.State.INGESTING)
    if is_asking and paused_until is not None:
        return f"the supplier asked for a pause until {paused_until:%H:%M:%S} UTC"
    reasons = []
    if is_asking and pace.refused >= TELLING_SHARE:
        reasons.append(f"the supplier refuses {pace.refused:.0%} of the requests: it is asked too often")
    if is_asking and pace.failed >= TELLING_SHARE:
        reasons.append(f"{pace.failed:.0%} of the requests fail at the supplier")
    if waits is not None:
        until = f", until {waits.until:%H:%M:%S} UTC" if waits.until is not None else ""
        reasons.append(f"{waits.why}{until}")
    if is_asking and not reasons and shared:
        reasons.append("another run asks by the same account, and they share its limit")
    return "; ".join(reasons)


def requests_lately() -> dict[str, Asked]:
    """Each account's requests of the last half minute, and of the ten seconds that are just counted."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            /* Index supplier_requests_at: four rows of each account. */
            SELECT account, sum(requests), sum(throttled), sum(failed),
                extract(epoch FROM clock_timestamp() - lately.since)::float
            FROM ingest_supplierrequests
            CROSS JOIN (
                SELECT date_bin(%(bucket)s * interval '1 second', clock_timestamp(), timestamptz '2000-01-01')
                    - 3 * %(bucket)s * interval '1 second' AS since
            ) AS lately
            WHERE at >= lately.since
            GROUP BY account, lately.since
            """,
            {"bucket": request_counts.BUCKET_SECONDS},
        )
        rows = cursor.fetchall()
    return {
        account: Asked(
            per_second=float(requests) / seconds,
            refused=throttled / requests if requests else 0.0,
            failed=failed / requests if requests else 0.0,
        )
        for account, requests, throttled, failed, seconds in rows
    }

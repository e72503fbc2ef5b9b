"""A plan tried out in the background: what `plan_run --dry-run` says, for the page of a feed."""

from __future__ import annotations

from datetime import datetime
from time import monotonic
from typing import Any

from diamondhub.admin.display import Table
from diamondhub.database import clock
from diamondhub.operations.jobs import PutOff, Running
from diamondhub.pace.limiter import LimiterUnavailable, WaitTooLong
from ingest import runs
from ingest.draining import Draining
from ingest.errors import IngestError, ThrottledBySupplier, TransientSupplierError
from ingest.planning import dry_run

#: Counts are kept no more often than this (seconds).
KEEP_EVERY_SECONDS = 1.0
#: So long may it wait for slots of the limiter in all, and so often may the supplier fail (seconds).
MAX_SECONDS, MAX_FAILURES = 1800.0, 6
#: Pause before the supplier is asked again (seconds).
REST_SECONDS = 2.0
#: Ranges that the page shows, those with most stones.
SHOWN_SLICES = 100


def try_out(running: Running) -> dict[str, Any]:
    """Plan a full run of the feed and start none; counts are kept, so that a worker that takes over asks no count again."""
    feed = runs.find_feed(running.job.subject)
    known, failures = _remembered(running.memo), int(running.memo.get("failures", 0))
    kept_at = monotonic()

    def keep(counted: dry_run.Counted, share: float) -> None:
        nonlocal kept_at, known
        known = counted
        if monotonic() - kept_at >= KEEP_EVERY_SECONDS or share == 0.0:
            running.tell(share, _counted(counted), _memo(counted, failures))
            kept_at = monotonic()

    def put_off(seconds: float, why: Exception) -> PutOff:
        words = f"{_counted(known)}; " if known else ""
        running.tell(running.job.share, f"{words}waits: {why}" if str(why) else words, _memo(known, failures))
        return PutOff(seconds)

    try:
        return dry_run.dry_run(feed, known, after_request=keep)
    except Draining as error:
        raise put_off(0.0, error) from error
    except (ThrottledBySupplier, WaitTooLong, LimiterUnavailable) as error:
        if (clock() - running.job.created_at).total_seconds() > MAX_SECONDS:
            raise IngestError(f"the supplier could not be asked for half an hour: {error}") from error
        raise put_off(REST_SECONDS, error) from error
    except TransientSupplierError as error:
        failures += 1
        if failures >= MAX_FAILURES:
            raise
        raise put_off(REST_SECONDS * failures, error) from error


def _remembered(memo: dict[str, Any]) -> dry_run.Counted | None:
    if "window_to" not in memo:
        return None
    window_to = datetime.fromisoformat(memo["window_to"])
    return dry_run.Counted(window_to, dict(memo["known"]), dict(memo["slow"]), memo["requests"])


def _counted(counted: dry_run.Counted) -> str:
    return f"{counted.requests:,} requests, {len(counted.known):,} ranges counted"


def _memo(counted: dry_run.Counted | None, failures: int) -> dict[str, Any]:
    if counted is None:
        return {"failures": failures}
    return {
        "window_to": counted.window_to.isoformat(),
        "known": counted.known,
        "slow": counted.slow,
        "requests": counted.requests,
        "failures": failures,
    }


def tables(result: dict[str, Any]) -> list[Table]:
    """The partitions of a plan."""
    slices = result["slices"]
    shown = sorted(range(len(slices)), key=lambda place: -slices[place]["stones"])[:SHOWN_SLICES]
    title = "Partitions" if len(shown) == len(slices) else f"The {len(shown)} largest of {len(slices)} partitions"
    return [
        Table(
            title,
            ["No.", "Range", "Stones"],
            [
                [
                    place + 1,
                    slices[place]["range"],
                    f"{slices[place]['stones']:,}{'' if slices[place]['counted'] else ' (estimated)'}",
                ]
                for place in sorted(shown)
            ],
        )
    ]

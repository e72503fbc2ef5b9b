"""Planning a full run without starting it, for `plan_run --dry-run` and the feed's page in the admin. Writes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.conf import settings

from diamondhub.pace.limiter import interval
from ingest import resting
from ingest.feeds.adapter import StoneQuery
from ingest.feeds.adapters import adapter_of
from ingest.feeds.ways import Ways, limits_of
from ingest.models import Feed, Partition
from ingest.planning import stage as planning
from ingest.planning.counting import Counter
from ingest.planning.cutting import make_plan
from ingest.planning.plans import Slice
from ingest.progress import duration

METHODS = {"learned": "cut by the last known density", "adaptive": "cut by search"}


@dataclass(slots=True)
class Counted:
    """What was counted so far: who has it need not ask again."""

    window_to: datetime
    known: dict[str, int] = field(default_factory=dict)
    slow: dict[str, int] = field(default_factory=dict)
    requests: int = 1


def dry_run(
    feed: Feed,
    counted: Counted | None = None,
    *,
    before_request: Callable[[], object] = lambda: None,
    after_request: Callable[[Counted, float], object] = lambda _counted, _share: None,
) -> dict[str, Any]:
    """The plan of a full run of `feed` as JSON. Raises what the adapter raises, and `Paused`.

    `after_request` is told what is known by then, and which share of what planning may cost is spent.
    """

    def before() -> None:
        resting.go_on(feed)
        before_request()

    adapter = adapter_of(feed)
    density, shared_ends = planning.learned_from(feed)
    if counted is None:
        before()
        counted = Counted(adapter.server_time())
        after_request(counted, 0.0)
    so_far = counted

    def after() -> None:
        so_far.requests = counter.requests
        left = counter.affordable() / max(1, counter.together)
        after_request(so_far, counter.requests / max(1.0, counter.requests + left))

    counter = Counter(
        adapter,
        known=so_far.known,
        slow=so_far.slow,
        spent=so_far.requests,
        ways=Ways(limits_of(feed)),
        before_request=before,
        after_request=after,
    )
    plan = make_plan(
        adapter,
        StoneQuery(window_to=so_far.window_to),
        max_stones=feed.max_partition_stones,
        density=density,
        shared_ends=shared_ends,
        counter=counter,
    )
    pages = plan.page_requests(adapter.page_limit)
    return {
        "feed": feed.slug,
        "method": plan.method,
        "stones": plan.total,
        "partitions": len(plan.slices),
        "largest": plan.largest,
        "mean": round(plan.mean, 1),
        "uncounted": plan.uncounted,
        "shared_ends": plan.shared_ends,
        "difference": plan.difference,
        "planning_requests": plan.requests,
        "planning_seconds": round(plan.seconds, 1),
        "page_requests": pages,
        "seconds_at_limit": round((plan.requests + pages) * interval(settings.NIVODA_RATE_LIMIT), 1),
        "slices": [
            {"range": _range(piece), "stones": piece.expected, "counted": piece.counted} for piece in plan.slices
        ],
    }


def in_words(plan: dict[str, Any]) -> str:
    """A plan in a line."""
    return (
        f"{plan['stones']:,} stones in {plan['partitions']} partitions (largest {plan['largest']:,}, mean "
        f"{plan['mean']:,.0f}), {METHODS[plan['method']]}, planned with {plan['planning_requests']} requests; about "
        f"{plan['page_requests']:,} page requests, {duration(plan['seconds_at_limit'])} at the limit"
    )


def _range(piece: Slice) -> str:
    query = piece.query
    return str(
        Partition(
            price_from=query.price_from,
            price_to=query.price_to,
            carats_from=query.carats_from,
            carats_to=query.carats_to,
            offset_from=piece.offset_from,
            offset_to=piece.offset_to,
        )
    )

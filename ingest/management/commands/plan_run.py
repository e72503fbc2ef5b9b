"""Show how a run would be planned."""

from __future__ import annotations

import argparse
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError

from diamondhub.pace.limiter import LimiterUnavailable, WaitTooLong, interval
from ingest import runs
from ingest.feeds.adapter import StoneQuery
from ingest.feeds.registry import adapter_of
from ingest.feeds.ways import Ways, limits_of
from ingest.management.commands._common import IngestCommand
from ingest.models import Partition
from ingest.planning import stage as planning
from ingest.planning.counting import Counter
from ingest.planning.cutting import make_plan
from ingest.planning.plans import Slice
from ingest.progress import duration


class Command(IngestCommand):
    """`plan_run <feed> --dry-run [--json]`."""

    help = "Plan a full run of a feed and show method, partitions, requests and time at the limit; nothing is written."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("feed", help="slug of the feed")
        parser.add_argument("--dry-run", action="store_true", required=True, help="planning for real is start_run's")
        self.add_json(parser)

    def run(self, *, feed: str, as_json: bool, **_: Any) -> None:
        planned_feed = runs.find_feed(feed)
        adapter = adapter_of(planned_feed)
        density, shared_ends = planning.learned_from(planned_feed)
        try:
            window = StoneQuery(window_to=adapter.server_time())
            plan = make_plan(
                adapter,
                window,
                max_stones=planned_feed.max_partition_stones,
                density=density,
                shared_ends=shared_ends,
                counter=Counter(adapter, known={}, slow={}, spent=1, ways=Ways(limits_of(planned_feed))),
            )
        except (LimiterUnavailable, WaitTooLong) as error:
            raise CommandError(str(error)) from error
        pages = plan.page_requests(adapter.page_limit)
        seconds = (plan.requests + pages) * interval(settings.NIVODA_RATE_LIMIT)
        listed = [{"range": _range(piece), "stones": piece.expected, "counted": piece.counted} for piece in plan.slices]
        value = {
            "feed": feed,
            "method": plan.method,
            "stones": plan.total,
            "partitions": len(listed),
            "largest": plan.largest,
            "mean": round(plan.mean, 1),
            "uncounted": plan.uncounted,
            "shared_ends": plan.shared_ends,
            "difference": plan.difference,
            "planning_requests": plan.requests,
            "planning_seconds": round(plan.seconds, 1),
            "page_requests": pages,
            "seconds_at_limit": round(seconds, 1),
            "slices": listed,
        }
        lines = [f"{item['stones']:>8,}{' ' if item['counted'] else '~'} {item['range']}" for item in listed]
        lines.append(
            f"{plan.total:,} stones in {len(listed)} partitions (largest {plan.largest:,}, mean {plan.mean:,.0f}), "
            f"{_METHODS[plan.method]}, planned with {plan.requests} requests; about {pages:,} page requests, "
            f"{duration(seconds)} at the limit"
        )
        self.say(value, "\n".join(lines), as_json=as_json)


_METHODS = {"learned": "cut by the last known density", "adaptive": "cut by search"}


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

"""Show how a run would be planned."""

from __future__ import annotations

import argparse
from typing import Any

from django.core.management.base import CommandError

from diamondhub.ratelimit.limiter import JITTER_SECONDS, LimiterUnavailable, WaitTooLong
from ingest import planning, runs
from ingest.feeds.adapter import StoneQuery
from ingest.feeds.registry import adapter_for
from ingest.management.commands._common import IngestCommand
from ingest.models import Partition
from ingest.progress import duration


class Command(IngestCommand):
    """`plan_run <feed> --dry-run [--json]`."""

    help = "Plan a full run of a feed and show partitions, requests and time at the limit; nothing is written."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("feed", help="slug of the feed")
        parser.add_argument("--dry-run", action="store_true", required=True, help="planning for real is start_run's")
        self.add_json(parser)

    def run(self, *, feed: str, as_json: bool, **_: Any) -> None:
        from django.conf import settings

        found = runs.find_feed(feed)
        adapter = adapter_for(found.adapter, found.parameters)
        try:
            window = StoneQuery(window_to=adapter.server_time())
            plan = planning.make_plan(adapter, window, max_stones=found.max_partition_stones)
        except (LimiterUnavailable, WaitTooLong) as error:
            raise CommandError(str(error)) from error
        step = adapter.page_limit - 1
        pages = sum(-(-piece.expected // step) + 1 for piece in plan.slices)
        seconds = pages * (1 + JITTER_SECONDS) / settings.NIVODA_RATE_LIMIT
        listed = [
            {
                "range": str(
                    Partition(
                        price_from=piece.query.price_from,
                        price_to=piece.query.price_to,
                        carats_from=piece.query.carats_from,
                        carats_to=piece.query.carats_to,
                    )
                ),
                "stones": piece.expected,
            }
            for piece in plan.slices
        ]
        value = {
            "feed": feed,
            "stones": plan.total,
            "partitions": len(listed),
            "largest": plan.largest,
            "planning_requests": plan.requests,
            "page_requests": pages,
            "seconds_at_limit": round(seconds, 1),
            "slices": listed,
        }
        lines = [f"{item['stones']:>8,}  {item['range']}" for item in listed]
        lines.append(
            f"{plan.total:,} stones in {len(listed)} partitions (largest {plan.largest:,}), planned with "
            f"{plan.requests} requests; about {pages:,} pages, {duration(seconds)} at the limit"
        )
        self.say(value, "\n".join(lines), as_json=as_json)

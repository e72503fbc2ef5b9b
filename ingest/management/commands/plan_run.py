"""Show how a run would be planned."""

from __future__ import annotations

import argparse
from typing import Any

from django.core.management.base import CommandError

from diamondhub.pace.limiter import LimiterUnavailable, WaitTooLong
from ingest import runs
from ingest.management.commands._common import IngestCommand
from ingest.planning.dry_run import dry_run, in_words


class Command(IngestCommand):
    """`plan_run <feed> --dry-run [--json]`."""

    help = "Plan a full run of a feed and show method, partitions, requests and time at the limit; nothing is written."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("feed", help="slug of the feed")
        parser.add_argument("--dry-run", action="store_true", required=True, help="planning for real is start_run's")
        self.add_json(parser)

    def run(self, *, feed: str, as_json: bool, **_: Any) -> None:
        try:
            plan = dry_run(runs.find_feed(feed))
        except (LimiterUnavailable, WaitTooLong) as error:
            raise CommandError(str(error)) from error
        lines = [f"{item['stones']:>8,}{' ' if item['counted'] else '~'} {item['range']}" for item in plan["slices"]]
        self.say(plan, "\n".join([*lines, in_words(plan)]), as_json=as_json)

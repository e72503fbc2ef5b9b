"""Start a run of a feed."""

from __future__ import annotations

import argparse
from typing import Any

from django.core.management.base import CommandError

from diamondhub.pace.limiter import LimiterUnavailable, WaitTooLong
from ingest import resting, runs, watching
from ingest.feeds.adapters import adapter_of
from ingest.management.commands._common import IngestCommand, actor
from ingest.models import Run
from ingest.report import report


class Command(IngestCommand):
    """`start_run <feed> [--full|--incremental] [--wait] [--json]`."""

    help = "Start a run of a feed. With --wait, exit 0 only if the run completes."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("feed", help="slug of the feed, e.g. nivoda-natural")
        kind = parser.add_mutually_exclusive_group()
        kind.add_argument("--full", action="store_const", const="full", dest="kind", help="pull everything (default)")
        kind.add_argument("--incremental", action="store_const", const="incremental", dest="kind", help="pull changes")
        parser.add_argument("--wait", action="store_true", help="wait until the run is over")
        parser.add_argument("--reason", default="", help="why, for the audit")
        self.add_json(parser)

    def run(self, *, feed: str, kind: str | None, wait: bool, reason: str, as_json: bool, **_: Any) -> None:
        supplied_feed = runs.find_feed(feed)
        # One that rests is not even asked for the time.
        resting.go_on(supplied_feed)
        try:
            # A supplier that is down or refuses the password is reported before there is a run.
            adapter_of(supplied_feed).server_time()
        except (LimiterUnavailable, WaitTooLong) as error:
            raise CommandError(str(error)) from error
        run = runs.start_run(feed, kind=kind or Run.Kind.FULL, started_by=actor(), reason=reason)
        if not wait:
            if not watching.somebody_works():
                self.stderr.write("No worker is running: the run waits until `manage.py up` is started.")
            self.say(report(run), f"run {run.pk} of {feed} started ({run.kind})", as_json=as_json)
            return
        show = None if as_json else watching.printer(self.stdout)
        run = watching.wait_until_over(run.pk, show=show)
        self.say(watching.report_with_review(run), watching.ending(run), as_json=as_json)
        if run.state != Run.State.COMPLETED:
            raise CommandError(f"run {run.pk} ended {run.state}: {run.failure or watching.last_reason(run)}")

"""Watch a run until it is over."""

from __future__ import annotations

import argparse
from typing import Any

from django.core.management.base import CommandError

from ingest import runs, watching
from ingest.management.commands._common import IngestCommand
from ingest.models import Run


class Command(IngestCommand):
    """`watch_run <run> [--json]`."""

    help = "Show a run's progress until it is over; exit 0 only if it completes."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("run", type=int, help="number of the run")
        self.add_json(parser)

    def run(self, *, run: int, as_json: bool, **_: Any) -> None:
        runs.find_run(run)
        over = watching.wait_until_over(run, show=None if as_json else watching.printer(self.stdout))
        self.say(watching.report_with_review(over), watching.ending(over), as_json=as_json)
        if over.state != Run.State.COMPLETED:
            raise CommandError(f"run {run} ended {over.state}: {over.failure or watching.last_reason(over)}")

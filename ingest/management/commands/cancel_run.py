"""Cancel a live run."""

from __future__ import annotations

import argparse
from typing import Any

from ingest import runs
from ingest.errors import IngestError
from ingest.management.commands._common import IngestCommand, actor


class Command(IngestCommand):
    """`cancel_run <run> [--reason …] [--dry-run] [--json]`."""

    help = "Cancel a live run. What it consolidated stays; the watermark does not move."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("run", type=int, help="number of the run")
        parser.add_argument("--reason", default="", help="why, for the audit")
        parser.add_argument("--dry-run", action="store_true", help="only say what would be cancelled")
        self.add_json(parser)

    def run(self, *, run: int, reason: str, dry_run: bool, as_json: bool, **_: Any) -> None:
        live_run = runs.find_run(run)
        open_work = {
            "run": run,
            "state": live_run.state,
            "open_partitions": live_run.partitions.filter(state="ready").count(),
            "open_batches": live_run.batches.filter(state="ready").count(),
        }
        if dry_run:
            if not live_run.live:
                raise IngestError(f"run {run} is {live_run.state}, there is nothing to cancel")
            self.say(open_work, f"would cancel run {run} ({live_run.state})", as_json=as_json)
            return
        cancelled = runs.cancel_run(run, actor=actor(), reason=reason)
        self.say({**open_work, "state": cancelled.state}, f"run {run} is cancelled", as_json=as_json)

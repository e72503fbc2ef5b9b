"""Retry the failed partitions of a run."""

from __future__ import annotations

import argparse
from typing import Any

from ingest import runs
from ingest.management.commands._common import IngestCommand, actor


class Command(IngestCommand):
    """`retry_partitions <run> [--dry-run] [--json]`."""

    help = "Make the failed partitions of a run ready again, each at its offset."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("run", type=int, help="number of the run")
        parser.add_argument("--dry-run", action="store_true", help="only list them")
        self.add_json(parser)

    def run(self, *, run: int, dry_run: bool, as_json: bool, **_: Any) -> None:
        partitions = runs.retry_partitions(run, actor=actor(), dry_run=dry_run)
        listed = [
            {"partition": p.pk, "range": str(p), "offset": p.next_offset, "failure": p.failure} for p in partitions
        ]
        lines = [f"{p['range']} at offset {p['offset']}: {p['failure']}" for p in listed]
        head = f"{'would retry' if dry_run else 'retrying'} {len(partitions)} partitions of run {run}"
        self.say({"run": run, "dry_run": dry_run, "partitions": listed}, "\n".join([head, *lines]), as_json=as_json)
